"""What this process wrote it need not decode, as long as that is what stands there."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from channels.event import Event
from channels.kafka.batch import records
from channels.kafka.binding import headers_of
from channels.kafka.portion import Portion, head_of
from channels.kafka.reading import Reading
from channels.kafka.topic import Topic
from channels.witness import an_event, content
from tests.channels.kafka.batches import a_batch, named_amiss

MAX = 2**31 - 1
CONTROL = 0x20


def body_of(events: Sequence[Event], *, first: int = 5, producer: int = 7) -> bytes:
    """A batch as the log has it: the broker writes where it rests."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, producer, 0, 3, MAX)
    for number, event in enumerate(events):
        builder.append(number, 1000, key=None, value=event.data, headers=headers_of(event))
    return first.to_bytes(8, "big") + bytes(builder.build())[8:]


def a_reading() -> Reading:
    return Reading(Topic("t"), adds_position=False, complain=nothing_is_amiss)


def written(reading: Reading, *events: Event) -> Portion:
    """They rest in partition 3, from offset 5 on; as they are read."""
    body = body_of(events)
    reading.written(3, 5, head_of(body), events, 100)
    return Portion(3, 5, 5 + len(events), body)


def test_what_was_written_is_at_hand() -> None:
    """Once: then it is decoded, like that of others."""
    reading, events = a_reading(), [an_event("1"), an_event("2")]
    portion = written(reading, *events)
    found = [*reading.events(portion)]
    assert [5, 6] == [offset for offset, _ in found]
    assert all(event is one for (_, event), one in zip(found, events, strict=True))
    (_, again), _ = reading.events(portion)
    assert events[0] is not again
    assert content(events[0]) == content(again)


def test_what_is_before_the_offset_is_left_out() -> None:
    """A batch comes whole, wherever in it one goes on; decoded or not."""
    reading, events = a_reading(), [an_event("1"), an_event("2")]
    portion = written(reading, *events)._replace(offset=6)
    for _ in range(2):
        ((offset, event),) = reading.events(portion)
        assert (6, content(events[1])) == (offset, content(event))


@pytest.mark.parametrize("change", [{"events": [an_event("other")]}, {"producer": 8}])
def test_what_stands_there_counts(change: dict[str, Any]) -> None:
    """Where a topic was made anew, or has lost its end, the same offset has another batch."""
    reading, event = a_reading(), an_event("1")
    written(reading, event)
    other = Portion(3, 5, 6, body_of(**{"events": [event], **change}))
    ((_, expected),) = a_reading().events(other)
    ((_, found),) = reading.events(other)
    assert event is not found
    assert content(expected) == content(found)


def test_another_partition_is_another_place() -> None:
    reading, event = a_reading(), an_event("1")
    portion = written(reading, event)
    ((_, elsewhere),) = reading.events(portion._replace(partition=4))
    assert event is not elsewhere
    ((_, found),) = reading.events(portion)
    assert event is found


def test_what_nobody_reads_is_let_go() -> None:
    """Many small events at some time, large ones sooner."""
    for size_bytes, most in ((100, 8192 + 500), (4 * 2**20, 5000)):
        reading, events = a_reading(), [an_event("1")] * 500
        for at in range(40):
            reading.written(3, at * len(events), b"", events, size_bytes)
        assert sum(len(own.events) for own in reading._own.values()) == reading._own_events <= most


def test_several_batches_are_one_portion() -> None:
    """Whoever wrote each; the last one may have been cut off."""
    reading, first, second = a_reading(), an_event("1"), an_event("2")
    portion = written(reading, first)
    more = body_of([second], first=9)
    for cut, expected in ((0, [5, 9]), (1, [5])):
        body = portion.body + more[: len(more) - cut]
        longer = portion._replace(body=body)
        assert expected == [offset for offset, _ in reading.events(longer)]
        assert expected[-1] + 1 == longer.after


def test_a_damaged_batch_costs_no_neighbour() -> None:
    """A bit has changed on the way, or on the disk: it is counted, said in a line, and left out."""
    said: list[str] = []
    reading = Reading(Topic("t"), adds_position=False, complain=lambda words, *details: said.append(words % details))
    damaged = bytearray(body_of([an_event("2"), an_event("3")], first=6))
    damaged[-1] ^= 1
    bodies = [body_of([an_event("1")]), bytes(damaged), body_of([an_event("4")], first=8)]
    portion = Portion(3, 5, 9, b"".join(bodies))
    assert [(5, "1"), (8, "4")] == [(offset, event.id) for offset, event in reading.events(portion)]
    assert 2 == reading.damaged
    assert [
        "t: what cannot be read is set aside, 2 of partition 3 from offset 6 on: the checksum is another one"
    ] == said
    assert 9 == portion.after


def test_what_was_aborted_is_no_event_and_what_is_between_is() -> None:
    """Of whoever wrote it: what this process did is at hand there, too."""
    reading, event = a_reading(), an_event("1")
    portion = written(reading, event)
    others = [a_batch(b"", first=at, producer=9, is_transactional=True) for at in (4, 6)]
    portion = portion._replace(offset=4, end=7, body=others[0] + portion.body + others[1], aborted=[(9, 4)])
    ((offset, found),) = reading.events(portion)
    assert (5, 0) == (offset, reading.damaged)
    assert event is found


def test_a_record_that_is_no_cloudevent_is_one_event_whenever_it_is_read() -> None:
    """As it came, and again where it was parked."""
    reading = a_reading()
    body = named_amiss(b"v", first=5)
    ((_, event),) = reading.events(Portion(3, 5, 6, body))
    (record,) = records(body, nothing_is_amiss)
    assert content(event) == content(reading.event_of(3, record))
    assert ("1970-01-01T00:00:01Z", "v", b"v") == (event.get("time"), event.get("kafkaheaderbd"), event.data)


def nothing_is_amiss(*told: object) -> None:
    raise AssertionError(told)
