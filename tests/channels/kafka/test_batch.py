"""What can be read of a batch is read, whatever else cannot."""

import zlib

import pytest
from aiokafka.codec import snappy_encode
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from channels.kafka.batch import NO_TIME_MS, Found, records
from tests.channels.kafka.batches import (
    GZIP,
    HEAD_BYTES,
    LZ4,
    MAX,
    NAME,
    SNAPPY,
    ZSTD,
    a_batch,
    checked,
    named_amiss,
    of_codec,
)

VALUES = (b"one", b"two" * 40, b"three")
CODECS = (0, GZIP, SNAPPY, LZ4, ZSTD)
APPEND_TIME, CONTROL = 0x08, 0x20


def read(body: bytes) -> tuple[list[Found], list[tuple[int, int]]]:
    """What was found, and what was set aside: the first offset of each, and how many records."""
    aside: list[tuple[int, int]] = []
    return [*records(body, lambda offset, count, _: aside.append((offset, count)))], aside


def values_of(body: bytes) -> tuple[list[bytes | None], list[tuple[int, int]]]:
    found, aside = read(body)
    return [one.value for one in found], aside


def record_of(body: bytes, number: int) -> int:
    """Where the record of that number begins. Each is shorter than 64 bytes."""
    at = HEAD_BYTES
    for _ in range(number):
        at += 1 + body[at] // 2
    return at


def changed(body: bytes, at: int, content: bytes) -> bytes:
    return checked(body[:at] + content + body[at + len(content) :])


@pytest.mark.parametrize("codec", CODECS)
def test_all_of_it_is_read(codec: int) -> None:
    """However it is compressed; a header may have no value."""
    found, aside = read(a_batch(*VALUES, first=5, codec=codec, headers=[("a", b"b"), ("c", None)]))
    headers = [("a", b"b"), ("c", None)]
    assert [(5 + at, None, value, headers, 1000) for at, value in enumerate(VALUES)] == found
    assert [] == aside


@pytest.mark.parametrize("is_framed", [True, False])
def test_snappy_comes_in_one_piece_or_in_several(*, is_framed: bool) -> None:
    """As xerial's library, and so Kafka's own clients, frame it, or as others do."""
    plain = a_batch(*(b"%d" % at * 50_000 for at in range(10)), codec=0)
    packed = snappy_encode(plain[HEAD_BYTES:], xerial_compatible=is_framed)
    length = (HEAD_BYTES - 12 + len(packed)).to_bytes(4, "big")
    body = of_codec(plain[:8] + length + plain[12:HEAD_BYTES] + packed, SNAPPY)
    assert ([b"%d" % at * 50_000 for at in range(10)], []) == values_of(body)


def test_a_name_that_is_no_utf8_is_read_as_kafka_reads_it() -> None:
    """It costs neither its own record nor a neighbour."""
    found, aside = read(named_amiss(*VALUES, first=5, headers=[("ce_id", b"7")]))
    assert [(5, b"one"), (6, VALUES[1]), (7, b"three")] == [(one.offset, one.value) for one in found]
    assert [("\ufffdb\ufffdd", b"v"), ("ce_id", b"7")] == found[0].headers
    assert [] == aside


def test_the_broker_s_time_is_read_where_it_counts() -> None:
    """`LogAppendTime`: one for a batch, whatever its records say."""
    body = named_amiss(b"one")
    plain = a_batch(b"one", time_ms=2000)
    for one in (body, plain):
        told = one[:22] + bytes([APPEND_TIME]) + one[23:35] + (9000).to_bytes(8, "big") + one[43:]
        ((found,), _) = read(checked(told))
        assert 9000 == found.time_ms


