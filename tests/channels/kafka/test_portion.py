"""Batches of an answer, found without being decoded."""

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from channels.kafka.portion import Portion, head_of

MAX = 2**20


def current(first: int, count: int) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, 7, 0, 3, MAX)
    for number in range(count):
        builder.append(number, 1000, key=None, value=b"v%d" % number, headers=[])
    return first.to_bytes(8, "big") + bytes(builder.build())[8:]


def old(first: int) -> bytes:
    """Of one record, as clients before Kafka 0.11 wrote it."""
    builder = LegacyRecordBatchBuilder(1, 0, MAX)
    builder.append(first, 1000, None, b"v")
    return bytes(builder.build())


def test_batches_lie_one_behind_the_other() -> None:
    """Of any format, with gaps where something was compacted away."""
    body = current(5, 3) + old(20) + current(30, 1)
    portion = Portion(0, 5, 31, body)
    assert [(5, 8), (20, 21), (30, 31)] == [(one.first, one.after) for one in portion.batches()]
    assert body == b"".join(body[one.begin : one.end] for one in portion.batches())
    assert 31 == portion.after


@pytest.mark.parametrize("cut", range(1, len(current(8, 1))))
def test_what_was_cut_off_is_for_the_next_time(cut: int) -> None:
    portion = Portion(0, 5, 9, current(5, 3) + current(8, 1)[:-cut])
    assert 8 == portion.after
    assert 1 == len([*portion.batches()])


def test_nothing_leads_nowhere() -> None:
    assert 5 == Portion(0, 5, 5, b"").after


def test_a_head_is_the_same_wherever_the_batch_rests() -> None:
    """A broker writes the offset and its epoch, nothing else; another record makes another head."""
    rested = bytearray(current(99, 2))
    rested[12:16] = b"\x00\x00\x00\x07"
    assert MemoryRecords(bytes(rested)).next_batch().validate_crc()
    assert head_of(current(0, 2)) == head_of(b"..." + bytes(rested), 3)
    assert head_of(current(0, 2)) != head_of(current(0, 3))
