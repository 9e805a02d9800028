"""Processes that are stopped for longer than their lease."""

import asyncio
import signal
import sys

from channels.redis_streams import RedisServer
from channels.witness import Watching, comes, events_of, ids, in_time, receive, take
from tests.rig.redis import Redis

_LEASE_S = 0.6
_BOUNDS = {"events_max": 100, "size_max_bytes": 2**20}


async def test_a_stopped_process_loses_its_events_and_finds_out(redis_rig: Redis) -> None:
    """They come to another one. Woken, it is fenced: what it acks stays another one's, and it can still leave."""
    prefix = "stopped"
    async with (
        RedisServer(redis_rig.url, prefix=prefix, lease_s=_LEASE_S) as server,
        server.channel("default/orders", **_BOUNDS) as channel,
    ):
        async with channel.subscribe("g"):
            pass
        await channel.publish(events_of(1, 3))
        command = (sys.executable, "-m", f"{__package__}.process", redis_rig.url, prefix, str(_LEASE_S))
        child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            assert child.stdout is not None
            assert b"held\n" == await in_time(child.stdout.readline(), "it holds nothing")
            child.send_signal(signal.SIGSTOP)
            async with channel.subscribe("g") as member:
                held = await receive(member, 3)
                assert ["1", "2", "3"] == ids(held)
                child.send_signal(signal.SIGCONT)
                assert b"lost False False False\n" == await in_time(child.stdout.readline(), "it did not find out")
                assert 0 == await in_time(child.wait(), "it did not end")
                await channel.tick()
                assert 3 == channel.statistics().events
                member.ack(held)
                await comes(0, lambda: channel.statistics().events)
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()


async def test_a_slow_process_is_not_robbed(redis_rig: Redis) -> None:
    """Which holds its events for longer than the lease, and lives."""
    prefix = "slow"
    async with (
        RedisServer(redis_rig.url, prefix=prefix, lease_s=_LEASE_S) as server,
        RedisServer(redis_rig.url, prefix=prefix, lease_s=_LEASE_S) as others,
        server.channel("default/orders", **_BOUNDS) as channel,
        others.channel("default/orders", **_BOUNDS) as other,
        channel.subscribe("g") as member,
    ):
        await channel.publish(events_of(1, 3))
        held = await receive(member, 3)
        async with other.subscribe("g") as neighbour:
            waiting = asyncio.create_task(neighbour.receive(1))
            done, _ = await asyncio.wait([waiting], timeout=2 * _LEASE_S)
            assert not done
            assert all(member.holds(one) for one in held)
            member.ack(held[:2])
            member.nack(held[2:])
            member.ack(await receive(member, 1))
            await comes(0, lambda: other.statistics().events)
            waiting.cancel()


async def test_what_was_taken_over_without_an_answer_is_found(redis_rig: Redis) -> None:
    """The server gave this process a queue, and the answer was lost on its way: the next look finds it."""
    prefix = "unanswered"
    async with (
        RedisServer(redis_rig.url, prefix=prefix, lease_s=20.0) as server,
        server.channel("default/orders", **_BOUNDS) as channel,
        channel.subscribe("g") as member,
    ):
        await channel.publish(events_of(1, 3))
        held = await receive(member, 3)
        member.queue("q").park(held, attempts=4)
        member.ack(held)
        await server.committer.flush()
        channel.groups["g"]._drop_queues()
        watcher = Watching()
        member.watch(watcher)
        channel._caretaker.is_unsure = True
        await channel.tick()
        assert (3, 1) == (member.queue("q").events, watcher.changes)
        taken = await take(member.queue("q"), 3)
        assert [4, 4, 4] == [one.attempts for one in taken]
        member.ack(taken)
        assert 0 == channel.statistics().events
