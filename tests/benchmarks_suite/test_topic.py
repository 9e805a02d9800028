"""The arithmetic of draining a topic."""

import pytest

from tests.benchmarks.topic import Drained


def drained(*, written: int = 1000, delivered: int = 1000) -> Drained:
    return Drained(written=written, delivered=delivered, cpu_s=0.05, server_cpu_s=0.02, duration_s=2.0)


def test_cost_and_rate_are_those_of_deliveries() -> None:
    """50 ms and two seconds for 1,000 deliveries, by however many dispatchers."""
    seen = drained()
    assert seen.us_per_delivered == pytest.approx(50)
    assert seen.per_s == 500


def test_what_came_twice_is_told_and_what_did_not_come_is_counted() -> None:
    """Neither may pass for speed."""
    assert (drained().remarks, drained().missing) == ("", 0)
    assert drained(delivered=1003).remarks == "3 delivered more often than written"
    assert drained(delivered=990).missing == 10
