"""Letters that the topic takes in no single record rest in pieces, before the record that names them. Pure.

What a topic takes is its operator's to say, and what an event takes that somebody else's client compressed nobody knows
before it was read: so each letter that is refused is cut. Each time anew, under another name: who reads meanwhile, or
comes after a crash, finds the former letter whole or the next one.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from channels.errors import ChannelUnavailable
from channels.kafka.batch import Found
from channels.kafka.letter import LETTER, Entry, pack_state, unpack_letter
from channels.kafka.producing import Record
from channels.kafka.writer import BATCH_BYTES, size_of

PIECE: Final = b"d"
"""What a key begins with."""
PIECE_BYTES: Final = BATCH_BYTES
_NUMBER_BYTES: Final = 4
_LOST_S: Final = 3600.0
"""A letter whose pieces came so long before is not on its way any more: who wrote it was killed."""


def is_large(record: Record) -> bool:
    """Whether it is a letter of which pieces could be made."""
    return (record.key or b"").startswith(LETTER) and len(record.value or b"") > PIECE_BYTES


def cut(letter: Record, name: bytes) -> list[Record]:
    """Its pieces, and last the letter itself, which names them."""
    value, state = letter.value or b"", unpack_letter(letter.value or b"")
    if state is None:
        return [letter]
    parts = [value[at : at + PIECE_BYTES] for at in range(0, len(value), PIECE_BYTES)]
    head = msgspec.structs.replace(state, attempts=(), event=b"", cut=name, pieces=len(parts))
    pieces = [Record(key_of(name, number), part, []) for number, part in enumerate(parts)]
    return [*pieces, Record(letter.key, pack_state(head), letter.headers)]


def key_of(name: bytes, number: int) -> bytes:
    """Of the piece of that number, from 0."""
    return PIECE + name + number.to_bytes(_NUMBER_BYTES, "big")


def keys_of(letter: Entry) -> list[bytes]:
    """Of all its pieces, in order."""
    return [key_of(letter.cut, number) for number in range(letter.pieces)]


class Pieces:
    """Where pieces rest, as the topic tells it."""

    def __init__(self) -> None:
        self.offsets: Final[dict[bytes, int]] = {}
        """By key."""
        self._times_s: Final[dict[bytes, float]] = {}
        """By name when its last came."""

    def tell(self, record: Found) -> None:
        """One of them, or its end."""
        key = record.key or b""
        name = key[len(PIECE) : -_NUMBER_BYTES]
        if record.value is None:
            self.offsets.pop(key, None)
            self._times_s.pop(name, None)
        else:
            self.offsets[key] = record.offset
            self._times_s[name] = record.time_ms / 1000

    def lost(self, names: Collection[bytes], now_s: float) -> list[Record]:
        """The ends of those that no letter names, and none will; `names` are those that are named."""
        keys = defaultdict(list)
        for key in self.offsets:
            keys[key[len(PIECE) : -_NUMBER_BYTES]].append(key)
        gone = [name for name in keys if name not in names and self._times_s.get(name, 0.0) + _LOST_S < now_s]
        return [Record(key, None, []) for name in gone for key in keys[name]]


@dataclass(frozen=True, slots=True)
class Post:
    """Records that are stored whole or not at all; where they are too large, what they are about is stored before."""

    records: Sequence[Record]
    names: Callable[[], bytes]
    """Gives each letter that is cut a name of its own."""
    stored: Callable[[int], None]
    """With the offset of the first."""
    failed: Callable[[ChannelUnavailable], None]

    @property
    def size_bytes(self) -> int:
        """About what they take in a batch."""
        return sum([size_of(one) for one in self.records])

    def split(self) -> "list[Post]":
        """Each piece by itself, and then what names them; itself where there is none."""
        pieces: list[Record] = []
        others: list[Record] = []
        for record in self.records:
            if is_large(record):
                *parts, head = cut(record, self.names())
                pieces += parts
                others.append(head)
            else:
                others.append(record)
        if not pieces:
            return [self]
        return [Post(part, self.names, self.stored, self.failed) for part in [*[(one,) for one in pieces], others]]
