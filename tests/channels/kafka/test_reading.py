"""What this process wrote it need not decode, as long as that is what stands there."""

import pytest

from channels.event import Event
from channels.kafka.binding import headers_of
from channels.kafka.link import Found
from channels.kafka.producing import Record
from channels.kafka.reading import Reading
from channels.kafka.topic import Topic
from channels.witness import an_event, content


def written(reading: Reading, *events: Event) -> list[Found]:
    """They rest in partition 3, from offset 5 on; as they are read."""
    records = [Record(None, event.data, headers_of(event)) for event in events]
    reading.written(3, 5, records, events)
    return [Found(offset, None, one.value, tuple(one.headers), 0) for offset, one in enumerate(records, 5)]


def test_what_was_written_is_at_hand() -> None:
    """Once: then it is decoded, like that of others."""
    reading, event = Reading(Topic("t"), adds_position=False), an_event("1")
    (found,) = written(reading, event)
    assert event is reading.event_of(3, found)
    again = reading.event_of(3, found)
    assert event is not again
    assert content(event) == content(again)


@pytest.mark.parametrize("change", [{"value": b"other"}, {"headers": ()}])
def test_what_stands_there_counts(change: dict[str, object]) -> None:
    """Where a topic was made anew, or has lost its end, the same offset has another record."""
    reading = Reading(Topic("t"), adds_position=False)
    (found,) = written(reading, an_event("1"))
    other = Found(found.offset, None, *[change.get(name, getattr(found, name)) for name in ("value", "headers")], 0)
    expected = Reading(Topic("t"), adds_position=False).event_of(3, other)
    assert content(expected) == content(reading.event_of(3, other))


def test_another_partition_is_another_place() -> None:
    reading, event = Reading(Topic("t"), adds_position=False), an_event("1")
    (found,) = written(reading, event)
    assert event is not reading.event_of(4, found)
    assert event is reading.event_of(3, found)


def test_what_nobody_reads_is_let_go() -> None:
    """Many small events at some time, large ones at once."""
    for data, most in ((b"", 4096 + 500), (bytes(4097), 0)):
        reading = Reading(Topic("t"), adds_position=False)
        events = [an_event("1", data)] * 500
        for at in range(20):
            reading.written(3, at * len(events), [Record(None, data, [])] * len(events), events)
        assert len(reading._own) <= most
