"""What a channel makes of the records of its topic, whoever wrote them."""

from typing import Final

from channels.errors import MalformedEvent
from channels.event import Event
from channels.kafka.binding import event_of, placed, wrapped
from channels.kafka.link import Found
from channels.kafka.topic import Topic


class Reading:
    """Of one topic. With `adds_position` events say where their records rest."""

    def __init__(self, topic: Topic, *, adds_position: bool) -> None:
        self.damaged = 0
        """Records whose very headers could not be read."""
        self._source: Final = topic.record_source
        self._adds_position: Final = adds_position

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
