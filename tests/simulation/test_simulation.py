"""Thousands of small worlds, each of which a seed decides: no law is broken in any of them."""

import subprocess
import sys

import pytest

from tests.simulation.__main__ import failures
from tests.simulation.simulation import simulate

SEEDS = 2000
CHUNK = 200


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_seed_breaks_a_law(first: int) -> None:
    """What was stored arrives where it belongs, once, in time and in order, whatever crashes, fails or fills up."""
    assert [] == failures(range(first, first + CHUNK))


def test_a_seed_repeats_exactly() -> None:
    """Another process, in which every set has another order, tells the same story to the microsecond."""
    seed = "17"
    told = [
        subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", seed, "-v"],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": "."},
            capture_output=True, text=True, timeout=60, check=False,
        ).stdout
        for hash_seed in ("1", "2")
    ]  # fmt: skip
    assert told[0] == told[1]
    assert told[0] == "\n".join([*simulate(int(seed), is_told=True).story, str(simulate(int(seed))), ""])


def test_a_story_can_be_read() -> None:
    """It says what was published, stored, sent and answered, and when."""
    story = "\n".join(simulate(17, is_told=True).story)
    assert all(word in story for word in ("process 0 is ready", "stored: e0", "attempt 1", "committed", "settled"))
