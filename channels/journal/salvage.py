"""What is done about a file that SQLite finds damaged: whatever can be read goes into a new one, and it is kept aside.

Damage to an event's own bytes is no matter for this: its checksum tells, and only that event is set aside. This is for
a file that was cut, or whose pages do not hang together any more, or whose indexes and rows say different things: then
a checksum tells which of the two is what was written. Source: SQLite's "Database File Format".
"""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from channels.journal.batch import Value
from channels.journal.errors import NewerJournal
from channels.journal.opening import COPIES, QUEUE
from channels.journal.parked import SETTLED, columns, parked_of, places
from channels.journal.row import ParkedRow, Place, place_of, sound
from channels.journal.schema import VERSION, migrate
from channels.journal.state import pack, queue_as_written, queue_row, unpack

CHECKED_MAX_BYTES: Final = 256 * 2**20
"""A file up to this size is checked whole when it is opened: half a second at most. In a larger one damage is met
later, and the next start salvages it."""
_MARK: Final = "journal.damaged"
"""A file of that name asks the next start to salvage."""
_DAMAGE: Final = (apsw.CorruptError, apsw.NotADBError, apsw.FormatError, UnicodeDecodeError)
"""As SQLite finds it, or apsw in a row that is whole: text that is no UTF-8."""
_KEY_MAX: Final = 2**63 - 1
_TABLES: Final[dict[str, str]] = {
    "clock": "id",
    "channel": "id",
    "queue": "id",
    "parked": "id",
    "log": "key",
    "dead_letter": "id",
    "redrive": "id",
}
"""Tables with numbers for keys, by the name of the key."""
_KEYLESS: Final = ("settled", "remembered", "damaged")
_COLUMNS: Final[dict[str, str]] = {
    "channel": f"id, {COPIES}",
    "queue": QUEUE,
    "parked": columns("parked"),
    "settled": SETTLED,
}
"""Of tables that can be read whatever types damage gave their values; of the others all columns."""
_PLACES: Final = f"SELECT {places('parked')} FROM parked INDEXED BY parked_by_rank WHERE +id = ?"
Row = tuple[Value, ...]
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Salvage:
    """What came of it. A gap is a stretch of keys, however long, that could not be read."""

    rows: int = 0
    gaps: int = 0


def mark_damaged(folder: Path) -> None:
    """Have the next start salvage the file: damage was met while it was at work."""
    (folder / _MARK).touch()


def mend(path: Path) -> Salvage | None:
    """Before the file is opened: salvage it if it is damaged, and say so in the log. Nobody else has it open.

    None where there was nothing to do. Raises apsw.Error and OSError for a disk that does not let it.
    """
    mark = path.parent / _MARK
    if not path.exists() or (_is_sound(path) and not mark.exists()):
        mark.unlink(missing_ok=True)
        return None
    fresh = path.with_name("journal.salvaged")
    _remove(fresh)
    salvage = _copy(path, fresh)
    aside = path.with_name(f"journal.damaged-{time.time_ns() // 1_000_000}")
    aside.hardlink_to(path)
    mark.touch()  # a crash from here on has the next start begin again: the old log must not meet the new file
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    fresh.rename(path)
    _sync(path.parent)
    mark.unlink()
    words = "the journal was damaged: %d rows were saved, %d stretches could not be read; the old file is kept as %s"
    _log.error(words, salvage.rows, salvage.gaps, aside)
    return salvage


def _is_sound(path: Path) -> bool:
    """Its schema can be read, nothing of it is cut off, and, where it is small, its pages hang together and its indexes
    say what its rows do.
    """
    try:
        with closing(apsw.Connection(str(path))) as connection:
            connection.pragma("user_version")
            pages, page_bytes = connection.pragma("page_count"), connection.pragma("page_size")
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            size_bytes = path.stat().st_size
            if size_bytes < pages * page_bytes:
                return False
            if size_bytes > CHECKED_MAX_BYTES:
                return True
            return bool(connection.pragma("integrity_check", 1) == "ok")
    except _DAMAGE:
        return False


