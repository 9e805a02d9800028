"""What one commit holds, and the commit itself: plain synchronous code, for whichever thread has the connection."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import apsw

from channels.journal.row import ParkedRow, SettledRow

Value = None | int | float | str | bytes
Statement = tuple[str, Sequence[Value]]
"""SQL and its bindings."""
LogRow = tuple[int, int, int, int, bytes]
"""A run of published events: key, time, events, size_bytes, body."""

_INSERT_LOG: Final = "INSERT INTO log VALUES (?, ?, ?, ?, ?)"
_INSERT_PARKED: Final = "INSERT INTO parked VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE_LOG: Final = "DELETE FROM log WHERE key IN carray(?)"
_DELETE_PARKED: Final = "DELETE FROM parked WHERE id IN carray(?)"
_SETTLE: Final = "INSERT OR REPLACE INTO settled VALUES (?, ?, ?, ?, ?)"
_UNSETTLE: Final = "DELETE FROM settled WHERE member_group = ? AND run = ?"


@dataclass(slots=True)
class Batch:
    """What one transaction does, from top to bottom."""

    log: list[LogRow] = field(default_factory=list)
    parked: list[ParkedRow] = field(default_factory=list)
    log_deleted: list[int] = field(default_factory=list)
    """Keys of runs."""
    parked_deleted: list[int] = field(default_factory=list)
    """Ids of runs."""
    settled: list[SettledRow] = field(default_factory=list)
    unsettled: list[tuple[int, int]] = field(default_factory=list)
    """Rows of `settled` that have served: member_group and run."""
    statements: list[Statement] = field(default_factory=list)
    """Whatever else there is to do, in this order."""

    def __bool__(self) -> bool:
        return bool(
            self.log or self.parked or self.log_deleted or self.parked_deleted or self.settled or self.unsettled
            or self.statements
        )  # fmt: skip

    def keep(self, later: "Batch") -> None:
        """Nothing of this was done: what may not be refused is to be done first, and then what gathered later."""
        self.log = later.log
        self.parked += later.parked
        self.log_deleted += later.log_deleted
        self.parked_deleted += later.parked_deleted
        self.settled += later.settled
        self.unsettled += later.unsettled
        self.statements += later.statements


def commit(connection: apsw.Connection, batch: Batch) -> None:
    """Do all of it in one transaction, synced when this returns, or nothing where it raises apsw.Error.

    Few statements, because each gives the interpreter lock up and has to get it back. One INSERT into a view whose
    trigger does all the rest, so that a commit is one step, was measured: it is no cheaper, for uvloop lets go of the
    lock between any two callbacks.
    """
    execute = connection.execute
    try:
        execute("BEGIN IMMEDIATE")
        for row in batch.log:
            execute(_INSERT_LOG, row)
        for parked in batch.parked:
            execute(_INSERT_PARKED, parked)
        _delete(connection, _DELETE_LOG, batch.log_deleted)
        _delete(connection, _DELETE_PARKED, batch.parked_deleted)
        for settled in batch.settled:
            execute(_SETTLE, settled)
        for unsettled in batch.unsettled:
            execute(_UNSETTLE, unsettled)
        for sql, bindings in batch.statements:
            execute(sql, bindings)
        execute("COMMIT")
    except apsw.Error:
        if not connection.get_autocommit():
            execute("ROLLBACK")
        raise


def _delete(connection: apsw.Connection, sql: str, keys: Sequence[int]) -> None:
    if keys:
        connection.execute(sql, (apsw.carray(array("q", keys)),))
