"""Laws of the channel contract about groups that somebody makes sure of who does not join them."""

import asyncio
from typing import Final

from channels.contract import Channel
from channels.witness import Factory, Law, Watching, events_of, ids, receive, take

_ROUNDS: Final = 5
_TIMES: Final = 3


async def an_ensured_group_gets_what_comes(make: Factory) -> None:
    """From then on it is kept for the group's first member, and counts. What was stored before is not the group's."""
    async with make() as channel:
        await channel.publish(events_of(1, 2))
        await channel.ensure("g")
        await channel.publish(events_of(3, 5))
        assert 3 == channel.statistics().events
        async with channel.subscribe("g") as member:
            assert ["3", "4", "5"] == sorted(ids(await receive(member, 3)))


async def an_ensured_group_begins_where_it_is_to(make: Factory) -> None:
    """In the past, where there is one."""
    if not make().features.replayable:
        return
    async with make() as channel:
        await channel.ensure("keeper")
        await channel.publish(events_of(1, 3))
        await channel.ensure("g", start="earliest")
        await channel.publish(events_of(4, 4))
        async with channel.subscribe("g") as member:
            assert ["1", "2", "3", "4"] == sorted(ids(await receive(member, 4)))


async def an_ensured_group_outlives_its_process(make: Factory) -> None:
    """Where the channel does."""
    if not make().features.persistent:
        return
    async with make() as channel:
        await channel.ensure("g")
    async with make() as channel:
        await channel.publish(events_of(1, 2))
    async with make() as channel, channel.subscribe("g") as member:
        assert ["1", "2"] == sorted(ids(await receive(member, 2)))


async def ensuring_again_changes_nothing(make: Factory) -> None:
    """Wherever it says that the group should start: what was settled is, what was not is not."""
    async with make() as channel:
        await channel.ensure("g")
        await channel.publish(events_of(1, 3))
        async with channel.subscribe("g") as member:
            settled, parked, given_back = await receive(member, 3)
            member.queue("q").park([parked])
            member.ack([settled, parked])
        await channel.ensure("g")
        await channel.ensure("g", start="earliest")
        assert 2 == channel.statistics().events
        await channel.publish(events_of(4, 4))
        async with channel.subscribe("g") as member:
            assert sorted([given_back.event.id, "4"]) == sorted(ids(await receive(member, 2)))
            assert ids([parked]) == ids(await take(member.queue("q"), 1))


async def ensuring_disturbs_no_member(make: Factory) -> None:
    """What it holds stays its own, and comes to nobody else."""
    async with make() as channel, channel.subscribe("g") as member:
        watcher = Watching()
        member.watch(watcher)
        await channel.publish(events_of(1, 2))
        held = await receive(member, 2)
        await channel.ensure("g")
        assert all(member.holds(one) for one in held)
        await channel.publish(events_of(3, 3))
        assert ["3"] == ids(await receive(member, 1))
        assert 0 == watcher.asked
        member.ack(held)
        assert 1 == channel.statistics().events


async def another_process_that_ensures_disturbs_no_member(make: Factory) -> None:
    """However often processes come, make sure of the group, and go: nothing halts, moves, or comes twice."""
    if not make().features.shared:
        return
    async with make() as channel, channel.subscribe("g") as member:
        watcher = Watching()
        member.watch(watcher)
        await channel.publish(events_of(1, 3))
        *held, parked = await receive(member, 3)
        member.queue("q").park([parked])
        member.ack([parked])
        for number in range(4, 4 + _TIMES):
            async with make() as other:
                await other.ensure("g")
                await other.publish(events_of(number, number))
                assert [str(number)] == ids(await receive(member, 1))
        assert all(member.holds(one) for one in held)
        assert 0 == watcher.asked
        assert ids([parked]) == ids(await take(member.queue("q"), 1))


async def processes_that_ensure_at_once_lose_nothing(make: Factory) -> None:
    """Of what each of them stores after it has made sure, whichever of them began the group."""
    if not make().features.shared:
        return

    async def publish_after(channel: Channel, group: str, number: int) -> None:
        await channel.ensure(group)
        await channel.publish(events_of(number, number))

    async with make() as one, make() as other:
        for turn in range(_ROUNDS):
            group, number = f"g{turn}", 2 * turn
            await asyncio.gather(publish_after(one, group, number), publish_after(other, group, number + 1))
            async with one.subscribe(group) as member:
                assert {str(number), str(number + 1)} == set(ids(await receive(member, 2)))


LAWS: Final[tuple[Law, ...]] = (
    an_ensured_group_gets_what_comes,
    an_ensured_group_begins_where_it_is_to,
    an_ensured_group_outlives_its_process,
    ensuring_again_changes_nothing,
    ensuring_disturbs_no_member,
    another_process_that_ensures_disturbs_no_member,
    processes_that_ensure_at_once_lose_nothing,
)
