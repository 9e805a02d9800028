"""Laws of the channel contract about groups that start in the past, and about those that cannot.

What a group has not settled is kept in any case: here a group that settles nothing does that.
"""

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Final

from channels.witness import Factory, Law, events_of, ids, receive

_APART_S: Final = 0.02
"""Between what is stored before a moment and what after it."""


async def latest_is_what_comes_from_now_on(make: Factory) -> None:
    """Whatever is kept for others."""
    async with make() as channel, channel.subscribe("keeper"):
        await channel.publish(events_of(1, 2))
        async with channel.subscribe("g", start="latest") as member:
            assert 0 == member.lag
            await channel.publish(events_of(3, 3))
            assert ["3"] == ids(await receive(member, 1))


async def earliest_is_all_that_is_kept(make: Factory) -> None:
    """And what comes after it. Where the backend is not `replayable`, that alone."""
    async with make() as channel, channel.subscribe("keeper") as keeper:
        await channel.publish(events_of(1, 2))
        await channel.publish(events_of(3, 3))
        async with channel.subscribe("g", start="earliest") as member:
            await channel.publish(events_of(4, 4))
            expected = ["1", "2", "3", "4"] if channel.features.replayable else ["4"]
            taken = await receive(member, len(expected))
            assert expected == sorted(ids(taken))
            member.ack(taken)
        assert ["1", "2", "3", "4"] == sorted(ids(await receive(keeper, 4)))


async def a_position_is_the_first_of_a_group(make: Factory) -> None:
    """It is one of those that the group gets. Where the backend is not `replayable`, it means nothing."""
    async with make() as channel, channel.subscribe("keeper"):
        positions = [*await channel.publish(events_of(1, 3)), *await channel.publish(events_of(4, 5))]
        for number, position in enumerate(positions, 1):
            async with channel.subscribe(str(number), start=position) as member:
                expected = [str(one) for one in range(number, 6)] if channel.features.replayable else []
                assert expected == sorted(ids(await receive(member, len(expected))))
                assert 0 == member.lag


async def a_time_is_that_of_the_storing(make: Factory) -> None:
    """What was stored then or later is the group's, in any time zone."""
    async with make() as channel, channel.subscribe("keeper"):
        await channel.publish(events_of(1, 2))
        await asyncio.sleep(_APART_S)
        moment = datetime.now(timezone(timedelta(hours=-3)))
        await asyncio.sleep(_APART_S)
        await channel.publish(events_of(3, 4))
        async with channel.subscribe("g", start=moment) as member:
            expected = ["3", "4", "5"] if channel.features.replayable else ["5"]
            await channel.publish(events_of(5, 5))
            assert expected == sorted(ids(await receive(member, len(expected))))


async def what_a_start_brings_is_whole_and_in_order(make: Factory) -> None:
    """Also where more is stored while it is read: nothing twice, nothing missing, and lag until the last came."""
    channel = make()
    if not channel.features.replayable:
        return
    async with channel, channel.subscribe("keeper"):
        for number in range(1, 40, 4):
            await channel.publish(events_of(number, number + 3))
        async with channel.subscribe("g", start="earliest") as member:
            came: list[str] = []
            for number in range(41, 61):
                assert member.lag
                came += ids(await receive(member, 2))
                await channel.publish(events_of(number, number))
            came += ids(await receive(member, 20))
            assert 0 == member.lag
        expected = [str(number) for number in range(1, 61)]
        assert expected == (came if channel.features.ordered else sorted(came, key=int))


async def a_group_with_a_start_settles_for_itself(make: Factory) -> None:
    """What it has settled others still hold; what it has not is held for it, when all others have settled."""
    channel = make()
    if not channel.features.replayable:
        return
    async with channel, channel.subscribe("keeper") as keeper:
        await channel.publish(events_of(1, 3))
        async with channel.subscribe("late", start="earliest") as late:
            settled = await receive(late, 3)
            late.ack(settled[:2])
            assert 3 == channel.statistics().events
            keeper.ack(await receive(keeper, 3))
        assert 1 == channel.statistics().events
        async with channel.subscribe("late") as late:
            assert ids(settled[2:]) == ids(await receive(late, 1))


LAWS: Final[tuple[Law, ...]] = (
    latest_is_what_comes_from_now_on,
    earliest_is_all_that_is_kept,
    a_position_is_the_first_of_a_group,
    a_time_is_that_of_the_storing,
    what_a_start_brings_is_whole_and_in_order,
    a_group_with_a_start_settles_for_itself,
)
