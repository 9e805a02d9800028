"""What this process wrote it need not decode, as long as that is what stands there."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from channels.event import Event
from channels.kafka.binding import headers_of
from channels.kafka.portion import Portion, head_of
from channels.kafka.reading import Reading
from channels.kafka.topic import Topic
from channels.witness import an_event, content

MAX = 2**31 - 1
CONTROL = 0x20


def body_of(events: Sequence[Event], *, first: int = 5, producer: int = 7) -> bytes:
    """A batch as the log has it: the broker writes where it rests."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, producer, 0, 3, MAX)
    for number, event in enumerate(events):
        builder.append(number, 1000, key=None, value=event.data, headers=headers_of(event))
    return first.to_bytes(8, "big") + bytes(builder.build())[8:]


def a_reading() -> Reading:
    return Reading(Topic("t"), adds_position=False)


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


def test_a_damaged_batch_is_no_event() -> None:
    """A bit has changed on the way, or on the disk."""
    body = bytearray(body_of([an_event("1")]))
    body[-1] ^= 1
    with pytest.raises(CorruptRecordException):
        [*a_reading().events(Portion(3, 5, 6, bytes(body)))]
