"""The controller over the store that a server has: in a file, with waits of its own for each write."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from eventing.resources.broker import BROKER
from eventing.resources.identity import Key, Object
from eventing.resources.in_memory_channel import IN_MEMORY_CHANNEL
from eventing.resources.subscription import SUBSCRIPTION
from eventing.settings import Settings
from eventing.store.contract import Store
from eventing.store.sql import SqlStore
from tests.e2e.manifests import broker, trigger
from tests.eventing.reconcilers.test_controller_status import channel, ready, subscription
from tests.eventing.stage import PATIENCE_S, Stage

URL = "http://127.0.0.1:9/"
CREATIONS = 5


@asynccontextmanager
async def staged(tmp_path: Path) -> AsyncIterator[Stage]:
    async with SqlStore(f"sqlite:///{tmp_path / 'resources.db'}") as store:
        stage = Stage(store, Settings(default_channel="memory"))  # type: ignore[arg-type] # of the same contract
        yield stage
        await stage.controller.close()
        stage.pools.close()


async def is_ready(store: Store, key: Key) -> Object:
    """Its status, as soon as that says so to whoever watches it."""
    async with asyncio.timeout(PATIENCE_S), store.watch(key.group_kind, since="0") as changes:
        async for change in changes:
            if change.item["metadata"]["name"] == key.name and ready(change.item)[0] == "True":
                return change.item
    raise AssertionError("the watch ended")


async def test_a_broker_is_usable_the_moment_it_says_ready(tmp_path: Path) -> None:
    """Whoever reads that it is Ready finds its Trigger at work; how soon that is, the benchmarks measure."""
    async with staged(tmp_path) as stage, stage.following():
        for number in range(CREATIONS):
            await stage.apply(trigger(f"t{number}", URL, of=f"b{number}"), broker(f"b{number}"))
            await is_ready(stage.store, BROKER.key("default", f"b{number}"))
            assert [f"t{number}"] == [*stage.broker(f"b{number}").triggers]


async def test_a_chain_of_kinds_is_ready_and_a_restart_has_nothing_to_write(tmp_path: Path) -> None:
    """A Channel, the channel that is made for it, and who subscribes."""
    async with staged(tmp_path) as stage:
        async with stage.following():
            await stage.apply(channel("c"), subscription("s", "c"))
            await is_ready(stage.store, SUBSCRIPTION.key("default", "s"))
        await stage.controller.reconcile()
        version = await stage.store.version()
        restarted = stage.create_controller()
        await restarted.reconcile()
        assert version == await stage.store.version()
        item: Any = await stage.store.get(IN_MEMORY_CHANNEL.key("default", "c"))
        assert ["s"] == [one["name"] for one in item["spec"]["subscribers"]]
        assert ["s"] == [*restarted.brokers[IN_MEMORY_CHANNEL.key("default", "c")].broker.triggers]
        await restarted.close()
