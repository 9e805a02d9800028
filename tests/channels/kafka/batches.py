"""Batches as any producer may have made them."""

import struct
from collections.abc import Sequence
from typing import Final

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

MAX: Final = 2**20
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
NAME: Final = "abcd"
"""A header's name that others are written over."""
NO_UTF8: Final = b"\xffb\xc3d"
HEAD_BYTES: Final = 61
_CHECKED_FROM: Final = 21
Headers = Sequence[tuple[str, bytes | None]]


def a_batch(
    *values: bytes,
    first: int = 0,
    codec: int = 0,
    headers: Headers = (),
    time_ms: int = 1000,
    producer: int = -1,
    is_transactional: bool = False,
) -> bytes:
    """Of a record for each of the values. Without a producer's number it is written as often as it is sent."""
    numbers = (producer, -1, -1) if producer < 0 else (producer, 0, 3)
    builder = DefaultRecordBatchBuilder(2, codec, int(is_transactional), *numbers, MAX)
    for number, value in enumerate(values):
        builder.append(number, time_ms, key=None, value=value, headers=[*headers])
    return first.to_bytes(8, "big") + bytes(builder.build())[8:]


def named_amiss(*values: bytes, first: int = 0, headers: Headers = ()) -> bytes:
    """Each record has a header whose name is no UTF-8."""
    made = a_batch(*values, first=first, headers=[(NAME, b"v"), *headers])
    return checked(made.replace(NAME.encode(), NO_UTF8))


def of_codec(body: bytes, codec: int) -> bytes:
    """What it holds is said to be compressed so, and is not."""
    return checked(body[:22] + bytes([body[22] | codec]) + body[23:])


def checked(body: bytes) -> bytes:
    """With the checksum of what stands there."""
    return body[:17] + struct.pack(">I", calc_crc32c(body[_CHECKED_FROM:])) + body[_CHECKED_FROM:]
