"""Laws of the channel contract about what is published: it is stored whole, kept as it is, counted, bounded."""

import asyncio
from contextlib import AsyncExitStack
from typing import Final

from channels.attribute import Value
from channels.contract import ChannelStatistics, Position
from channels.errors import ChannelFull, ChannelUnavailable
from channels.event import Event
from channels.witness import (
    Factory,
    Law,
    Told,
    an_event,
    assert_unavailable,
    content,
    events_of,
    ids,
    in_time,
    is_refused,
    receive,
)


async def bytes_are_kept(make: Factory) -> None:
    """What is received is what was published: header bytes, JSON text, payload, types of values, TTL."""
    raw = {"specversion": b"1.0", "id": b"1", "source": b"/%7Ea", "type": b"caf\xc3\xa9 \xff", "note": b"%E2%82%AC %zz"}
    text = '{"specversion": "1.0",  "id":"3","source":"/s","type":"\u20ac","data":[1.0]}'.encode()
    view: dict[str, Value] = {"specversion": "1.0", "id": "3", "source": "/s", "type": "€"}
    published = [
        Event(raw, {}, bytes(range(256)), ttl=7),
        Event(raw | {"id": b"2"}, {}, None),
        Event(None, view, b"[1.0]", text=text, json_data=True),
        Event.from_attributes({"id": "4", "source": "/s", "type": "t", "n": -5, "b": True, "u": "ÿ\u2028😀"}, b""),
    ]
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(published)
        received = [delivery.event for delivery in await receive(member, len(published))]
    assert [content(event) for event in published] == [content(event) for event in received]


async def positions_grow(make: Factory) -> None:
    """Publish answers with a position for each event, and the deliveries have the same. Where the backend is not
    `ordered` they grow within what was published together.
    """
    async with make() as channel, channel.subscribe("g") as member:
        batches = [await channel.publish(events_of(1, 3)), await channel.publish(events_of(4, 5))]
        positions: list[Position] = [position for batch in batches for position in batch]
        assert all(sorted(batch) == batch for batch in batches)
        assert len({*positions}) == len(positions)
        assert sorted(positions) == positions or not channel.features.ordered
        assert sorted(positions) == sorted(delivery.position for delivery in await receive(member, 5))


async def order_is_kept(make: Factory) -> None:
    """Where the backend is `ordered`, events come in the order of their publication, whichever verb published them."""
    channel = make()
    if not channel.features.ordered:
        return
    async with channel, channel.subscribe("g") as member:
        receipts = [Told() for _ in range(4)]
        for number, receipt in enumerate(receipts):
            channel.submit(events_of(3 * number + 1, 3 * number + 3), receipt)
        assert [None] * 4 == [await receipt.answer() for receipt in receipts]
        await channel.publish(events_of(13, 14))
        assert [str(number) for number in range(1, 15)] == ids(await receive(member, 14))


async def a_receipt_is_told_once(make: Factory) -> None:
    """Of a submit that was stored, and of one that was refused."""
    channel = make()
    async with channel, channel.subscribe("g") as member:
        stored, refused = Told(), Told()
        channel.submit(events_of(1, 2), stored)
        assert await stored.answer() is None
        await receive(member, 2)
    channel.submit(events_of(3, 3), refused)
    assert isinstance(await refused.answer(), ChannelUnavailable)
    assert (1, 1) == (len(stored.answers), len(refused.answers))


async def a_cancelled_publish_is_all_or_nothing(make: Factory) -> None:
    """Three events come, or none of them; never one or two."""
    async with make() as channel, channel.subscribe("g") as member:
        publishing = asyncio.create_task(channel.publish(events_of(1, 3)))
        await asyncio.sleep(0)
        publishing.cancel()
        await asyncio.wait([publishing])
        await channel.publish(events_of(4, 4))
        first = await receive(member, 1)
        assert ["4"] == ids(first) or ["1", "2", "3", "4"] == sorted(ids(first + await receive(member, 3)))


async def a_full_channel_pushes_back_and_heals(make: Factory) -> None:
    """At its bound of events a channel refuses, whichever verb asks; acks make room, receiving does not."""
    async with make(events_max=2) as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 2))
        held = await receive(member, 2)
        receipt = Told()
        channel.submit(events_of(3, 3), receipt)
        assert isinstance(await receipt.answer(), ChannelFull)
        assert await is_refused(channel, events_of(3, 3))
        member.ack(held[:1])
        await channel.publish(events_of(4, 4))
        assert ["4"] == ids(await receive(member, 1))


