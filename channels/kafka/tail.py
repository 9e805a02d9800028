"""Follows compacted topics: each record is told once, from the first that is kept on, for as long as it is wanted.

What is wrong with one topic keeps nobody from the others: it is asked by itself until it answers. One that was made
anew is told anew.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from aiokafka.errors import OffsetOutOfRangeError, UnknownTopicOrPartitionError

from channels.errors import ChannelUnavailable
from channels.kafka.batch import Found
from channels.kafka.link import EARLIEST, LATEST, Link, Place

Tell = Callable[[int, Sequence[Found]], None]
"""Called with a partition and its next records."""
_WAIT_S: Final = 0.25
_PAUSE_S: Final = 0.5
_CLOSE_S: Final = 1.0
_SIZE_MAX_BYTES: Final = 4 * 2**20
_GONE: Final = (UnknownTopicOrPartitionError, OffsetOutOfRangeError)
"""What a topic that was deleted answers, and one that was made again. A server that has just started may do so, too."""
_YOUNG: Final = 10_000
"""No topic has so many records a moment after it was made again."""


class _Follower(NamedTuple):
    tell: Tell
    lost: Callable[[], None]


class Tail:
    """`link` is for what is asked for now, `patient` for waiting. After `patience_s` in which nothing more of a topic
    was read, whoever waits for it is told so.
    """

    def __init__(self, link: Link, patient: Link, *, patience_s: float) -> None:
        self._link: Final = link
        self._patient: Final = patient
        self._patience_s: Final = patience_s
        self._followers: Final[dict[Place, _Follower]] = {}
        self._next: Final[dict[Place, int]] = {}
        self._away: Final[dict[Place, int | None]] = {}
        """What did not answer; how far it was read where it may be another topic by now."""
        self._seeking: Final[dict[str, asyncio.Task[None]]] = {}
        """By topic, of which something is away."""
        self._moved = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._is_closed = False

    async def follow(
        self, topic: str, partitions: Sequence[int], tell: Tell, lost: Callable[[], None] = lambda: None
    ) -> None:
        """All that is there was told on return; what comes is told as it comes. `lost` is called when the topic was
        made anew, after that was told. Who followed it before is told nothing more. Raises ChannelUnavailable.
        """
        follower = _Follower(tell, lost)
        fresh = [one for one in partitions if self._followers.get((topic, one)) != follower]
        if not fresh:
            return
        for partition, after in (await self._read(topic, fresh, tell)).items():
            place = (topic, partition)
            self._followers[place] = follower
            self._next[place] = after
            self._away.pop(place, None)
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())
        self._move()

    def leave(self, topic: str, tell: Tell) -> None:
        """Nothing more of it is told to that one."""
        for place in [place for place, one in self._followers.items() if place[0] == topic and one.tell == tell]:
            del self._followers[place], self._next[place]
            self._away.pop(place, None)

    def doubt(self, topic: str) -> None:
        """It was made again."""
        for place in [place for place in self._followers if place[0] == topic]:
            self._miss(place, is_gone=True)

    async def catch_up(self, topic: str, partitions: Sequence[int]) -> None:
        """Everything stored before this call was told on return. Raises ChannelUnavailable."""
        ends = await self._link.offsets(topic, dict.fromkeys(partitions, LATEST))

        def left() -> int:
            return sum([max(0, end - self._next.get((topic, one), end)) for one, end in ends.items()])

        while behind := left():
            try:
                async with asyncio.timeout(self._patience_s):
                    while left() == behind:
                        await self._moved.wait()
            except TimeoutError as error:
                raise ChannelUnavailable(f"Kafka: nothing of the topic {topic} can be read at this moment") from error

    async def close(self) -> None:
        """Nothing more is told."""
        self._followers.clear()
        self._next.clear()
        self._is_closed = True
        self._move()
        for task in [*self._seeking.values()]:
            task.cancel()
            await asyncio.wait([task])
        if self._running is not None:
            # The library leaves a connection open that is cancelled while it is made.
            await asyncio.wait([self._running], timeout=_CLOSE_S)
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    async def _run(self) -> None:
        while not self._is_closed:
            wanted = {place: at for place, at in self._next.items() if place not in self._away}
            if not wanted:
                await self._moved.wait()
                continue
            try:
                fetched = await self._patient.fetch_each(wanted, wait_s=_WAIT_S, size_max_bytes=_SIZE_MAX_BYTES)
            except ChannelUnavailable:
                await asyncio.sleep(_PAUSE_S)
                continue
            for place, (records, after) in fetched.found.items():
                follower = self._followers.get(place)
                if follower is not None and self._next[place] == wanted[place]:
                    self._next[place] = after
                    if records:
                        follower.tell(place[1], records)
            for place, error in fetched.failed.items():
                if place in self._followers:
                    self._miss(place, is_gone=isinstance(error, _GONE))
            self._move()

    def _move(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    # What is away

    def _miss(self, place: Place, *, is_gone: bool) -> None:
        topic = place[0]
        if is_gone and self._away.get(place) is None:
            self._away[place] = self._next[place]
            self._next[place] = 0  # whoever catches up waits until it was told anew
        self._away.setdefault(place, None)
        if topic not in self._seeking:
            self._seeking[topic] = asyncio.get_running_loop().create_task(self._seek(topic))

    async def _seek(self, topic: str) -> None:
        try:
            while places := [place for place in self._away if place[0] == topic]:
                await asyncio.sleep(_PAUSE_S)
                gone = {place: read for place in places if (read := self._away.get(place)) is not None}
                with contextlib.suppress(ChannelUnavailable):
                    if gone:
                        await self._find(topic, gone)
                    for place in places:
                        self._away.pop(place, None)
                    self._move()
        finally:
            del self._seeking[topic]

    async def _find(self, topic: str, gone: dict[Place, int]) -> None:
        """Go on where the topic is the one that it was, else tell it anew. Raises ChannelUnavailable."""
        ends = await self._link.offsets(topic, dict.fromkeys([partition for _, partition in gone], LATEST))
        same = {place: read for place, read in gone.items() if _YOUNG <= read <= ends[place[1]]}
        for place, read in same.items():
            if place in self._followers:
                self._next[place] = read
        if others := [place[1] for place in gone if place not in same]:
            await self._tell_anew(topic, others)

    async def _tell_anew(self, topic: str, partitions: Sequence[int]) -> None:
        """The newest record of each key alone: what was told before must not come back in between."""
        newest: dict[tuple[int, bytes | None], int] = {}

        def note(partition: int, records: Sequence[Found]) -> None:
            newest.update({(partition, one.key): one.offset for one in records})

        def tell(partition: int, records: Sequence[Found]) -> None:
            follower = self._followers.get((topic, partition))
            told = [one for one in records if newest.get((partition, one.key), 0) <= one.offset]
            if follower is not None and told:
                follower.tell(partition, told)

        await self._read(topic, partitions, note)
        for partition, after in (await self._read(topic, partitions, tell)).items():
            if (topic, partition) in self._followers:
                self._next[topic, partition] = after
        for follower in {self._followers[topic, one] for one in partitions if (topic, one) in self._followers}:
            follower.lost()

    async def _read(self, topic: str, partitions: Sequence[int], tell: Tell) -> dict[int, int]:
        """All that is there; where to go on. Raises ChannelUnavailable."""
        behind = await self._link.offsets(topic, dict.fromkeys(partitions, EARLIEST))
        ends = await self._link.offsets(topic, dict.fromkeys(partitions, LATEST))
        while wanted := {(topic, one): at for one, at in behind.items() if at < ends[one]}:
            found = await self._link.fetch(wanted, wait_s=0.0, size_max_bytes=_SIZE_MAX_BYTES)
            for (_, partition), (records, after) in found.items():
                tell(partition, records)
                behind[partition] = after
        return behind
