"""What a channel makes of the records of its topic, whoever wrote them."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from channels.errors import MalformedEvent
from channels.event import Event
from channels.kafka.batch import Found, records
from channels.kafka.binding import event_of, placed, wrapped
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
    """Of one topic. With `adds_position` events say where their records rest; `complain` writes a line into the log."""

    def __init__(self, topic: Topic, *, adds_position: bool, complain: Callable[..., None]) -> None:
        self.damaged = 0
        """Records that could not be read, and were set aside."""
        self._complain: Final = complain
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
        """From its offset on, each with its own. What cannot be read is set aside: counted, and said in the log."""
        partition, body = portion.partition, portion.body
        set_aside = partial(self._set_aside, partition)
        for first, _, begin, end in portion.committed():
            own = self._taken(first << PARTITION_BITS | partition)
            if own is not None and own.head == head_of(body, begin):
                for offset, event in enumerate(own.events, first):
                    if offset >= portion.offset:
                        yield offset, self._placed(event, partition, offset)
            else:
                for record in records(body[begin:end], set_aside):
                    if record.offset >= portion.offset:
                        yield record.offset, self.event_of(partition, record)

    def _set_aside(self, partition: int, offset: int, count: int, why: str) -> None:
        self.damaged += count
        words = "%s: what cannot be read is set aside, %d of partition %d from offset %d on: %s"
        self._complain(words, self._topic, count, partition, offset, why)

    def _taken(self, position: int) -> "_Own | None":
        own = self._own.pop(position, None)
        if own is not None:
            self._own_events -= len(own.events)
            self._own_size_bytes -= own.size_bytes
        return own

    def _placed(self, event: Event, partition: int, offset: int) -> Event:
        return placed(event, (partition, offset)) if self._adds_position else event

    def event_of(self, partition: int, record: Found) -> Event:
        """The event that a record is; one made of it where it is none."""
        place = (partition, record.offset) if self._adds_position else None
        try:
            return event_of(record.headers, record.value, place)
        except MalformedEvent:
            return placed(wrapped(record, self._source, partition), place)
