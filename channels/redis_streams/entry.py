"""Entries of a stream and of a queue: their ids, positions and bodies. Pure."""

import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from channels.contract import Delivery, Parked, Position, Start
from channels.event import Event
from channels.frame import decode_event, encode_event

_SEQUENCE_BITS: Final = 20
_SEQUENCE_MAX: Final = (1 << _SEQUENCE_BITS) - 1
_HEADER: Final = struct.Struct(">dQII")
"""When it is due (microseconds; the server reads it as well), its position, its attempts, the length of its note."""
_LAST: Final = "$"


class Owner(Protocol):
    """Whose deliveries they are: a group's, for those of the log, or a queue's."""

    is_gone: bool
    """It is over: whoever still has deliveries of it has nothing."""

    def settled(self, deliveries: "Sequence[Held | HeldParked]") -> None:
        """These are settled: count them, and see to it that the server learns of it."""

    def take_back(self, deliveries: "Sequence[Held | HeldParked]") -> None:
        """Their holder gave them back."""


class Held(Delivery):
    """An event of the log; `entry` is its id in the stream."""

    __slots__ = ("entry", "owner")

    def __init__(self, event: Event, position: Position, size_bytes: int, entry: bytes, owner: Owner) -> None:
        self.event = event
        self.position = position
        self.size_bytes = size_bytes
        self.pending = 0
        self.entry = entry
        self.owner = owner

    def again(self) -> "Held":
        """Another object for the same: a former holder may still ack the one it had."""
        return Held(self.event, self.position, self.size_bytes, self.entry, self.owner)


class HeldParked(Parked):
    """An event that was taken out of a queue; `entry` is its id there, `due_us` and that are its place."""

    __slots__ = ("due_us", "entry", "owner")

    def __init__(
        self, event: Event, position: Position, attempts: int, note: bytes, due_us: float, entry: bytes,
        owner: Owner,
    ) -> None:  # fmt: skip
        super().__init__(event, position, event.size, attempts, note)
        self.due_us = due_us
        self.entry = entry
        self.owner = owner

    def again(self) -> "HeldParked":
        """Another object for the same."""
        return HeldParked(self.event, self.position, self.attempts, self.note, self.due_us, self.entry, self.owner)


def position_of(entry: bytes) -> Position:
    """Of an event, by its entry's id: milliseconds, and 20 bits of sequence."""
    ms, _, sequence = entry.partition(b"-")
    return int(ms) << _SEQUENCE_BITS | int(sequence)


def entry_before(position: Position) -> str:
    """The id after which that position is the first."""
    before = max(position - 1, 0)
    return f"{before >> _SEQUENCE_BITS}-{before & _SEQUENCE_MAX}"


def start_after(start: Start) -> str:
    """The id after which a group begins; `$` for the last one given."""
    if start == "latest":
        return _LAST
    if start == "earliest":
        return "0-0"
    if isinstance(start, datetime):
        return entry_before(max(int(start.timestamp() * 1000), 0) << _SEQUENCE_BITS)
    assert isinstance(start, int)
    return entry_before(start)


def pack_parked(delivery: Delivery, due_us: int, attempts: int, note: bytes) -> bytes:
    """The body of a parked delivery."""
    return _HEADER.pack(due_us, delivery.position, attempts, len(note)) + note + encode_event(delivery.event)


def unpack_parked(entry: bytes, body: bytes, owner: Owner) -> HeldParked | None:
    """None where it is damaged."""
    if len(body) < _HEADER.size:
        return None
    due_us, position, attempts, length = _HEADER.unpack_from(body)
    end = _HEADER.size + length
    event = decode_event(body[end:])
    return (
        None if event is None else HeldParked(event, position, attempts, body[_HEADER.size : end], due_us, entry, owner)
    )


def pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    """What a server sends of a hash."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
