"""The two loops that keep long-lived work going. Everything that runs for ever runs under one of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from channels.errors import ChannelUnavailable

BACKOFF_MIN_S: Final = 0.1
BACKOFF_MAX_S: Final = 30.0
"""Between restarts, doubling. The cap is that of Kubernetes operators and client-go's reflectors."""

_log = logging.getLogger(__name__)


async def supervise(
    name: str, run: Callable[[], Awaitable[None]], report: Callable[[str, BaseException], None] | None = None
) -> None:
    """Run a component until it returns; when it crashes, log, report, wait and run it again; neighbours never notice.

    Where it ends because a channel is away, there is nothing to find in a trace: a line says why.
    The wait doubles from crash to crash and begins anew after a run that outlived the longest wait. Cancelling ends it.
    """
    loop = asyncio.get_running_loop()
    wait_s = BACKOFF_MIN_S
    while True:
        started_s = loop.time()
        try:
            return await run()
        except asyncio.CancelledError as error:
            # A component may meet the cancellation of something it waited for: that is a crash, and not a goodbye.
            if _is_cancelled():
                raise
            crash: BaseException = error
        except Exception as error:  # noqa: BLE001 - here every crash is caught, logged with its trace and reported
            crash = error
        if loop.time() - started_s > BACKOFF_MAX_S:
            wait_s = BACKOFF_MIN_S
        if isinstance(crash, ChannelUnavailable):
            _log.warning("%s: %s; starts again in %.1f s", name, crash, wait_s)
        else:
            _log.error("%s crashed, starts again in %.1f s", name, wait_s, exc_info=crash)
        if report is not None:
            report(name, crash)
        await asyncio.sleep(wait_s)
        wait_s = min(wait_s * 2, BACKOFF_MAX_S)


async def every(interval_s: float, do: Callable[[], Awaitable[None] | None]) -> None:
    """Do something, a function's call or a coroutine's, each `interval_s`, first after one interval; for ever.

    Beats do not drift by what the work takes. One that was missed because the work took longer is left out. What the
    work raises ends the loop: `supervise` is for that.
    """
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        due_s = max(due_s + interval_s, loop.time())
        await asyncio.sleep(due_s - loop.time())
        work = do()
        if work is not None:
            await work


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
