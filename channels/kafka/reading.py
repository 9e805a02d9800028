"""What a channel makes of the records of its topic, whoever wrote them."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from channels.errors import MalformedEvent
from channels.event import Event
from channels.kafka.binding import event_of, placed, wrapped
from channels.kafka.link import Found
from channels.kafka.portion import Portion, head_of
from channels.kafka.topic import PARTITION_BITS, Topic

_OWN_EVENTS_MAX: Final = 8192
_OWN_SIZE_MAX_BYTES: Final = 32 * 2**20


class _Own(NamedTuple):
    """A batch that this process has written: what tells it from all others, and its events."""

    head: bytes
    events: Sequence[Event]
    size_bytes: int


class Reading:
    """Of one topic. With `adds_position` events say where their records rest."""

    def __init__(self, topic: Topic, *, adds_position: bool) -> None:
        self.damaged = 0
        """Records whose very headers could not be read."""
        self._topic: Final = topic.name
        self._source: Final = topic.record_source
        self._adds_position: Final = adds_position
        self._own: Final[dict[int, _Own]] = {}
        """By position batches that this process has written, and not read yet."""
        self._own_events = 0
        self._own_size_bytes = 0

    def written(self, partition: int, first: int, head: bytes, events: Sequence[Event], size_bytes: int) -> None:
        """The batch with that head is stored there, and these are its events, of so many bytes."""
        if self._own_events > _OWN_EVENTS_MAX or self._own_size_bytes > _OWN_SIZE_MAX_BYTES:
            # They are read by another process, or much later.
            self._own.clear()
            self._own_events = self._own_size_bytes = 0
        self._own[first << PARTITION_BITS | partition] = _Own(head, events, size_bytes)
        self._own_events += len(events)
        self._own_size_bytes += size_bytes

    def events(self, portion: Portion) -> Iterator[tuple[int, Event]]:
        """From its offset on, each with its own. Raises CorruptRecordException."""
        if portion.aborted:
            yield from self._committed(portion)
            return
        partition, body = portion.partition, portion.body
        for first, _, begin, end in portion.batches():
            own = self._taken(first << PARTITION_BITS | partition)
            if own is not None and own.head == head_of(body, begin):
                for offset, event in enumerate(own.events, first):
                    if offset >= portion.offset:
                        yield offset, self._placed(event, partition, offset)
            else:
                for record in _records(body[begin:end]):
                    if record.offset >= portion.offset:
                        yield record.offset, self.event_of(partition, record)

    def _taken(self, position: int) -> "_Own | None":
        own = self._own.pop(position, None)
        if own is not None:
            self._own_events -= len(own.events)
            self._own_size_bytes -= own.size_bytes
        return own

    def _committed(self, portion: Portion) -> Iterator[tuple[int, Event]]:
        """Without what transactions wrote that were aborted."""
        place = TopicPartition(self._topic, portion.partition)
        body, aborted, offset = MemoryRecords(portion.body), portion.aborted, portion.offset
        for record in PartitionRecords(place, body, aborted, offset, None, None, True, READ_COMMITTED):
            yield record.offset, self.event_of(portion.partition, record)

    def _placed(self, event: Event, partition: int, offset: int) -> Event:
        return placed(event, (partition, offset)) if self._adds_position else event

    def event_of(self, partition: int, record: Found) -> Event:
        """The event that a record is; one made of it where it is none."""
        place = (partition, record.offset) if self._adds_position else None
        try:
            return event_of(record.headers, record.value, place)
        except MalformedEvent:
            return placed(self._wrapped(partition, record), place)

    def _wrapped(self, partition: int, record: Found) -> Event:
        headers, key = record.headers, record.key
        time_ms = getattr(record, "timestamp", 0)
        source, offset = self._source, record.offset
        try:
            return wrapped(headers, key, record.value, source, partition=partition, offset=offset, time_ms=time_ms)
        except MalformedEvent:
            # Its headers are what is wrong: without them nothing is.
            self.damaged += 1
            return wrapped((), None, record.value, source, partition=partition, offset=offset, time_ms=time_ms)


def _records(body: bytes) -> Iterator[Any]:
    """Of one batch; none of one that is a mark of a transaction."""
    batch = MemoryRecords(body).next_batch()
    if batch.is_control_batch:
        return
    if not batch.validate_crc():
        raise CorruptRecordException
    yield from batch