def _copy(path: Path, fresh: Path) -> Salvage:
    salvage = Salvage()
    with closing(apsw.Connection(str(fresh))) as target:
        migrate(target)
        try:
            with closing(apsw.Connection(str(path))) as source:
                source.pragma("writable_schema", 1)  # or SQLite reads nothing at all of a file that was cut
                if source.pragma("user_version") > VERSION:
                    raise NewerJournal("the damaged journal was written by a newer version of this program")
                with target:
                    _copy_tables(source, target, salvage)
        except _DAMAGE:  # not even its first page can be read
            salvage.gaps += 1
    return salvage


def _copy_tables(source: apsw.Connection, target: apsw.Connection, salvage: Salvage) -> None:
    for table, key in _TABLES.items():
        for row in _rows(source, table, key, salvage):
            _insert(target, table, _as_written(source, table, row), salvage)
    for table in _KEYLESS:
        try:
            for row in source.execute(f"SELECT {_COLUMNS.get(table, '*')} FROM {table}"):
                _insert(target, table, row, salvage)
        except _DAMAGE:
            salvage.gaps += 1
    for number, *copies in list(target.execute("SELECT id, state, copy FROM channel")):
        state = unpack(copies)
        if state is not None:
            state.is_counting = True  # its totals are what opening will find them to be
            target.execute("REPLACE INTO channel VALUES (?, ?, ?)", (number, pack(state), pack(state)))
    target.execute(
        "INSERT OR REPLACE INTO damaged VALUES ('file', 0, ?, ?, x'')",
        (time.time_ns() // 1_000_000, time.time_ns() // 1_000_000),
    )


def _as_written(source: apsw.Connection, table: str, row: Row) -> Row:
    """The row as it was, where that is known."""
    if table == "parked":
        return _parked_as_written(source, parked_of(row))
    if table == "queue":
        return queue_row(queue_as_written(row))
    return row


def _parked_as_written(source: apsw.Connection, row: ParkedRow) -> Row:
    """The row of a parked run with what the index says, where its checksum is of that."""
    if sound(row, place_of(row)) is None:
        with suppress(*_DAMAGE):
            for place in source.execute(_PLACES, (row[0],)):
                return sound(row, Place(*place)) or row
    return row


def _insert(target: apsw.Connection, table: str, row: Row, salvage: Salvage) -> None:
    target.execute(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    salvage.rows += 1


def _rows(source: apsw.Connection, table: str, key: str, salvage: Salvage) -> Iterator[Row]:
    """All rows that can be reached: forward to a damaged page, then from behind it backward to it, and on."""
    at, names = -1, _COLUMNS.get(table, "*")
    while True:
        try:
            for row in source.execute(f"SELECT {names} FROM {table} WHERE {key} > ? ORDER BY {key}", (at,)):
                yield row
                at = _key(row)
        except _DAMAGE:
            salvage.gaps += 1
        else:
            return
        beyond = _beyond(source, table, key, at)
        if beyond is None:
            return
        try:
            sql = f"SELECT {names} FROM {table} WHERE {key} > ? AND {key} <= ? ORDER BY {key} DESC"
            yield from source.execute(sql, (at, beyond))
        except _DAMAGE:
            pass  # the gap's far side, and counted as that
        at = beyond  # read just now, or never to be: its key is on a sound page, what follows it perhaps not


def _beyond(source: apsw.Connection, table: str, key: str, at: int) -> int | None:
    """The nearest key, among those twice as far away each time, from which on a row can be read again."""
    step = 1
    while at + step < _KEY_MAX:
        try:
            found = list(
                source.execute(f"SELECT {key} FROM {table} WHERE {key} >= ? ORDER BY {key} LIMIT 1", (at + step,))
            )
        except _DAMAGE:
            step *= 2
            continue
        return _key(found[0]) if found else None
    return None


def _key(row: Row) -> int:
    key = row[0]
    assert isinstance(key, int)
    return key


def _sync(folder: Path) -> None:
    """What its files are called is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
