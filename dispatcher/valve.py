"""Backpressure where it helps: the fan out waits while a sink that keeps answering fast is behind, and producers wait
while the fan out is.

Without it a burst that this process takes faster than it delivers would end as dead letters of a healthy sink. A sink
that is slow, refuses or hangs holds nobody back: its lane fills to its bound, and only its Trigger notices.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

LATENCY_MAX_S: Final = 0.025
"""Mean duration of the attempts of a sink that is worth waiting for: it then takes thousands of events a second."""
WINDOW_MIN_S: Final = 0.02
"""How long a sink is watched before it is judged."""
STALL_MAX_S: Final = 0.5
"""How long a sink that has always been fast may pause: collecting garbage, or waiting for its processor."""
VERDICT_MAX_S: Final = 1.0
"""How long a verdict counts where no other can be given yet."""
LOOK_INTERVAL_S: Final = 0.05
"""Between two looks at a sink for which producers wait."""


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

    __slots__ = ("_done", "_is_fast", "_judged_s", "_latency_sum_s", "_since_s")

    def __init__(self) -> None:
        self._since_s = -1.0
        self._done = 0
        self._latency_sum_s = 0.0
        self._judged_s = float("-inf")
        self._is_fast = False

    def is_fast(self, now_s: float, done: int, latency_sum_s: float, done_s: float) -> bool | None:
        """True or False about the window that ends now, and another one begins; while it is too short to tell, True if
        the last one is known to have been fast, and None otherwise.

        `done` counts successes, `latency_sum_s` what they and all failures took together, `done_s` is when the last
        success was. A window without one is forgiven for a while if all that came before was fast. So is a sink that
        was not watched lately: what waits has little room.
        """
        was_always_fast = now_s - done_s < STALL_MAX_S and 0 < latency_sum_s <= done * LATENCY_MAX_S
        is_known = now_s - self._judged_s < VERDICT_MAX_S
        if self._since_s < 0:
            self._begin(now_s, done, latency_sum_s)
            return (self._is_fast if is_known else was_always_fast) or None
        if now_s - self._since_s < WINDOW_MIN_S:
            return (is_known and self._is_fast) or None
        answered, took_s = done - self._done, latency_sum_s - self._latency_sum_s
        self._begin(now_s, done, latency_sum_s)
        self._judged_s = now_s
        self._is_fast = took_s <= answered * LATENCY_MAX_S if answered else was_always_fast
        return self._is_fast

    def forget(self) -> None:
        """Begin another window: the last one is long past."""
        self._since_s = -1.0

    def _begin(self, now_s: float, done: int, latency_sum_s: float) -> None:
        self._since_s = now_s
        self._done = done
        self._latency_sum_s = latency_sum_s


class Brake:
    """One lane's hand on a valve: it closes it, and looks from time to time whether that is still worth it."""

    __slots__ = ("_is_fast", "_look", "_loop", "_valve", "is_on")

    def __init__(self, valve: Valve, is_fast: Callable[[], bool | None], loop: asyncio.AbstractEventLoop) -> None:
        """`is_fast` says whether the sink keeps answering fast, None where that cannot be told yet."""
        self.is_on = False
        self._valve = valve
        self._is_fast = is_fast
        self._loop = loop
        self._look: asyncio.TimerHandle | None = None

    def pull(self) -> None:
        """Producers wait as long as the sink keeps answering fast: for one that does not, waiting would be in vain."""
        is_fast = self._is_fast()
        if is_fast:
            self._valve.close(self)
        if is_fast or (is_fast is None and self.is_on):
            self.is_on = True
            self._look = self._loop.call_later(LOOK_INTERVAL_S, self.pull)
        else:
            self.release()

    def release(self) -> None:
        """Nobody has to wait for this lane."""
        if self.is_on and self._look is not None:
            self.is_on = False
            self._look.cancel()
            self._valve.open(self)
