"""What a run of several processes goes through."""

import random

import pytest

from tests.crash.fleet.plan import LONG, rounds, specials


def names(seed: int, backend: str, count: int) -> list[str]:
    return [name for name, _ in rounds(random.Random(seed), backend, count)]


def test_a_seed_decides_what_happens() -> None:
    assert names(7, "redis", 40) == names(7, "redis", 40)
    assert names(7, "redis", 40) != names(8, "redis", 40)


@pytest.mark.parametrize("backend", ["redis", "kafka"])
@pytest.mark.parametrize("count", [10, LONG, 40])
def test_each_special_fault_happens_in_a_run_of_that_length(backend: str, count: int) -> None:
    found = names(1, backend, count)
    assert count == len(found)
    assert {name for name, _ in specials(backend, count)} <= set(found)


def test_what_takes_minutes_happens_in_long_runs_alone() -> None:
    assert "dispatchers come and go" not in names(1, "redis", LONG - 1)
    assert 1 == names(1, "redis", LONG).count("dispatchers come and go")


def test_topics_grow_where_there_are_topics() -> None:
    assert 0 == names(1, "redis", 40).count("partitions added")
    assert 1 == names(1, "kafka", 40).count("partitions added")
