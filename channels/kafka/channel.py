"""One channel in Kafka: a topic that is its log, and beside it a compacted one of what is known of it."""

import asyncio
import contextlib
import logging
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from channels.answer import Answer
from channels.contract import ChannelStatistics, Features, Position, Receipt, Start
from channels.errors import ChannelFull, ChannelUnavailable
from channels.event import Event
from channels.kafka.bound import Bound
from channels.kafka.consumer import Consumer, Timing
from channels.kafka.copying import Copying
from channels.kafka.counting import Book
from channels.kafka.errors import closed, words_of
from channels.kafka.group import Group
from channels.kafka.knowledge import Knowledge
from channels.kafka.lease import Extent, committed_offsets
from channels.kafka.link import LATEST
from channels.kafka.member import Member
from channels.kafka.parking import Parking
from channels.kafka.producing import Appended
from channels.kafka.publishing import Parcel, Publishing, Submit
from channels.kafka.reading import Reading
from channels.kafka.roster import Roster
from channels.kafka.topic import Topic
from channels.kafka.writer import Put, Writer

if TYPE_CHECKING:
    from channels.kafka.cluster import KafkaCluster

_LOOK_S: Final = 2.0
"""How often a channel looks at what other processes have done."""
_CROWDED_LOOK_S: Final = 0.25
"""The same while it refuses what is published: they may have made room."""
_GATHERED_MAX_BYTES: Final = 64 * 2**20
"""What waits for a server that does not answer."""

_logger: Final = logging.getLogger(__name__)


