"""What has to go on for as long as a process has a lease: a task, begun again whatever ended it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

_log = logging.getLogger(__name__)


class Keeper:
    """Of one task, called `name` in the log. `run` ends by itself only where its work is done; what else ends it is
    logged with its trace and told to `report`, and it begins again after `pause_s`, which no number of crashes makes
    longer: a lease does not wait.
    """

    def __init__(
        self, name: str, run: Callable[[], Coroutine[Any, Any, None]], *, pause_s: float,
        report: Callable[[BaseException], None],
    ) -> None:  # fmt: skip
        self._name: Final = name
        self._run: Final = run
        self._pause_s: Final = pause_s
        self._report: Final = report
        self._loop: Final = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._is_over = False
        self._begin()

    async def stop(self, *, patience_s: float = 0.0) -> None:
        """On return it is over; it may end by itself within that time."""
        self._is_over = True
        if self._pause is not None:
            self._pause.cancel()
        if self._task is not None:
            if patience_s:
                await asyncio.wait([self._task], timeout=patience_s)
            self._task.cancel()
            await asyncio.wait([self._task])

    def _begin(self) -> None:
        self._pause = None
        self._task = self._loop.create_task(self._run(), name=self._name)
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        # It may have met the cancellation of something that it waited for: that is a crash as well.
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if self._is_over or error is None:
            return
        _log.error("%s crashed, begins again in %.1f s", self._name, self._pause_s, exc_info=error)
        self._report(error)
        self._pause = self._loop.call_later(self._pause_s, self._begin)
