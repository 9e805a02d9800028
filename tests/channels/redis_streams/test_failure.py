"""What a Redis server, and the way to it, can do to a channel; and that it heals."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from channels.contract import Delivery, Subscription
from channels.errors import ChannelFull, ChannelUnavailable
from channels.redis_streams import Credentials, RedisServer
from channels.redis_streams.channel import RedisChannel
from channels.witness import Told, Watching, an_event, comes, events_of, ids, in_time, is_refused, receive, take
from tests.rig.proxy import Proxy
from tests.rig.redis import Redis, running_redis

_LEASE_S = 2.0
_TIMEOUT_S = 0.5
_NAME = "default/orders"


@asynccontextmanager
async def entered(url: str, **options: Any) -> AsyncIterator[tuple[RedisServer, RedisChannel]]:
    async with (
        RedisServer(url, **{"lease_s": _LEASE_S, "timeout_s": _TIMEOUT_S, **options}) as server,
        server.channel(_NAME, events_max=2**30, size_max_bytes=2**34) as channel,
    ):
        yield server, channel


@pytest.fixture
async def own(redis_server_program: Path) -> AsyncIterator[Redis]:
    with running_redis(redis_server_program) as server:
        yield server


async def stored_at_last(channel: RedisChannel, identity: str) -> None:
    """Publish it until it is stored."""

    async def publish() -> None:
        while True:
            try:
                await channel.publish([an_event(identity)])
            except (ChannelUnavailable, ChannelFull):
                await asyncio.sleep(0.02)
            else:
                return

    await in_time(publish(), "publishing did not heal")


async def received(member: Subscription, until: str) -> list[Delivery]:
    """All that comes, until that one does; acked."""
    came: list[Delivery] = []
    while not came or came[-1].event.id != until:
        taken = await in_time(member.receive(100), f"{until} did not come")
        member.ack(taken)
        came += taken
    return came


async def test_a_killed_server_has_kept_what_it_acknowledged(own: Redis) -> None:
    """With `appendfsync always`: all of it comes, once more only what was on its way."""
    async with entered(own.url) as (server, channel), channel.subscribe("g") as member:
        assert ("always", True) == (server.persistence, channel.features.durable)
        receipts = [Told() for _ in range(400)]
        acked: list[str] = []
        came: list[str] = []

        async def publish() -> None:
            for number, receipt in enumerate(receipts):
                channel.submit([an_event(str(number))], receipt)
                if number % 4 == 0:
                    await asyncio.sleep(0.001)

        async def consume() -> None:
            while True:
                for one in await member.receive(10):
                    came.append(one.event.id)
                    if int(one.event.id) % 3 == 0:
                        member.queue("q").park([one], attempts=1)
                    member.ack([one])
                    acked.append(one.event.id)
                await asyncio.sleep(0)

        consuming = asyncio.create_task(consume())
        publishing = asyncio.create_task(publish())
        await asyncio.sleep(0.05)
        own.kill()
        await asyncio.sleep(0.05)
        own.start()
        await publishing
        answers = [await receipt.answer() for receipt in receipts]
        kept = {str(number) for number, answer in enumerate(answers) if answer is None}
        assert 0 < len(kept) < 400
        await stored_at_last(channel, "999")
        await in_time(_until(lambda: kept <= {*came} and "999" in came), "something acknowledged was lost")
        consuming.cancel()
        await asyncio.wait([consuming])
        parked = {one for one in came if int(one) % 3 == 0}
        queue = member.queue("q")
        taken = await take(queue, queue.events)
        assert parked == {one.event.id for one in taken}
        member.ack(taken)
        await comes(0, lambda: channel.statistics().events)


async def test_a_restart_of_a_server_that_keeps_nothing_is_survived(redis_server_program: Path) -> None:
    """Groups are made anew, what was counted is forgotten, and events flow."""
    with running_redis(redis_server_program, fsync="none") as own:
        async with entered(own.url) as (server, channel), channel.subscribe("g") as member:
            assert ("none", False) == (server.persistence, channel.features.durable)
            await channel.publish(events_of(1, 3))
            own.kill()
            own.start()
            await stored_at_last(channel, "4")
            await received(member, "4")
            await comes(0, lambda: channel.statistics().events)


async def test_all_is_flushed_under_us(own: Redis) -> None:
    """The same, while the connection stays. It is told."""
    async with entered(own.url) as (_, channel), channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        await receive(member, 2)
        own.call("FLUSHALL")
        await stored_at_last(channel, "4")
        await received(member, "4")
        await comes(0, lambda: channel.statistics().events)


@pytest.mark.parametrize(
    "words", [("DEL", f"eventing:{{{_NAME}}}:log"), ("XGROUP", "DESTROY", f"eventing:{{{_NAME}}}:log", "g")]
)
async def test_the_stream_is_destroyed_under_us(own: Redis, words: tuple[str, ...]) -> None:
    """Or its group: it goes on with what is published since; what was lost counts no more."""
    async with entered(own.url) as (_, channel), channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        await receive(member, 2)
        own.call(*words)
        await stored_at_last(channel, "4")
        await received(member, "4")
        await comes(0, lambda: channel.statistics().events)


async def test_a_server_without_memory_refuses_and_recovers(redis_server_program: Path) -> None:
    """Publishing meets ChannelFull; what is acked and parked meanwhile is kept, and makes room."""
    with running_redis(redis_server_program, size_max_bytes=8_000_000) as own:
        async with entered(own.url) as (server, channel), channel.subscribe("g") as member:
            stored = 0
            while not await is_refused(channel, [an_event(str(stored), bytes(200_000))]):
                stored += 1
            assert stored > 3
            held = await receive(member, stored)
            member.queue("q").park(held[:1], attempts=1)
            member.ack(held)
            await stored_at_last(channel, "after")
            assert server.fault is None
            assert ["after"] == ids(await receive(member, 1))
            assert ["0"] == ids(await take(member.queue("q"), 1))


async def test_a_user_needs_few_rights(redis_server_program: Path) -> None:
    """Those that docs/redis.md lists. Without CONFIG it is unknown what a 202 is worth."""
    rights = next(
        line.removeprefix("user ")
        for line in Path("docs/redis.md").read_text().splitlines()
        if line.startswith("user ")
    )
    with running_redis(redis_server_program, users=[rights.replace("-PASSWORD-", "secret")], password="other") as own:
        url = own.url_at(own.port, "eventing", "secret")
        async with entered(url) as (server, channel), channel.subscribe("g") as member:
            await channel.publish(events_of(1, 2))
            held = await receive(member, 2)
            member.queue("q").park(held)
            member.ack(held)
            member.ack(await take(member.queue("q"), 2))
            await channel.tick()
            await comes(0, lambda: channel.statistics().events)
            assert "unknown" == server.persistence
        async with RedisServer(url) as server:
            await server.drop(_NAME)
        assert [] == own.call("KEYS", f"eventing:{{{_NAME}}}*")


async def test_credentials_are_replaced_live(redis_server_program: Path) -> None:
    """A wrong password is said so; the right one heals."""
    with running_redis(redis_server_program, password="right") as own:
        url = own.url_at(own.port, password="")
        async with RedisServer(url, credentials=Credentials(password="wrong"), timeout_s=_TIMEOUT_S) as server:
            channel = server.channel(_NAME, events_max=9, size_max_bytes=2**20)
            with pytest.raises(ChannelUnavailable, match="WRONGPASS"):
                await channel.__aenter__()
            server.replace_credentials(Credentials(password="right"))
            async with channel:
                await channel.publish(events_of(1, 1))


async def test_it_is_reached_by_tls(redis_server_program: Path) -> None:
    """Where its certificate is trusted, and not where it is not."""
    with running_redis(redis_server_program, has_tls=True) as own:
        credentials = Credentials(ca_pem=own.ca.read_text())
        async with entered(own.url, credentials=credentials) as (_, channel), channel.subscribe("g") as member:
            await channel.publish(events_of(1, 1))
            member.ack(await receive(member, 1))
        async with RedisServer(own.url) as server:
            with pytest.raises(ChannelUnavailable):
                await server.ready()


@pytest.mark.parametrize("manner", ["cut", "hole", "refuse"])
async def test_a_network_that_fails_is_survived(
    redis_rig: Redis, manner: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What was published meanwhile is refused in time; all that was stored comes, and nothing fills the log."""
    async with Proxy(redis_rig.port) as proxy:
        options = {"prefix": f"failing{manner}", "lease_s": 20.0}
        async with entered(redis_rig.url_at(proxy.port), **options) as (_, channel), channel.subscribe("g") as member:
            await channel.publish(events_of(1, 3))
            held = await receive(member, 2)
            if manner == "cut":
                proxy.cut()
            else:
                proxy.manner = manner  # type: ignore[assignment]
                with pytest.raises(ChannelUnavailable):
                    await in_time(channel.publish(events_of(4, 4)), "a publish did not end")
            member.ack(held[:1])
            proxy.manner = "pass"
            await stored_at_last(channel, "5")
            member.ack(held[1:])
            came = ids(await received(member, "5"))
            assert {"3", "5"} <= {*came} <= {"3", "4", "5"}
            await comes(0, lambda: channel.statistics().events)
    lines = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) <= 2 * 5