def test_a_mark_of_a_transaction_has_no_record() -> None:
    body = a_batch(b"")
    assert ([], []) == read(checked(body[:22] + bytes([CONTROL]) + body[23:]))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_record_of_another_form_costs_no_neighbour(number: int) -> None:
    """Each says how long it is; what lies in it does not hold together."""
    body = a_batch(b"one", b"two", b"three", first=5)
    at = record_of(body, number)
    others = [value for one, value in enumerate((b"one", b"two", b"three")) if one != number]
    for wrong in (b"\x7e", b"\xfe" * 4):  # the length of its key
        assert (others, [(5 + number, 1)]) == values_of(changed(body, at + 4, wrong))
    assert (others, [(5 + number, 1)]) == values_of(changed(body, at + 2, b"\xff" * (body[at] // 2 - 1)))


def test_where_nothing_says_how_long_a_record_is_those_behind_it_are_lost_too() -> None:
    """And none before it."""
    body = a_batch(b"one", b"two", b"three", first=5)
    for wrong in (b"\x01", b"\x7e"):
        assert ([b"one"], [(6, 2)]) == values_of(changed(body, record_of(body, 1), wrong))


def test_a_header_without_a_name_is_another_form() -> None:
    """Kafka has none."""
    body = a_batch(b"one", headers=[(NAME, b"v")])
    at = body.index(NAME.encode()) - 1
    assert ([], [(0, 1)]) == values_of(changed(body, at, b"\x01"))


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_with_another_checksum_is_set_aside_whole(codec: int) -> None:
    """A bit has changed, on the disk or on the way: nothing in it can be believed."""
    body = bytearray(a_batch(*VALUES, first=5, codec=codec))
    body[-1] ^= 1
    assert ([], [(5, 3)]) == read(bytes(body))


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD, 5, 6, 7])
def test_what_does_not_decompress_is_set_aside_whole(codec: int) -> None:
    """Because it is something else, or by a way that nobody here knows."""
    assert ([], [(5, 3)]) == read(of_codec(a_batch(*VALUES, first=5), codec))


def test_what_is_no_batch_is_set_aside() -> None:
    """Of a format that is none, cut off, or of another length than it says."""
    body = a_batch(b"one", first=5)
    assert ([], [(5, 1)]) == read(body[:16] + b"\x03" + body[17:])
    assert ([], [(5, 1)]) == read(body[:16] + b"\xfe" + body[17:])
    assert ([], [(5, 1)]) == read(body[:40])
    assert ([], [(5, 1)]) == read(body + b"x")


@pytest.mark.parametrize("magic", [0, 1])
def test_older_formats_are_read(magic: int) -> None:
    """As clients before Kafka 0.11 wrote them; the oldest tells no time."""
    builder = LegacyRecordBatchBuilder(magic, 0, MAX)
    builder.append(5, 1000, b"k", b"v")
    body = bytes(builder.build())
    assert ([(5, b"k", b"v", [], 1000 if magic else NO_TIME_MS)], []) == read(body)
    assert ([], [(5, 1)]) == read(body[:-1] + b"w")


@pytest.mark.parametrize("codec", [GZIP, SNAPPY])
def test_what_does_not_decompress_in_an_older_format_is_set_aside(codec: int) -> None:
    builder = LegacyRecordBatchBuilder(1, codec, MAX)
    builder.append(0, 1000, None, b"v" * 200)
    body = bytes(builder.build())
    assert [b"v" * 200] == values_of(body)[0]
    content = body[16:-20] + bytes(20)
    assert ([], [(0, 1)]) == values_of(body[:12] + zlib.crc32(content).to_bytes(4, "big") + content)


@given(
    codec=st.sampled_from(CODECS),
    changes=st.lists(st.tuples(st.integers(21, 400), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_nothing_that_stands_there_is_an_error(codec: int, changes: list[tuple[int, int]]) -> None:
    """Even where the checksum says that a producer meant it so."""
    body = bytearray(a_batch(*VALUES, codec=codec, headers=[(NAME, b"v")]))
    for at, content in changes:
        body[max(21, at % len(body))] = content
    found, aside = read(checked(bytes(body)))
    assert all(count > 0 for _, count in aside)
    assert len(found) <= max(3, int.from_bytes(body[57:61], "big"))
