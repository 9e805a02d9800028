"""One server and one data folder, loaded, killed, frozen, starved and misled; the ledger says what became of it.

`python -m tests.crash --kills 100 --seed 7` runs it; `make crash N=1000` writes the score.
"""