async def test_a_silent_process_is_fenced(redis_rig: Redis) -> None:
    """Whose lease ran out loses all to others, and finds out: what it says of that does nothing; then it goes on."""
    async with Proxy(redis_rig.port) as proxy:
        options = {"prefix": "fenced", "lease_s": 0.5}
        async with (
            entered(redis_rig.url_at(proxy.port), **options) as (server, channel),
            channel.subscribe("g") as member,
        ):
            watcher = Watching()
            member.watch(watcher)
            await channel.publish(events_of(1, 4))
            held = await receive(member, 4)
            member.queue("q").park(held[3:], attempts=2)
            member.ack(held[2:])
            await channel.publish(events_of(5, 5))
            name = server.me
            proxy.manner = "hole"
            async with entered(redis_rig.url, **options) as (_, other), other.subscribe("g") as heir:
                taken = await receive(heir, 3)
                assert ["1", "2", "5"] == sorted(ids(taken))
                assert [("4", 2)] == [(one.event.id, one.attempts) for one in await take(heir.queue("q"), 1)]
                proxy.manner = "pass"
                member.ack(held[:2])
                await in_time(_until(lambda: server.me != name), "it did not find out")
                assert watcher.changes
                assert not any(member.holds(one) for one in held)
                await stored_at_last(channel, "6")
                assert 5 == other.statistics().events or await _later(lambda: other.statistics().events == 5)
                heir.ack(taken)
                six = await asyncio.wait(
                    [asyncio.ensure_future(one.receive(1)) for one in (heir, member)], return_when="FIRST_COMPLETED"
                )
                assert ["6"] == ids(next(iter(six[0])).result())
                for waiting in six[1]:
                    waiting.cancel()


