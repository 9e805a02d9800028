import pytest

from eventing.doctor.check import Check
from eventing.doctor.clock_judgement import judge_clock, judge_latency


@pytest.mark.parametrize(
    ("theirs_s", "verdict"),
    [
        (100.0, "ok"),
        (100.9, "ok"),
        (99.1, "ok"),
        (102.0, "warning"),
        (97.0, "warning"),
        (200.0, "failure"),
        (1, "failure"),
    ],
)
def test_a_clock_is_judged_by_how_far_it_is_off(theirs_s: float, verdict: str) -> None:
    """In either direction."""
    assert verdict == judge_clock(Check.REDIS_CLOCK, theirs_s, 100.0, 100.0).verdict


def test_whose_clock_it_is_and_why_it_counts_are_told() -> None:
    """Servers use it for different things."""
    found = judge_clock(Check.KAFKA_CLOCK, 103.0, 100.0, 100.0, whose="her", consequence="she is late")
    assert "her clock is 3.000 s ahead of ours (±0.000 s)" == found.words
    assert found.advice.endswith(": she is late")


def test_what_the_network_took_is_no_skew() -> None:
    """An answer that came after four seconds may be two off."""
    assert "ok" == judge_clock(Check.REDIS_CLOCK, 104.0, 100.0, 104.0).verdict


@pytest.mark.parametrize(
    ("times_s", "verdict"), [([0.001] * 3, "ok"), ([0.001, 9, 0.001], "ok"), ([0.2] * 3, "warning")]
)
def test_latency_is_judged_in_the_middle(times_s: list[float], verdict: str) -> None:
    """One late answer is none."""
    assert verdict == judge_latency(Check.REDIS_LATENCY, times_s, 0.01, "x").verdict
