"""The database of resources: a SQLite file, or PostgreSQL."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import asyncpg
from sqlalchemy import make_url

from eventing.doctor.check import Check
from eventing.doctor.clock_judgement import judge_clock, judge_latency
from eventing.doctor.database_judgement import (
    SLOW_S,
    judge_connections,
    judge_creation,
    judge_durability,
    judge_notices,
    judge_postgres_version,
    judge_table_rights,
    judge_tables,
    judge_writable,
)
from eventing.doctor.fault import words_of
from eventing.doctor.finding import Finding, failure, ok, skipped
from eventing.store.model import METADATA
from eventing.store.schema import REVISION

RIGHTS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
_PINGS: Final = 5
_DURABILITY: Final = ("fsync", "full_page_writes", "synchronous_commit")
_CHANNEL: Final = "eventing_doctor"
_REFUSED: Final = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)
_LOST: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


def database_subject(url: str) -> str:
    """What a report calls it: its URL without the password."""
    return f"database {make_url(url).render_as_string(hide_password=True)}"


async def examine_database(url: str, timeout_s: float) -> AsyncIterator[Finding]:
    """All about the database at a SQLAlchemy URL; each answer has that long."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        yield await asyncio.to_thread(_sqlite, Path(parsed.database or ""))
        return
    dsn = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = await asyncpg.connect(dsn, timeout=timeout_s, command_timeout=timeout_s)
    except _REFUSED as error:
        yield failure(
            Check.DATABASE_REACHABLE, f"it answers, and refuses: {error}", "mend user, password or database name"
        )
        return
    except (*_LOST, TimeoutError, ValueError) as error:
        words = words_of(error, timeout_s)
        yield failure(
            Check.DATABASE_REACHABLE, words, "start it, or mend host and port in --database-url; look at firewalls"
        )
        return
    try:
        async for finding in _postgres(connection, timeout_s):
            yield finding
    except (*_LOST, TimeoutError) as error:
        words = f"it stopped answering: {words_of(error, timeout_s)}"
        yield failure(Check.DATABASE_REACHABLE, words, "look into the server's log")
    finally:
        connection.terminate()


def _sqlite(file: Path) -> Finding:
    """Read-only: a server may be working with it."""
    if not file.exists():
        return judge_tables(None, REVISION, is_shared=False)
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return skipped(Check.DATABASE_TABLES, f"{file} is being written")
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # there is no such table
            return judge_tables(None, REVISION, is_shared=False)
        return failure(Check.DATABASE_REACHABLE, f"{file}: {error}", "look at the file's rights and its disk")
    except sqlite3.DatabaseError as error:
        return failure(Check.DATABASE_REACHABLE, f"{file}: {error}", "restore it from a copy, or name another file")
    return judge_tables(row[0] if row else None, REVISION, is_shared=False)


async def _postgres(connection: Any, timeout_s: float) -> AsyncIterator[Finding]:
    asked_s = time.time()
    about = await connection.fetchrow(
        "SELECT current_user AS user, current_schema() AS schema, pg_is_in_recovery() AS is_replica,"
        " extract(epoch FROM clock_timestamp())::float8 AS time_s,"
        " current_setting('server_version_num')::int AS version,"
        " current_setting('max_connections')::int AS max_count,"
        " current_setting('default_transaction_read_only') = 'on' AS is_read_only,"
        " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used"
    )
    answered_s = time.time()
    yield ok(Check.DATABASE_REACHABLE, f"it lets {about['user']} in")
    yield judge_postgres_version(about["version"])
    yield judge_writable(is_replica=about["is_replica"], is_read_only=about["is_read_only"])
    found = await _revision(connection)
    yield judge_tables(found, REVISION, is_shared=True)
    yield await _rights(connection, about["user"], about["schema"], has_tables=found is not None)
    rows = await connection.fetch("SELECT name, setting FROM pg_settings WHERE name = ANY($1)", list(_DURABILITY))
    yield judge_durability({row["name"]: row["setting"] for row in rows})
    yield judge_connections(about["used"], about["max_count"])
    yield judge_notices(await _notice(connection, timeout_s))
    yield judge_latency(
        Check.DATABASE_LATENCY, await _pings(connection), SLOW_S, "every change of a resource waits for it"
    )
    yield judge_clock(Check.DATABASE_CLOCK, about["time_s"], asked_s, answered_s)


async def _revision(connection: Any) -> str | None:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    if not await connection.fetchval("SELECT has_table_privilege('alembic_version', 'SELECT')"):
        return REVISION  # what it is cannot be told; that it cannot is told as a right that is missing
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


async def _rights(connection: Any, user: str, schema: str | None, *, has_tables: bool) -> Finding:
    if not has_tables:
        may_create = schema is not None and await connection.fetchval(
            "SELECT has_schema_privilege($1, 'CREATE')", schema
        )
        return judge_creation(may_create=may_create, user=user, schema=schema or "public")
    wanted = {**dict.fromkeys(METADATA.tables, RIGHTS), "alembic_version": ("SELECT",)}
    missing = {
        table: [right for right in rights if not await _may(connection, table, right)]
        for table, rights in wanted.items()
    }
    return judge_table_rights(missing, user)


async def _may(connection: Any, table: str, right: str) -> bool:
    """A table that is not there is no missing right: the revision tells of it."""
    found: bool | None = await connection.fetchval("SELECT has_table_privilege(to_regclass($1), $2)", table, right)
    return found is not False


async def _notice(connection: Any, timeout_s: float) -> float | None:
    heard = asyncio.Event()
    await connection.add_listener(_CHANNEL, lambda *_: heard.set())
    began_s = time.perf_counter()
    await connection.execute(f"SELECT pg_notify('{_CHANNEL}', '')")
    try:
        async with asyncio.timeout(min(timeout_s, 2.0)):
            await heard.wait()
    except TimeoutError:
        return None
    return time.perf_counter() - began_s


async def _pings(connection: Any) -> list[float]:
    times_s = []
    for _ in range(_PINGS):
        began_s = time.perf_counter()
        await connection.fetchval("SELECT 1")
        times_s.append(time.perf_counter() - began_s)
    return times_s
