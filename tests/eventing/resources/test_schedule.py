"""Schedules: the grammar, its words, and when something is due."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.resources.schedule import InvalidSchedule, InvalidTimeZone, Schedule

FRIDAY = datetime(2026, 11, 27, 1, 2, 3, 500_000, tzinfo=UTC)
TEXTS = st.sampled_from(
    [
        "* * * * *",
        "*/7 * * * * *",
        "30 2 * * *",
        "45 2 * * 0",
        "0 */3 1-7 * ?",
        "59 23 31 12 *",
        "@weekly",
        "5/20 1,13 * * MON-FRI",
    ]
)
ZONES = st.sampled_from(["", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


def due(text: str, zone: str = "", moment: datetime = FRIDAY) -> str:
    found = Schedule.parse(text, zone).next_after(moment)
    return "never" if found is None else f"{found:%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* * * * *", "2026-11-27 01:03:00"),
        (" 0 0 * * *", "2026-11-28 00:00:00"),
        ("*/5 * * * * *", "2026-11-27 01:02:05"),
        ("4 2 1 * * *", "2026-11-27 01:02:04"),
        ("5/10 * * * *", "2026-11-27 01:05:00"),
        ("10-30/10 ? * * ?", "2026-11-27 01:10:00"),
        ("1,,2 * * * *", "2026-11-27 02:01:00"),
        ("0 0 * JAN mon", "2027-01-04 00:00:00"),
        ("0 0 1 * 6", "2026-11-28 00:00:00"),
        ("0 0 */2 * 0", "2026-11-29 00:00:00"),
        ("0 0 */9 * 3", "2026-11-28 00:00:00"),
        ("0 0 31 2 *", "never"),
        ("@hourly", "2026-11-27 02:00:00"),
        ("@daily", "2026-11-28 00:00:00"),
        ("@midnight", "2026-11-28 00:00:00"),
        ("@weekly", "2026-11-29 00:00:00"),
        ("@monthly", "2026-12-01 00:00:00"),
        ("@yearly", "2027-01-01 00:00:00"),
        ("@annually", "2027-01-01 00:00:00"),
    ],
)
def test_a_schedule_is_read_as_robfig_does(text: str, expected: str) -> None:
    """Seconds are optional; where both days are restricted either will do, and a step restricts."""
    assert due(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected 5 to 6 fields, found 0: []"),
        ("* * *", "expected 5 to 6 fields, found 3: [* * *]"),
        ("* * * * * * *", "expected 5 to 6 fields, found 7: [* * * * * * *]"),
        ("@every 1s", "unsupported descriptor @every"),
        ("@reboot", "unrecognized descriptor: @reboot"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("0 0 L * *", "failed to parse int from L"),
        ("-1 * * * *", "failed to parse int from "),
        ("99999 * * * *", "failed to parse int from 99999"),
        ("² * * * *", "failed to parse int from ²"),
        (", * * * *", "no values: ,"),
        ("CRON_TZ=UTC", "expected 5 to 6 fields, found 1: [CRON_TZ=UTC]"),
    ],
)
def test_what_is_no_schedule_is_told_why(text: str, reason: str) -> None:
    """In the words of robfig/cron."""
    with pytest.raises(InvalidSchedule) as caught:
        Schedule.parse(text)
    assert str(caught.value) == reason


def test_a_zone_is_named_beside_or_within() -> None:
    """UTC where none is; a zone beside leaves none within."""
    assert due("0 8 * * *") == "2026-11-27 08:00:00"
    for text, zone in (
        ("0 8 * * *", "Asia/Tokyo"),
        ("CRON_TZ=Asia/Tokyo 0 8 * * *", ""),
        ("TZ=Asia/Tokyo 0 8 * * *", ""),
    ):
        assert due(text, zone) == "2026-11-27 23:00:00"
    for zone in ("UTC", "Local"):
        assert Schedule.parse("@daily", zone) == Schedule("0 0 * * *", UTC)
    with pytest.raises(InvalidSchedule):
        Schedule.parse("TZ=UTC * * * * * *", "Asia/Tokyo")


@pytest.mark.parametrize(
    "zone", ["Mars/Base", "utc", "+02:00", "Europe", "../UTC", "/etc/passwd", "\0", "ß", "x" * 5000]
)
def test_an_unknown_zone_is_told(zone: str) -> None:
    """Whatever it is: names lead to no other file."""
    with pytest.raises(InvalidTimeZone) as caught:
        Schedule.parse("* * * * *", zone)
    assert str(caught.value) == f"provided bad location {zone}: unknown time zone {zone}"


def test_the_hour_that_is_skipped_is_made_up_for() -> None:
    """Clocks go from two to three: what was due in between comes at three."""
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert due("45 2 * * *", "Europe/Paris", before) == "2026-03-29 01:00:00"


def test_the_hour_that_comes_twice_brings_nothing_twice() -> None:
    """Clocks go from three to two: who asks within the second time is told of the next day."""
    paris = ZoneInfo("Europe/Paris")
    first = datetime(2026, 10, 25, 2, 0, tzinfo=paris)
    assert due("45 2 * * *", "Europe/Paris", first) == "2026-10-25 00:45:00"
    assert due("45 2 * * *", "Europe/Paris", first.replace(fold=1)) == "2026-10-26 01:45:00"


@given(TEXTS, ZONES, MOMENTS)
def test_what_is_due_is_due_later(text: str, zone: str, moment: datetime) -> None:
    """And nothing was due in between: from just before it, it is the next."""
    schedule = Schedule.parse(text, zone)
    found = schedule.next_after(moment)
    assert found is not None
    assert found > moment
    assert schedule.next_after(max(moment, found - timedelta(seconds=1))) == found