async def test_what_a_queue_does_not_have_any_more_is_settled_all_the_same(own: Redis) -> None:
    """The commit goes through, with all else that it holds."""
    async with entered(own.url) as (server, channel), channel.subscribe("g") as member:
        await channel.publish(events_of(1, 1))
        held = await receive(member, 1)
        member.queue("q").park(held, attempts=1)
        member.ack(held)
        taken = await take(member.queue("q"), 1)
        (bodies,) = own.call("KEYS", f"eventing:{{{_NAME}}}:b:*")
        own.call("DEL", bodies)
        member.ack(taken)
        await in_time(server.committer.flush(), "it is owed for ever")


async def test_what_was_settled_is_not_taken_again_after_an_answer_that_was_lost(own: Redis) -> None:
    """Though the server has not been told yet that it is settled."""
    async with entered(own.url) as (server, channel), channel.subscribe("g") as member:
        queue = member.queue("q")
        await channel.publish(events_of(1, 1))
        held = await receive(member, 1)
        queue.park(held, attempts=1)
        member.ack(held)
        first = await take(queue, 1)
        await channel.publish(events_of(2, 2))
        held = await receive(member, 1)
        queue.park(held, attempts=1)
        member.ack(held)
        await server.committer.flush()
        own.pause()
        with pytest.raises(ChannelUnavailable):
            await queue.take(1)
        own.resume()
        member.ack(first)
        came: list[str] = []
        while not came:
            with suppress(ChannelUnavailable):
                came += ids(await queue.take(2))
        assert ["2"] == came


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.005)


async def _later(is_so: Callable[[], bool]) -> bool:
    await in_time(_until(is_so), "it did not come to pass")
    return True
