"""Where SQL is spoken: one transaction at a time in a SQLite file, on a thread of its own, or many in PostgreSQL.

Both take a function of an ordinary connection, so everything above is written once. Drivers' errors are translated
here, by one table; a driver that not everybody needs brings its own.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Connection, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from channels.folder_lock import FolderLock
from eventing.errors import StoreUnavailable

_AWAY: Final = (
    OperationalError,  # SQLite: locked, full, unreadable; PostgreSQL: out of connections, memory, disk
    InterfaceError,  # the connection was closed
    PoolTimeoutError,  # all connections are busy
    OSError,
)
"""What passes with time, or when the operator acts. Everything else is a bug."""
_BUSY_TIMEOUT_S: Final = 10.0
"""How long a SQLite file may be held by who looks into it from outside."""
T = TypeVar("T")
Ask = Callable[[Connection], T]


class Database(Protocol):
    """Where transactions are done. All methods are called by one event loop, and raise StoreUnavailable."""

    is_shared: bool
    """True where other processes may write into it."""

    async def read(self, ask: Ask[T]) -> T:
        """Ask that of one moment's state."""

    async def write(self, ask: Ask[T]) -> T:
        """Do that in a transaction, committed when this returns. Whatever it raises, nothing of it was done."""

    async def close(self) -> None:
        """Leave the database alone."""


class SqliteDatabase:
    """A file of this process alone. A rollback journal, never a write-ahead log: SQLite before 3.51.3 can corrupt a
    file when a checkpoint meets a writer.
    """

    is_shared = False

    def __init__(self, file: Path) -> None:
        self._lock: Final = FolderLock(file.parent, f"{file.name}.lock")
        self._lock.take()
        try:
            # Its owner's alone, as it may hold Secrets; SQLite gives its journal the same rights.
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError:
            self._lock.release()
            raise
        self._engine: Final = _sqlite_engine(file)
        self._thread: Final = ThreadPoolExecutor(1, thread_name_prefix="resources")

    async def read(self, ask: Ask[T]) -> T:
        """In turn with the writers: transactions are short."""
        return await self._run(ask)

    async def write(self, ask: Ask[T]) -> T:
        """Synchronised with the disk before this returns. Once begun it is done, though the caller be cancelled."""
        return await self._run(ask)

    async def close(self) -> None:
        """After what was begun."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=False)
        self._lock.release()

    async def _run(self, ask: Ask[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, ask)

    def _transaction(self, ask: Ask[T]) -> T:
        with translated(), self._engine.begin() as connection:
            return ask(connection)


def _sqlite_engine(file: Path) -> Engine:
    options = {"check_same_thread": False, "timeout": _BUSY_TIMEOUT_S, "isolation_level": None}
    url = make_url("sqlite://").set(database=str(file))
    engine = create_engine(url, poolclass=StaticPool, connect_args=options, hide_parameters=True)
    event.listen(engine, "connect", _configure)
    # Python's driver would begin a transaction when it thinks it needs one, and never for tables.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _configure(connection: Any, _: object) -> None:
    for pragma in ("journal_mode = TRUNCATE", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


@contextmanager
def translated(more: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Raise StoreUnavailable for what drivers raise when the database is away, with their words. `more` is what a
    driver raises that SQLAlchemy does not know.
    """
    away: tuple[type[Exception], ...] = (*_AWAY, *more)
    try:
        yield
    except away as error:
        raise StoreUnavailable(f"the database of resources is away: {_told(error)}") from error
    except DBAPIError as error:
        # SQLite has no class of its own for a file that is damaged, or none of its own; SQLAlchemy none for a
        # PostgreSQL that is still starting.
        is_away = error.connection_invalidated or type(error) is DatabaseError
        if not is_away and not isinstance(getattr(error.orig, "__cause__", None), away):
            raise
        raise StoreUnavailable(f"the database of resources is away: {_told(error)}") from error


def _told(error: BaseException) -> str:
    """The driver's own words, without the statement."""
    return str(error.orig if isinstance(error, DBAPIError) else error) or type(error).__name__


def open_database(url: str) -> Database:
    """The database at a SQLAlchemy URL: `sqlite:///FILE` or `postgresql://...`. Raises ValueError for another,
    and DataDirTaken, OSError where the file cannot be this process's own.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return SqliteDatabase(Path(parsed.database))
    if parsed.get_backend_name() == "postgresql":
        # A server on a laptop is spared the driver, and the part of SQLAlchemy that awaits it: 10 MB.
        from eventing.store.postgres import PostgresDatabase

        return PostgresDatabase(parsed.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False))
    raise ValueError("a database is sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
