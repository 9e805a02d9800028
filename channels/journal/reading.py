"""What is asked of the file by those who are behind: plain questions, for whichever thread has a connection."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import apsw

from channels.frame import Record, decode
from channels.journal.batch import ParkedRow


@dataclass(frozen=True, slots=True)
class Found:
    """A run as it was found. `damaged` are the stretches of its body that hold no event."""

    key: int
    count: int
    size_bytes: int
    records: list[Record]
    damaged: list[bytes]
    is_last: bool
    """There was no other one within what was asked for."""


def read_log(connection: apsw.Connection, first: int, last: int, events_max: int, size_max_bytes: int) -> list[Found]:
    """The runs with keys from first to last, at least one where there is one, until that many events have come.

    The run that holds the first position may begin before it.
    """
    before = connection.execute("SELECT key, events FROM log WHERE key < ? ORDER BY key DESC LIMIT 1", (first,)).get
    if before is not None and before[0] + before[1] > first:
        first = before[0]
    rows = connection.execute(
        "SELECT key, events, size_bytes, body FROM log WHERE key BETWEEN ? AND ? ORDER BY key", (first, last)
    )
    found: list[Found] = []
    for key, events, size_bytes, body in rows:
        if found and (events_max <= 0 or size_max_bytes <= 0):
            break
        records, damaged = decode(body)
        found.append(Found(key, events, size_bytes, records, damaged, is_last=False))
        events_max -= events
        size_max_bytes -= size_bytes
    else:
        if found:
            tail = found[-1]
            found[-1] = Found(tail.key, tail.count, tail.size_bytes, tail.records, tail.damaged, is_last=True)
    return found


@dataclass(slots=True)
class FoundParked:
    """A parked run as it was found."""

    key: int
    rank: int
    due: int
    attempts: int
    count: int
    size_bytes: int
    note: bytes
    records: list[Record]
    damaged: list[bytes]
    marks: bytes | None = None
    settled_size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class QueueRead:
    """Parked runs in the order of their queue, and where the reading ended.

    `stopped` is the rank and due time of the run it stopped at: the first that is not due, or that was not wanted any
    more; None where the queue ended.
    """

    runs: list[FoundParked]
    stopped: tuple[int, int] | None


def found_parked(row: ParkedRow, marks: bytes | None = None) -> FoundParked:
    """A run as its row has it."""
    identity, _, rank, due, attempts, events, size_bytes, note, body = row
    records, damaged = decode(body)
    return FoundParked(identity, rank, due, attempts, events, size_bytes, note, records, damaged, marks)


_NEXT = """
SELECT id, rank, due, attempts, events, parked.size_bytes, note, body, marks,
  settled.size_bytes
FROM parked LEFT JOIN settled ON member_group = 0 AND run = id
WHERE queue = ? AND (rank, id) > (?, ?) ORDER BY rank, id
"""


def read_queue(
    connection: apsw.Connection,
    queue: int,
    after: tuple[int, int],
    now_us: int,
    events_max: int,
    known: AbstractSet[int],
) -> QueueRead:
    """Up to that many events, a run more or less, of those due; runs that are `known` are passed over."""
    runs: list[FoundParked] = []
    for row in connection.execute(_NEXT, (queue, *after)):
        identity, rank, due, attempts, events, size_bytes, note, body, marks, settled_size_bytes = row
        if identity in known:
            continue
        if due > now_us or events_max <= 0:
            return QueueRead(runs, (rank, due))
        runs.append(found_parked((identity, queue, rank, due, attempts, events, size_bytes, note, body), marks))
        runs[-1].settled_size_bytes = settled_size_bytes or 0
        events_max -= events
    return QueueRead(runs, None)
