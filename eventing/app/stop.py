"""What signals ask for."""

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

_log = logging.getLogger(__name__)


class Stop:
    """Asked once, the server stops; asked twice, at once. From the first on, time runs."""

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        self._deadline_s = 0.0

    @property
    def is_asked(self) -> bool:
        """Somebody asked."""
        return self._asked.is_set()

    @property
    def left_s(self) -> float:
        """Time left for the whole goodbye, since it was asked for."""
        return max(0.0, self._deadline_s - self._loop.time())

    async def wait(self) -> None:
        """Until somebody asks."""
        await self._asked.wait()

    @contextmanager
    def on_signals(self, *, reload: Sequence[Callable[[], None]], hurry: Callable[[], None]) -> Iterator[None]:
        """For the length of the context, take SIGTERM, SIGINT and SIGHUP."""

        def ask() -> None:
            if self.is_asked:
                self._deadline_s = 0.0
                hurry()
                return
            _log.info("stopping: no new events, finishing what is under way; ask again to stop at once")
            self._deadline_s = self._loop.time() + self._timeout_s
            self._asked.set()

        def read_again() -> None:
            for one in reload:
                one()

        handlers = {signal.SIGTERM: ask, signal.SIGINT: ask, signal.SIGHUP: read_again}
        for number, handler in handlers.items():
            self._loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                self._loop.remove_signal_handler(number)
