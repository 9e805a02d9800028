"""Deterministic simulation: the product's own code on one event loop in virtual time, where a seed decides everything.

`python -m tests.simulation --seed 7 -v` tells one run's story; `--seeds 10000` looks for one that breaks a law.
"""
