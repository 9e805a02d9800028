"""Counting events anew, where totals cannot be kept step by step: a group that begins in the past or is forgotten."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import apsw

from channels.frame import decode
from channels.journal.schema import POSITION_BITS

_MASK = (1 << POSITION_BITS) - 1
_MISSING = b""


@dataclass(frozen=True, slots=True)
class View:
    """What a group had settled at one moment: everything up to the cursor but for what `marks` says, by the position
    of a run's first event; None: all of that run.
    """

    cursor: int
    marks: Mapping[int, bytes | None]

    def has_settled_run(self, first: int, last: int) -> bool:
        """All of it."""
        marks = self.marks.get(first, _MISSING)
        return last <= self.cursor if marks == _MISSING else marks is None or all(marks)

    def has_settled(self, first: int, position: int) -> bool:
        """That event of the run that begins there."""
        marks = self.marks.get(first, _MISSING)
        return position <= self.cursor if marks == _MISSING else marks is None or bool(marks[position - first])

    def is_parted(self, first: int, last: int) -> bool:
        """Some of it is settled, and some is not, or may not be."""
        return bool(self.marks.get(first)) or first <= self.cursor < last


NOTHING = View(-1, {})
"""Of a group that has settled nothing."""


@dataclass(slots=True)
class Count:
    """What was found of the runs that were looked at."""

    unsettled: int = 0
    """Events that the subject has not settled."""
    alone: int = 0
    """Those of them that all others have settled."""
    alone_size_bytes: int = 0
    size_bytes: int = 0
    """Of all the runs."""
    keys: "array[int]" = field(default_factory=lambda: array("q"))
    """Runs that all others have settled."""
    sizes: "array[int]" = field(default_factory=lambda: array("q"))
    """Their sizes."""


def count(connection: apsw.Connection, first: int, last: int, subject: View, others: Sequence[View]) -> Count:
    """Look at the runs with keys from first to last. Bodies are read only of those that are settled in part."""
    found = Count()
    rows = connection.execute(
        "SELECT key, events, size_bytes FROM log WHERE key BETWEEN ? AND ? ORDER BY key", (first, last)
    )
    for key, events, size_bytes in rows:
        begin = key & _MASK
        end = begin + events - 1
        found.size_bytes += size_bytes
        is_alone = all(other.has_settled_run(begin, end) for other in others)
        if is_alone:
            found.keys.append(key)
            found.sizes.append(size_bytes)
        if subject.has_settled_run(begin, end):
            continue
        if subject.is_parted(begin, end) or (not is_alone and any(other.is_parted(begin, end) for other in others)):
            _count_parted(connection, key, subject, others, found)
            continue
        found.unsettled += events
        if is_alone:
            found.alone += events
            found.alone_size_bytes += size_bytes
    return found


def _count_parted(connection: apsw.Connection, key: int, subject: View, others: Sequence[View], found: Count) -> None:
    begin = key & _MASK
    records, _ = decode(connection.execute("SELECT body FROM log WHERE key = ?", (key,)).get)
    for record in records:
        if subject.has_settled(begin, record.position):
            continue
        found.unsettled += 1
        if all(other.has_settled(begin, record.position) for other in others):
            found.alone += 1
            found.alone_size_bytes += record.size_bytes


def first_since(connection: apsw.Connection, first: int, last: int, time_us: int) -> int | None:
    """The key of the first run with keys from first to last that was stored at that time or later, None where there is
    none. Times grow with keys, so few rows are looked at.
    """
    found = None
    sql = "SELECT key, time FROM log WHERE key BETWEEN ? AND ? ORDER BY key LIMIT 1"
    while first <= last:
        middle = (first + last) // 2
        row = connection.execute(sql, (middle, last)).get
        if row is None:
            last = middle - 1
        elif row[1] >= time_us:
            found, last = row[0], middle - 1
        else:
            first = row[0] + 1
    return found
