"""Keys that come, and keys that go: in the end all is encrypted with the first one, whatever happens meanwhile."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, union_all, update

from eventing.errors import StoreUnavailable
from eventing.resources.identity import Object, key_of
from eventing.store.cipher import Cipher, Keyring
from eventing.store.database import Ask, Database, T, open_database
from eventing.store.model import CHANGES, OBJECTS
from eventing.store.resealer import AWAY_S, SLICE, Resealer
from eventing.store.row import Codec
from eventing.store.sql import SqlStore
from eventing.store.witness import config_map, next_change

OLD, NEW = bytes(32), bytes(range(32))


def secret(name: str = "s") -> Object:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"password": f"cGFzcw{name}"}}


def keys(folder: Path, *given: bytes) -> Path | None:
    """A file of these keys; none for none."""
    file = folder / "keys"
    file.write_bytes(b"\n".join(base64.b64encode(key) for key in given))
    return file if given else None


def codec(*given: bytes) -> Codec:
    return Codec(Keyring(map(Cipher, given)))


async def key_ids(database: Database) -> set[str | None]:
    """Those that Secrets and their changes are encrypted with."""

    def read(connection: Connection) -> set[str | None]:
        queries = (select(table.c.key_id).where(table.c.kind == "Secret") for table in (OBJECTS, CHANGES))
        return {key_id for (key_id,) in connection.execute(union_all(*queries))}

    return await database.read(read)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    yield database
    await database.close()


async def fill(url: str, key_file: Path | None, count: int = 1) -> list[Object]:
    """A store of Secrets, one that is gone, and something else."""
    async with SqlStore(url, secret_key=key_file) as store:
        made = [await store.create(secret(f"s{number}")) for number in range(count)]
        await store.create(secret("gone"))
        await store.delete(key_of(secret("gone")))
        await store.create(config_map(key="plain"))
    return made


@pytest.mark.parametrize("before", [(), (OLD,)], ids=["plain", "another key"])
async def test_what_is_stored_is_encrypted_with_the_first_key(
    database_url: str, tmp_path: Path, before: tuple[bytes, ...]
) -> None:
    """Objects and the log, by a store that works meanwhile; versions stay, nobody is told, and the old key may go."""
    made = await fill(database_url, keys(tmp_path, *before), count=SLICE + 5)
    both, new = keys(tmp_path, NEW, *before), {Cipher(NEW).key_id}
    async with SqlStore(database_url, secret_key=both) as store:
        version = await store.version()
        while await key_ids(store._database) != new:
            await asyncio.sleep(0.01)
        assert made[0] == await store.get(key_of(made[0]))
        assert version == await store.version()
    async with SqlStore(database_url, secret_key=keys(tmp_path, NEW)) as store:
        assert made == [await store.get(key_of(item)) for item in made]
        async with store.watch(since="0") as changes:
            assert made[0] == (await next_change(changes)).item


async def test_it_goes_on_where_it_was_interrupted(database_url: str, tmp_path: Path) -> None:
    """After each transaction it may end, and gets on at every start."""
    await fill(database_url, keys(tmp_path, OLD), count=2 * SLICE)
    async with opened(database_url) as database:
        for _ in range(2):  # there are more slices than two transactions each time do
            task = asyncio.create_task(Resealer(_Counting(database, 2), codec(NEW, OLD)).run())
            await asyncio.wait([task])
            assert task.cancelled()
        await Resealer(database, codec(NEW, OLD)).run()
        assert {Cipher(NEW).key_id} == await key_ids(database)


async def test_what_cannot_be_opened_stays_and_holds_nothing_up(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged one, and one of a key that another process brought; each is told of."""
    made = await fill(database_url, keys(tmp_path, OLD), count=3)
    damaged, foreign = (item["metadata"]["uid"] for item in made[:2])
    async with opened(database_url) as database:

        def spoil(connection: Connection) -> None:
            connection.execute(update(OBJECTS).where(OBJECTS.c.uid == damaged).values(body=b"nonsense"))
            connection.execute(update(OBJECTS).where(OBJECTS.c.uid == foreign).values(key_id="another"))

        await database.write(spoil)
        await Resealer(database, codec(NEW, OLD)).run()
        assert {Cipher(NEW).key_id, Cipher(OLD).key_id, "another"} == await key_ids(database)
        assert 2 == sum(one.levelno == logging.ERROR for one in caplog.records)


async def test_without_a_key_nothing_is_touched(database_url: str) -> None:
    await fill(database_url, None)
    async with opened(database_url) as database:
        await Resealer(database, Codec(None)).run()
        assert {None} == await key_ids(database)


@pytest.mark.looptime
async def test_it_waits_while_the_database_is_away() -> None:
    """For as long as it takes, without a log storm."""
    away = _Away()
    task = asyncio.create_task(Resealer(away, codec(NEW)).run())
    await asyncio.sleep(AWAY_S * 3.5)
    assert (4, False) == (away.asked, task.done())
    task.cancel()


class _Counting:
    """A database that breaks off after so many transactions."""

    is_shared = False

    def __init__(self, database: Database, left: int) -> None:
        self._database = database
        self._left = left

    async def read(self, ask: Ask[T]) -> T:
        return await self._database.read(ask)

    async def write(self, ask: Ask[T]) -> T:
        if not self._left:
            raise asyncio.CancelledError
        self._left -= 1
        return await self._database.write(ask)

    async def close(self) -> None:
        await self._database.close()


class _Away:
    """A database that cannot be reached."""

    is_shared = True
    asked = 0

    async def read(self, ask: Ask[T]) -> T:
        raise StoreUnavailable("no route to it")

    async def write(self, ask: Ask[T]) -> T:
        self.asked += 1
        raise StoreUnavailable("no route to it")

    async def close(self) -> None:
        pass
