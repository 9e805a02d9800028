"""Ages in columns."""

from datetime import UTC, datetime

import pytest

from eventing.apiserver.human_duration import age, human_duration

HOUR, DAY = 3600, 86400


@pytest.mark.parametrize(
    ("elapsed_s", "expected"),
    [
        (-2, "<invalid>"), (-1.9, "0s"), (-0.5, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"),
        (599, "9m59s"), (600, "10m"), (3 * HOUR - 1, "179m"), (3 * HOUR, "3h"), (4 * HOUR + 60, "4h1m"),
        (8 * HOUR, "8h"), (2 * DAY - 1, "47h"), (2 * DAY, "2d"), (3 * DAY + HOUR, "3d1h"), (8 * DAY, "8d"),
        (729 * DAY, "729d"), (730 * DAY, "2y"), (800 * DAY, "2y70d"), (8 * 365 * DAY, "8y"), (9e9, "285y"),
    ],
)  # fmt: skip
def test_an_age_is_printed_as_kubectl_prints_it(elapsed_s: float, expected: str) -> None:
    """The vectors of apimachinery's own table, and its edges."""
    assert expected == human_duration(elapsed_s)


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2026-11-27T00:00:00Z", "60s"),
        ("yesterday", "<invalid>"),
        ("2026-11-27T00:00:00", "<invalid>"),
        (5, "<invalid>"),
    ],
)
def test_an_age_is_counted_from_a_timestamp(timestamp: object, expected: str) -> None:
    """What is no time, or none in a zone, has no age."""
    assert expected == age(timestamp, datetime(2026, 11, 27, 0, 1, tzinfo=UTC))
