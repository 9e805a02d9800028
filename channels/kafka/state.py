"""Records of a channel's state topic, both ways. A key names what its records are about: the last counts. Pure."""

import zlib
from collections.abc import Mapping
from typing import Final

import msgspec

from channels.event import Event
from channels.frame import decode_event, encode_event

PARKED: Final = b"p"
REMEMBERED: Final = b"r"
GROUP: Final = b"g"
AVERAGE: Final = b"a"
"""What a key begins with."""
_STAMPED_BYTES: Final = 1024
"""Of the data."""
_pack: Final = msgspec.msgpack.Encoder().encode


class ParkedState(msgspec.Struct, array_like=True, frozen=True):
    """What is left of deliveries that were parked together. Times are microseconds of the wall clock."""

    group: str
    queue: str
    is_ordered: bool
    parked_us: int
    due_us: int
    attempts: int
    note: bytes
    offsets: bytes
    """Where their records rest in the partition of the same number, growing: unsigned, of 64 bits, in the byte order of
    the machines, which is one for all processes of a Broker.
    """
    sizes: bytes
    """What each is charged with, of 32 bits."""
    stamps: bytes
    """`stamp_of` each, of 32 bits."""
    body: bytes = b""
    """The event itself, where there is but one, and its record may be gone."""


class NoteState(msgspec.Struct, array_like=True, frozen=True):
    """What is remembered, and by which process."""

    origin: bytes
    value: bytes


_parked: Final = msgspec.msgpack.Decoder(ParkedState).decode
_ends: Final = msgspec.msgpack.Decoder(dict[int, int]).decode
_note: Final = msgspec.msgpack.Decoder(NoteState).decode


def stamp_of(event: Event) -> int:
    """Which event it is, in 32 bits, by its source, its id and how its data begins: another one at the same place in a
    topic that was made anew, or that has lost its end, has hardly ever the same.
    """
    raw = event.raw
    if raw is None:
        names = zlib.crc32(f"{event.source} {event.id}".encode())
    else:  # as they came: every event that is parked comes along here
        names = zlib.crc32(raw["id"], zlib.crc32(raw["source"]))
    return zlib.crc32(event.data[:_STAMPED_BYTES], names) if event.data else names


def pack_parked(state: ParkedState, event: Event | None = None) -> bytes:
    """The value of the record of a sheet; with its only event, where it is to hold that, too."""
    return _pack(state if event is None else msgspec.structs.replace(state, body=encode_event(event)))


def unpack_parked(value: bytes) -> ParkedState | None:
    """None where it is damaged."""
    try:
        return _parked(value)
    except msgspec.MsgspecError:
        return None


def parked_event(value: bytes) -> Event | None:
    """The event that a sheet's record holds, None where it is damaged, or holds none."""
    found = unpack_parked(value)
    return None if found is None else decode_event(found.body)


def pack_ends(ends: Mapping[int, int]) -> bytes:
    """The value of a record of a group: where it began in the past, by partition where that ended."""
    return _pack(dict(ends)) if ends else b""


def unpack_ends(value: bytes) -> Mapping[int, int]:
    """Nothing of a group that began with the latest, or where the record is damaged."""
    try:
        return _ends(value) if value else {}
    except msgspec.MsgspecError:
        return {}


def pack_note(origin: bytes, value: bytes) -> bytes:
    """The value of a record of what is remembered."""
    return _pack((origin, value))


def unpack_note(value: bytes) -> NoteState | None:
    """None where it is damaged."""
    try:
        return _note(value)
    except msgspec.MsgspecError:
        return None
