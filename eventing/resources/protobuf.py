"""The wire format of Protocol Buffers, written: each function returns one field of a message; a message is their sum.

Source: Protocol Buffers' encoding (https://protobuf.dev/programming-guides/encoding/). Pure.
"""

import struct
from collections.abc import Iterable
from typing import Final

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_SEVEN_BITS: Final = 0x7F
_MORE: Final = 0x80
_UINT64: Final = 2**64


def text_field(number: int, value: str) -> bytes:
    """A `string`."""
    return _bytes_field(number, value.encode())


def message_field(number: int, fields: Iterable[bytes]) -> bytes:
    """A message within a message."""
    return _bytes_field(number, b"".join(fields))


def integer_field(number: int, value: int) -> bytes:
    """An `int64`, or a `bool` as 0 or 1. Negative numbers are taken modulo 2**64."""
    return _tag(number, _VARINT) + _varint(value % _UINT64)


def double_field(number: int, value: float) -> bytes:
    """A `double`."""
    return _tag(number, _FIXED64) + struct.pack("<d", value)


def _bytes_field(number: int, value: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(value)) + value


def _tag(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > _SEVEN_BITS:
        encoded.append(value & _SEVEN_BITS | _MORE)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