async def a_heavy_channel_pushes_back(make: Factory) -> None:
    """At its bound of bytes too; an event that is larger than the bound is never accepted."""
    async with make(size_max_bytes=16_000) as channel, channel.subscribe("g") as member:
        assert await is_refused(channel, [an_event("1", bytes(16_000))])
        await channel.publish([an_event("2", bytes(10_000))])
        assert await is_refused(channel, [an_event("3", bytes(10_000))])
        member.ack(await receive(member, 1))
        await channel.publish([an_event("4", bytes(10_000))])
        assert ["4"] == ids(await receive(member, 1))


async def a_batch_is_stored_whole_or_not_at_all(make: Factory) -> None:
    """Where not all of a batch fits, nothing of it is stored."""
    async with make(events_max=3) as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 2))
        assert await is_refused(channel, events_of(3, 4))
        await channel.publish(events_of(5, 5))
        assert ["1", "2", "5"] == sorted(ids(await receive(member, 3)))


async def a_closed_channel_is_unavailable(make: Factory) -> None:
    """Before it is entered and after it is left. A receive that waits is told; a member may leave later."""
    channel = make()
    await assert_unavailable(channel)
    async with AsyncExitStack() as memberships:
        async with channel:
            member = await memberships.enter_async_context(channel.subscribe("g"))
            waiting = asyncio.create_task(member.receive(1))
            await asyncio.sleep(0)
        await in_time(asyncio.wait([waiting]), "a receive did not end with its channel")
        assert isinstance(waiting.exception(), ChannelUnavailable)
    await assert_unavailable(channel)


async def owed_verbs_never_fail(make: Factory) -> None:
    """Nor does anything that is told to a channel after its end, by one that still has deliveries."""
    async with AsyncExitStack() as memberships:
        async with make() as channel:
            member = await memberships.enter_async_context(channel.subscribe("g"))
            await channel.publish(events_of(1, 3))
            first, second, third = await receive(member, 3)
            queue = member.queue("q")
            queue.park([first])
        try:
            member.ack([first])
            member.nack([second])
            queue.park([third], after_s=1.0, attempts=1, note=b"note")
            queue.clear()
            channel.remember("name", b"value")
            channel.remember("name", None)
            channel.forget("g")
        except ChannelUnavailable as error:
            raise AssertionError("a verb that is owed says that the channel is closed") from error


async def statistics_count_what_is_held(make: Factory) -> None:
    """An event counts once, until every group that got it has acked it; received or not makes no difference."""
    published = events_of(1, 3)
    size_bytes = published[0].size
    async with (
        make(events_max=10, size_max_bytes=2**20) as channel,
        channel.subscribe("a") as one,
        channel.subscribe("b") as other,
    ):
        await channel.publish(published)
        one.ack(await receive(one, 3))
        assert ChannelStatistics(3, 3 * size_bytes, 10, 2**20, 3) == channel.statistics()
        other.ack((await receive(other, 3))[:2])
        assert ChannelStatistics(1, size_bytes, 10, 2**20, 3) == channel.statistics()


async def what_is_remembered_is_told(make: Factory) -> None:
    """The last value by each name, an empty one too; None is none any more, whether or not there was one."""
    async with make() as channel:
        for value in (b"1", b"2", b""):
            channel.remember("one", value)
            channel.remember("other", b"o" + value)
            assert {"one": value, "other": b"o" + value} == dict(channel.remembered)
        channel.remember("one", None)
        channel.remember("never", None)
        assert {"other": b"o"} == dict(channel.remembered)


async def commits_ask_first(make: Factory) -> None:
    """Where the backend is `persistent`, who asked for it is called before what was published is stored; else never."""
    async with make() as channel:
        calls: list[int] = []
        channel.before_commit(lambda: calls.append(1))
        await channel.publish(events_of(1, 1))
        assert channel.features.persistent == bool(calls)


LAWS: Final[tuple[Law, ...]] = (
    bytes_are_kept,
    positions_grow,
    order_is_kept,
    a_receipt_is_told_once,
    a_cancelled_publish_is_all_or_nothing,
    a_full_channel_pushes_back_and_heals,
    a_heavy_channel_pushes_back,
    a_batch_is_stored_whole_or_not_at_all,
    a_closed_channel_is_unavailable,
    owed_verbs_never_fail,
    statistics_count_what_is_held,
    what_is_remembered_is_told,
    commits_ask_first,
)
