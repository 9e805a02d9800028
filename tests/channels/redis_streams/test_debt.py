"""What a Redis server refuses to do with the keys of one Broker is no matter of the others, and is not forgotten."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest

from channels.dead_letter import EVERYTHING, Address
from channels.errors import ChannelUnavailable
from channels.redis_streams import RedisServer
from channels.redis_streams.channel import RedisChannel
from channels.redis_streams.entry import position_of
from channels.redis_streams.script import COMMIT
from channels.witness import an_event, comes, events_of, ids, in_time, receive, take
from tests.rig.redis import Redis

_numbers = count()
_WRONG = "WRONGTYPE"
_ADDRESS = Address("d", "a", "t")


class Stage:
    """Two channels of one server, `d/a` and `d/b`."""

    def __init__(self, redis: Redis, server: RedisServer, one: RedisChannel, other: RedisChannel) -> None:
        self.redis, self.server, self.one, self.other = redis, server, one, other

    def key(self, name: str) -> str:
        """Of the channel `d/a`; a star stands for this process, two of them for its queue `q` of the group `g`."""
        me = self.server.me
        return self.server.prefix_of("d/a") + name.replace("**", f"{me}:u1:gq").replace("*", me)

    def letters_key(self, name: str) -> str:
        """Of the dead letters."""
        return f"{self.server.prefix}:{{dead-letters}}:{name}"

    @asynccontextmanager
    async def foreign(self, key: str) -> AsyncIterator[None]:
        """While another one's text is in that place."""
        kept = f"kept:{key}"
        is_there = self.redis.call("EXISTS", key)
        if is_there:
            self.redis.call("RENAME", key, kept)
        self.redis.call("SET", key, "it is mine")
        yield
        if is_there:
            self.redis.call("RENAME", kept, key)
        else:
            self.redis.call("DEL", key)

    def length(self, verb: str, key: str) -> int:
        """As one of LLEN, HLEN, ZCARD tells it."""
        return int(self.redis.call(verb, key))


@pytest.fixture
async def stage(redis_rig: Redis) -> AsyncIterator[Stage]:
    bounds: Any = {"events_max": 999, "size_max_bytes": 2**30}
    async with (
        RedisServer(redis_rig.url, prefix=f"debt{next(_numbers)}") as server,
        server.channel("d/a", **bounds) as one,
        server.channel("d/b", **bounds) as other,
    ):
        yield Stage(redis_rig, server, one, other)


async def refused_twice(stage: Stage, is_refused: Callable[[], bool]) -> None:
    """Return when the server has refused what is owed, and has refused it again."""
    await comes(True, is_refused)
    before = stage.server.committer.commits
    await comes(True, lambda: stage.server.committer.commits > before)
    assert is_refused()


async def at_last(do: Callable[[], Awaitable[None]]) -> None:
    """Do it until nothing is wrong with it."""

    async def attempt() -> None:
        while True:
            try:
                return await do()
            except ChannelUnavailable:
                await asyncio.sleep(0.02)

    await in_time(attempt(), "it did not heal")


async def test_a_key_of_another_type_is_the_fault_of_one_broker(stage: Stage) -> None:
    """Its producers are told why; those of others are not, and nothing is wrong with the server."""
    one, other = stage.one, stage.other
    async with stage.foreign(stage.key("remembered")):
        one.remember("name", b"value")
        await refused_twice(stage, lambda: one.fault is not None)
        with pytest.raises(ChannelUnavailable, match=_WRONG):
            await one.publish(events_of(1, 1))
        await other.publish(events_of(1, 3))
        other.remember("name", b"value")
        await other.debt.flush()
        assert (None, None) == (stage.server.fault, other.fault)
        assert _WRONG in str(one.fault)
        assert stage.server.prefix_of("d/a") in str(one.fault)
    await at_last(one.debt.flush)
    assert None is one.fault
    assert "value" == stage.redis.call("HGET", stage.key("remembered"), "name")
    await one.publish(events_of(1, 1))


async def test_what_cannot_be_looked_after_is_the_fault_of_one_broker(stage: Stage) -> None:
    """The others are looked after, and so are the dead letters."""
    async with stage.foreign(stage.key("members")):
        stage.server.hurry()
        await comes(True, lambda: _WRONG in str(stage.one.fault))
        stage.redis.call("HDEL", f"{stage.server.prefix_of('d/b')}members", stage.server.me)
        stage.server.hurry()
        await comes(1, lambda: stage.length("HLEN", f"{stage.server.prefix_of('d/b')}members"))
        assert (None, None) == (stage.server.fault, stage.other.fault)
    stage.server.hurry()
    await comes(None, lambda: stage.one.fault)


