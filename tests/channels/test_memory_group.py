"""Who waits in a group of a memory channel is woken when there is something, and only then."""

import asyncio

import pytest

from channels.errors import ChannelUnavailable
from channels.memory import MemoryChannel
from channels.witness import Told, events_of, ids, receive


def make() -> MemoryChannel:
    return MemoryChannel(events_max=1000, size_max_bytes=2**24)


async def test_one_submit_wakes_one_of_those_who_wait() -> None:
    """The other members sleep on: an event is work for one."""
    async with make() as channel, channel.subscribe("g") as one, channel.subscribe("g") as other:
        waiting = [asyncio.create_task(member.receive(10)) for member in (one, other)]
        await asyncio.sleep(0)
        channel.submit(events_of(1, 1), Told())
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0)
        assert [True, False] == [task.done() for task in waiting]
        channel.submit(events_of(2, 2), Told())
        assert [["1"], ["2"]] == [ids(await task) for task in waiting]


async def test_who_leaves_something_over_wakes_the_next() -> None:
    """A batch that is larger than one member takes does not wait for the next submit."""
    async with make() as channel, channel.subscribe("g") as one, channel.subscribe("g") as other:
        waiting = [asyncio.create_task(member.receive(2)) for member in (one, other)]
        await asyncio.sleep(0)
        channel.submit(events_of(1, 3), Told())
        assert [["1", "2"], ["3"]] == [ids(await task) for task in waiting]


async def test_cancelled_receives_leave_nothing_behind() -> None:
    """A member that polls with a timeout for years must not grow the group."""
    async with make() as channel, channel.subscribe("g") as member:
        for _ in range(10):
            task = asyncio.create_task(member.receive(1))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        assert 0 == len(member._group.waiting)


async def test_who_is_cancelled_after_it_was_woken_passes_that_on() -> None:
    """Otherwise the event would lie there until the next submit."""
    async with make() as channel, channel.subscribe("g") as one, channel.subscribe("g") as other:
        first, second = (asyncio.create_task(member.receive(1)) for member in (one, other))
        await asyncio.sleep(0)
        channel.submit(events_of(1, 1), Told())
        first.cancel()
        assert ["1"] == ids(await second)
        assert first.cancelled()


async def test_an_event_goes_to_none_of_two_cancelled_together() -> None:
    """The woken one's turn goes past a waiter that is cancelled already."""
    async with make() as channel, channel.subscribe("g") as one, channel.subscribe("g") as other:
        tasks = [asyncio.create_task(member.receive(1)) for member in (one, other)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        channel.submit(events_of(1, 1), Told())
        await asyncio.wait(tasks)
        assert ["1"] == ids(await receive(one, 1))


async def test_a_member_that_left_receives_nothing() -> None:
    """Not even what a receive of it waited for; that one ends, and the others wait on."""
    async with make() as channel, channel.subscribe("g") as staying:
        async with channel.subscribe("g") as leaving:
            pending = asyncio.create_task(leaving.receive(1))
            waiting = asyncio.create_task(staying.receive(1))
            await asyncio.sleep(0)
        with pytest.raises(ChannelUnavailable):
            await pending
        with pytest.raises(ChannelUnavailable):
            await leaving.receive(1)
        channel.submit(events_of(1, 1), Told())
        assert ["1"] == ids(await waiting)
