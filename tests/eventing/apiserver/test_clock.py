"""Times."""

from datetime import UTC, datetime, timedelta, timezone

from eventing.apiserver.clock import rfc3339, utc_now


def test_a_time_is_written_in_utc_to_the_second() -> None:
    """As Kubernetes writes it."""
    moment = datetime(2026, 11, 27, 1, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert rfc3339(moment) == "2026-11-27T00:00:00Z"


def test_the_present_is_in_utc() -> None:
    """Whatever the machine's zone is."""
    assert utc_now().tzinfo is UTC
