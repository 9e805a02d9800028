"""What the page says of power cuts."""

from tests.crash.fleet.power import Cut, section


def test_the_oldest_event_that_is_gone_is_told_for_each_setting() -> None:
    cuts = {
        "always": [Cut(1000, (), ()), Cut(900, (), ())],
        "everysec": [Cut(1000, (0.1, 0.62), ()), Cut(900, (0.3,), ("1 altered: 0.17 at exact",))],
    }
    told = section(cuts, machine="a machine", date="2026-11-27", command="make crash BACKEND=power N=2").splitlines()
    assert "| `always` | 2 | 1,900 | 0 | 0 | - |" in told
    assert "| `everysec` | 2 | 1,900 | 3 | 2 | 0.62 s |" in told
    assert "- everysec: 1 altered: 0.17 at exact" in told
    assert "2026-11-27. a machine. Repeat it: `make crash BACKEND=power N=2`." in told
