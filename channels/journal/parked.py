"""What is asked of the file about parked runs: plain questions, for whichever thread has a connection.

Nothing in a row is believed before its checksum was looked at. What a channel begins with are sums over the index by
rank, of which no checksum is: what they counted a run as is kept beside what it is found to be.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import apsw

from channels.frame import Record, decode
from channels.journal.row import (
    RUN_EVENTS_MAX,
    RUN_SIZE_MAX_BYTES,
    ParkedRow,
    Place,
    SettledRow,
    place_of,
    settled_row,
    sound,
)  # fmt: skip

CLAIMED_EVENTS: Final = f"CAST(max(1, min(ifnull({{0}}.events, 1), {RUN_EVENTS_MAX})) AS INTEGER)"
"""As many events as a run may be counted as by what the index says. None that there is counts for nothing: a queue
ends with its last event.
"""
CLAIMED_SIZE_BYTES: Final = f"""CAST(ifnull(
  CASE WHEN {{0}}.size_bytes BETWEEN 0 AND {RUN_SIZE_MAX_BYTES} OR {{0}}.size_bytes BETWEEN 0 AND 4 * length({{1}}.body)
  THEN {{0}}.size_bytes ELSE length({{1}}.body) END, 0) AS INTEGER)"""
"""The same of bytes. A larger event is charged with each attribute twice, and with what holds it."""


class Claim(NamedTuple):
    """What a run was counted as."""

    events: int
    size_bytes: int

    def left(self, settled: SettledRow | None) -> "Claim":
        """What of it is left; at least one event, or it would not be there."""
        if settled is None or settled[3] is None:
            return self
        return Claim(max(1, self.events - settled[3].count(1)), max(0, self.size_bytes - settled[2]))


@dataclass(slots=True)
class FoundParked:
    """A parked run as it was found. `damaged` are the stretches of its body that hold no event."""

    key: int
    rank: int
    """By which the queue's order goes: the index's."""
    due: int
    attempts: int
    count: int
    size_bytes: int
    note: bytes
    records: list[Record]
    damaged: list[bytes]
    claim: Claim
    marks: bytes | None = None
    settled_size_bytes: int = 0
    is_recorded: bool = False
    """There is a row about it in the table `settled`, sound or not."""
    is_sound: bool = True
    """Its numbers are what was written; else they are what its frames tell."""


@dataclass(slots=True)
class QueueRead:
    """Parked runs in the order of their queue, and where the reading ended."""

    runs: list[FoundParked] = field(default_factory=list)
    stopped: tuple[int, int] | None = None
    """Rank and due time of the run it stopped at: the first that is not due, or that was not wanted any more; None
    where the queue ended."""
    strays: list["Stray"] = field(default_factory=list)
    is_index_wrong: bool = False
    """What it says of some run is not what is in its row."""


class Stray(NamedTuple):
    """A run that the index has in a queue, and that is another queue's, or not there at all."""

    key: int
    claim: Claim
    written: ParkedRow | None


def found_parked(row: ParkedRow) -> FoundParked:
    """A run as a sound row has it of which nothing is settled."""
    identity, _, rank, due, attempts, events, size_bytes, note, _, body = row
    claim = Claim(events, size_bytes)
    return FoundParked(identity, rank, due, attempts, events, size_bytes, note, *decode(body), claim)


def _as_written(row: ParkedRow, place: Place, settled: SettledRow | None) -> FoundParked:
    """A run whose numbers are sound. Marks that are not cost no event: what was settled comes once more."""
    run = found_parked(row)
    run.rank = place.rank
    if settled is not None and settled[3] is not None and len(settled[3]) == run.count:
        run.marks, run.settled_size_bytes = settled[3], settled[2]
    return run


