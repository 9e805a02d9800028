"""What signals ask for."""

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)


class Stop:
    """Asked once, the server stops; asked twice, at once. From the first on, time runs."""

    def __init__(self, *, timeout_s: float) -> None:
        self.reloads: list[Callable[[], None]] = []
        """What SIGHUP asks for."""
        self.hurry: Callable[[], None] = lambda: None
        """What is to wait for nobody any more, once it is asked twice."""
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

    async def wait_at_most(self, time_s: float) -> None:
        """Until somebody asks, or that long."""
        try:
            async with asyncio.timeout(time_s):
                await self._asked.wait()
        except TimeoutError:
            return

    def reload(self) -> None:
        """Have everything read again that may have changed."""
        for one in self.reloads:
            one()

    def ask(self) -> None:
        """Stop; asked again, at once."""
        if self.is_asked:
            self._deadline_s = 0.0
            self.hurry()
            return
        _log.info("stopping: no new events, finishing what is under way; ask again to stop at once")
        self._deadline_s = self._loop.time() + self._timeout_s
        self._asked.set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """For the length of the context, take SIGTERM, SIGINT and SIGHUP."""
        handlers = {signal.SIGTERM: self.ask, signal.SIGINT: self.ask, signal.SIGHUP: self.reload}
        for number, handler in handlers.items():
            self._loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                self._loop.remove_signal_handler(number)
