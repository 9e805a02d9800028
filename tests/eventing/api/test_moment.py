"""Moments: times as RFC 3339 has them, and durations before now."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.api.moment import parse_moment

NOW_S = 1_700_000_000.0


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [
        ("2023-11-14T22:13:20Z", NOW_S),
        ("2023-11-14T23:13:20.5+01:00", NOW_S + 0.5),
        ("0s", NOW_S),
        ("90s", NOW_S - 90),
        ("15m", NOW_S - 900),
        ("1.5h", NOW_S - 5400),
        ("2d12h", NOW_S - 216_000),
        ("1d2h3m4.5s", NOW_S - 93_784.5),
        ("PT1H", NOW_S - 3600),
        ("P1D", NOW_S - 86_400),
    ],
)
def test_a_moment_is_a_time_or_how_long_ago(text: str, expected_s: float) -> None:
    """Seconds since the epoch."""
    assert expected_s == parse_moment(text, NOW_S)


@pytest.mark.parametrize(
    "text", ["", "1", "h", "1h2d", "-1h", "1 h", "yesterday", "2023-11-14", "P", "0000-01-01T00:00:00Z"]
)
def test_anything_else_is_refused(text: str) -> None:
    """By a ValueError."""
    with pytest.raises(ValueError, match=r"."):
        parse_moment(text, NOW_S)


@given(
    st.one_of(
        st.from_regex(r"P?T?[0-9]{1,12}[YMWDHSdhms]", fullmatch=True),
        st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
    )
)
def test_every_moment_can_be_shown(text: str) -> None:
    """Between the epoch and the year 10000, or refused."""
    try:
        moment_s = parse_moment(text, NOW_S)
    except ValueError:
        return
    assert 0.0 <= moment_s < 253_402_300_800
