"""The barrier is open but for those who have not seen all that was written together."""

import asyncio

import pytest

from eventing.barrier import WAIT_MAX_S, Barrier
from eventing.errors import StoreUnavailable
from eventing.resources.identity import Object
from tests.e2e.manifests import broker, trigger
from tests.eventing.stage import config_map, eventually, settle, staged
from tests.eventing.store.memory_store import MemoryStore

URL = "http://127.0.0.1:9/"


class _Away(MemoryStore):
    async def version(self) -> str:
        raise StoreUnavailable("no route to it")


def placed(name: str) -> Object:
    item = config_map(name)
    return {**item, "metadata": {**item["metadata"], "namespace": "n"}}


async def test_who_has_not_seen_all_of_it_waits() -> None:
    """While it is held everybody does, however many hold it."""
    store = MemoryStore()
    barrier = Barrier(store)
    assert barrier.is_open(0)
    async with barrier.hold():
        async with barrier.hold():
            await store.create(placed("a"))
        assert not barrier.is_open(10)
        await store.create(placed("b"))
    last = int(await store.version())
    assert (False, True) == (barrier.is_open(last - 1), barrier.is_open(last))


async def test_what_failed_in_between_holds_nobody() -> None:
    """An error of who held it, or a store that is away: a part may have been written, and all of it is there."""
    for barrier, error in ((Barrier(MemoryStore()), ValueError), (Barrier(_Away()), None)):
        if error is None:
            async with barrier.hold():
                pass
        else:
            with pytest.raises(error):
                async with barrier.hold():
                    raise error
        assert barrier.is_open(0)


async def test_a_controller_judges_by_all_of_it_at_once() -> None:
    """However many turns of the loop lie between the writes, and whoever else writes."""
    async with staged() as stage:
        barrier = Barrier(stage.store)
        stage.controller = stage.create_controller(barrier=barrier)
        async with stage.following():
            await stage.apply(broker(), trigger("t", URL, retry=1), trigger("u", URL, retry=1))
            await settle()
            seen = set()
            async with barrier.hold():
                for name in ("t", "u"):
                    await stage.apply(trigger(name, URL, retry=2))
                    await asyncio.sleep(0.01)
                    seen.add(tuple(stage.trigger(one).spec.policy.retry for one in ("t", "u")))
            assert {(1, 1)} == seen
            await eventually(lambda: stage.trigger("t").spec.policy.retry == 2)
            assert 2 == stage.trigger("u").spec.policy.retry
            await stage.apply(trigger("t", URL, retry=3))
            await eventually(lambda: stage.trigger("t").spec.policy.retry == 3)
        await stage.controller.close()


@pytest.mark.looptime
async def test_nobody_waits_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """Who holds it too long holds nobody more until he has let go; the next one is waited for again."""
    store, clock = MemoryStore(), asyncio.get_running_loop().time
    barrier, started_s = Barrier(store), clock()
    async with barrier.hold():
        await barrier.wait(lambda: 0)
        assert WAIT_MAX_S == pytest.approx(clock() - started_s, abs=0.1)
        await barrier.wait(lambda: 0)
        assert WAIT_MAX_S == pytest.approx(clock() - started_s, abs=0.1)
    async with barrier.hold():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(barrier.wait(lambda: 0), WAIT_MAX_S / 2)
    assert ["what is written together has kept other changes waiting for 30 s: they go on without the rest of it"] == [
        one.getMessage() for one in caplog.records
    ]


@pytest.mark.looptime
async def test_a_version_that_is_never_seen_holds_nobody_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """A watch that was begun anew may have passed it over."""
    store = MemoryStore()
    barrier = Barrier(store)
    async with barrier.hold():
        await store.create(placed("a"))
    await barrier.wait(lambda: 0)
    await barrier.wait(lambda: 0)
    assert 1 == len(caplog.records)
