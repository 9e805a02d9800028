"""What one of several processes does: who drops what a deleted Broker left on a server, and what an outage ends."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from eventing.app.duty import TAKEOVERS_MAX, Duties
from eventing.errors import LeaseLost, StoreUnavailable
from eventing.pen import Pen
from tests.eventing.small_leases import Leases
from tests.eventing.store.memory_store import MemoryStore

DURATION_S = 10.0
pytestmark = pytest.mark.looptime


def duties() -> Duties:
    return Duties(resources=cast("Any", None), holder="h", duration_s=DURATION_S)


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def test_who_writes_drops_at_once() -> None:
    """A single process, too."""
    assert await duties().may_drop(Pen(MemoryStore()), is_controller=True)
    assert 0 == now_s()


async def test_ingresses_and_dispatchers_drop_nothing() -> None:
    assert not await duties().may_drop(Pen(), is_controller=False)
    assert 0 == now_s()


async def test_a_standby_drops_where_it_takes_over() -> None:
    """Who had the pen may have died in the moment of the deletion."""
    pen = Pen()
    asking = asyncio.create_task(duties().may_drop(pen, is_controller=True))
    await asyncio.sleep(DURATION_S)
    assert not asking.done()
    pen.give(MemoryStore(), _held)
    assert await asking


async def test_a_standby_that_stays_one_drops_nothing() -> None:
    """The other one has."""
    assert not await duties().may_drop(Pen(), is_controller=True)
    assert TAKEOVERS_MAX * DURATION_S <= now_s() < TAKEOVERS_MAX * DURATION_S + 1


async def test_who_stood_still_asks_first() -> None:
    """What it would drop may be another Broker's of that name, which was made meanwhile."""
    pen = Pen()
    pen.give(MemoryStore(), _lost)
    assert not await duties().may_drop(pen, is_controller=False)
    assert pen.store is None


async def test_while_the_database_is_away_it_waits() -> None:
    """Nobody can say whether the pen is its own."""
    asked = list[int]()

    async def confirm() -> None:
        asked.append(1)
        if len(asked) < 100:
            raise StoreUnavailable("no route to it")

    pen = Pen()
    pen.give(MemoryStore(), confirm)
    assert await duties().may_drop(pen, is_controller=True)
    assert now_s() > 10


class Work:
    """A redriver, or a controller."""

    def __init__(self) -> None:
        self.is_working = False

    async def run(self) -> None:
        self.is_working = True
        try:
            await asyncio.Event().wait()
        finally:
            self.is_working = False

    async def reconcile(self) -> None:
        return


async def test_an_outage_ends_redrives_and_leaves_the_pen() -> None:
    """Sinks refuse nobody; of statuses the store does, and who drops asks it first. Both go on when it is back."""
    leases = {"redriver": Leases(), "controller": Leases()}
    work, pen = Work(), Pen()
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_duties(leases["redriver"]).redrive(cast("Any", work))()),
            group.create_task(_duties(leases["controller"]).rule(pen, cast("Any", work))()),
        ]
        for is_away, is_working in ((False, True), (True, False), (False, True)):
            for one in leases.values():
                one.is_away = is_away
            await asyncio.sleep(2 * DURATION_S)
            assert (is_working, True) == (work.is_working, pen.store is not None)
        for task in tasks:
            task.cancel()


def _duties(leases: Leases) -> Duties:
    store = SimpleNamespace(leases=leases, under=lambda _: MemoryStore())
    return Duties(resources=cast("Any", SimpleNamespace(store=store)), holder="h", duration_s=DURATION_S)


async def _held() -> None:
    return


async def _lost() -> None:
    raise LeaseLost("another's")
