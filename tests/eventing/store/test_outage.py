"""A PostgreSQL that dies under a store, and comes back."""

import asyncio
import logging
from collections.abc import Iterator

import pytest

from eventing.errors import StoreUnavailable
from eventing.resources.identity import Object, key_of
from eventing.store import schema
from eventing.store.contract import Changes
from eventing.store.database import open_database
from eventing.store.sql import SqlStore
from eventing.store.witness import CONFIG_MAPS, config_map, next_change, raises
from tests.rig.fixture import miss
from tests.rig.postgres import Postgres, postgres_programs, running_postgres

HEALS_WITHIN_S = 30.0


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A server of the test's own: it is killed."""
    programs = postgres_programs()
    if programs is None:
        miss("PostgreSQL")
    with running_postgres(programs) as server:
        yield server


@pytest.fixture
async def url(server: Postgres) -> str:
    """A database whose tables are empty, and current."""
    url = server.database("store")
    database = open_database(url)
    await database.write(schema.migrate)
    await database.close()
    return url


async def created(store: SqlStore, name: str) -> Object:
    """The object, once the store can be reached."""
    async with asyncio.timeout(HEALS_WITHIN_S):
        while True:
            try:
                return await store.create(config_map(name))
            except StoreUnavailable:
                await asyncio.sleep(0.1)


async def shown(changes: Changes, *names: str) -> None:
    """Exactly these come next."""
    async with asyncio.timeout(HEALS_WITHIN_S):
        assert list(names) == [(await anext(changes)).item["metadata"]["name"] for _ in names]


async def test_a_store_heals_when_its_server_comes_back(
    server: Postgres, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Meanwhile every verb says that it is away, and the log does so now and then; watches then go on where they stood,
    with what strangers wrote, too.
    """
    async with SqlStore(url) as store, store.watch(CONFIG_MAPS) as changes:
        await store.create(config_map("before"))
        await next_change(changes)
        server.kill()
        await raises(StoreUnavailable, store.create(config_map("refused")))
        await raises(StoreUnavailable, store.get(key_of(config_map("before"))))
        await raises(StoreUnavailable, store.list(CONFIG_MAPS))
        await asyncio.to_thread(server.start)
        await created(store, "after")
        await shown(changes, "after")
        async with SqlStore(url) as stranger:
            await stranger.create(config_map("strange"))
            await shown(changes, "strange")
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert {record.name for record in told} == {"eventing.store.listener"}
    assert len(told) <= HEALS_WITHIN_S


async def test_a_store_does_not_begin_without_its_server(server: Postgres, url: str) -> None:
    """Who starts it is told, and may try again."""
    server.kill()
    await raises(StoreUnavailable, SqlStore(url).__aenter__())
    await asyncio.to_thread(server.start)
    async with SqlStore(url) as store:
        assert await store.version() == "0"
