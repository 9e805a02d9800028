"""A Broker's way to a channel on a server, which may be away: beside everything else, until the channel is there.

Nobody waits for it. What is in the way is told whenever it changes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from channels.errors import ChannelUnavailable
from dispatcher.broker import Broker
from dispatcher.jitter import draw_spread
from dispatcher.tasks import supervise
from eventing.engine import Engines, Owner, Place
from eventing.errors import ResolutionError
from eventing.reconcilers.served import Readiness
from eventing.resources.engine import Engine, address_of

OPEN_TIMEOUT_S: Final = 15.0
"""How long one attempt may take. Kafka's clients give a request 30 s, Redis' a connection 5 s."""
WAIT_MIN_S: Final = 0.2
WAIT_MAX_S: Final = 10.0
"""Between attempts, doubling: a server that is back is seen within seconds."""
OPENING: Final = "ChannelOpening"
SERVER_UNAVAILABLE: Final = "ServerUnavailable"
CHANNEL_FAILED: Final = "ChannelFailure"
"""Knative's reason for a channel that cannot be had."""


class Opening:
    """One attempt after another. `engine` and `owner` may be replaced meanwhile: the next attempt goes by them.

    `after` is waited for first: the end of what had the name before. `changed` hears of every change of `readiness`.
    """

    def __init__(
        self,
        broker: Broker,
        engine: Engine,
        owner: Owner,
        *,
        engines: Engines,
        reads: bool,
        after: Callable[[], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        self.engine = engine
        self.owner = owner
        self.place: Place | None = None
        """Where the channel is, once it is open."""
        self.readiness = Readiness(ready=False, reason=OPENING, message=f"connecting to {address_of(engine)}")
        self.has_tried = asyncio.Event()
        """Set once it is known how the first attempt ended."""
        self._broker = broker
        self._engines = engines
        self._reads = reads
        self._after = after
        self._changed = changed
        self._hurried = asyncio.Event()
        name = f"opening of {broker.label}"
        self._task = asyncio.create_task(supervise(name, self._run, self._crashed), name=name)

    def hurry(self) -> None:
        """What was in the way may be gone: try again at once."""
        self._hurried.set()

    async def stop(self) -> None:
        """Try no more. What is half open is closed on return; the Broker that is open stays so."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        await self._after()
        wait_s = WAIT_MIN_S
        while not await self._has_opened():
            self._hurried.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s * draw_spread()):
                    await self._hurried.wait()
                    wait_s = WAIT_MIN_S
            wait_s = min(wait_s * 2, WAIT_MAX_S)

    async def _has_opened(self) -> bool:
        engine, address = self.engine, address_of(self.engine)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                place = await self._engines.create(engine, self.owner)
                await self._broker.open(
                    place.channel, dead_letters=place.dead_letters, limits=place.limits, reads=self._reads
                )
        except TimeoutError:
            self._tell(SERVER_UNAVAILABLE, f"{address} does not answer within {OPEN_TIMEOUT_S:g} s")
        except ChannelUnavailable as error:
            reason = SERVER_UNAVAILABLE if self._engines.is_away(engine, self.owner.key) else CHANNEL_FAILED
            self._tell(reason, f"{address}: {error}")
        except ResolutionError as error:
            self._tell(error.reason, error.message)
        else:
            self.place = place
            self.readiness = Readiness()
            self.has_tried.set()
            self._changed()
        return self.place is not None

    def _tell(self, reason: str, message: str) -> None:
        self.has_tried.set()
        found = Readiness(ready=False, reason=reason, message=message)
        if found != self.readiness:
            self.readiness = found
            self._broker.unready = message
            self._changed()

    def _crashed(self, _name: str, error: BaseException) -> None:
        """A bug, which is logged; the Broker says so as well."""
        self._tell(CHANNEL_FAILED, f"{type(error).__name__}: {error}")
