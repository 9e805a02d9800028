"""Laws of the channel contract about groups: who receives what, settles it, gives it back."""

import asyncio
from typing import Final

from channels.witness import Factory, Law, events_of, ids, receive, take


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


async def an_old_group_goes_on(make: Factory) -> None:
    """Wherever one who joins it later says that it should start."""
    async with make() as channel:
        async with channel.subscribe("g") as first:
            await channel.publish(events_of(1, 3))
            first.ack((await receive(first, 3))[:2])
        async with channel.subscribe("g", start="latest") as second:
            assert ["3"] == ids(await receive(second, 1))
        async with channel.subscribe("g", start="earliest") as third:
            await channel.publish(events_of(4, 4))
            assert ["3", "4"] == sorted(ids(await receive(third, 2)))


async def a_forgotten_group_is_no_more(make: Factory) -> None:
    """What it had not settled or had parked is held no more, and one of its name is a new one. Others go on."""
    async with make() as channel, channel.subscribe("other") as other:
        async with channel.subscribe("g") as leaving:
            await channel.publish(events_of(1, 3))
            settled, parked, _ = await receive(leaving, 3)
            leaving.queue("q").park([parked])
            leaving.queue("p").park([settled])
            leaving.ack([settled, parked])
        channel.forget("g")
        channel.forget("nobody")
        assert 3 == channel.statistics().events
        async with channel.subscribe("g") as member:
            assert (0, 0, {}) == (member.lag, member.queue("q").events, dict(member.queues))
            await channel.publish(events_of(4, 4))
            assert ["4"] == ids(await receive(member, 1))
        assert ["1", "2", "3", "4"] == sorted(ids(await receive(other, 4)))


async def a_group_that_nobody_else_needs_is_forgotten_whole(make: Factory) -> None:
    """Then nothing is held at all."""
    async with make() as channel:
        async with channel.subscribe("g") as leaving:
            await channel.publish(events_of(1, 3))
            leaving.ack(await receive(leaving, 1))
        channel.forget("g")
        statistics = channel.statistics()
        assert (0, 0) == (statistics.events, statistics.size_bytes)


async def lag_is_what_nobody_has(make: Factory) -> None:
    """Those never received and those given back, for every member of the group the same."""
    async with make() as channel, channel.subscribe("g") as one:
        async with channel.subscribe("g") as other:
            lags = [(one.lag, other.lag)]
            await channel.publish(events_of(1, 4))
            lags.append((one.lag, other.lag))
            first, _ = await receive(one, 2)
            await receive(other, 1)
            lags.append((one.lag, other.lag))
            one.ack([first])
            lags.append((one.lag, other.lag))
        assert [(0, 0), (4, 4), (1, 1), (1, 1)] == lags
        assert 2 == one.lag


async def a_member_knows_what_it_holds(make: Factory) -> None:
    """What it received or took, until it acked it or gave it back; nothing that another member has."""
    async with make() as channel, channel.subscribe("g") as member, channel.subscribe("g") as other:
        await channel.publish(events_of(1, 3))
        first, second, third = await receive(member, 3)
        member.queue("q").park([first])
        member.ack([first])
        member.nack([second])
        assert [False, False, True] == [member.holds(one) for one in (first, second, third)]
        (parked,) = await take(member.queue("q"), 1)
        assert member.holds(parked)
        assert not other.holds(parked)
        assert not other.holds(third)
        member.ack([parked])
        assert not member.holds(parked)


LAWS: Final[tuple[Law, ...]] = (
    each_group_gets_each_event,
    members_of_a_group_share,
    a_group_begins_with_its_first_member,
    a_group_outlives_its_members,
    receive_waits_for_an_event,
    acks_come_in_any_order,
    acking_twice_is_acking_once,
    nobody_settles_what_another_holds,
    nacked_events_come_ahead_of_younger,
    nacking_twice_is_nacking_once,
    a_leaving_member_returns_what_it_holds,
    a_cancelled_receive_holds_nothing,
    an_old_group_goes_on,
    a_forgotten_group_is_no_more,
    a_group_that_nobody_else_needs_is_forgotten_whole,
    lag_is_what_nobody_has,
    a_member_knows_what_it_holds,
)
