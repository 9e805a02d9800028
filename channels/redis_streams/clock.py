"""The time that parked deliveries wait by: the server's, counted on by this process, and never gone back. Pure."""

from collections.abc import Callable
from math import inf
from typing import Final


class ServerClock:
    """`monotonic` tells seconds. Until the server has told its time, it is the beginning of time."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic: Final = monotonic
        self._offset_us = 0
        self._error_s = inf

    def learn(self, now_us: int, asked_s: float, answered_s: float) -> None:
        """The server said between these two moments that it is so late, or that it once was. It only goes forward: of a
        second look counts what is surer than the one before, and not earlier.
        """
        error_s = answered_s - asked_s
        offset_us = now_us - int((asked_s + answered_s) * 500_000)
        if self._error_s == inf or (error_s < self._error_s and offset_us > self._offset_us):
            self._offset_us = offset_us
        self._error_s = min(error_s, self._error_s)

    def now_us(self, after_s: float = 0.0) -> int:
        """Microseconds since the epoch, so many seconds from now."""
        return self._offset_us + int((self._monotonic() + after_s) * 1_000_000)
