"""Records of the topic of dead letters, both ways: letters, claims of redrives, and how redrives went. Pure."""

from typing import Final

import msgspec

from channels.contract import Position
from channels.dead_letter import Address, AttemptRecord, DeadLetter, Redrive, RedriveState, number_in
from channels.event import Event
from channels.frame import decode_event, encode_event

LETTER: Final = b"l"
CLAIM: Final = b"c"
BOOK: Final = b"b"
"""What a key begins with."""
EVICTED: Final = "eventing-evicted"
"""A header of the end of a letter that made room for younger ones."""
_ID_MARK: Final = "k"
_pack: Final = msgspec.msgpack.Encoder().encode


class LetterState(msgspec.Struct, array_like=True, frozen=True):
    """`number` is 0 where it is that of the place where the record rests."""

    number: int
    time_s: float
    address: Address
    reason: str
    size_bytes: int
    redrives: int
    redrive_state: RedriveState
    redrive_id: str
    attempts: tuple[AttemptRecord, ...]
    event: bytes
    cut: bytes = b""
    """What its pieces are named by, which hold all of the letter; empty where this is the whole."""
    pieces: int = 0


class BookState(msgspec.Struct, array_like=True, frozen=True):
    """How a redrive went so far, and which process says so."""

    origin: bytes
    redrive: Redrive


class Entry:
    """What is known of a letter in memory. Its event and attempts rest at `offset`, or in pieces, where it was cut."""

    __slots__ = (
        "address",
        "cut",
        "key",
        "number",
        "offset",
        "pieces",
        "reason",
        "redrive_id",
        "redrive_state",
        "redrives",
        "time_s",
    )

    def __init__(self, key: bytes, number: int, state: LetterState, offset: Position) -> None:
        self.key = key
        self.number = number
        self.time_s = state.time_s
        self.address = state.address
        self.reason = state.reason
        self.rest(state, offset)
        self.follow(state)

    def rest(self, state: LetterState, offset: Position) -> None:
        """It is there."""
        self.offset = offset
        self.cut = state.cut
        self.pieces = state.pieces

    def follow(self, state: LetterState) -> None:
        """What a redrive made of it."""
        self.redrives = state.redrives
        self.redrive_state: RedriveState = state.redrive_state
        self.redrive_id = state.redrive_id

    def letter(self, value: bytes) -> DeadLetter | None:
        """Whole, with what its record holds; None where that is damaged."""
        state = unpack_letter(value)
        event = None if state is None else decode_event(state.event)
        if state is None or event is None:
            return None
        return DeadLetter(
            id_of(self.number), self.time_s, self.address, self.reason, event, state.attempts,
            self.redrives, self.redrive_state, self.redrive_id,
        )  # fmt: skip


_letter: Final = msgspec.msgpack.Decoder(LetterState).decode
_claim: Final = msgspec.msgpack.Decoder(list[int]).decode
_book: Final = msgspec.msgpack.Decoder(BookState).decode


def pack_letter(
    number: int, time_s: float, address: Address, reason: str, event: Event, attempts: tuple[AttemptRecord, ...],
    *, redrives: int = 0, redrive_state: RedriveState = "", redrive_id: str = "",
) -> bytes:  # fmt: skip
    """The value of a letter's record."""
    body = encode_event(event)
    return _pack(
        LetterState(
            number, time_s, address, reason, event.size, redrives, redrive_state, redrive_id, attempts, body,
        )
    )  # fmt: skip


def pack_state(state: LetterState) -> bytes:
    """The value of a letter's record."""
    return _pack(state)


def unpack_letter(value: bytes) -> LetterState | None:
    """None where it is damaged."""
    try:
        return _letter(value)
    except msgspec.MsgspecError:
        return None


def pack_claim(numbers: list[int]) -> bytes:
    """The value of a claim's record: which letters a redrive wants, of those that no other has."""
    return _pack(numbers)


def unpack_claim(value: bytes) -> list[int]:
    """Nothing where it is damaged."""
    try:
        return _claim(value)
    except msgspec.MsgspecError:
        return []


def pack_book(origin: bytes, redrive: Redrive) -> bytes:
    """The value of a redrive's record."""
    return _pack(BookState(origin, redrive))


def unpack_book(value: bytes) -> BookState | None:
    """None where it is damaged."""
    try:
        return _book(value)
    except msgspec.MsgspecError:
        return None


def id_of(number: int) -> str:
    """The id of the letter of that number. Numbers begin with 1."""
    return f"{_ID_MARK}{number}"


def number_of(letter_id: str) -> int:
    """Of an id; 0, which no letter has, of what is no id of such a store."""
    return number_in(letter_id, _ID_MARK)
