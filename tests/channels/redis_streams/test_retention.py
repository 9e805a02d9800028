"""The stream is trimmed behind what all have settled, and not before its retention."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from channels.redis_streams import RedisServer, Retention
from channels.redis_streams.channel import RedisChannel
from channels.witness import an_event, events_of, ids, receive
from tests.rig.redis import Redis


@asynccontextmanager
async def entered(redis_rig: Redis, prefix: str, retention: Retention) -> AsyncIterator[RedisChannel]:
    async with (
        RedisServer(redis_rig.url, prefix=prefix) as server,
        server.channel("a/b", events_max=10_000, size_max_bytes=2**30, retention=retention) as channel,
    ):
        yield channel


async def kept(redis_rig: Redis, channel: RedisChannel) -> int:
    await channel.server.committer.flush()
    await channel.tick()
    return int(redis_rig.call("XLEN", channel.log))


async def test_what_all_have_settled_goes(redis_rig: Redis) -> None:
    """Behind the oldest that some group has not."""
    async with (
        entered(redis_rig, "trim", Retention()) as channel,
        channel.subscribe("a") as one,
        channel.subscribe("b") as other,
    ):
        await channel.publish(events_of(1, 10))
        one.ack(await receive(one, 10))
        held = await receive(other, 10)
        assert 10 == await kept(redis_rig, channel)
        other.ack([*held[:4], *held[5:]])
        assert 6 == await kept(redis_rig, channel)
        other.ack(held)
        assert 0 == await kept(redis_rig, channel)


async def test_what_nobody_wants_is_not_kept(redis_rig: Redis) -> None:
    """It is counted."""
    async with entered(redis_rig, "nobody", Retention()) as channel:
        await channel.publish(events_of(1, 3))
        assert (0, 3, 0) == (await kept(redis_rig, channel), channel.statistics().stored, channel.statistics().events)


@pytest.mark.parametrize(
    ("retention", "expected"),
    [(Retention(age_s=60.0), 10), (Retention(age_s=0.001), 0), (Retention(size_max_bytes=45_000), 4)],
)
async def test_a_retention_keeps_more(redis_rig: Redis, retention: Retention, expected: int) -> None:
    """The youngest of it; a group may begin there."""
    async with entered(redis_rig, f"keep{expected}", retention) as channel:
        async with channel.subscribe("a") as member:
            await channel.publish([an_event(str(number), bytes(10_000)) for number in range(1, 11)])
            member.ack(await receive(member, 10))
            assert expected == await kept(redis_rig, channel)
            assert 0 == channel.statistics().events
        if expected:
            async with channel.subscribe("late", start="earliest") as late:
                assert [str(number) for number in range(11 - expected, 11)] == ids(await receive(late, expected))