class KafkaChannel:
    """Made by `KafkaCluster.channel`. Sizes of what rests in the log are its number of events times their average."""

    def __init__(
        self,
        cluster: "KafkaCluster",
        name: str,
        topic: Topic,
        *,
        events_max: int,
        size_max_bytes: int,
        adds_position_attributes: bool,
    ) -> None:
        self.name: Final = name
        self.topic: Final = topic
        self.features = Features(
            persistent=True, durable=True, ordered=topic.partitions == 1, replayable=True, shared=True
        )
        self.partitions = topic.partitions
        self.book: Final = Book()
        self.fault: str | None = None
        self.timing: Timing = cluster.timing
        self._cluster: Final = cluster
        self._bound: Final = Bound(self.book, events_max=events_max, size_max_bytes=size_max_bytes)
        self._crowded: Final = asyncio.Event()
        """Somebody was refused for the bound."""
        self.reading: Final = Reading(topic, adds_position=adds_position_attributes, complain=cluster.complain)
        self._is_open = False
        self._groups: Final[dict[str, Group]] = {}
        self._roster: Final = Roster(self, cluster.link, self._write)
        self._joining: Final[dict[str, asyncio.Lock]] = defaultdict(asyncio.Lock)
        self._hooks: Final[list[Callable[[], None]]] = []
        self._looking: asyncio.Task[None] | None = None
        self._log: Writer[Parcel] = Writer(cluster.link, topic.name, is_owed=False, written=self._written)
        self._state: Writer[Put] = Writer(cluster.link, topic.state, is_owed=True)
        self._publishing = Publishing(self, self._log)

    parking: Parking
    _copying: Copying
    _knowledge: Knowledge

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self._end)
            await self._open()
            undo.pop_all()
        return self

    async def _open(self) -> None:
        cluster = self._cluster
        origin = os.urandom(8)  # names this channel of this process in what it writes
        self.parking = Parking(
            cluster.link, self.topic, self._state, origin, event_of=self.reading.event_of, hear=self._hear
        )
        self._copying = Copying(self.parking, partial(cluster.link.settings, self.topic.name))
        self._knowledge = Knowledge(
            cluster, self.topic, self._state, self.book, self.parking, origin=origin,
            has_members=self._groups.__contains__,
        )  # fmt: skip
        await cluster.open_dead_letters(self.topic.replication_factor)
        self.partitions = await cluster.ensure(self.topic)
        self.book.ends = [0] * self.partitions
        await self.follow(self.partitions, range(self.partitions))
        await self._knowledge.make_room()
        await self._look()
        self._is_open = True
        self._looking = asyncio.get_running_loop().create_task(self._keep_looking())
        cluster.attach(self)

    async def _end(self) -> None:
        """Nothing of it goes on."""
        await self._log.close()
        await self._state.close()
        self._knowledge.leave()

    async def __aexit__(self, *exc: object) -> None:
        """What was settled is committed, what is owed is stored where the cluster answers; groups are left."""
        if not self._is_open:
            return
        self.ask_hooks()
        self._is_open = False
        self._publishing.refuse(closed())
        assert self._looking is not None
        self._looking.cancel()
        await asyncio.gather(*[group.close() for group in self._groups.values()])
        self._groups.clear()
        await self._roster.close(self.timing.patience_s)
        self._knowledge.keep_average()
        self.parking.index.write_out()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.timing.patience_s):
                await self._log.flush()
                await self._state.flush()
        self._cluster.detach(self)
        await self._end()

    # What is published

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        """Store all of the events or none, and tell the receipt."""
        self._submit(events, receipt, None)

    async def publish(self, events: Sequence[Event]) -> list[Position]:
        """Store all of the events or none. Raises ChannelFull or ChannelUnavailable."""
        receipt = Answer()
        positions = [0] * len(events)
        self._submit(events, receipt, positions)
        await receipt.answer
        return positions

    def _submit(self, events: Sequence[Event], receipt: Receipt, positions: list[Position] | None) -> None:
        if not self._is_open:
            receipt.refused(closed())
            return
        publishing = self._publishing
        if self._log.is_failing and publishing.events:
            # One batch asks whether the cluster is back: others need not wait for the answer.
            receipt.refused(ChannelUnavailable(f"Kafka: {self._cluster.link.fault or 'does not answer'}"))
            return
        size_bytes = 0
        for event in events:
            size_bytes += event.size
        if not self._has_room(len(events), size_bytes):
            receipt.refused(ChannelFull(f"the topic {self.topic.name} holds as much as it may"))
            return
        publishing.submit(Submit(events, size_bytes, receipt, positions))

    def _has_room(self, events: int, size_bytes: int) -> bool:
        publishing, parking = self._publishing, self.parking.index
        if publishing.size_bytes + size_bytes > _GATHERED_MAX_BYTES:
            return False
        beside = parking.events + publishing.events, parking.size_bytes + publishing.size_bytes
        if self._bound.has_room(events, size_bytes, beside=beside):
            return True
        self._crowded.set()
        return False

    def stored(self, events: int, size_bytes: int) -> None:
        """So many were stored: in the bound's books until they are counted anew."""
        self._bound.stored(events)
        self.book.see(events, size_bytes)

    def _written(self, partition: int, appended: Appended, parcels: Sequence[Parcel]) -> None:
        """Keep the events of a batch at hand for when it is read: making them anew costs more."""
        events = [event for parcel in parcels for event in parcel.events]
        self.book.found(partition, appended.first + len(events))
        size_bytes = sum([parcel.size_bytes for parcel in parcels])
        self.reading.written(partition, appended.first, appended.head, events, size_bytes)

    # What is counted

    def statistics(self) -> ChannelStatistics:
        """What is held at this moment."""
        held, parking = self.book.count(), self.parking.index
        return ChannelStatistics(
            events=held + parking.events,
            size_bytes=self.book.size_of(held) + parking.size_bytes,
            events_max=self._bound.events_max,
            size_max_bytes=self._bound.size_max_bytes,
            stored=sum(self.book.ends),
            damaged=self.reading.damaged + parking.damaged,
        )

    def _hear(self, group: str) -> None:
        if group in self._groups:
            self._groups[group].tell_watchers()

    # Groups

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Member]:
        """Join a group for the length of the context. Raises ChannelUnavailable."""
        async with self._joining[group]:
            joined = await self._join(group, start)
            member = Member(joined)
            joined.members.append(member)
        try:
            yield member
        finally:
            member.leave()
            async with self._joining[group]:
                joined.members.remove(member)
                if not joined.members:
                    await joined.close()
                    if self._groups.get(group) is joined:
                        del self._groups[group]

    async def _join(self, name: str, start: Start) -> Group:
        if not self._is_open:
            raise closed()
        joined = self._groups.get(name)
        if joined is not None:
            return joined
        await self._roster.ensure(name, start)
        joined = Group(self, name)
        await joined.start()
        self._groups[name] = joined
        return joined

    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        """The group is there, begun where `start` says if it was not. Raises ChannelUnavailable."""
        async with self._joining[group]:
            if not self._is_open:
                raise closed()
            await self._roster.ensure(group, start)

    def forget(self, group: str) -> None:
        """The group is no more, with all its queues."""
        if self._is_open and group in self.book.known:
            self.parking.index.forget(group)
            self._roster.forget(group)

    def consumer(self, group: str) -> Consumer:
        """Another member of the group for the cluster's coordinator."""
        return self._cluster.consumer(self.topic.name, self.topic.group(group))

    async def committed(self, group: str) -> dict[int, tuple[int, str]]:
        """By partition what the group has committed. Raises ChannelUnavailable."""
        return await self._cluster.link.committed(self.topic.group(group), self.topic.name)

    async def extents(self, partitions: Sequence[int]) -> dict[int, Extent]:
        """What these have at this moment. Raises ChannelUnavailable."""
        return await self._cluster.link.extents(self.topic.name, partitions)

    # What is remembered

    def remember(self, name: str, value: bytes | None) -> None:
        """Keep a small value by that name, or none any more."""
        if self._is_open:
            self._knowledge.remember(name, value)

    @property
    def remembered(self) -> Mapping[str, bytes]:
        """What was last remembered, by name."""
        return self._knowledge.remembered

    def before_commit(self, do: Callable[[], None]) -> None:
        """Call that whenever something is about to be stored or committed."""
        self._hooks.append(do)

    def ask_hooks(self) -> None:
        """Something is about to be stored or committed."""
        for do in self._hooks:
            do()

    async def settling_stored(self) -> None:
        """What was settled may be committed: what has become of it is stored, be it parked or a dead letter. Waits for
        as long as it takes.
        """
        await self._state.flush()
        await self._cluster.dead_letters.stored()

    async def state_stored(self) -> None:
        """What was parked, settled and remembered so far is stored. Waits for as long as it takes."""
        await self._state.flush()

    def _write(self, key: bytes, value: bytes | None) -> None:
        self._knowledge.write(key, value)

    # What other processes do

    async def follow(self, count: int, partitions: Sequence[int]) -> None:
        """Know everything that is stored of these partitions by now, of so many that there are. Raises
        ChannelUnavailable.
        """
        self.book.ends += [0] * (count - len(self.book.ends))
        self.partitions = max(self.partitions, count)
        await self._knowledge.follow(self.partitions, partitions)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_CROWDED_LOOK_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S - _CROWDED_LOOK_S):
                    await self._crowded.wait()
            self._crowded.clear()
            try:
                await self._look()
                await self._copying.look(time.time_ns() // 1000)
                await self._knowledge.look()
                await self._cluster.keep_dead_letters(self.topic.replication_factor)
            except ChannelUnavailable as error:
                self.report(error)
            else:
                self.fault = next((one.fault for one in self._groups.values() if one.fault is not None), None)
            self._knowledge.keep_average()

    async def _look(self) -> None:
        """How far the log goes, and how far groups are whose partitions other processes have. Raises
        ChannelUnavailable.
        """
        count = await self._cluster.link.partitions(self.topic.name)
        if not count:
            raise ChannelUnavailable(f"Kafka: there is no topic {self.topic.name}")
        if count > len(self.book.ends):
            await self.follow(count, [])
        known = [*self.book.ends]
        ends = await self._cluster.link.offsets(self.topic.name, dict.fromkeys(range(len(known)), LATEST))
        for partition, end in ends.items():
            self.book.looked(partition, end, known[partition])
        for name in [*self.book.known]:
            mine = self.parking.index.owned.get(name, set())
            if len(mine) >= len(self.book.ends):
                continue
            for partition, (floor, metadata) in (await self.committed(name)).items():
                if partition not in self.parking.index.owned.get(name, set()) and name in self.book.known:
                    self.book.settled[name][partition] = committed_offsets(floor, metadata)
        if self._bound.is_reached:  # what nobody has read may be gone by the log's own retention
            extents = await self.extents(range(len(self.book.ends)))
            self.book.begins = {partition: extent.first for partition, extent in extents.items()}
        self._bound.count()

    def report(self, error: BaseException) -> None:
        """Something does not work: the status says so, and the log at most once a second."""
        self.fault = words_of(error)
        self._cluster.complain("%s: %s", self.name, self.fault, error=error)

    def begins_anew(self, group: str, extents: Mapping[int, Extent]) -> None:
        """What the group had settled was of another log than what these partitions have. The log says so once, and the
        status until the next look.
        """
        for partition, extent in extents.items():
            self.book.begins_anew(group, partition, extent.end)
        self.fault = (
            f"Kafka: the topic {self.topic.name} was made anew, or has lost its end: the group {group} begins again"
            f" with all that is there, in partitions {[*extents]}"
        )
        _logger.warning("%s: %s", self.name, self.fault)

    def rejoin(self) -> None:
        """Other credentials are to be used."""
        for group in self._groups.values():
            group.rejoin()
