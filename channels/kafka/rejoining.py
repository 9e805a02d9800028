"""The consumers of a group, one after the other: whatever ends one is told, and another one joins, ever later."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from channels.kafka.errors import words_of

_PAUSE_MIN_S: Final = 0.1
_PAUSE_MAX_S: Final = 5.0
_JOIN_PAUSE_S: Final = 1.0
"""Where joining fails nobody's partitions move: there is no reason to wait for ever longer."""
_STEADY_S: Final = 2.0
"""Who has read for so long has left behind what was wrong."""


class Rejoining:
    """`join`, then `read` until that raises, `leave`, and so on; `report` is told of every error."""

    def __init__(
        self,
        *,
        join: Callable[[], Awaitable[None]],
        has_joined: Callable[[], bool],
        read: Callable[[], Awaitable[None]],
        leave: Callable[[], Awaitable[None]],
        report: Callable[[BaseException], None],
    ) -> None:
        self.fault: str | None = None
        """Why reading ended, until it has gone on for some time."""
        self._join: Final = join
        self._has_joined: Final = has_joined
        self._read: Final = read
        self._leave: Final = leave
        self._report: Final = report
        self._pause_s = 0.0
        """Before the next one joins."""
        self._next_pause_s = _PAUSE_MIN_S
        self._is_over = False
        """The one that there is has to leave."""
        self._running: asyncio.Future[None] | None = None
        self._reading: asyncio.Future[None] | None = None

    def start(self) -> None:
        """One has joined already."""
        self._running = asyncio.get_running_loop().create_task(self._run())

    def begin_anew(self, error: BaseException | None = None) -> None:
        """As another member; after a pause, where an error is the reason."""
        self._is_over = True
        if error is not None:
            self._fail(error)
        if self._reading is not None:
            self._reading.cancel()

    async def close(self) -> None:
        """It ends where it is."""
        for task in (self._running, self._reading):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])

    async def _run(self) -> None:
        while True:
            await self._attempt(self._read_on)
            await self._attempt(self._leave)
            while True:
                pause_s, self._pause_s = self._pause_s, 0.0
                await asyncio.sleep(pause_s)
                self._is_over = False
                if await self._attempt(self._join):
                    break
                self._pause_s = _JOIN_PAUSE_S

    async def _attempt(self, do: Callable[[], Awaitable[None]]) -> bool:
        """Whether it ended well. No error, foreseen or not, is the end of this loop: gathered, it is an answer."""
        (error,) = await asyncio.gather(do(), return_exceptions=True)
        if error is not None and not isinstance(error, asyncio.CancelledError):
            self._fail(error)
        return error is None

    async def _read_on(self) -> None:
        if self._is_over:
            return
        self._reading = asyncio.ensure_future(self._read())
        while not (await asyncio.wait([self._reading], timeout=_STEADY_S))[0]:
            if self._has_joined():
                self.fault = None
                self._next_pause_s = _PAUSE_MIN_S
                break
        await self._reading

    def _fail(self, error: BaseException) -> None:
        self.fault = words_of(error)
        self._report(error)
        self._pause_s = self._next_pause_s
        self._next_pause_s = min(2 * self._next_pause_s, _PAUSE_MAX_S)
