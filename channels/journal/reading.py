"""What is asked of the file by those who are behind: plain questions, for whichever thread has a connection."""

from dataclasses import dataclass

import apsw

from channels.frame import Record, decode


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
