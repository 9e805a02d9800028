"""Batches of an answer, found without being decoded."""

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from channels.kafka.portion import Portion, head_of
from tests.channels.kafka.batches import a_batch

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


def test_a_number_that_is_damaged_leads_no_further_than_there_are_records() -> None:
    """To the next batch, or to the end; where the last record's is less than none, one record further."""
    for last, expected in (((2**31 - 1).to_bytes(4, "big"), [(5, 20), (20, 31)]), (b"\xff" * 4, [(5, 6), (20, 21)])):
        first, second = (body[:23] + last + body[27:] for body in (current(5, 3), current(20, 3)))
        portion = Portion(0, 5, 31, first + second)
        assert expected == [(one.first, one.after) for one in portion.batches()]


@pytest.mark.parametrize("length", [-1, -12, 0, 13])
def test_behind_a_damaged_frame_nothing_can_be_found(length: int) -> None:
    """It counts as one record, so that what follows is asked for."""
    damaged = current(8, 1)[:8] + length.to_bytes(4, "big", signed=True) + current(8, 1)[12:]
    portion = Portion(0, 5, 9, current(5, 3) + damaged + current(9, 1))
    assert [(5, 8), (8, 9)] == [(one.first, one.after) for one in portion.batches()]
    assert 9 == portion.after


def test_what_was_aborted_is_left_out_and_nothing_else() -> None:
    """One producer's transactions follow each other; others write between, and none of them in a transaction."""

    def control(first: int, producer: int) -> bytes:
        body = a_batch(b"", first=first, producer=producer, is_transactional=True)
        return body[:22] + bytes([body[22] | 0x20]) + body[23:]

    def told(first: int, producer: int, *, is_transactional: bool = True) -> bytes:
        return a_batch(b"v", first=first, producer=producer, is_transactional=is_transactional)

    log = [
        told(1, 7),  # committed
        control(2, 7),
        told(3, 7),  # aborted
        told(4, 8),  # aborted
        told(5, 7, is_transactional=False),
        told(6, 9),
        told(7, 7),  # aborted
        control(8, 7),
        told(9, 7),
        told(10, 8),  # aborted
        old(11),
    ]
    portion = Portion(0, 1, 12, b"".join(log), [(8, 4), (7, 3)])
    assert [1, 5, 6, 9, 11] == [one.first for one in portion.committed()]
    assert 12 == portion.after
    assert [1, 3, 4, 5, 6, 7, 9, 10, 11] == [one.first for one in portion._replace(aborted=()).committed()]


def test_a_batch_without_a_whole_head_is_nobody_s() -> None:
    """Whatever became of its writer's transactions."""
    short = (5).to_bytes(8, "big") + (20).to_bytes(4, "big") + bytes(4) + b"\x02" + b"\xff" * 15
    portion = Portion(0, 5, 6, short, [(-1, 0)])
    assert [(5, 6)] == [(one.first, one.after) for one in portion.committed()]
