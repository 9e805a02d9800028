"""Who drops what a deleted Broker left on a server: one process, and after a takeover another one."""

import asyncio
from typing import Any, cast

import pytest

from eventing.app.duty import TAKEOVERS_MAX, Duties
from eventing.errors import LeaseLost, StoreUnavailable
from eventing.pen import Pen
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


async def _held() -> None:
    return


async def _lost() -> None:
    raise LeaseLost("another's")
