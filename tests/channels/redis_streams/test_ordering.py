"""While order is needed one process receives, and the others stand by."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from channels.redis_streams import RedisServer
from channels.redis_streams.channel import RedisChannel
from channels.witness import Watching, comes, events_of, ids, receive, take
from tests.rig.redis import Redis


@asynccontextmanager
async def entered(url: str, prefix: str) -> AsyncIterator[RedisChannel]:
    async with (
        RedisServer(url, prefix=prefix, lease_s=0.5) as server,
        server.channel("default/orders", events_max=2**30, size_max_bytes=2**34) as channel,
    ):
        yield channel


@pytest.mark.parametrize("is_killed", [False, True])
async def test_the_next_one_takes_over_in_order(redis_rig: Redis, *, is_killed: bool) -> None:
    """All that was published comes to one process; when it ends, what it had not settled comes first to the other."""
    prefix = f"ordering{is_killed}"
    async with (
        entered(redis_rig.url, prefix) as other,
        entered(redis_rig.url, prefix) as one,
        one.subscribe("g") as first,
        other.subscribe("g") as second,
    ):
        first.keep_order(is_needed=True)
        await comes(True, lambda: not one._readers["g"].is_paused)
        second.keep_order(is_needed=True)
        await comes(True, lambda: other.groups["g"].is_standing_by)
        for number in range(1, 9):
            await (one if number % 2 else other).publish(events_of(number, number))
        held = await receive(first, 6)
        assert ["1", "2", "3", "4", "5", "6"] == ids(held)
        first.queue("q", is_ordered=True).park(held[1:2], attempts=3)
        first.ack(held[:2])
        await one.publish(events_of(9, 9))
        if is_killed:
            await one.server.abandon()
        else:
            await one.__aexit__(None, None, None)
        assert ["3", "4", "5", "6", "7", "8", "9"] == ids(await receive(second, 7))
        assert [("2", 3)] == [(one.event.id, one.attempts) for one in await take(second.queue("q", is_ordered=True), 1)]


async def test_who_receives_already_gives_way(redis_rig: Redis) -> None:
    """It is asked to let go, and after a while what it holds is another one's; without need all receive."""
    async with (
        entered(redis_rig.url, "giving") as one,
        entered(redis_rig.url, "giving") as other,
        one.subscribe("g") as first,
        other.subscribe("g") as second,
    ):
        watcher = Watching()
        second.watch(watcher)
        await other.publish(events_of(1, 40))
        collected = [asyncio.ensure_future(member.receive(1)) for member in (first, second)]
        done, pending = await asyncio.wait(collected, return_when="FIRST_COMPLETED")
        for waiting in pending:
            waiting.cancel()
        first.keep_order(is_needed=True)
        await comes(True, lambda: one.groups["g"].is_ordered)
        await one.tick()
        second.keep_order(is_needed=True)
        await comes(1, lambda: watcher.asked)
        if collected[1] in done:
            second.nack(collected[1].result())
        if collected[0] in done:
            first.nack(collected[0].result())
        assert [str(number) for number in range(1, 41)] == ids(await receive(first, 40))
        for member in (first, second):
            member.keep_order(is_needed=False)
        await comes(False, lambda: other._readers["g"].is_paused)


async def test_who_joins_later_asks_for_nothing(redis_rig: Redis) -> None:
    """Not even before it knows that order is needed: everything goes to the one that receives alone."""
    async with (
        entered(redis_rig.url, "joining") as one,
        entered(redis_rig.url, "joining") as other,
        one.subscribe("g") as first,
    ):
        first.keep_order(is_needed=True)
        await comes(False, lambda: one._readers["g"].is_paused)
        async with other.subscribe("g"):
            assert other.groups["g"].is_standing_by
            for number in range(1, 9):
                await other.publish(events_of(number, number))
            assert [str(number) for number in range(1, 9)] == ids(await receive(first, 8))
