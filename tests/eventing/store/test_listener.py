"""How one process hears of another's writes."""

import asyncio

from eventing.store import schema
from eventing.store.database import open_database
from eventing.store.listener import LISTENER, Listener
from eventing.store.notice import notify
from tests.rig.postgres import Postgres

WAIT_MAX_S = 30.0


async def woken(heard: asyncio.Event) -> None:
    async with asyncio.timeout(WAIT_MAX_S):
        await heard.wait()
    heard.clear()


async def test_a_notice_wakes_and_so_does_each_connection(empty_postgres_url: str, postgres: Postgres) -> None:
    """What was written before it listened, or while it was cut off, may have gone unheard."""
    heard = asyncio.Event()
    database = open_database(empty_postgres_url)
    running = asyncio.create_task(Listener(empty_postgres_url, heard.set).run())
    await woken(heard)
    await database.write(notify)
    await woken(heard)
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{LISTENER}'"
    assert "t" == postgres.query("postgres", cut)
    await woken(heard)
    await database.write(notify)
    await woken(heard)
    running.cancel()
    await asyncio.wait([running])
    await database.close()


async def test_what_is_rolled_back_wakes_nobody(empty_postgres_url: str) -> None:
    """A notice is part of its transaction."""
    heard: list[str] = []
    ready = asyncio.Event()

    def wake() -> None:
        heard.append("woken")
        ready.set()

    database = open_database(empty_postgres_url)
    running = asyncio.create_task(Listener(empty_postgres_url, wake).run())
    await woken(ready)
    try:
        await database.write(lambda connection: (notify(connection), 1 / 0))
    except ZeroDivisionError:
        await database.write(notify)
    await woken(ready)
    assert 2 == len(heard)
    running.cancel()
    await asyncio.wait([running])
    await database.close()


async def test_sqlite_needs_no_notice(sqlite_url: str) -> None:
    """Nobody else writes there."""
    database = open_database(sqlite_url)
    await database.write(schema.migrate)
    await database.write(notify)
    await database.close()
