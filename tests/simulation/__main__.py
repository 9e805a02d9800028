"""Run seeds by hand: `python -m tests.simulation --seeds 100000 --jobs 2`, or one with its story: `--seed 1234 -v`."""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

from tests.simulation.simulation import simulate

CHUNK = 50


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run only this one")
    parser.add_argument("--seeds", type=int, default=2000, metavar="N", help="how many to run (%(default)s)")
    parser.add_argument("--first", type=int, default=0, metavar="S", help="the first of them (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="processes (%(default)s)")
    parser.add_argument("--fail-fast", action="store_true", help="stop at the first seed that breaks a law")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell the story of --seed")
    asked = parser.parse_args()
    if asked.seed is not None:
        return _tell(asked.seed, is_told=asked.verbose)
    return _look_for_failures(range(asked.first, asked.first + asked.seeds), asked.jobs, stops=asked.fail_fast)


def _tell(seed: int, *, is_told: bool) -> int:
    result = simulate(seed, is_told=is_told)
    print("\n".join(result.story))
    print(result)
    return 1 if result.violations else 0


def failures(seeds: Iterable[int]) -> list[str]:
    """Those of the seeds that break a law, and which."""
    return [str(result) for result in map(simulate, seeds) if result.violations]


def _look_for_failures(seeds: range, jobs: int, *, stops: bool) -> int:
    began_s = time.monotonic()
    failed = 0
    for found in _chunks(seeds, jobs):
        for text in found:
            failed += 1
            print(text, flush=True)
        if found and stops:
            break
    took_s = time.monotonic() - began_s
    print(f"{len(seeds)} seeds from {seeds.start}, {failed} failed, {took_s:.1f} s")
    if failed:
        print("the story of one: python -m tests.simulation --seed SEED -v", file=sys.stderr)
    return 1 if failed else 0


def _chunks(seeds: range, jobs: int) -> Iterator[list[str]]:
    chunks = [list(islice(seeds, place, place + CHUNK)) for place in range(0, len(seeds), CHUNK)]
    if jobs == 1:
        yield from map(failures, chunks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(failures, chunks)


if __name__ == "__main__":
    sys.exit(main())
