"""The dice of those who were given none."""

from dispatcher.jitter import draw_spread
from dispatcher.retry import SPREAD_MAX, SPREAD_MIN


def test_a_spread_is_drawn_anew_between_the_bounds() -> None:
    """Two retries that failed together do not come back together."""
    drawn = {draw_spread() for _ in range(100)}
    assert 100 == len(drawn)
    assert SPREAD_MIN <= min(drawn) <= max(drawn) <= SPREAD_MAX
