"""What a configuration finds when it meets real servers: looked at before `serve` does, with what to do about it.

Each subject has a file that asks and a pure one that judges. Asking changes nothing that lasts.
"""
