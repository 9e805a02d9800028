"""Records of a channel's state topic, both ways. A key names what its records are about: the last counts. Pure."""

from typing import Final

import msgspec

from channels.contract import Delivery
from channels.event import Event
from channels.frame import decode_event, encode_event

PARKED: Final = b"p"
REMEMBERED: Final = b"r"
GROUP: Final = b"g"
AVERAGE: Final = b"a"
"""What a key begins with."""
_pack: Final = msgspec.msgpack.Encoder().encode


class ParkedState(msgspec.Struct, array_like=True, frozen=True):
    """A parked delivery. Times are microseconds of the wall clock."""

    group: str
    queue: str
    is_ordered: bool
    parked_us: int
    due_us: int
    attempts: int
    note: bytes
    position: int
    size_bytes: int
    event: bytes


class NoteState(msgspec.Struct, array_like=True, frozen=True):
    """What is remembered, and by which process."""

    origin: bytes
    value: bytes


_parked: Final = msgspec.msgpack.Decoder(ParkedState).decode
_note: Final = msgspec.msgpack.Decoder(NoteState).decode


def pack_parked(
    delivery: Delivery,
    *,
    group: str,
    queue: str,
    is_ordered: bool,
    parked_us: int,
    due_us: int,
    attempts: int,
    note: bytes,
) -> bytes:
    """The value of a parked delivery's record."""
    body = encode_event(delivery.event)
    return _pack(
        (group, queue, is_ordered, parked_us, due_us, attempts, note, delivery.position, delivery.size_bytes, body)
    )


def unpack_parked(value: bytes) -> ParkedState | None:
    """None where it is damaged."""
    try:
        return _parked(value)
    except msgspec.MsgspecError:
        return None


def parked_event(value: bytes) -> Event | None:
    """The event of a parked delivery's record, None where it is damaged."""
    found = unpack_parked(value)
    return None if found is None else decode_event(found.event)


def pack_note(origin: bytes, value: bytes) -> bytes:
    """The value of a record of what is remembered."""
    return _pack((origin, value))


def unpack_note(value: bytes) -> NoteState | None:
    """None where it is damaged."""
    try:
        return _note(value)
    except msgspec.MsgspecError:
        return None
