"""What is held is counted where groups come and go: as one would who looks at every entry, though nobody does."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import pytest

from channels.contract import Start
from channels.redis_streams import RedisServer, Retention
from channels.redis_streams.channel import RedisChannel
from channels.redis_streams.entry import position_of
from channels.redis_streams.link import Link
from channels.redis_streams.script import BEGIN, SURVEY, Script
from channels.witness import an_event, comes, events_of, receive
from tests.rig.redis import Redis

_numbers = count()
_MANY = 2 * SURVEY[0] + 100


class Watched(Link):
    """`between` is awaited before each call of `begin` but the first of each group."""

    def __init__(self, link: Link, between: Callable[[], Awaitable[None]]) -> None:
        super().__init__(link._open, link._introduce)
        self.begun = 0
        self._between = between

    async def run(self, script: Script, keys: tuple[str, str], *words: Any) -> Any:
        if script is BEGIN:
            self.begun += 1
            if self.begun > 1:
                await self._between()
        return await super().run(script, keys, *words)


@pytest.fixture
async def channel(redis_rig: Redis) -> AsyncIterator[RedisChannel]:
    bounds: Any = {"events_max": 2**30, "size_max_bytes": 2**40}
    async with (
        RedisServer(redis_rig.url, prefix=f"counts{next(_numbers)}") as server,
        server.channel("d/a", retention=Retention(age_s=3600.0), **bounds) as channel,
    ):
        yield channel


async def looked_up(channel: RedisChannel) -> dict[bytes, int]:
    """What the counters should be, by every entry, and who has still to settle it."""
    link = channel.server.link
    entries = await link.call("XRANGE", channel.log, "-", "+")
    sizes = {position_of(entry): int(fields[0]) for entry, fields in entries}
    held: set[int] = set()
    counters: dict[bytes, int] = {}
    for row in await link.call("XINFO", "GROUPS", channel.log):
        group = dict(zip(row[::2], row[1::2], strict=True))
        pending = await link.call("XPENDING", channel.log, group[b"name"], "-", "+", 2**20)
        last = position_of(group[b"last-delivered-id"])
        wanted = {position_of(one[0]) for one in pending} | {one for one in sizes if one > last}
        counters[b"u:" + group[b"name"]] = len(wanted)
        counters[b"v:" + group[b"name"]] = sum(sizes[one] for one in wanted)
        held |= wanted
    return {**counters, b"events": len(held), b"size": sum(sizes[one] for one in held)}


def known(counters: dict[bytes, int]) -> dict[bytes, int]:
    """Without those that are 0, which may not be there."""
    return {name: number for name, number in counters.items() if number}


async def counted(channel: RedisChannel) -> dict[bytes, int]:
    """What they are."""
    await channel.debt.flush()
    flat = await channel.server.link.call("HGETALL", f"{channel.keys[0]}state")
    state = dict(zip(flat[::2], flat[1::2], strict=True))
    return {name: int(state[name]) for name in state if name[:2] in (b"u:", b"v:") or name in (b"events", b"size")}


@pytest.mark.parametrize("seed", range(12))
async def test_groups_that_come_and_go_are_counted_as_if_all_was_looked_at(channel: RedisChannel, seed: int) -> None:
    """Wherever they begin, and whatever the others have been given, and have settled."""
    dice = random.Random(seed)
    async with AsyncExitStack() as stack:
        members: dict[str, Any] = {}
        positions = await channel.publish([an_event("first")])
        for step in range(24):
            do = dice.choice(["publish", "publish", "join", "settle", "settle", "forget"])
            if do == "publish":
                sizes = [dice.randrange(9) for _ in range(dice.randrange(1, 9))]
                positions += await channel.publish([an_event(f"{step}", bytes(size)) for size in sizes])
            elif do == "join" and len(members) < 4:
                start: Start = dice.choice(["earliest", "latest", *positions[-9:]])
                members[f"g{step}"] = await stack.enter_async_context(channel.subscribe(f"g{step}", start=start))
            elif do == "settle" and members:
                member = members[dice.choice([*members])]
                if member.lag:
                    taken = await member.receive(dice.randrange(1, 6))
                    member.ack(dice.sample(taken, dice.randrange(len(taken) + 1)))
            elif do == "forget" and members:
                name = dice.choice([*members])
                del members[name]
                channel.forget(name)
            found = await counted(channel)
            assert known(await looked_up(channel)) == known(found)


@pytest.mark.parametrize("retention", [Retention(), Retention(age_s=3600.0, size_max_bytes=2**20)])
async def test_a_long_past_is_counted_in_many_steps(
    channel: RedisChannel, monkeypatch: pytest.MonkeyPatch, retention: Retention
) -> None:
    """None of them looks at much; what is published, settled and trimmed between them is counted right."""
    for first in range(0, _MANY, 1000):
        await channel.publish(events_of(first + 1, min(first + 1000, _MANY)))
    channel.retention = retention
    async with channel.subscribe("first", start="earliest") as first_member:
        taken = await receive(first_member, 40)
        first_member.ack(taken[:20])
        await channel.publish(events_of(1, 2))
        await channel.debt.flush()

        async def between() -> None:
            first_member.ack(taken[20:30])
            await channel.publish(events_of(1, 3))
            await channel.debt.flush()
            await channel.tick()

        link = Watched(channel.server.link, between)
        await link.get()
        with monkeypatch.context() as patch:
            patch.setattr(channel.server, "link", link)
            async with channel.subscribe("second", start="earliest"):
                found = await counted(channel)
                assert await looked_up(channel) == found
                assert _MANY + 2 + 3 * 2 == found[b"u:second"]
                assert 3 == link.begun
        link.close()


async def test_a_count_that_was_left_alone_for_too_long_begins_anew(
    channel: RedisChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For what it had counted may have been trimmed since."""
    for first in range(0, _MANY, 1000):
        await channel.publish(events_of(first + 1, min(first + 1000, _MANY)))
    link: Watched

    async def between() -> None:
        if link.begun == 2:
            await link.call("DEL", f"{channel.keys[0]}survey")
            await link.call("XTRIM", channel.log, "MAXLEN", "=", str(_MANY - 10))

    link = Watched(channel.server.link, between)
    await link.get()
    with monkeypatch.context() as patch:
        patch.setattr(channel.server, "link", link)
        async with channel.subscribe("second", start="earliest"):
            found = await counted(channel)
            assert await looked_up(channel) == found
            assert (_MANY - 10, 4) == (found[b"u:second"], link.begun)
    link.close()


async def test_nothing_of_a_past_that_is_counted_is_trimmed(channel: RedisChannel) -> None:
    """Before the group is there that wants it."""
    await channel.publish(events_of(1, 3))
    (first, *_) = await channel.server.link.call("XRANGE", channel.log, "-", "+")
    await channel.server.link.call("SET", f"{channel.keys[0]}survey", "0-1", "PX", 60_000)
    channel.retention = Retention()
    channel.has_settled = True
    await channel.tick()
    assert 3 == await channel.server.link.call("XLEN", channel.log)
    await channel.server.link.call("SET", f"{channel.keys[0]}survey", first[0], "PX", 60_000)
    channel.has_settled = True
    await channel.tick()
    assert 3 == await channel.server.link.call("XLEN", channel.log)
    await channel.server.link.call("DEL", f"{channel.keys[0]}survey")
    channel.has_settled = True
    await channel.tick()
    assert 0 == await channel.server.link.call("XLEN", channel.log)
    assert await looked_up(channel) == {b"events": 0, b"size": 0}
    await comes(0, lambda: channel.statistics().events)
