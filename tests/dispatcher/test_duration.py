"""ISO 8601 durations, with all their decimals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT0.2S", 0.2),
        ("PT0.25S", 0.25),
        ("PT0,05S", 0.05),
        ("PT300S", 300.0),
        ("PT1M", 60.0),
        ("PT1.5M", 90.0),
        ("PT2H", 7200.0),
        ("P1D", 86400.0),
        ("P1W", 604800.0),
        ("P1M", 2629746.0),
        ("P1Y", 31556952.0),
        ("P1DT2H3M4.5S", 93784.5),
        ("P1Y2M3W4DT5H6M7S", 31556952 + 2 * 2629746 + 3 * 604800 + 4 * 86400 + 5 * 3600 + 6 * 60 + 7.0),
        ("P0D", 0.0),
        ("PT0S", 0.0),
    ],
)
def test_a_duration_is_its_seconds(text: str, expected: float) -> None:
    """Years and months as in Knative's period library."""
    assert pytest.approx(expected) == parse_duration(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "P", "PT", "P1DT", "1S", "T1S", "PT1", "PT.5S", "PT1.S", "-PT1S", "PT-1S", "+PT1S", "PT1S2M", "P1H"),
        *("pt1s", " PT1S", "PT1S\n", "PT1S ", "PT\u0661S", "P1D1W", "PT1S1S", "PT1e3S"),
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Signs too: a wait is never negative."""
    with pytest.raises(ValueError, match="is no ISO 8601 duration"):
        parse_duration(text)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.decimals(0, 10**6, places=3))
def test_parts_add_up(days: int, hours: int, minutes: int, seconds: object) -> None:
    """The sum of the parts' seconds, whatever the numbers."""
    expected = days * 86400.0 + hours * 3600.0 + minutes * 60.0 + float(str(seconds))
    assert pytest.approx(expected) == parse_duration(f"P{days}DT{hours}H{minutes}M{seconds}S")


@given(st.text(alphabet="PTYMWDHS0123456789.,-+ ", max_size=12))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    """No other error comes out, and no negative number."""
    try:
        seconds = parse_duration(text)
    except ValueError:
        seconds = 0.0
    assert seconds >= 0.0
