"""From a channel to the sinks: filters, the index over them, lanes, one decision after each attempt, and one HTTP
request per attempt.
"""
