"""The journal's time never goes back."""

import itertools

import pytest

from channels.journal.clock import JournalClock


@pytest.mark.parametrize(("wall_s", "last_us", "zero_us"), [(100.0, 5, 100_000_000), (100.0, 200_000_000, 200_000_000)])
def test_it_begins_at_the_later_of_wall_clock_and_last_time(wall_s: float, last_us: int, zero_us: int) -> None:
    """A wall clock that was set back between two processes is not believed."""
    clock = JournalClock(lambda: 7.0, wall_s, last_us)
    assert (zero_us, zero_us + 2_500_000) == (clock.now_us(), clock.now_us(2.5))


def test_it_goes_with_the_monotonic_clock() -> None:
    """Whatever the wall clock does meanwhile."""
    ticks = itertools.count(10.0, 0.25)
    clock = JournalClock(lambda: next(ticks), 1.0, 0)
    assert [1_250_000, 1_500_000] == [clock.now_us(), clock.now_us()]
