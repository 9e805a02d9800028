"""The one writer of a store: who shares a transaction shares no fate."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy.exc import IntegrityError

from eventing.resources.identity import Object
from eventing.store import schema, verb
from eventing.store.database import open_database
from eventing.store.row import ChangeRow, Codec
from eventing.store.sql import SqlStore
from eventing.store.table import read_version
from eventing.store.witness import config_map, held, names, owned_by
from eventing.store.writer import Writer


class Stage:
    """A writer over an empty file, that begins when it is told to, and the names of what it committed together."""

    def __init__(self, url: str) -> None:
        self.database = open_database(url)
        self.commits: list[list[str]] = []
        self.writer = Writer(self.database, Codec(None), 1000, self._note, lambda _: None)
        self._task: asyncio.Task[None] | None = None

    def _note(self, rows: Sequence[ChangeRow]) -> None:
        self.commits.append([row.key.name for row in rows])

    async def ask(self, name: str, *, uid: str = "", dry_run: bool = False) -> "asyncio.Task[Object]":
        """A creation that waits for the writer."""
        item, uid = config_map(name), uid or f"uid of {name}"
        call = self.writer.do(lambda draft: verb.create(draft, item, uid=uid, now="t"), dry_run=dry_run)
        task = asyncio.create_task(call)
        await asyncio.sleep(0)  # it waits from here on
        return task

    async def begin(self) -> None:
        self._task = asyncio.create_task(self.writer.run())

    async def end(self) -> None:
        self.writer.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])


@asynccontextmanager
async def staged(url: str) -> AsyncIterator[Stage]:
    stage = Stage(url)
    await stage.database.write(schema.migrate)
    try:
        yield stage
    finally:
        await stage.end()
        await stage.database.close()


async def test_what_the_database_refuses_is_its_callers_alone(sqlite_url: str) -> None:
    """It undoes the transaction that others shared; they are done without it, and the writer goes on."""
    async with staged(sqlite_url) as stage:
        asked = [await stage.ask(name, uid=uid) for name, uid in (("a", "one"), ("b", "one"), ("c", "two"))]
        await stage.begin()
        first, second, third = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(first, dict)
        assert isinstance(second, IntegrityError)
        assert isinstance(third, dict)
        assert [["a"], ["c"]] == stage.commits
        await (await stage.ask("d"))
        assert await stage.database.read(read_version) == 3


async def test_a_text_without_letters_in_the_database_harms_nobody_else(postgres_url: str) -> None:
    """PostgreSQL stores no U+0000 in its columns: who names such an owner is refused alone."""
    async with SqlStore(postgres_url) as store:
        owner = await store.create(held(config_map("owner"), "a"))
        strange = {**owner, "metadata": {**owner["metadata"], "uid": "\0"}}
        tries = [store.create(owned_by(owner, strange, name="strange")), *map(store.create, map(config_map, "bcd"))]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert [False, True, True, True] == [isinstance(outcome, dict) for outcome in outcomes]
        assert ["b", "c", "d", "owner"] == await names(store)