def _told_by_frames(row: ParkedRow, place: Place, settled: SettledRow | None) -> FoundParked:
    """A run whose numbers cannot be trusted: due at once, never tried. Where nothing tells how many events there were,
    damage at the end counts as one.
    """
    body, marks = row[9], None if settled is None else settled[3]
    records, damaged = decode(body)
    is_cut = bool(damaged) and body.endswith(damaged[-1])
    count = max([record.index + 1 for record in records], default=0) + is_cut if marks is None else len(marks)
    records = [record for record in records if record.index < count]
    run = FoundParked(row[0], place.rank, 0, 0, count, 0, b"", records, damaged, Claim(0, 0), marks, is_sound=False)
    run.size_bytes = sum([record.size_bytes for record in records])
    if marks is not None:
        run.settled_size_bytes = sum([record.size_bytes for record in records if marks[record.index]])
    return run


def number(column: str) -> str:
    """SQL: an integer, whatever damage made of it."""
    return f"ifnull(CAST({column} AS INTEGER), 0)"


def as_bytes(column: str) -> str:
    """SQL: bytes, whatever damage made of them. Text would have to be UTF-8."""
    return f"ifnull(CAST({column} AS BLOB), x'')"


def columns(table: str) -> str:
    """SQL: a `ParkedRow`, whatever is in the row."""
    numbers = [f"{table}.{name}" for name in ("id", "queue", "rank", "due", "attempts", "events", "size_bytes")]
    note, checksum, body = f"{table}.note", f"{table}.checksum", f"{table}.body"
    return ", ".join([*map(number, numbers), as_bytes(note), number(checksum), as_bytes(body)])


def places(table: str) -> str:
    """SQL: a `Place`, whatever is in the index."""
    return ", ".join([number(f"{table}.{name}") for name in ("queue", "rank", "events", "size_bytes")])


SETTLED: Final = (
    f"settled.member_group, settled.run, {number('settled.size_bytes')}, CAST(marks AS BLOB), "
    f"{number('settled.checksum')}"
)
"""SQL: a `SettledRow`, whatever is in the row."""
_NEXT: Final = f"""
SELECT place.id, {places("place")}, {CLAIMED_EVENTS.format("place")}, {CLAIMED_SIZE_BYTES.format("place", "row")},
  {columns("row")}, {SETTLED}
FROM parked AS place LEFT JOIN parked AS row ON row.id = place.id
  LEFT JOIN settled ON member_group = 0 AND run = place.id
WHERE place.queue = ? AND (place.rank, place.id) > (?, ?) ORDER BY place.rank, place.id
"""
"""The index and the row are looked at apart: one of them may be what was written."""


def read_queue(
    connection: apsw.Connection,
    queue: int,
    after: tuple[int, int],
    now_us: int,
    events_max: int,
    known: AbstractSet[int],
) -> QueueRead:
    """Up to that many events, a run more or less, of those due; runs that are `known` are passed over."""
    read = QueueRead()
    for identity, *found in connection.execute(_NEXT, (queue, *after)):
        if identity in known:
            continue
        place, row, settled = Place(*found[:4]), parked_of(found[6:16]), settled_or_none(found[16:])
        claim = Claim(*found[4:6]).left(settled)
        written = sound(row, place)
        if row[0] != identity or (written is not None and written[1] != queue):
            read.strays.append(Stray(identity, claim, None if row[0] != identity else written))
            continue
        due = 0 if written is None else written[3]
        if due > now_us or events_max <= 0:
            read.stopped = (place.rank, due)
            break
        read.is_index_wrong = read.is_index_wrong or place != place_of(row)
        run = _told_by_frames(row, place, settled) if written is None else _as_written(written, place, settled)
        run.claim, run.is_recorded = claim, found[16] is not None
        read.runs.append(run)
        events_max -= run.count
    return read


def parked_of(row: Sequence[Any]) -> ParkedRow:
    """A row with `columns`."""
    identity, queue, rank, due, attempts, events, size_bytes, note, checksum, body = row
    return identity, queue, rank, due, attempts, events, size_bytes, note, checksum, body


def settled_or_none(row: Sequence[Any]) -> SettledRow | None:
    """A row with the columns `SETTLED`; None where there is none, or it is not what was written."""
    member_group, run, size_bytes, marks, checksum = row
    written = settled_row(member_group or 0, run or 0, size_bytes, marks)
    return written if run is not None and written[4] == checksum else None
