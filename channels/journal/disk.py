"""Where a journal's transactions are done: on threads of its own, or wherever a simulation wants them."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Final, Protocol, TypeVar

import apsw

from channels.folder_lock import FolderLock
from channels.journal.batch import Batch, commit
from channels.journal.errors import DRIVER_ERRORS
from channels.journal.salvage import mark_damaged, mend
from channels.journal.schema import PAGE_BYTES, migrate

WAL_MAX_BYTES: Final = 4 * 2**20
"""How long the write-ahead log may grow before what it holds goes to the file (SQLite's own default: 1,000 pages)."""
_CACHE_KIB: Final = 4096
_BUSY_TIMEOUT_MS: Final = 1000
"""How long a checkpoint that shortens the log waits for readers, whose transactions are short."""
FILE_NAME: Final = "journal.db"
T = TypeVar("T")
Done = Callable[[Exception | None], None]


class Disk(Protocol):
    """One database file. All methods are called by the event loop that opened it."""

    async def open(self, begin: Callable[[apsw.Connection], None]) -> None:
        """Ready, with the tables of `schema.VERSION`, and `begin` was called in a transaction that is safe.

        Raises DataDirTaken, NewerJournal, or one of `DRIVER_ERRORS`.
        """

    def write(self, batch: Batch, done: Done) -> None:
        """Commit that, then call `done` on the loop: with None where it is safe, or with the error (one of
        `DRIVER_ERRORS`) where nothing of it was done. Not called again before `done` was.
        """

    async def read(self, question: Callable[[apsw.Connection], T]) -> T:
        """Ask that of a state that holds at least every write that is done, in one read transaction. Raises one of
        `DRIVER_ERRORS`, or whatever the question raises.
        """

    def room(self) -> tuple[int, int]:
        """Bytes that are free, and bytes that there are, of the file system. Raises OSError."""

    async def close(self) -> None:
        """Leave the file alone, as small as it can be. Whoever opened it closes it, also after a failed write."""


class ThreadDisk:
    """The real one: `journal.db` in a folder of its own, one thread that writes and one that reads."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self._lock: Final = FolderLock(folder)
        self._writer: Final = _Worker("journal writer")
        self._reader: Final = _Worker("journal reader")
        self._connection: apsw.Connection | None = None
        self._reading: apsw.Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self, begin: Callable[[apsw.Connection], None]) -> None:
        """Take the lock and open the file, or make both."""
        self._loop = asyncio.get_running_loop()
        self._lock.take()
        try:
            await self._ask(self._writer, lambda: self._open(begin))
        except BaseException:
            await self.close()
            raise

    def _open(self, begin: Callable[[apsw.Connection], None]) -> None:
        file = self._folder / FILE_NAME
        mend(file)
        path = str(file)
        self._connection = connection = apsw.Connection(path)
        prepare(connection)
        with connection:
            begin(connection)
        self._reading = reading = apsw.Connection(path)
        reading.set_busy_timeout(_BUSY_TIMEOUT_MS)
        reading.pragma("query_only", 1)
        reading.pragma("cache_size", -_CACHE_KIB // 4)

    def write(self, batch: Batch, done: Done) -> None:
        """To the writer's thread, which commits and then, at its leisure, checkpoints."""
        self._writer.tasks.put(lambda: self._write(batch, done))

    def _write(self, batch: Batch, done: Done) -> None:
        assert self._connection is not None
        assert self._loop is not None
        error: Exception | None = None
        try:
            commit(self._connection, batch)
        except DRIVER_ERRORS as raised:
            error = raised
            self._mark(raised)
        self._loop.call_soon_threadsafe(done, error)
        if error is None:
            checkpoint(self._connection)

    async def read(self, question: Callable[[apsw.Connection], T]) -> T:
        """On the reader's thread."""
        return await self._ask(self._reader, lambda: self._read(question))

    def _read(self, question: Callable[[apsw.Connection], T]) -> T:
        assert self._reading is not None
        try:
            with self._reading:  # a savepoint: one snapshot for all that is asked
                answer = question(self._reading)
        except DRIVER_ERRORS as error:
            self._mark(error)
            raise
        return answer

    def _mark(self, error: Exception) -> None:
        if isinstance(error, apsw.CorruptError | apsw.NotADBError):
            mark_damaged(self._folder)

    def room(self) -> tuple[int, int]:
        """As `statvfs` tells it."""
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize

    async def close(self) -> None:
        """Everything to the file, the write-ahead log away, the lock free."""
        try:
            await self._ask(self._reader, self._close_reading)
            await self._ask(self._writer, self._close)
        finally:
            self._reader.stop()
            self._writer.stop()
            self._lock.release()

    def _close_reading(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()  # the last connection that closes checkpoints, and unlinks the log
            self._connection = None

    async def _ask(self, worker: "_Worker", do: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        worker.tasks.put(lambda: _answer(loop, answer, do))
        return await answer


def prepare(connection: apsw.Connection) -> None:
    """Settings and tables of a connection that writes. Raises NewerJournal."""
    connection.set_busy_timeout(_BUSY_TIMEOUT_MS)
    connection.pragma("page_size", PAGE_BYTES)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    connection.pragma("cache_size", -_CACHE_KIB)
    connection.pragma("journal_size_limit", WAL_MAX_BYTES)
    connection.wal_autocheckpoint(0)
    migrate(connection)


def checkpoint(connection: apsw.Connection, wal_max_bytes: int = WAL_MAX_BYTES) -> None:
    """Bring the write-ahead log into the file where it is longer than that: the next commit begins it anew.

    Between commits, by the thread that commits: nobody waits for it but the next commit.
    """
    pages = wal_max_bytes // PAGE_BYTES
    try:
        if connection.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)[0] < pages:
            return
        in_log, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        if in_log > 4 * pages:  # readers kept it from beginning anew
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        connection.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE, True)
    except apsw.Error:
        # Out of room, or a reader in the way: what is in the log is safe there, and the next commit tries again.
        return


class _Worker:
    """A thread that does one thing after the other. A daemon: whoever never closes must not keep the process."""

    def __init__(self, name: str) -> None:
        self.tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: Final = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (task := self.tasks.get()) is not None:
            task()

    def stop(self) -> None:
        """When all that was put in is done."""
        self.tasks.put(None)
        self._thread.join()


def _answer(loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[T]", do: Callable[[], T]) -> None:
    """Do it on this thread, and tell the loop; whoever asked may be gone."""
    try:
        result = do()
    except Exception as error:  # noqa: BLE001 - it goes to whoever asked
        loop.call_soon_threadsafe(_set_error, answer, error)
    else:
        loop.call_soon_threadsafe(_set_result, answer, result)


def _set_result(answer: "asyncio.Future[T]", result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _set_error(answer: "asyncio.Future[T]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
