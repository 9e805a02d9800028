"""Events that are published and settled for as long as a test harms what is below, and the account of them."""

import asyncio
import itertools
from collections import Counter
from typing import Final, Self

from channels.contract import Channel, Subscription
from channels.errors import ChannelFull, ChannelUnavailable
from channels.witness import comes, events_of, ids

_PUBLISHERS: Final = 4
_PAUSE_S: Final = 0.05


class Load:
    """For the length of the context: what was accepted, and how often each of it came."""

    def __init__(self, channel: Channel, member: Subscription, *, in_flight: int = 64) -> None:
        self.accepted: Final[list[str]] = []
        self.came: Final[Counter[str]] = Counter()
        self.refused = 0
        """Publications that met ChannelFull or ChannelUnavailable."""
        self._channel: Final = channel
        self._member: Final = member
        self._in_flight: Final = in_flight
        self._numbers: Final = itertools.count(1)
        self._publishing: list[asyncio.Task[None]] = []
        self._settling: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._publishing = [asyncio.create_task(self._publish()) for _ in range(_PUBLISHERS)]
        self._settling = [asyncio.create_task(self._settle())]
        return self

    async def __aexit__(self, *exc: object) -> None:
        await _end(self._publishing + self._settling)

    @property
    def repeats(self) -> int:
        """Deliveries beyond the first of each."""
        return sum(times - 1 for times in self.came.values())

    async def goes_on(self, count: int = 200) -> float:
        """Until so many more were accepted, within some seconds; how many those were."""
        loop, before = asyncio.get_running_loop(), len(self.accepted)
        began_s = loop.time()
        await comes(True, lambda: len(self.accepted) >= before + count)
        return loop.time() - began_s

    async def is_refused(self) -> None:
        """Until a publication met its error."""
        before = self.refused
        await comes(True, lambda: self.refused > before)

    async def all_come(self) -> None:
        """Publish nothing more; until everything has come that was accepted."""
        await _end(self._publishing)
        await comes(set(), lambda: set(self.accepted).difference(self.came))

    async def _publish(self) -> None:
        for number in self._numbers:
            try:
                await self._channel.publish(events_of(number, number))
            except (ChannelUnavailable, ChannelFull):
                self.refused += 1
                await asyncio.sleep(_PAUSE_S)
            else:
                self.accepted.append(str(number))

    async def _settle(self) -> None:
        while True:
            taken = await self._member.receive(self._in_flight)
            self.came.update(ids(taken))
            self._member.ack(taken)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if not task.cancelled():
            task.result()
