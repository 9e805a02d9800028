"""Records of one batch, whoever wrote it: all that can be read of it, whatever else cannot. Pure.

Sources: Kafka's message format (magic 2, and what came before); KIP-57 and xerial's framing for what is compressed.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import cramjam
from aiokafka.codec import gzip_decode, lz4_decode, zstd_decode
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

NO_TIME_MS: Final = -1
SetAside = Callable[[int, int, str], None]
"""Told of an offset, how many records from there on cannot be read, and why."""
_HEAD: Final = struct.Struct(">qiibIhiqqqhii")
_FORM: Final = struct.Struct(">q i 9s h 38s")
"""The same, as far as a batch changes that is stored without being compressed."""
_LENGTH_FROM: Final = 12
_MAGIC_AT: Final = 16
_CHECKED_FROM: Final = 21
_OLD_CHECKSUM: Final = slice(12, 16)
_MAGIC: Final = 2
_CODECS: Final = 0x07
_IS_APPEND_TIME: Final = 0x08
_IS_CONTROL: Final = 0x20
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEAD_BYTES: Final = 16
_UNPACKABLE: Final = (EOFError, OSError, OverflowError, ValueError, zlib.error, cramjam.DecompressionError)
"""What decoders of what is compressed make of anything else."""
_UNREADABLE: Final = (CorruptRecordException, UnsupportedCodecError, UnicodeDecodeError, OverflowError)
_VARINT_BITS: Final = 64


_NONE: Final[Iterator["Found"]] = iter(())


class Found(NamedTuple):
    """A record as it is read. Its time is in milliseconds since 1970, NO_TIME_MS where its producer told none."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    time_ms: int


class _Head(NamedTuple):
    first: int
    length: int
    leader_epoch: int
    magic: int
    checksum: int
    attributes: int
    last_delta: int
    first_ms: int
    most_ms: int
    producer: int
    epoch: int
    sequence: int
    told: int

    @property
    def records(self) -> int:
        """How many there are, as far as what is told of it can be believed."""
        return max(1, min(self.told, self.last_delta + 1))


def records(body: bytes, set_aside: SetAside) -> Iterator[Found]:
    """All that can be read of one batch, in its order; none of a mark of a transaction.

    A header's name that is no UTF-8 is read with U+FFFD for what is wrong in it, as Kafka's own client reads it.
    """
    if len(body) > _MAGIC_AT and body[_MAGIC_AT] < _MAGIC:
        return _old(body, set_aside)
    if len(body) < _HEAD.size:
        set_aside(int.from_bytes(body[:8], "big"), 1, "there is no whole head")
        return _NONE
    head = _Head(*_HEAD.unpack_from(body))
    if head.magic == _MAGIC and head.attributes & _IS_CONTROL:
        return _NONE
    fault = _fault_of(head, body)
    if fault is None:
        try:
            return _read(_unpacked(body, head), head, set_aside)
        except _UNPACKABLE as error:
            fault = f"it does not decompress: {error}"
    set_aside(head.first, head.records, fault)
    return _NONE


def _fault_of(head: _Head, body: bytes) -> str | None:
    """Why nothing in it can be believed."""
    if head.magic != _MAGIC:
        return f"there is no format {head.magic}"
    if head.length != len(body) - _LENGTH_FROM:
        return "its length is another one"
    if calc_crc32c(body[_CHECKED_FROM:]) != head.checksum:
        return "the checksum is another one"
    return None


def _read(body: bytes, head: _Head, set_aside: SetAside) -> Iterator[Found]:
    number = 0
    try:
        for one in MemoryRecords(body).next_batch():
            yield Found(one.offset, one.key, one.value, one.headers, one.timestamp)
            number += 1
    except _UNREADABLE:
        pass  # it gives up a batch for one record: the others are looked for one by one
    else:
        return
    yield from _read_with_care(body, head, number, set_aside)


