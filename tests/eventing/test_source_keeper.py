"""Sources run where their leases are: begun, changed, ended and handed over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eventing.resources.identity import GroupKind, Object
from eventing.source_keeper import SourceKeeper
from eventing.store.lease import Lease, Leases
from eventing.store.sql import SqlStore
from tests.eventing.small_leases import Leases as SmallLeases
from tests.eventing.stage import eventually

PING = GroupKind("sources.knative.dev", "PingSource")


def source(name: str, *, generation: int = 1, kind: str = "PingSource") -> Object:
    metadata = {"namespace": "n", "name": name, "uid": f"u-{name}", "generation": generation}
    return {"apiVersion": "sources.knative.dev/v1", "kind": kind, "metadata": metadata}


class Process:
    """One that keeps sources, and what runs in it: name and generation."""

    def __init__(self, leases: Leases, name: str) -> None:
        self.at_work: set[tuple[str, int]] = set()
        self.leases: list[Lease] = []
        self.keeper = SourceKeeper(leases, name, duration_s=1.0, adapters={PING: self._adapt})

    async def _adapt(self, item: Object, lease: Lease) -> None:
        one = (item["metadata"]["name"], item["metadata"]["generation"])
        self.at_work.add(one)
        self.leases.append(lease)
        try:
            await asyncio.Event().wait()
        finally:
            self.at_work.discard(one)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.keeper.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            assert set() == self.at_work


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with SqlStore(f"sqlite:///{tmp_path / 'resources.db'}") as opened:
        yield opened


async def test_what_is_wanted_runs_and_nothing_else(store: SqlStore) -> None:
    """A change is another run, with a token of its own; what has no adapter is passed over."""
    process = Process(store.leases, "one")
    async with process.running():
        process.keeper.want([source("a"), source("b"), source("c", kind="ApiServerSource")])
        await eventually(lambda: process.at_work == {("a", 1), ("b", 1)})
        process.keeper.want([source("a", generation=2)])
        await eventually(lambda: process.at_work == {("a", 2)})
        process.keeper.want([source("a", generation=2)])
        process.keeper.want([])
        await eventually(lambda: not process.at_work)
    tokens = [lease.token for lease in process.leases if lease.name.endswith("/a")]
    assert tokens == sorted(set(tokens))
    assert 2 == len(tokens)
    assert frozenset({PING}) == process.keeper.kinds


async def test_each_source_runs_in_one_process(store: SqlStore) -> None:
    """And goes to another one with the end of its own."""
    first, second = Process(store.leases, "first"), Process(store.leases, "second")
    async with second.running():
        async with first.running():
            for process in (first, second):
                process.keeper.want([source(name) for name in "abcd"])
            await eventually(lambda: len(first.at_work) + len(second.at_work) == 4)
            assert set() == first.at_work & second.at_work
        await eventually(lambda: len(second.at_work) == 4)


@pytest.mark.looptime
async def test_a_source_rests_while_the_store_is_away() -> None:
    """Another process may have it: what a source asks and sends by HTTP nobody refuses."""
    leases = SmallLeases()
    process = Process(leases, "one")
    async with process.running():
        process.keeper.want([source("a")])
        for is_away in (False, True, False):
            leases.is_away = is_away
            await asyncio.sleep(2)
            assert process.at_work == (set() if is_away else {("a", 1)})
