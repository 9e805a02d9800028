"""A dead letter as the server keeps it: a head to choose by, a body, what redrives tried. Pure."""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from channels.dead_letter import Address, AttemptRecord, DeadLetter, Redrive, RedriveState, Selector, number_in
from channels.event import Event
from channels.frame import decode_event, encode_event

_ID_MARK: Final = "r"
_DIGITS_MAX: Final = 15
"""Lua's numbers are exact that far."""
_LENGTH: Final = struct.Struct(">I")
_STATES: Final[dict[bytes, RedriveState]] = {b"pending": "pending", b"failed": "failed"}


class Head(msgspec.Struct, array_like=True, frozen=True):
    """What letters are chosen by."""

    time_s: float
    namespace: str
    broker: str
    trigger: str
    reason: str

    @property
    def address(self) -> Address:
        """Whose it is."""
        return Address(self.namespace, self.broker, self.trigger)


class Row(NamedTuple):
    """What there is of a letter beside its head: with the attempts of redrives, and what the last one did to it."""

    body: bytes
    tried: bytes
    mark: bytes


class Record(msgspec.Struct, array_like=True, frozen=True):
    """What a redrive was asked for."""

    selector: Selector
    rate: float | None
    started_s: float


_encode = msgspec.msgpack.Encoder().encode
_read_head = msgspec.msgpack.Decoder(Head).decode
_read_record = msgspec.msgpack.Decoder(Record).decode
_read_attempts = msgspec.msgpack.Decoder(tuple[AttemptRecord, ...]).decode


def pack_head(time_s: float, address: Address, reason: str) -> bytes:
    """Of a letter."""
    return _encode(Head(time_s, *address, reason))


def read_head(packed: bytes | None) -> Head | None:
    """None where there is none, or it is damaged."""
    try:
        return None if packed is None else _read_head(packed)
    except msgspec.MsgspecError:
        return None


def pack_attempts(attempts: Iterable[AttemptRecord]) -> bytes:
    """A piece that may be followed by more of them."""
    packed = _encode(tuple(attempts))
    return _LENGTH.pack(len(packed)) + packed


def pack_body(event: Event, attempts: Iterable[AttemptRecord]) -> bytes:
    """The event, and what was tried at first."""
    return pack_attempts(attempts) + encode_event(event)


def unpack_letter(number: int, head: Head, row: Row, claim: bytes | None) -> DeadLetter | None:
    """`claim` is the redrive that has to bring it to its end. None where its body is damaged, or what was tried."""
    body, tried, mark = row
    try:
        first, end = _unpack_attempts(body, 0)
        attempts = list(first)
        at = 0
        while at < len(tried):
            more, at = _unpack_attempts(tried, at)
            attempts += more
    except (struct.error, msgspec.MsgspecError):
        return None
    event = decode_event(body[end:])
    if event is None:
        return None
    state, redrives, redrive = (mark or b":0:").split(b":")
    if claim is not None:
        state, redrive = b"pending", claim
    redrive_id = f"{_ID_MARK}{redrive.decode()}" if redrive else ""
    return DeadLetter(
        f"{_ID_MARK}{number}", head.time_s, head.address, head.reason, event, tuple(attempts), int(redrives),
        _STATES.get(state, ""), redrive_id,
    )  # fmt: skip


def _unpack_attempts(packed: bytes, at: int) -> tuple[tuple[AttemptRecord, ...], int]:
    """Those of the piece that begins there, and where it ends. Raises struct.error and MsgspecError."""
    begin = at + _LENGTH.size
    end = begin + _LENGTH.unpack_from(packed, at)[0]
    return _read_attempts(packed[begin:end]), end


def pack_record(selector: Selector, rate: float | None, started_s: float) -> bytes:
    """Of a redrive."""
    return _encode(Record(selector, rate, started_s))


def unpack_redrive(number: bytes, fields: dict[bytes, bytes]) -> Redrive:
    """As the server tells of it."""
    record = _read_record(fields[b"record"])
    ended = fields.get(b"ended")
    return Redrive(
        f"{_ID_MARK}{number.decode()}", record.selector, record.rate, record.started_s, int(fields[b"total"]),
        int(fields[b"delivered"]), int(fields[b"failed"]), None if ended is None else float(ended),
    )  # fmt: skip


def number_of(identity: str) -> int:
    """Of the id of a letter or a redrive; 0, which none has, of what is no id here."""
    return number_in(identity, _ID_MARK, digits_max=_DIGITS_MAX)
