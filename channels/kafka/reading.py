"""What a channel makes of the records of its topic, whoever wrote them."""

from collections.abc import Sequence
from typing import Final

from channels.errors import MalformedEvent
from channels.event import Event
from channels.kafka.binding import event_of, placed, wrapped
from channels.kafka.link import Found
from channels.kafka.producing import Record
from channels.kafka.topic import PARTITION_BITS, Topic

_OWN_EVENTS_MAX: Final = 4096
_OWN_DATA_MAX_BYTES: Final = 4096
"""What is larger costs so much elsewhere that decoding it does not matter; all of them together are some 32 MB."""


class Reading:
    """Of one topic. With `adds_position` events say where their records rest."""

    def __init__(self, topic: Topic, *, adds_position: bool) -> None:
        self.damaged = 0
        """Records whose very headers could not be read."""
        self._source: Final = topic.record_source
        self._adds_position: Final = adds_position
        self._own: Final[dict[int, tuple[Record, Event]]] = {}
        """By position what this process has written, and not read yet: decoding that again costs more than looking."""

    def written(self, partition: int, first: int, records: Sequence[Record], events: Sequence[Event]) -> None:
        """These records of that partition are these events', from that offset on."""
        own = self._own
        if len(own) > _OWN_EVENTS_MAX:
            own.clear()  # they are read by another process, or much later
        for offset, (record, event) in enumerate(zip(records, events, strict=True), first):
            if record.value is None or len(record.value) <= _OWN_DATA_MAX_BYTES:
                own[offset << PARTITION_BITS | partition] = (record, event)

    def event_of(self, partition: int, record: Found) -> Event:
        """The event that a record is; one made of it where it is none."""
        place = (partition, record.offset) if self._adds_position else None
        if self._own:
            found = self._own.pop(record.offset << PARTITION_BITS | partition, None)
            if found is not None:
                (_, value, headers), event = found
                if record.value == value and [*record.headers] == headers:
                    return placed(event, place)
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