async def test_rights_that_a_user_loses_are_the_fault_of_one_broker(redis_rig: Redis) -> None:
    """Where they are about its keys alone; once it has them again, all is done that was owed."""
    prefix = f"debt{next(_numbers)}"
    user = ("ACL", "SETUSER", prefix, "on", ">secret", "+@all")
    bounds: Any = {"events_max": 999, "size_max_bytes": 2**30}
    redis_rig.call(*user, "~*")
    async with (
        RedisServer(redis_rig.url_at(redis_rig.port, prefix, "secret"), prefix=prefix) as server,
        server.channel("d/a", **bounds) as one,
        server.channel("d/b", **bounds) as other,
    ):
        redis_rig.call(*user, "resetkeys", f"~{prefix}:{{d/b}}*", f"~{prefix}:{{dead*", f"~{prefix}:[a-z]*")
        one.set_aside(b"odd")
        await comes(True, lambda: one.fault is not None)
        await other.publish(events_of(1, 1))
        other.set_aside(b"odd")
        await other.debt.flush()
        assert (None, None) == (server.fault, other.fault)
        redis_rig.call(*user, "~*")
        await at_last(one.debt.flush)
        assert ["odd"] == redis_rig.call("LRANGE", f"{prefix}:{{d/a}}:damaged", 0, -1)


async def test_what_was_done_before_an_operation_failed_is_not_done_again(stage: Stage) -> None:
    """However often that is tried; and what is owed after it waits for it."""
    async with stage.foreign(stage.key("remembered")):
        stage.server.dead_letters.add(_ADDRESS, "no", an_event("1"), ())
        stage.one.set_aside(b"first")
        stage.one.remember("name", b"value")
        stage.one.set_aside(b"second")
        await refused_twice(stage, lambda: stage.one.fault is not None)
        assert ["first"] == stage.redis.call("LRANGE", stage.key("damaged"), 0, -1)
    await at_last(stage.one.debt.flush)
    assert ["first", "second"] == stage.redis.call("LRANGE", stage.key("damaged"), 0, -1)
    assert 1 == len(await stage.server.dead_letters.find(EVERYTHING, limit=9))


@pytest.mark.parametrize("name", ["index", "head", "body", "tried", "mark", "claim", "redrives", "evicted", "ended"])
async def test_a_dead_letter_is_kept_once(stage: Stage, name: str) -> None:
    """Where one of its keys is another one's for a while. It is the fault of all, for it is the store of all."""
    letters = stage.server.dead_letters
    letters.add(_ADDRESS, "no", an_event("1"), ())
    await letters.debt.flush()
    key = stage.letters_key(name)
    kept = f"kept:{key}"
    if stage.redis.call("EXISTS", key):
        stage.redis.call("RENAME", key, kept)
    stage.redis.call("XADD", key, "*", "it", "is mine")
    letters.add(_ADDRESS, "no", an_event("2"), ())
    await refused_twice(stage, lambda: _WRONG in str(letters.debt.error))
    assert _WRONG in str(stage.server.fault)
    with pytest.raises(ChannelUnavailable, match=_WRONG):
        await stage.other.publish(events_of(1, 1))
    stage.redis.call("DEL", key)
    if stage.redis.call("EXISTS", kept):
        stage.redis.call("RENAME", kept, key)
    await at_last(letters.debt.flush)
    assert ["2", "1"] == [letter.event.id for letter in await letters.find(EVERYTHING, limit=9)]
    assert "2" == stage.redis.call("GET", stage.letters_key("last"))
    await stage.other.publish(events_of(1, 1))


@pytest.mark.parametrize(
    "name", ["log", "state", "groups", "queues:*", "z:**", "b:**", "t:**", "damaged", "remembered"]
)
async def test_what_a_channel_owes_is_done_once(stage: Stage, name: str) -> None:
    """Whichever of its keys is another one's for a while: afterwards all is as if that had not been."""
    channel, redis = stage.one, stage.redis
    async with channel.subscribe("g") as member:
        queue = member.queue("q")
        await channel.publish(events_of(1, 6))
        held = await receive(member, 6)
        queue.park(held[:3], attempts=1)
        member.ack(held[:3])
        (first, _) = await take(queue, 2)
        await channel.debt.flush()
        async with stage.foreign(stage.key(name)):
            queue.park(held[3:5], after_s=3600.0, attempts=2)
            member.ack(held[3:5])
            member.ack([first])
            channel.remember("name", b"value")
            channel.set_aside(b"odd")
            await refused_twice(stage, lambda: channel.debt.error is not None)
        await at_last(channel.debt.flush)
        assert ["odd"] == redis.call("LRANGE", stage.key("damaged"), 0, -1)
        assert 4 == stage.length("HLEN", stage.key("b:**"))
        numbers = redis.call("HGETALL", stage.key("state"))
        size = sum(one.size_bytes for one in held[1:5])
        assert ("1", "4", str(size)) == (numbers["events"], numbers["parked"], numbers["psize"])
        assert ("1", str(size)) == (numbers["damaged"], redis.call("HVALS", stage.key("queues:*"))[0])
        assert (5, 4) == (channel.statistics().events, queue.events)
        assert ["value"] == redis.call("HVALS", stage.key("remembered"))
        pending = await stage.server.link.call("XPENDING", channel.log, "g", "-", "+", 9)
        assert [held[5].position] == [position_of(row[0]) for row in pending]


