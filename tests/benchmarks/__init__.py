"""What an event costs: every row starts real processes, and is told in units that anybody can repeat.

`python -m tests.benchmarks`, or `make bench`.
"""
