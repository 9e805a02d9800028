"""Whether this process stood still for so long that its groups may have gone on without it."""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Final

from channels.kafka.consumer import Timing


class Pulse:
    """Beats while the event loop runs. Who was stopped and goes on learns it from `look` before the next beat, and long
    before the group's coordinator says so.
    """

    def __init__(self, timing: Timing, stopped: Callable[[], None]) -> None:
        """`stopped` is called once for each time that it stood still."""
        self._loop: Final = asyncio.get_running_loop()
        self._stopped: Final = stopped
        self._interval_s: Final = timing.heartbeat_s / 2
        # What the coordinator heard last may have been said a heartbeat before.
        self._patience_s: Final = timing.session_s - timing.heartbeat_s
        self._late_s = inf
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Beat from now on."""
        self._late_s = self._loop.time() + self._patience_s
        self._timer = self._loop.call_later(self._interval_s, self._beat)

    def look(self) -> None:
        """Tell, if it stood still since the last beat."""
        now_s = self._loop.time()
        if now_s >= self._late_s:
            self._late_s = now_s + self._patience_s
            self._stopped()

    def close(self) -> None:
        """Beat no more."""
        self._late_s = inf
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        self.look()
        self.start()
