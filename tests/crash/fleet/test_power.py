"""What the page says of power cuts, and what must not be."""

from collections.abc import Mapping, Sequence

import pytest

from tests.crash.fleet.power import Cut, complaints, section
from tests.rig.redis import Fsync


def test_the_oldest_event_that_is_gone_is_told_for_each_setting() -> None:
    cuts: Mapping[Fsync, Sequence[Cut]] = {
        "always": [Cut(1000, (), ()), Cut(900, (), ())],
        "everysec": [Cut(1000, (0.1, 0.62), ()), Cut(900, (0.3,), ("1 altered: 0.17 at exact",))],
    }
    told = section(cuts, machine="a machine", date="2026-11-27", command="make crash BACKEND=power N=2").splitlines()
    assert "| `always` | 2 | 1,900 | 0 | 0 | - |" in told
    assert "| `everysec` | 2 | 1,900 | 3 | 2 | 0.62 s |" in told
    assert "- everysec: 1 altered: 0.17 at exact" in told
    assert "2026-11-27. a machine. Repeat it: `make crash BACKEND=power N=2`." in told


@pytest.mark.parametrize(
    ("fsync", "age_s", "told"),
    [
        ("always", 0.01, ["always: 1 lost that were older than 0 s, up to 0.01 s"]),
        ("everysec", 1.99, []),
        ("everysec", 2.31, ["everysec: 1 lost that were older than 2 s, up to 2.31 s"]),
    ],
)
def test_what_is_lost_may_not_be_older_than_promised(fsync: Fsync, age_s: float, told: Sequence[str]) -> None:
    """By Redis, for each of its settings."""
    assert told == complaints({fsync: [Cut(9, (), ()), Cut(9, (age_s,), ())]})
