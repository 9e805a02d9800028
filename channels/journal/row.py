"""Rows about parked runs and about what is settled, each with a checksum over all it says but a body. Pure.

A body's frames have checksums of their own (`channels.frame`), so a row that is not what was written costs no event:
its numbers are not believed, and what can be told without them is told by the frames.
"""

from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

RUN_EVENTS_MAX: Final = 256
RUN_SIZE_MAX_BYTES: Final = 2**20
"""How large a parked run may be: one is read, and kept on disk, as a whole. A larger event is a run by itself."""
LOG_RUN_EVENTS_MAX: Final = 512
"""How many events a run of the log may have."""
_PARKED_NUMBERS: Final = Struct("<7q")
_SETTLED_NUMBERS: Final = Struct("<4q")

ParkedRow = tuple[int, int, int, int, int, int, int, bytes, int, bytes]
"""A run of parked deliveries: id, queue, rank, due, attempts, events, size_bytes, note, checksum, body."""
SettledRow = tuple[int, int, int, bytes | None, int]
"""How much of a run is settled: member_group (0: a parked run), run, size_bytes (of a parked one's settled events),
one byte for each of its events, 1 for settled (None: all), and the checksum.
"""


def parked_row(
    identity: int,
    queue: int,
    rank: int,
    due: int,
    attempts: int,
    events: int,
    size_bytes: int,
    note: bytes,
    body: bytes,
) -> ParkedRow:
    """The row of a run, whose events make up the body."""
    checksum = crc32(note, crc32(_PARKED_NUMBERS.pack(identity, queue, rank, due, attempts, events, size_bytes)))
    return identity, queue, rank, due, attempts, events, size_bytes, note, checksum, body


def settled_row(member_group: int, run: int, size_bytes: int, marks: bytes | None) -> SettledRow:
    """The row that says so of a run."""
    length, content = (-1, b"") if marks is None else (len(marks), marks)
    checksum = crc32(content, crc32(_SETTLED_NUMBERS.pack(member_group, run, size_bytes, length)))
    return member_group, run, size_bytes, marks, checksum


class Place(NamedTuple):
    """What the index by rank says of a run: a copy of a part of its row."""

    queue: int
    rank: int
    events: int
    size_bytes: int


def place_of(row: ParkedRow) -> Place:
    """What the index should say of that row."""
    return Place(row[1], row[2], row[5], row[6])


def sound(row: ParkedRow, place: Place) -> ParkedRow | None:
    """The row as it was written: by itself, or with what the index says, whichever the checksum is of; else None."""
    for queue, rank, events, size_bytes in (place_of(row), place):
        written = parked_row(row[0], queue, rank, row[3], row[4], events, size_bytes, row[7], row[9])
        if written[8] == row[8]:
            return written
    return None
