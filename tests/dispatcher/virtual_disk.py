"""A journal's disk in virtual time: what was written outlives processes, and a process can end between two writes."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import apsw

from channels.journal.batch import Batch, commit
from channels.journal.disk import prepare

T = TypeVar("T")
WRITE_S = 0.003


class VirtualDisk:
    """A database in memory that outlives processes. Each write takes a while, and none is done after a crash."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.is_dead = False
        self._connection = connection

    async def open(self, begin: Callable[[apsw.Connection], None]) -> None:
        prepare(self._connection)
        with self._connection:
            begin(self._connection)

    def write(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
        asyncio.get_running_loop().call_later(WRITE_S, self._write, batch, done)

    def _write(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
        if not self.is_dead:
            commit(self._connection, batch)
            done(None)

    async def read(self, question: Callable[[apsw.Connection], T]) -> T:
        await asyncio.sleep(WRITE_S / 2)
        return question(self._connection)

    def room(self) -> tuple[int, int]:
        return 2**40, 2**40

    async def close(self) -> None:
        """The connection stays."""
