"""What a run goes through."""

import random
from collections import Counter
from itertools import islice

import pytest

from tests.crash.journal.plan import KILLS, rounds, specials


def names(seed: int, kills: int, count: int) -> list[str]:
    return [name for name, _ in islice(rounds(random.Random(seed), kills), count)]


def test_a_seed_decides_what_happens() -> None:
    assert names(7, 100, 200) == names(7, 100, 200)
    assert names(7, 100, 200) != names(8, 100, 200)


@pytest.mark.parametrize("kills", [1, 30, 250])
def test_each_special_fault_happens_once_before_the_kills_are_done(kills: int) -> None:
    """A round has one kill at least, but for a few."""
    found = Counter(names(1, kills, kills + 2 * len(specials(is_long=False))))
    assert {name: 1 for name, _ in specials(is_long=False)} == {name: found[name] for name in set(found) - set(KILLS)}


def test_every_way_to_kill_happens() -> None:
    assert set() == set(KILLS) - set(names(1, 250, 250))


def test_a_long_run_has_the_same_faults_for_longer() -> None:
    assert [name for name, _ in specials(is_long=True)] == [name for name, _ in specials(is_long=False)]