async def test_the_same_commit_goes_on_where_it_stopped(stage: Stage) -> None:
    """An answer that was lost is asked for again with the same serial number."""
    prefix, server = stage.server.prefix_of("d/a"), stage.server
    keys = (f"{server.prefix}:serial:one", f"{server.prefix}:fence:one")
    operations = ["damaged", "a", "remember", "name", "value", "damaged", "b"]
    words: list[Any] = ["one", 7, prefix, len(operations), *operations, f"{server.prefix}:x:", 2, "damaged", "c"]
    async with stage.foreign(stage.key("remembered")):
        for _ in range(2):
            told, state = await server.link.run(COMMIT, keys, *words)
            assert (2, _WRONG) == (told[0], told[1].decode().partition(" ")[0])
            assert [b"damaged", b"1"] == state
    for _ in range(2):
        told, state = await server.link.run(COMMIT, keys, *words)
        assert b"born" in told
        assert [b"damaged", b"1"] == state
    assert ["a", "b"] == stage.redis.call("LRANGE", stage.key("damaged"), 0, -1)


async def test_what_is_settled_while_a_commit_is_under_way_is_known_to_be_until_it_is_safe(stage: Stage) -> None:
    """A reader that comes back would take it for lost otherwise, and it would be delivered again."""
    channel = stage.one
    async with channel.subscribe("g") as member:
        await channel.publish(events_of(1, 2))
        held = await receive(member, 2)
        group = channel.groups["g"]
        await channel.debt.flush()
        channel.before_commit(lambda: known.append(group.acked))
        known: list[set[bytes]] = []
        member.ack(held[:1])
        await asyncio.sleep(0)
        member.ack(held[1:])
        channel.remember("name", b"value")
        assert 1 == len(known)
        await comes(True, lambda: len(known) > 1)
        assert [one.position for one in held[1:]] == [position_of(entry) for entry in known[1]]
        await channel.debt.flush()
        assert set() == group.acked


async def test_much_that_is_refused_keeps_nothing_from_others(stage: Stage) -> None:
    """A Broker that owes too much is given nothing more; another one is, and this one again once it is taken."""
    one, other = stage.one, stage.other
    async with one.subscribe("g") as member, other.subscribe("g") as other_member:
        await one.publish([an_event(str(number), bytes(2**20)) for number in range(18)])
        held = await receive(member, 17)
        async with stage.foreign(stage.key("remembered")):
            one.remember("name", b"value")
            await comes(True, lambda: one.fault is not None)
            member.queue("q").park(held, after_s=3600.0)
            member.ack(held)
            await comes(True, lambda: one.is_choked)
            waiting = asyncio.ensure_future(member.receive(1))
            await other.publish(events_of(1, 1))
            other_member.ack(await receive(other_member, 1))
            await other.debt.flush()
            assert (False, False) == (other.is_choked, waiting.done())
        assert ["17"] == ids(await in_time(waiting, "nothing comes any more"))
        assert (0, False) == (stage.server.committer.owed_bytes, one.is_choked)


async def test_a_parked_event_whose_body_is_lost_is_set_aside(stage: Stage) -> None:
    """And counted as damaged; the others of its queue are served, and nothing is held any more in the end."""
    channel = stage.one
    async with channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        held = await receive(member, 3)
        queue = member.queue("q")
        queue.park(held, attempts=1)
        member.ack(held)
        await channel.debt.flush()
        bodies = stage.key("b:**")
        stage.redis.call("HDEL", bodies, min(stage.redis.call("HKEYS", bodies)))
        taken = await take(queue, 2)
        assert ["2", "3"] == ids(taken)
        await channel.debt.flush()
        assert (1, 2, 2) == (channel.statistics().damaged, channel.statistics().events, queue.events)
        assert [""] == stage.redis.call("LRANGE", stage.key("damaged"), 0, -1)
        member.ack(taken)
        await channel.debt.flush()
        counted = stage.redis.call("HMGET", stage.key("state"), "parked", "psize")
        assert ["0", "0"] == counted
        assert [] == stage.redis.call("KEYS", f"{stage.server.prefix}:*:[bztq]*:*q")
