"""A disk that lives in memory, on the loop, and fails on command; and short ways to a journal."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import apsw

from channels.contract import Subscription
from channels.journal import Journal
from channels.journal.batch import Batch, commit
from channels.journal.channel import JournalChannel
from channels.journal.disk import prepare

T = TypeVar("T")


class FakeDisk:
    """Fulfils `Disk`. What one process committed the next one finds, as long as the object lives."""

    def __init__(self) -> None:
        self.connection = apsw.Connection(":memory:")
        self.error: Exception | None = None
        """What the next commits fail with."""
        self.read_error: Exception | None = None
        self.free_bytes = 2**30
        self.total_bytes = 2**31
        self.commits = 0
        self.batches: list[Batch] = []
        self.reads = 0
        self._writing: asyncio.Task[None] | None = None
        self.held: asyncio.Event | None = None
        """Where set, commits wait for it."""

    async def open(self, begin: Callable[[apsw.Connection], None]) -> None:
        prepare(self.connection)
        with self.connection:
            begin(self.connection)

    def write(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
        assert self._writing is None or self._writing.done(), "a second write before the first was done"
        self._writing = asyncio.ensure_future(self._write(batch, done))

    async def _write(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
        if self.held is not None:
            await self.held.wait()
        if self.error is None:
            commit(self.connection, batch)
            self.commits += 1
            self.batches.append(batch)
        asyncio.get_running_loop().call_soon(done, self.error)

    async def read(self, question: Callable[[apsw.Connection], T]) -> T:
        await asyncio.sleep(0)
        self.reads += 1
        if self.read_error is not None:
            raise self.read_error
        with self.connection:
            return question(self.connection)

    def room(self) -> tuple[int, int]:
        return self.free_bytes, self.total_bytes

    async def close(self) -> None:
        pass

    def rows(self, table: str) -> int:
        """How many there are."""
        found = self.connection.execute(f"SELECT count(*) FROM {table}").get
        assert isinstance(found, int)
        return found


def a_journal(disk: FakeDisk, *, size_max_bytes: int = 2**30, clock: Callable[[], float] = lambda: 1e9) -> Journal:
    return Journal(Path("unused"), size_max_bytes=size_max_bytes, clock=clock, disk=disk)


async def drained(channel: JournalChannel) -> None:
    """Everything owed is safe."""
    await channel.journal.committer.flush()


async def take_all(member: Subscription, queue: str, count: int, *, is_ordered: bool = False) -> list[str]:
    """The ids of so many parked events, acked."""
    found: list[str] = []
    while len(found) < count:
        taken = await member.queue(queue, is_ordered=is_ordered).take(count - len(found))
        assert taken, f"{len(found)} of {count} were there"
        found += [delivery.event.id for delivery in taken]
        member.ack(taken)
    return found


def without_index(connection: apsw.Connection, sql: str) -> None:
    """Do that, and the index of parked runs goes on saying what it said."""
    connection.pragma("writable_schema", 1)
    index = connection.execute("SELECT * FROM sqlite_schema WHERE name = 'parked_by_rank'").get
    connection.execute("DELETE FROM sqlite_schema WHERE name = 'parked_by_rank'")
    connection.pragma("writable_schema", "reset")
    connection.execute(sql)
    connection.pragma("writable_schema", 1)
    connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", index)
    connection.pragma("writable_schema", "reset")
    assert connection.pragma("integrity_check") != "ok"
