"""The journal's time: it never goes back, within a process whatever the wall clock does, nor over a restart. Pure."""

from collections.abc import Callable
from typing import Final


class JournalClock:
    """Microseconds since the epoch, of the wall clock's beginning and the monotonic clock's pace."""

    def __init__(self, monotonic: Callable[[], float], wall_s: float, last_us: int) -> None:
        self._monotonic: Final = monotonic
        self._began: Final = monotonic()
        self._zero_us: Final = max(int(wall_s * 1_000_000), last_us)

    def now_us(self, after_s: float = 0.0) -> int:
        """What it is, or will be after so many seconds."""
        return self._zero_us + round((self._monotonic() - self._began + after_s) * 1_000_000)
