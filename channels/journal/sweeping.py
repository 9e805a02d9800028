"""Deleting much without a commit that takes long: a little in each commit, until nothing is left.

What is swept is refuse already: it is found again after a restart.
"""

from collections import deque
from typing import Final

from channels.journal.batch import Batch, Statement
from channels.journal.committer import Committer

RUNS_PER_COMMIT: Final = 250
_NEXT: Final = "(SELECT id FROM parked WHERE queue = ? ORDER BY rank, id LIMIT ?)"
_SWEEP_MARKS: Final = f"DELETE FROM settled WHERE member_group = 0 AND run IN {_NEXT}"
_SWEEP_QUEUE: Final = f"DELETE FROM parked WHERE id IN {_NEXT}"
_SWEEP_LOG: Final = "DELETE FROM log WHERE key IN (SELECT key FROM log WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?)"


class Sweeper:
    """A part of each commit."""

    def __init__(self, committer: Committer) -> None:
        self._committer: Final = committer
        self._chores: Final[deque[list[tuple[Statement, ...]]]] = deque()

    def sweep_queue(self, queue: int, runs: int) -> None:
        """Delete so many runs that are parked there."""
        bindings = (queue, RUNS_PER_COMMIT)
        self._add([((_SWEEP_MARKS, bindings), (_SWEEP_QUEUE, bindings))] * -(-runs // RUNS_PER_COMMIT))

    def sweep_log(self, first: int, last: int, runs: int) -> None:
        """Delete so many runs of the log with keys from first to last."""
        self._add([((_SWEEP_LOG, (first, last, RUNS_PER_COMMIT)),)] * -(-runs // RUNS_PER_COMMIT))

    def _add(self, chores: list[tuple[Statement, ...]]) -> None:
        if chores:
            self._chores.append(chores)
            self._committer.schedule()

    def before(self) -> None:
        """Nothing to do."""

    def put(self, batch: Batch) -> None:
        """One chore."""
        if self._chores:
            batch.statements += self._chores[0].pop()
            if not self._chores[0]:
                self._chores.popleft()

    def committed(self) -> None:
        """On with it."""
        if self._chores:
            self._committer.schedule()

    def failed(self, error: Exception) -> None:
        """What was put is owed."""

    def refuse(self, error: Exception) -> None:
        """Nothing is published here."""
