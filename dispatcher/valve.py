"""Backpressure where it helps: the fan out waits while a sink that keeps answering fast is behind, and producers wait
while the fan out is.

Without it a burst that this process takes faster than it delivers would end as dead letters of a healthy sink. A sink
that is slow, refuses or hangs holds nobody back: its lane fills to its bound, and only its Trigger notices.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

LATENCY_MAX_S: Final = 0.025
"""Mean duration of the attempts of a sink that is worth waiting for: it then takes thousands of events a second."""
WINDOW_MIN_S: Final = 0.02
"""How long a sink is watched before it is judged."""
STALL_MAX_S: Final = 0.5
"""How long a sink that has always been fast may pause: collecting garbage, or waiting for its processor."""


class Valve:
    """Closed while anybody holds it closed; who comes then is let in, in order, when it opens."""

    def __init__(self) -> None:
        self.is_closed = False
        self._holders: set[object] = set()
        self._waiting: deque[Callable[[], object]] = deque()

    def close(self, holder: object) -> None:
        """Let nobody in from now on, for this holder's sake."""
        self._holders.add(holder)
        self.is_closed = True

    def open(self, holder: object) -> None:
        """This holder does not mind any more. Those who wait are let in, as long as none of them closes it again."""
        self._holders.discard(holder)
        self.is_closed = bool(self._holders)
        while self._waiting and not self.is_closed:
            self._waiting.popleft()()

    def wait(self, enter: Callable[[], object]) -> None:
        """Call that once when the valve has opened."""
        self._waiting.append(enter)


class Flow:
    """Whether a sink keeps answering fast, judged from growing counters over windows of time. Pure."""

    __slots__ = ("_done", "_latency_sum_s", "_since_s")

    def __init__(self) -> None:
        self._since_s = -1.0
        self._done = 0
        self._latency_sum_s = 0.0

    def is_fast(self, now_s: float, done: int, latency_sum_s: float, done_s: float) -> bool | None:
        """True or False about the window that ends now, and another one begins; None while it is too short to tell.

        `done` counts successes, `latency_sum_s` what they and all failures took together, `done_s` is when the last
        success was. A window without one is forgiven for a while if all that came before was fast.
        """
        if self._since_s < 0:
            self._begin(now_s, done, latency_sum_s)
            return None
        if now_s - self._since_s < WINDOW_MIN_S:
            return None
        answered, took_s = done - self._done, latency_sum_s - self._latency_sum_s
        self._begin(now_s, done, latency_sum_s)
        if answered:
            return took_s <= answered * LATENCY_MAX_S
        return now_s - done_s < STALL_MAX_S and 0 < latency_sum_s <= done * LATENCY_MAX_S

    def forget(self) -> None:
        """Begin anew: the last window is long past."""
        self._since_s = -1.0

    def _begin(self, now_s: float, done: int, latency_sum_s: float) -> None:
        self._since_s = now_s
        self._done = done
        self._latency_sum_s = latency_sum_s
