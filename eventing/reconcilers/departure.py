"""The end of a Broker whose channel is on a server: closed and, where it was deleted, dropped there; beside everything
else, for the server may be away.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from channels.errors import ChannelUnavailable
from dispatcher.broker import Broker
from dispatcher.jitter import draw_spread
from dispatcher.tasks import supervise
from eventing.engine import Engines
from eventing.reconcilers.opening import Opening
from eventing.resources.engine import Engine, address_of
from eventing.resources.identity import Key

DROP_TIMEOUT_S: Final = 15.0
"""How long one attempt to drop may take."""
WAIT_MIN_S: Final = 0.5
WAIT_MAX_S: Final = 30.0
"""Between attempts, doubling: nobody waits for it but a successor of that name."""

_log = logging.getLogger(__name__)


class Departure:
    """One Broker leaving. What it left is dropped only where it `is_deleted`: else another process, or a later one,
    goes on with it.

    `after` is waited for first: the end of what had the name before.
    """

    def __init__(
        self,
        key: Key,
        broker: Broker,
        opening: Opening,
        *,
        engines: Engines,
        is_deleted: bool,
        after: Callable[[], Awaitable[None]],
    ) -> None:
        self._key = key
        self._broker = broker
        self._opening = opening
        self._engines = engines
        self._is_deleted = is_deleted
        self._after = after
        self._engine: Engine = opening.engine
        name = f"end of {broker.label}"
        self._task = asyncio.create_task(supervise(name, self._run), name=name)

    @property
    def is_over(self) -> bool:
        """Nothing of it is left to do."""
        return self._task.done()

    async def wait(self) -> None:
        """Until it is over. Whoever waits may be cancelled; it goes on."""
        await asyncio.wait([self._task])

    async def give_up(self) -> None:
        """The process ends: what could not be dropped is told of."""
        if self.is_over:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        if self._is_deleted:
            words = "%s was deleted, and what it held is left at %s, which is away: delete it there"
            _log.warning(words, self._broker.label, address_of(self._engine))

    async def _run(self) -> None:
        await self._opening.stop()
        await self._broker.close(is_deleted=self._is_deleted)
        await self._after()
        if self._is_deleted and await self._engines.may_drop():
            await self._drop()
        await self._engines.leave(self._engine, self._key)

    async def _drop(self) -> None:
        wait_s = WAIT_MIN_S
        while True:
            try:
                async with asyncio.timeout(DROP_TIMEOUT_S):
                    return await self._engines.drop(self._engine, self._key)
            except (ChannelUnavailable, TimeoutError) as error:
                if wait_s == WAIT_MIN_S:
                    words = "%s is deleted, and what it held at %s as soon as that is back: %s"
                    _log.warning(words, self._broker.label, address_of(self._engine), error or "no answer")
            await asyncio.sleep(wait_s * draw_spread())
            wait_s = min(wait_s * 2, WAIT_MAX_S)