def _old(body: bytes, set_aside: SetAside) -> Iterator[Found]:
    """As clients before Kafka 0.11 wrote them."""
    offset = int.from_bytes(body[:8], "big")
    if zlib.crc32(body[_MAGIC_AT:]) != int.from_bytes(body[_OLD_CHECKSUM], "big"):
        set_aside(offset, 1, "the checksum is another one")
        return
    try:
        for one in MemoryRecords(body).next_batch():
            time_ms = NO_TIME_MS if one.timestamp is None else one.timestamp
            yield Found(one.offset, one.key, one.value, one.headers, time_ms)
    except (*_UNPACKABLE, *_UNREADABLE, struct.error, SystemError) as error:
        set_aside(offset, 1, f"it cannot be read: {error}")


# Compressed ones


def _unpacked(body: bytes, head: _Head) -> bytes:
    """The same batch, not compressed, but for its checksum. Raises one of _UNPACKABLE."""
    codec = head.attributes & _CODECS
    if not codec:
        return body
    if codec not in _UNPACK:
        raise ValueError(f"there is no codec {codec}")
    content = _UNPACK[codec](body[_HEAD.size :])
    length = _HEAD.size - _LENGTH_FROM + len(content)
    first, _, before, attributes, behind = _FORM.unpack_from(body)
    return _FORM.pack(first, length, before, attributes & ~_CODECS, behind) + content


def _snappy(content: bytes) -> bytes:
    """In one piece, or in those that xerial's library makes, as Kafka's own clients do."""
    if not content.startswith(_XERIAL):
        return bytes(cramjam.snappy.decompress_raw(content))
    found, at = bytearray(), _XERIAL_HEAD_BYTES
    while at < len(content):
        begin = at + 4
        at = begin + int.from_bytes(content[at:begin], "big")
        found += cramjam.snappy.decompress_raw(content[begin:at])
    return bytes(found)


_UNPACK: Final[Mapping[int, Callable[[bytes], bytes]]] = {1: gzip_decode, 2: _snappy, 3: lz4_decode, 4: zstd_decode}


# One by one


def _read_with_care(body: bytes, head: _Head, first: int, set_aside: SetAside) -> Iterator[Found]:
    """Beginning with the record of that number. Each says how long it is: none costs those behind it."""
    cursor = _Cursor(body, _HEAD.size)
    for number in range(head.told):
        offset = head.first + number
        try:
            one = _Cursor(cursor.some(), 0)
        except (IndexError, ValueError):
            set_aside(offset, max(1, head.records - number), "nothing says where it ends")
            return
        if number < first:
            continue
        try:
            found = _record(one, head)
        except (IndexError, ValueError) as error:
            set_aside(offset, 1, f"it has another form than a record: {error}")
        else:
            yield found


def _record(cursor: "_Cursor", head: _Head) -> Found:
    cursor.at += 1  # of its attributes none is in use
    passed_ms, offset = cursor.varint(), head.first + cursor.varint()
    key, value = cursor.some_or_none(), cursor.some_or_none()
    headers = [(cursor.some().decode(errors="replace"), cursor.some_or_none()) for _ in range(cursor.varint())]
    time_ms = head.most_ms if head.attributes & _IS_APPEND_TIME else head.first_ms + passed_ms
    return Found(offset, key, value, headers, time_ms)


class _Cursor:
    """Reads on. Raises IndexError or ValueError where there is not what should be."""

    __slots__ = ("_body", "at")

    def __init__(self, body: bytes, at: int) -> None:
        self._body = body
        self.at = at

    def varint(self) -> int:
        """In Protocol Buffers' zigzag encoding."""
        found = shift = 0
        while shift < _VARINT_BITS:
            byte = self._body[self.at]
            self.at += 1
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found >> 1 ^ -(found & 1)
            shift += 7
        raise ValueError("a number has more than 64 bits")

    def some(self) -> bytes:
        """So many bytes as are said before them."""
        found = self.some_or_none()
        if found is None:
            raise ValueError("a length is negative")
        return found

    def some_or_none(self) -> bytes | None:
        """The same; none where their number is negative."""
        length = self.varint()
        if length < 0:
            return None
        begin, self.at = self.at, self.at + length
        if self.at > len(self._body):
            raise ValueError("there are fewer bytes than it says")
        return self._body[begin : self.at]
