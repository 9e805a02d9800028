"""How many attempts one sink gets at a time, and how many a second. Pure: the clock's reading is given.

The limit in flight follows TCP's way (RFC 5681, additive increase and multiplicative decrease):

    all is well, and more waits than may be sent     one more for each window of successes
    429, 503 or no answer in time                    half, once for all that was then on its way
    answers take twice as long as they did           the same
    after the breaker was open, or a restart         the least, then twice as many with each window (slow start)

A window is as many successes as the limit. Latency is that of successes, for a refusal is often quick, and counts only
above `LATENCY_MIN_S`: what a fast sink's mean does is noise, and a sink that slows down from 2 ms to 20 ms is not
better off with half the requests. It is compared with the best mean of the last one to two `BEST_PERIOD_S`, each mean
over `SAMPLES_MIN` successes and a whole window at least. What is cut for counts as the best from then on: if less at a
time does not make the sink faster, it is not cut again for the same.
"""

import sys
from math import inf
from typing import Final

LATENCY_MIN_S: Final = 0.05
"""Mean below which no sink is taken to be overloaded."""
LATENCY_FACTOR: Final = 2.0
SAMPLES_MIN: Final = 32
FULL_WINDOWS: Final = 4
"""Windows between two looks where the limit is as high as it may be: then there is only latency to look at."""
BEST_PERIOD_S: Final = 30.0
BURST_S: Final = 0.1
"""How much of a second's rate may come at once, where that is more than one attempt."""

_CONGESTED: Final = frozenset({408, 429, 503, 504})


def is_congestion(status: int | None) -> bool:
    """True for what says that the sink has too much to do, None for no answer among it."""
    return status is None or status in _CONGESTED


class Pace:
    """The limit of attempts in flight. `fixed` is somebody's wish, which nothing changes."""

    __slots__ = (
        "_best_s",
        "_best_since_s",
        "_cut_until",
        "_done",
        "_is_starting",
        "_judged",
        "_judged_s",
        "_max",
        "_min",
        "_older_best_s",
        "limit",
        "review_at",
    )

    def __init__(self, concurrency_min: int, concurrency_max: int, *, fixed: int | None = None) -> None:
        self._max = fixed or concurrency_max
        self._min = fixed or min(concurrency_min, concurrency_max)
        self.limit = self._max
        self.review_at = sys.maxsize if self.is_fixed else 0
        """The count of successes from which on `review` has something to say."""
        self._is_starting = False
        self._done = 0
        self._judged = 0
        self._judged_s = 0.0
        """Successes whose latency was judged, and what they took."""
        self._cut_until = 0
        self._best_s = self._older_best_s = inf
        self._best_since_s = -inf

    @property
    def is_fixed(self) -> bool:
        """Nothing changes the limit."""
        return self._min == self._max

    @property
    def is_full(self) -> bool:
        """The limit is as high as it may be."""
        return self.limit == self._max

    def skip(self, done: int) -> None:
        """So many successes were counted before this process."""
        self._judged = done
        self._begin(done)

    def start_slowly(self, done: int) -> None:
        """Nobody knows what the sink can take: begin with as little as there is. `done` counts successes."""
        self.limit = self._min
        self._is_starting = True
        self._begin(done)

    def cut(self, done: int, ended: int) -> None:
        """The sink has too much to do. `ended` counts all attempts that ended, `done` those that succeeded."""
        if ended < self._cut_until or self.is_fixed:
            return
        self._cut_until = ended + self.limit  # what is on its way tells of the same trouble
        self.limit = max(self._min, self.limit // 2)
        self._is_starting = False
        self._begin(done)

    def review(self, now_s: float, done: int, ended: int, took_s: float, *, is_limiting: bool) -> None:
        """A window is over. `took_s` is what all that are `done` took; `is_limiting` where more waits."""
        if self._is_overloaded(now_s, done, took_s):
            self.cut(done, ended)
            return
        if is_limiting:
            grown = self.limit + (done - self._done if self._is_starting else 1)
            self.limit = min(grown, self._max)
            self._is_starting = self._is_starting and not self.is_full
        self._begin(done)

    def _begin(self, done: int) -> None:
        self._done = done
        windows = FULL_WINDOWS if self.is_full else 1
        self.review_at = sys.maxsize if self.is_fixed else done + windows * self.limit

    def _is_overloaded(self, now_s: float, done: int, took_s: float) -> bool:
        count = done - self._judged
        if count < max(self.limit, SAMPLES_MIN):
            return False
        mean_s = (took_s - self._judged_s) / count
        self._judged = done
        self._judged_s = took_s
        if now_s - self._best_since_s > BEST_PERIOD_S:
            self._older_best_s, self._best_s = self._best_s, inf
            self._best_since_s = now_s
        best_s = min(self._best_s, self._older_best_s)
        is_overloaded = mean_s > LATENCY_MIN_S and mean_s > LATENCY_FACTOR * best_s
        if is_overloaded:
            self._older_best_s = self._best_s = mean_s
        else:
            self._best_s = min(self._best_s, mean_s)
        return is_overloaded


class Bucket:
    """A token bucket: so many a second, and at once what comes in `BURST_S`, or one."""

    __slots__ = ("_due_s", "_interval_s", "_slack_s")

    def __init__(self, rate: float) -> None:
        self._interval_s = 1.0 / rate
        self._slack_s = max(BURST_S - self._interval_s, 0.0)
        self._due_s = -inf

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next attempt may begin, 0 for now."""
        return max(self._due_s - self._slack_s - now_s, 0.0)

    def begin(self, now_s: float) -> None:
        """An attempt begins."""
        self._due_s = max(self._due_s, now_s) + self._interval_s
