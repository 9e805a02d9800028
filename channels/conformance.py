"""The laws of the channel contract, one short function each, for every backend to pass against its real server.

A backend's test runs each of `LAWS` with a factory of channels that are not entered yet. A broken law raises
AssertionError. Nothing sleeps: that an event does not come is shown by the one that comes in its place.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

from channels.attribute import Value
from channels.contract import Channel, ChannelStatistics, Position
from channels.errors import ChannelFull, ChannelUnavailable
from channels.event import Event
from channels.witness import Told, an_event, assert_unavailable, content, events_of, ids, in_time, is_refused, receive

Factory = Callable[..., Channel]
"""Makes a channel that nobody used before, with the bounds `events_max` and `size_max_bytes`; both may be left out."""
Law = Callable[[Factory], Awaitable[None]]


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


async def each_group_gets_each_event(make: Factory) -> None:
    """Groups know nothing of each other: what one has settled, another still gets."""
    async with make() as channel, channel.subscribe("a") as one, channel.subscribe("b") as other:
        await channel.publish(events_of(1, 5))
        taken = await receive(one, 5)
        one.ack(taken)
        assert ids(taken) == ids(await receive(other, 5))


async def members_of_a_group_share(make: Factory) -> None:
    """Two members never hold one delivery, and together they get every event."""
    async with make() as channel, channel.subscribe("g") as one, channel.subscribe("g") as other:
        await channel.publish(events_of(1, 6))
        taken = await receive(one, 2) + await receive(other, 2) + await receive(one, 2)
        assert sorted(ids(taken)) == ["1", "2", "3", "4", "5", "6"]


async def a_group_begins_with_its_first_member(make: Factory) -> None:
    """What was published before is not the group's; an event that no group gets is accepted."""
    async with make() as channel:
        await channel.publish(events_of(1, 2))
        async with channel.subscribe("g") as member:
            await channel.publish(events_of(3, 3))
            assert ["3"] == ids(await receive(member, 1))


async def a_group_outlives_its_members(make: Factory) -> None:
    """Events published while a group has no member are kept for its next one."""
    async with make() as channel:
        async with channel.subscribe("g"):
            pass
        await channel.publish(events_of(1, 2))
        async with channel.subscribe("g") as member:
            assert ["1", "2"] == ids(await receive(member, 2))


async def positions_grow(make: Factory) -> None:
    """Publish answers with a position for each event, and the deliveries have the same."""
    async with make() as channel, channel.subscribe("g") as member:
        positions: list[Position] = [*await channel.publish(events_of(1, 3)), *await channel.publish(events_of(4, 5))]
        assert sorted(set(positions)) == positions
        assert positions == sorted(delivery.position for delivery in await receive(member, 5))


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


async def receive_waits_for_an_event(make: Factory) -> None:
    """A member that waits gets what is published later."""
    async with make() as channel, channel.subscribe("g") as member:
        waiting = asyncio.create_task(receive(member, 1))
        await asyncio.sleep(0)
        await channel.publish(events_of(1, 1))
        assert ["1"] == ids(await waiting)


async def acks_come_in_any_order(make: Factory) -> None:
    """What is acked never comes back, whatever else is still held; what is not, does."""
    async with make() as channel:
        async with channel.subscribe("g") as leaving:
            await channel.publish(events_of(1, 5))
            first, second, third, fourth, fifth = await receive(leaving, 5)
            leaving.ack([fifth, second])
            leaving.ack([fourth])
        async with channel.subscribe("g") as member:
            assert ids([first, third]) == sorted(ids(await receive(member, 2)))
            await channel.publish(events_of(6, 6))
            assert ["6"] == ids(await receive(member, 1))


async def acking_twice_is_acking_once(make: Factory) -> None:
    """Also within one call, and by one who no longer holds it: the statistics show it."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        first, second, third = await receive(member, 3)
        member.ack([first, first])
        member.ack([first, second])
        member.nack([first, second])
        member.ack([third])
        assert 0 == channel.statistics().events
        await channel.publish(events_of(4, 4))
        assert ["4"] == ids(await receive(member, 1))


async def nobody_settles_what_another_holds(make: Factory) -> None:
    """Ack and nack of another member's delivery do nothing, nor do those of another group's."""
    async with (
        make() as channel,
        channel.subscribe("g") as holder,
        channel.subscribe("g") as member,
        channel.subscribe("h") as stranger,
    ):
        await channel.publish(events_of(1, 1))
        held = await receive(holder, 1)
        await receive(stranger, 1)
        for other in (member, stranger):
            other.ack(held)
            other.nack(held)
        await channel.publish(events_of(2, 2))
        assert ["2"] == ids(await receive(member, 1))
        holder.nack(held)
        assert ["1"] == ids(await receive(member, 1))


async def nacked_events_come_ahead_of_younger(make: Factory) -> None:
    """Each to its place, in whatever order they were given back."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 6))
        first, second, third, fourth = await receive(member, 4)
        member.nack([second])
        member.nack([fourth, third])
        member.nack([first])
        assert ["1", "2", "3", "4", "5", "6"] == ids(await receive(member, 6))


async def nacking_twice_is_nacking_once(make: Factory) -> None:
    """A delivery that was given back is over for its holder: neither verb does anything with it any more."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 1))
        held = await receive(member, 1)
        member.nack([*held, *held])
        member.nack(held)
        member.ack(held)
        await channel.publish(events_of(2, 2))
        assert ["1", "2"] == ids(await receive(member, 2))
        member.ack(held)
        assert 2 == channel.statistics().events


async def a_leaving_member_returns_what_it_holds(make: Factory) -> None:
    """In order, ahead of younger events, to a member that already waits as well."""
    async with make() as channel, channel.subscribe("g") as staying:
        async with channel.subscribe("g") as leaving:
            await channel.publish(events_of(1, 3))
            await receive(leaving, 3)
            waiting = asyncio.create_task(receive(staying, 3))
            await asyncio.sleep(0)
        assert ["1", "2", "3"] == ids(await waiting)


async def a_cancelled_receive_holds_nothing(make: Factory) -> None:
    """What comes after it goes to another member, and so does what came in the moment of its cancellation."""
    async with make() as channel, channel.subscribe("g") as member, channel.subscribe("g") as other:
        cancelled = asyncio.create_task(member.receive(1))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        await channel.publish(events_of(1, 1))
        assert ["1"] == ids(await receive(other, 1))
        cancelled = asyncio.create_task(member.receive(1))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(receive(other, 1))
        await asyncio.sleep(0)
        await channel.publish(events_of(2, 2))
        cancelled.cancel()
        await asyncio.wait([cancelled])
        if not cancelled.cancelled():
            member.nack(cancelled.result())
        assert ["2"] == ids(await waiting)


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


LAWS: Final[tuple[Law, ...]] = (
    bytes_are_kept,
    each_group_gets_each_event,
    members_of_a_group_share,
    a_group_begins_with_its_first_member,
    a_group_outlives_its_members,
    positions_grow,
    order_is_kept,
    a_receipt_is_told_once,
    receive_waits_for_an_event,
    acks_come_in_any_order,
    acking_twice_is_acking_once,
    nobody_settles_what_another_holds,
    nacked_events_come_ahead_of_younger,
    nacking_twice_is_nacking_once,
    a_leaving_member_returns_what_it_holds,
    a_cancelled_receive_holds_nothing,
    a_cancelled_publish_is_all_or_nothing,
    a_full_channel_pushes_back_and_heals,
    a_heavy_channel_pushes_back,
    a_batch_is_stored_whole_or_not_at_all,
    a_closed_channel_is_unavailable,
    statistics_count_what_is_held,
)
