"""The tail of the change log in memory, for all watchers of a process: one reader of the database, however many they
are.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

from eventing.errors import Expired, StoreUnavailable
from eventing.store.database import Database
from eventing.store.row import ChangeRow
from eventing.store.table import SLICE, read_changes

KEPT_MAX: Final = 1000
"""Changes in memory; who is further behind reads them from the database. The Kubernetes API server keeps at least 100
to a kind."""
KEPT_SIZE_MAX_BYTES: Final = 16 * 2**20
_PAUSE_S: Final = 1.0
"""Before it asks again a database that is away; who listens to it tells the operator."""


class Feed:
    """All changes after the version it begins with, in order. Versions have no gaps, so nothing is missed unseen."""

    def __init__(self, database: Database, position: int, *, changes_max: int) -> None:
        self.position = position
        self._database: Final = database
        self._kept_max: Final = min(KEPT_MAX, changes_max)
        self._kept: deque[ChangeRow] = deque()
        self._size_bytes = 0
        self._grown = asyncio.Event()
        self._behind = asyncio.Event()

    def offer(self, rows: Sequence[ChangeRow]) -> None:
        """Take what a writer of this process has just committed; where other processes' changes come before, fetch."""
        if rows and rows[0].version > self.position + 1:
            self.wake()
        else:
            self._append(rows)

    def wake(self) -> None:
        """Look for other processes' changes."""
        self._behind.set()

    async def run(self) -> None:
        """For ever: fetch whenever it is woken, and again later while the database is away."""
        while True:
            await self._behind.wait()
            self._behind.clear()
            try:
                while rows := await self._fetch(self.position):
                    self._append(rows)
            except StoreUnavailable:
                self._behind.set()
                await asyncio.sleep(_PAUSE_S)

    async def after(self, position: int) -> Sequence[ChangeRow]:
        """Some of the changes after a version, the next one first; waits until there is one. Raises Expired where that
        is forgotten.
        """
        while position >= self.position:
            await self._grown.wait()
        if (skipped := position - (self.position - len(self._kept))) >= 0:
            return list(islice(self._kept, skipped, skipped + SLICE))
        rows = await self._fetch(position)
        if not rows or rows[0].version != position + 1:
            raise Expired(f"changes since version {position} are not known; the store is at {self.position}")
        return rows

    async def _fetch(self, position: int) -> list[ChangeRow]:
        return await self._database.read(lambda connection: read_changes(connection, position, SLICE))

    def _append(self, rows: Sequence[ChangeRow]) -> None:
        for row in rows:
            if row.version > self.position + 1:
                # So far behind that changes were forgotten: who needs them finds that out.
                self._kept.clear()
                self._size_bytes = 0
            if row.version > self.position:
                self._kept.append(row)
                self._size_bytes += len(row.body)
                self.position = row.version
        while len(self._kept) > self._kept_max or self._size_bytes > KEPT_SIZE_MAX_BYTES:
            self._size_bytes -= len(self._kept.popleft().body)
        self._grown.set()
        self._grown = asyncio.Event()
