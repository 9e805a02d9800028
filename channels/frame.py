"""Events as bytes, for whoever stores them. Pure.

A body is a sequence of frames: u32 length, u32 CRC-32 of what follows, then that many bytes of MessagePack. Each frame
stands for itself and names its position, so one that is damaged costs none of its neighbours.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

import msgspec

from channels.event import Event

_HEADER: Final = struct.Struct("<II")
HEADER_BYTES: Final = _HEADER.size


class _Frame(msgspec.Struct, array_like=True):
    index: int
    position: int
    size_bytes: int
    raw: dict[str, bytes] | None
    view: dict[str, Any] | None
    """Only where there is no `raw`."""
    data: bytes | None
    text: bytes | None
    json_data: bool
    ttl: int | None
    trace: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Frame).decode


@dataclass(frozen=True, slots=True)
class Record:
    """One event: its place in its run, where it rests in its channel, and what it is charged with."""

    index: int
    position: int
    size_bytes: int
    event: Event


def encode(index: int, position: int, size_bytes: int, event: Event) -> bytes:
    """The frame of the event that has that index in its run."""
    raw = event.raw
    view = event.attributes if raw is None else None
    payload = _encode(
        (index, position, size_bytes, raw, view, event.data, event.text, event.json_data, event.ttl, event.trace)
    )
    return _HEADER.pack(len(payload), crc32(payload)) + payload


def encode_run(first: int, events: Iterable[Event]) -> bytes:
    """The body of events that rest side by side."""
    return b"".join([encode(index, first + index, event.size, event) for index, event in enumerate(events)])


def encode_event(event: Event) -> bytes:
    """The frame of an event that rests alone, outside of any channel."""
    return encode(0, 0, event.size, event)


def decode_event(body: bytes) -> Event | None:
    """The event of a body that has one; None where it is damaged."""
    record = _read(body, 0)
    return None if record is None else record.event


def decode(body: bytes) -> tuple[list[Record], list[bytes]]:
    """The events of a body, and the stretches of it that are none: damaged frames, with their headers."""
    records: list[Record] = []
    damaged: list[bytes] = []
    at = 0
    bad_from = -1
    end = len(body)
    while at < end:
        record = _read(body, at)
        if record is None:
            bad_from = at if bad_from < 0 else bad_from
            at = _next(body, at)
            continue
        if bad_from >= 0:
            damaged.append(body[bad_from:at])
            bad_from = -1
        records.append(record)
        at += HEADER_BYTES + _HEADER.unpack_from(body, at)[0]
    if bad_from >= 0:
        damaged.append(body[bad_from:])
    return records, damaged


def _read(body: bytes, at: int) -> Record | None:
    """The record whose frame begins there, None where there is no sound one."""
    payload = _payload(body, at)
    if payload is None:
        return None
    try:
        frame = _decode(payload)
    except msgspec.MsgspecError:  # written by another program, or a collision of the checksum
        return None
    view = {} if frame.view is None else frame.view
    event = Event(frame.raw, view, frame.data, ttl=frame.ttl, text=frame.text, json_data=frame.json_data)
    event.trace = frame.trace
    return Record(frame.index, frame.position, frame.size_bytes, event)


def _payload(body: bytes, at: int) -> bytes | None:
    """What the frame there holds, None where it is not what was written."""
    if at + HEADER_BYTES > len(body):
        return None
    length, checksum = _HEADER.unpack_from(body, at)
    begin = at + HEADER_BYTES
    payload = body[begin : begin + length]
    return payload if length and len(payload) == length and crc32(payload) == checksum else None


def _next(body: bytes, at: int) -> int:
    """Where the next sound frame begins after a damaged one, or the end: its length may be what is damaged."""
    return next((start for start in range(at + 1, len(body)) if _payload(body, start) is not None), len(body))
