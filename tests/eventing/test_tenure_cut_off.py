"""Work under a lease of a real PostgreSQL, from which one of two processes is cut off."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from eventing.store import schema
from eventing.store.database import open_database
from eventing.store.lease import Lease
from eventing.store.sql import SqlStore
from eventing.tenure import Tenure
from tests.rig.postgres import Postgres
from tests.rig.proxy import Proxy

DURATION_S = 2.0
PATIENCE_S = 60.0


class Process:
    """One that would do the work; `seen` hears whenever it begins or ends it."""

    def __init__(self, store: SqlStore, name: str, seen: Callable[[], None]) -> None:
        self.is_working = False
        self._seen = seen
        self.tenure = Tenure(store.leases, "work", name, duration_s=DURATION_S, is_fenced=False, work=self._work)

    async def _work(self, lease: Lease) -> None:
        self.is_working = True
        self._seen()
        try:
            await asyncio.Event().wait()
        finally:
            self.is_working = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.tenure.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_who_alone_is_cut_off_has_ended_when_the_other_begins(postgres: Postgres) -> None:
    """Its connections answer nothing any more, so nothing tells it. Back again it is a standby that may take over."""
    url = postgres.database("tenure")
    database = open_database(url)
    await database.write(schema.migrate)
    await database.close()
    at_work: list[int] = []
    async with AsyncExitStack() as stack:
        way = await stack.enter_async_context(Proxy(postgres.port))
        near = await stack.enter_async_context(SqlStore(url))
        far = await stack.enter_async_context(SqlStore(url.replace(f":{postgres.port}/", f":{way.port}/")))
        processes: list[Process] = []
        note = lambda: at_work.append(sum(one.is_working for one in processes))  # noqa: E731 - one line, one use
        processes += [Process(far, "far", note), Process(near, "near", note)]
        cut, other = processes
        async with cut.running():
            await until(lambda: cut.is_working)
            async with other.running():
                way.manner = "hole"
                await until(lambda: other.is_working)
                way.manner = "pass"
                await asyncio.sleep(DURATION_S)
                assert (False, True) == (cut.is_working, other.is_working)
            await until(lambda: cut.is_working)
    assert [1, 1, 1] == at_work
