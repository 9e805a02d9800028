"""What a channel's processes know of it, in its state topic: each follows it, and writes what it knows better."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from channels.errors import ChannelUnavailable
from channels.kafka.batch import Found
from channels.kafka.counting import Book
from channels.kafka.parking import Parking
from channels.kafka.producing import Record
from channels.kafka.remembering import Notes
from channels.kafka.state import AVERAGE, GROUP, PARKED, REMEMBERED, pack_ends, unpack_ends
from channels.kafka.topic import SEGMENT_SETTING, SIZE_SETTING, Topic, room_for
from channels.kafka.writer import Put, Writer, size_of

if TYPE_CHECKING:
    from channels.kafka.cluster import KafkaCluster

_logger: Final = logging.getLogger("channels.kafka")


class Knowledge:
    """Where the topic is gone it is made again, with all that this process knows. `has_members` says whether a group
    has some here: no other process forgets it.
    """

    def __init__(
        self, cluster: "KafkaCluster", topic: Topic, writer: Writer[Put], book: Book, parking: Parking, *,
        origin: bytes, has_members: Callable[[str], bool],
    ) -> None:  # fmt: skip
        self._cluster: Final = cluster
        self._topic: Final = topic
        self._writer: Final = writer
        self._book: Final = book
        self._parking: Final = parking
        self._notes: Final = Notes(origin, self.write)
        self._has_members: Final = has_members
        self._partitions = 0

    async def follow(self, partitions: int, wanted: Sequence[int]) -> None:
        """Know everything that is stored of the wanted ones by now, of so many that there are. Raises
        ChannelUnavailable.
        """
        state = self._topic.state
        await self._cluster.ensure_state(self._topic, partitions)
        await self._cluster.tail.follow(state, [*range(partitions)], self._tell, self._write_anew)
        await self._cluster.tail.catch_up(state, wanted)
        self._partitions = partitions

    async def make_room(self) -> None:
        """What fits the log fits the topic beside it, where this user may see to it. Raises ChannelUnavailable."""
        link, state = self._cluster.link, self._topic.state
        log, beside = await link.settings(self._topic.name), await link.settings(state)
        if log is None or beside is None:
            return
        wanted = room_for(int(log[SIZE_SETTING]))
        values = {name: str(wanted) for name in (SIZE_SETTING, SEGMENT_SETTING) if int(beside[name]) < wanted}
        if values and not await link.change_settings(state, values):
            _logger.warning("the topic %s should have %s, and this user may not see to that", state, values)

    def leave(self) -> None:
        """Nothing more is told."""
        self._cluster.tail.leave(self._topic.state, self._tell)

    async def look(self) -> None:
        """The topic is there, and takes what is written. Raises ChannelUnavailable where it was not so."""
        state = self._topic.state
        if await self._cluster.link.partitions(state) < self._partitions:
            _logger.warning("the topic %s is gone: it is made again, with what this process knows", state)
            await self._cluster.ensure_state(self._topic, self._partitions)
            await self.make_room()
            self._cluster.tail.doubt(state)
            raise ChannelUnavailable(f"Kafka: the topic {state} was gone; it is made again, and written anew")
        if self._writer.fault is not None:
            raise ChannelUnavailable(f"Kafka: the topic {state} stores nothing: {self._writer.fault}")
        if refused := len(self._parking.index.refused):
            raise ChannelUnavailable(
                f"Kafka: the topic {state} has no room for copies of {refused} events that wait, which last as long as "
                f"the log has them: raise its {SIZE_SETTING} and {SEGMENT_SETTING}"
            )

    def write(self, key: bytes, value: bytes | None) -> None:
        """Have it stored."""
        record = Record(key, value, [])
        self._writer.put(0, Put((record,), size_of(record), _nothing, _nothing))

    # Names with values

    @property
    def remembered(self) -> Mapping[str, bytes]:
        """What was last remembered, by name."""
        return self._notes.values

    def remember(self, name: str, value: bytes | None) -> None:
        """Keep a small value by that name, or none any more."""
        self._notes.set(name, value)

    def keep_average(self) -> None:
        """How large an event is, where that is worth it."""
        if (average := self._book.average()) is not None:
            self.write(AVERAGE, average)

    # What the topic tells

    def _tell(self, partition: int, records: Sequence[Found]) -> None:
        for record in records:
            key = record.key or b""
            if key.startswith(PARKED):
                self._parking.index.tell(partition, record)
            elif key.startswith(REMEMBERED):
                self._notes.tell(key, record.value, is_writing=self._writer.busy > 0)
            elif key.startswith(GROUP):
                name = key[1:].decode()
                if record.value is not None:
                    self._book.known.add(name)
                    self._book.since[name] = unpack_ends(record.value)
                elif not self._has_members(name):
                    self._book.forget(name)
            elif key == AVERAGE and record.value:
                self._book.restore_average(record.value)

    def _write_anew(self) -> None:
        """Another topic has the name: it holds nothing but what processes that know it write there."""
        for name in self._book.known:
            self.write(GROUP + name.encode(), pack_ends(self._book.since.get(name, {})))
        self._notes.write_anew()
        self._book.lose_average()
        self.keep_average()
        self._parking.index.write_anew()


def _nothing(_: object) -> None:
    """Nobody waits for it."""
