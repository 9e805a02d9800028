"""Where SQL is spoken."""

import asyncio
import stat
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, OperationalError

from channels.folder_lock import DataDirTaken
from eventing.errors import StoreUnavailable
from eventing.store.database import Database, SqliteDatabase, open_database, translated
from eventing.store.postgres import PostgresDatabase
from eventing.store.sql import SqlStore
from eventing.store.witness import config_map


@pytest.fixture(params=["sqlite_url", "empty_postgres_url"])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """Either, with one table."""
    database = open_database(request.getfixturevalue(request.param))
    await database.write(lambda connection: connection.execute(text("CREATE TABLE t (x INTEGER PRIMARY KEY)")))
    yield database
    await database.close()


def put(number: int) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(text(f"INSERT INTO t VALUES ({number})"))


def rows(connection: Connection) -> list[int]:
    return list(connection.execute(text("SELECT x FROM t ORDER BY x")).scalars())


async def test_what_is_written_is_committed_or_was_not_done(database: Database) -> None:
    """Whatever was raised on the way."""
    await database.write(put(1))

    def fail(connection: Connection) -> None:
        connection.execute(text("INSERT INTO t VALUES (2)"))
        raise KeyError

    with pytest.raises(KeyError):
        await database.write(fail)
    assert [1] == await database.read(rows)


async def test_a_bug_in_a_statement_is_no_outage(database: Database) -> None:
    """It is not hidden behind a 503; nor does a log show values, which may be Secrets."""
    await database.write(put(1))
    with pytest.raises(IntegrityError):
        await database.write(put(1))
    with pytest.raises(IntegrityError) as told:
        await database.write(lambda connection: connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": 1}))
    assert "parameters hidden" in str(told.value)


async def test_a_sqlite_file_is_kept_safe(sqlite_url: str) -> None:
    """A rollback journal, synchronised in full; and what is deleted is overwritten."""
    database = open_database(sqlite_url)
    names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
    told = [
        await database.read(lambda connection, name=name: connection.execute(text(f"PRAGMA {name}")).scalar_one())
        for name in names
    ]
    assert ["truncate", 2, 1, 1] == told
    await database.close()


async def test_sqlite_is_asked_on_a_thread_of_its_own(sqlite_url: str) -> None:
    """One for all: transactions come one after the other, and the event loop goes on."""
    database = open_database(sqlite_url)
    threads = await asyncio.gather(*(database.read(lambda _: threading.current_thread()) for _ in range(5)))
    assert (1, False) == (len(set(threads)), threading.main_thread() in threads)
    await database.close()


async def test_a_sqlite_file_is_this_process_alone(sqlite_url: str) -> None:
    """Until it is closed."""
    database = open_database(sqlite_url)
    with pytest.raises(DataDirTaken):
        open_database(sqlite_url)
    await database.close()
    await open_database(sqlite_url).close()


async def test_a_url_names_one_of_two(sqlite_url: str) -> None:
    """With any driver that is named, ours is taken; a database in memory has no place to be."""
    for url in ("postgresql://h/n", "postgresql+asyncpg://h/n"):
        database = open_database(url)
        assert isinstance(database, PostgresDatabase)
        assert database.is_shared
        await database.close()
    database = open_database(sqlite_url)
    assert isinstance(database, SqliteDatabase)
    assert not database.is_shared
    await database.close()
    for url in ("sqlite://", "mysql://h/n"):
        with pytest.raises(ValueError, match="a database is sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"):
            open_database(url)


def wrapped(cause: Exception) -> Exception:
    """As SQLAlchemy's driver hands on what it has no class for."""
    error = Exception(str(cause))
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError("no route"),
        OperationalError("statement", None, Exception("disk is full")),
        DatabaseError("statement", None, Exception("malformed")),
        DBAPIError("statement", None, wrapped(OSError("no route"))),
    ],
)
def test_drivers_errors_are_translated(error: Exception) -> None:
    """In the driver's words; the cause is kept."""
    with pytest.raises(StoreUnavailable, match="the database of resources is away: ") as told, translated():
        raise error
    assert error is told.value.__cause__
    assert "statement" not in str(told.value)


@pytest.mark.parametrize("error", [KeyError("x"), IntegrityError("statement", None, Exception("twice"))])
def test_other_errors_are_not(error: Exception) -> None:
    """They are bugs, or the caller's."""
    with pytest.raises(type(error)), translated():
        raise error


async def test_a_full_disk_is_told_and_passes(tmp_path: Path) -> None:
    """What did not fit was not done; once there is room, writing goes on."""
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    await database.write(lambda connection: connection.execute(text("CREATE TABLE t (x BLOB)")))
    await database.write(lambda connection: connection.execute(text("PRAGMA max_page_count = 10")))
    big = text("INSERT INTO t VALUES (zeroblob(100000))")
    with pytest.raises(StoreUnavailable, match="database or disk is full"):
        await database.write(lambda connection: connection.execute(big))
    await database.write(lambda connection: connection.execute(text("PRAGMA max_page_count = 1000")))
    await database.write(lambda connection: connection.execute(big))
    assert 1 == await database.read(lambda connection: connection.execute(text("SELECT count(*) FROM t")).scalar_one())
    await database.close()


async def test_a_file_is_its_owners_alone(sqlite_url: str, tmp_path: Path) -> None:
    """It may hold Secrets: nobody else of the machine reads it, nor what lies beside it."""
    async with SqlStore(sqlite_url) as store:
        await store.create(config_map())
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert {"resources.db", "resources.db.lock"} <= modes.keys()
    assert {0o600} == set(modes.values())


async def test_a_file_that_cannot_be_opened_leaves_no_lock(tmp_path: Path) -> None:
    """A folder is no file: who mends that and tries again in the same process may."""
    file = tmp_path / "resources.db"
    file.mkdir()
    with pytest.raises(OSError, match=str(file)):
        SqliteDatabase(file)
    file.rmdir()
    await SqliteDatabase(file).close()
