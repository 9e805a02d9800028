"""What is asked of the file by those who are behind: plain questions, for whichever thread has a connection."""

from dataclasses import dataclass

import apsw

from channels.frame import Record, decode
from channels.journal.parked import as_bytes, number
from channels.journal.row import LOG_RUN_EVENTS_MAX


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
        f"SELECT key, {number('events')}, {number('size_bytes')}, {as_bytes('body')} FROM log "
        "WHERE key BETWEEN ? AND ? ORDER BY key",
        (first, last),
    )
    found: list[Found] = []
    for key, events, size_bytes, body in rows:
        if found and (events_max <= 0 or size_max_bytes <= 0):
            break
        run = _found(key, events, size_bytes, body)
        found.append(run)
        events_max -= run.count
        size_max_bytes -= run.size_bytes
    else:
        if found:
            tail = found[-1]
            found[-1] = Found(tail.key, tail.count, tail.size_bytes, tail.records, tail.damaged, is_last=True)
    return found


def _found(key: int, events: int, size_bytes: int, body: bytes) -> Found:
    """A run as its frames have it; what its row says counts only for those of them that are damaged."""
    records, damaged = decode(body)
    count = max([record.index + 1 for record in records], default=0)
    if records and not damaged:
        return Found(key, count, sum([record.size_bytes for record in records]), records, damaged, is_last=False)
    count = max(count, 1, min(events, LOG_RUN_EVENTS_MAX))
    return Found(key, count, size_bytes, records, damaged or [body], is_last=False)
