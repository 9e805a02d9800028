"""Which groups a channel has: begun by whoever wants one first, forgotten by whoever needs it no more."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from channels.contract import Start
from channels.errors import ChannelUnavailable
from channels.kafka.starting import starts
from channels.kafka.state import GROUP, pack_ends
from channels.offsets import Offsets

if TYPE_CHECKING:
    from channels.kafka.channel import KafkaChannel
    from channels.kafka.link import Link

_FORGET_ATTEMPTS: Final = 20
_FORGET_PAUSE_S: Final = 0.25


class Roster:
    """Of one channel. `write` keeps a record in its state topic."""

    def __init__(self, channel: "KafkaChannel", link: "Link", write: Callable[[bytes, bytes | None], None]) -> None:
        self._channel: Final = channel
        self._link: Final = link
        self._write: Final = write
        self._forgetting: Final[dict[str, asyncio.Task[None]]] = {}

    async def close(self, patience_s: float) -> None:
        """What is to be forgotten is, within that time, or is left."""
        if self._forgetting:
            _, late = await asyncio.wait([*self._forgetting.values()], timeout=patience_s)
            for task in late:
                task.cancel()

    async def ensure(self, name: str, start: Start) -> None:
        """The group is there, begun where `start` says if it was not. Raises ChannelUnavailable."""
        if name in self._forgetting:
            await asyncio.wait([self._forgetting[name]])
        channel = self._channel
        if name in channel.book.known:
            return
        # In this order: what another process stores once it has begun the group lies behind where this one would begin.
        offsets = await starts(self._link, channel.topic.name, channel.partitions, start)
        if not await channel.committed(name):
            is_past = start != "latest"
            ends = await starts(self._link, channel.topic.name, channel.partitions, "latest") if is_past else {}
            await self._begin(name, offsets, ends)
        channel.book.known.add(name)

    async def _begin(self, name: str, offsets: Mapping[int, int], ends: Mapping[int, int]) -> None:
        """What the group begins with is kept before anybody reads, and in the past where that ends. Raises
        ChannelUnavailable.
        """
        channel = self._channel
        try:
            await self._link.commit(channel.topic.group(name), channel.topic.name, offsets)
        except ChannelUnavailable:
            if not await channel.committed(name):
                raise
            return  # another process was quicker, and its members are there
        channel.book.since[name] = ends
        self._write(GROUP + name.encode(), pack_ends(ends))
        await channel.state_stored()
        for partition, offset in offsets.items():
            channel.book.settled[name][partition] = Offsets(offset)
            channel.book.found(partition, offset)

    def forget(self, name: str) -> None:
        """It is no more. Kafka is told as soon as it listens."""
        self._channel.book.forget(name)
        self._write(GROUP + name.encode(), None)
        task = asyncio.get_running_loop().create_task(self._forget(name))
        self._forgetting[name] = task
        task.add_done_callback(lambda _: self._forgetting.pop(name, None))

    async def _forget(self, name: str) -> None:
        for _ in range(_FORGET_ATTEMPTS):
            try:
                await self._link.delete_group(self._channel.topic.group(name))
            except ChannelUnavailable as error:
                self._channel.report(error)
                await asyncio.sleep(_FORGET_PAUSE_S)
            else:
                return
