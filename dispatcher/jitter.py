"""Where waits get their jitter from, for who has no dice of its own to give."""

import random

from dispatcher.retry import SPREAD_MAX, SPREAD_MIN


def draw_spread() -> float:
    """A factor for one wait, uniform between the bounds of `retry`."""
    return random.uniform(SPREAD_MIN, SPREAD_MAX)  # noqa: S311 - jitter, no secret
