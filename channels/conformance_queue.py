"""Laws of the channel contract about queues: what is parked comes when it is due, in order, and is counted."""

import asyncio
from typing import Final

from channels.contract import Parked
from channels.witness import (
    CLOCK_SLACK_S,
    Factory,
    Law,
    an_event,
    content,
    events_of,
    ids,
    is_refused,
    now_s,
    receive,
    take,
    take_now,
)

_AFTER_S: Final = 0.05


async def what_was_parked_comes_back(make: Factory) -> None:
    """As it was, at the same position, with what it was parked with; as often as it was parked."""
    async with make() as channel, channel.subscribe("g") as member:
        published = [an_event("1", bytes(range(256))), an_event("2"), an_event("3").with_ttl(7)]
        await channel.publish(published)
        held = await receive(member, 3)
        queue = member.queue("q")
        queue.park(held, attempts=3, note=bytes(range(256)))
        member.queue("twice").park(held[:1])
        member.queue("twice").park(held[:1], attempts=1)
        member.ack(held)
        taken = sorted(await take(queue, 3), key=lambda one: one.position)
        assert [content(event) for event in published] == [content(one.event) for one in taken]
        assert [(one.position, one.size_bytes) for one in held] == [(one.position, one.size_bytes) for one in taken]
        assert [(3, bytes(range(256)), 0)] * 3 == [(one.attempts, one.note, one.pending) for one in taken]
        assert all(isinstance(one, Parked) for one in taken)
        twice = await take(member.queue("twice"), 2)
        assert [(0, b""), (1, b"")] == sorted((one.attempts, one.note) for one in twice)


async def what_is_parked_is_a_copy(make: Factory) -> None:
    """The one it was made of is still to be acked, and comes back where it is not."""
    async with make() as channel:
        async with channel.subscribe("g") as leaving:
            await channel.publish(events_of(1, 1))
            leaving.queue("q").park(await receive(leaving, 1))
            assert 2 == channel.statistics().events
        async with channel.subscribe("g") as member:
            member.ack(await receive(member, 1))
            assert ["1"] == ids(await take(member.queue("q"), 1))


async def nothing_is_due_before_its_time(make: Factory) -> None:
    """It comes after that, and the queue has always said a time that was not too late."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 1))
        held = await receive(member, 1)
        queue = member.queue("q")
        began_s = now_s()
        queue.park(held, after_s=_AFTER_S)
        member.ack(held)
        due_in_s = queue.due_in_s
        assert due_in_s is not None
        assert due_in_s <= _AFTER_S + CLOCK_SLACK_S
        await take(queue, 1)
        assert now_s() - began_s >= _AFTER_S - CLOCK_SLACK_S


async def a_queue_says_when_it_is_worth_asking(make: Factory) -> None:
    """Now where something is due, whatever is due later; never while all it has was taken. Perhaps too early."""
    async with make() as channel, channel.subscribe("g") as member:
        queue = member.queue("q")
        said = [queue.due_in_s]
        await channel.publish(events_of(1, 2))
        first, second = await receive(member, 2)
        queue.park([first])
        said.append(queue.due_in_s)
        taken = await take(queue, 1)
        said.append(queue.due_in_s)
        member.nack(taken)
        said.append(queue.due_in_s)
        queue.park([second], after_s=60.0)
        said.append(queue.due_in_s)
        assert [None, 0.0, None, 0.0, 0.0] == said
        await take(queue, 1)
        later_s = queue.due_in_s
        assert later_s is not None
        assert later_s <= 60.0


async def those_due_first_come_first(make: Factory) -> None:
    """Whenever they were parked, and whatever their positions are."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 4))
        held = await receive(member, 4)
        queue = member.queue("q")
        for delivery, after_s in zip(held, (0.03, 0.02, 0.04, 0.01), strict=True):
            queue.park([delivery], after_s=after_s)
        member.ack(held)
        await asyncio.sleep(_AFTER_S)
        taken = [one for _ in range(4) for one in await take(queue, 1)]
        assert ["4", "2", "1", "3"] == ids(taken)
        member.nack(taken)
        assert ["4", "2", "1", "3"] == ids(await take(queue, 4))


async def what_is_due_does_not_wait_for_what_is_not(make: Factory) -> None:
    """In a queue without order, though the later one was parked first and is older."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 2))
        first, second = await receive(member, 2)
        queue = member.queue("q")
        queue.park([first], after_s=60.0)
        queue.park([second])
        assert ["2"] == ids(await take(queue, 1))
        assert [] == await take_now(queue, 1)


async def an_ordered_queue_gives_the_lowest_position_first(make: Factory) -> None:
    """In whatever order they were parked or given back, and whenever they became due."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 6))
        first, second, third, fourth, fifth, sixth = held = await receive(member, 6)
        queue = member.queue("q", is_ordered=True)
        for parked in ([fifth], [second, fourth], [third], [sixth], [first]):
            queue.park(parked)
        member.ack(held)
        one, two, three = await take(queue, 3)
        assert ["1", "2", "3"] == ids([one, two, three])
        member.ack([two])
        member.nack([three])
        member.nack([one])
        assert ["1", "3", "4", "5", "6"] == ids(await take(queue, 5))


async def an_ordered_queue_waits_for_its_first(make: Factory) -> None:
    """What is behind one that is not due does not pass it."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        first, second, third = held = await receive(member, 3)
        queue = member.queue("q", is_ordered=True)
        began_s = now_s()
        queue.park([second, third])
        queue.park([first], after_s=_AFTER_S)
        member.ack(held)
        assert ["1"] == ids(await take(queue, 1))
        assert now_s() - began_s >= _AFTER_S - CLOCK_SLACK_S
        assert ["2", "3"] == ids(await take(queue, 2))


async def queues_are_known_by_name_within_their_group(make: Factory) -> None:
    """Its members share them; those of other names, and of that name in another group, have nothing of it."""
    async with (
        make() as channel,
        channel.subscribe("g") as one,
        channel.subscribe("g") as other,
        channel.subscribe("h") as stranger,
    ):
        await channel.publish(events_of(1, 3))
        stranger.queue("q").park((await receive(stranger, 3))[2:])
        first, second, third = await receive(one, 3)
        one.queue("q").park([first])
        one.queue("q#1/é").park([second])
        assert ["2"] == ids(await take(other.queue("q#1/é"), 1))
        assert ["1"] == ids(await take(other.queue("q"), 1))
        assert ["3"] == ids(await take(stranger.queue("q"), 1))
        one.queue("q").park([third])
        assert ["3"] == ids(await take(other.queue("q"), 1))


async def only_what_holds_something_is_a_queue(make: Factory) -> None:
    """From the first that is parked to the last that is settled, taken or not."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 2))
        held = await receive(member, 2)
        queue = member.queue("q")
        queue.park([])
        assert {} == dict(member.queues)
        queue.park(held)
        member.queue("o", is_ordered=True).park(held[:1])
        assert {"q": 2, "o": 1} == {name: one.events for name, one in member.queues.items()}
        taken = await take(member.queues["q"], 2)
        member.ack(taken[:1])
        assert {"q": 1, "o": 1} == {name: one.events for name, one in member.queues.items()}
        member.ack(taken[1:])
        assert ["o"] == list(member.queues)


async def what_is_parked_is_counted(make: Factory) -> None:
    """Taken or not, until it is settled: by its queue, and by the channel beside what is in the log."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        held = await receive(member, 3)
        size_bytes = held[0].size_bytes
        queue = member.queue("q")
        queue.park(held)
        assert (3, 3 * size_bytes) == (queue.events, queue.size_bytes)
        assert 6 == channel.statistics().events
        member.ack(held)
        taken = await take(queue, 2)
        assert (3, 3 * size_bytes) == (queue.events, queue.size_bytes)
        member.ack(taken)
        assert (1, size_bytes) == (queue.events, queue.size_bytes)
        statistics = channel.statistics()
        assert (1, size_bytes, 3) == (statistics.events, statistics.size_bytes, statistics.stored)
        member.ack(await take(queue, 1))
        assert (0, 0, 0) == (queue.events, queue.size_bytes, channel.statistics().events)


async def what_nobody_took_is_counted(make: Factory) -> None:
    """Due or not; what was taken and given back waits once more."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        held = await receive(member, 3)
        queue = member.queue("q")
        queue.park(held[:2])
        queue.park(held[2:], after_s=60.0)
        member.ack(held)
        assert 3 == queue.waiting
        taken = await take(queue, 2)
        assert (3, 1) == (queue.events, queue.waiting)
        member.ack(taken[:1])
        assert (2, 1) == (queue.events, queue.waiting)
        member.nack(taken[1:])
        assert (2, 2) == (queue.events, queue.waiting)
        assert (2, 0) == (queue.clear(), queue.waiting)


async def parking_is_never_refused(make: Factory) -> None:
    """At the channel's bound neither; but what is parked fills it, until it is settled."""
    async with make(events_max=3) as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        held = await receive(member, 3)
        queue = member.queue("q")
        for _ in range(3):
            queue.park(held)
        member.ack(held)
        assert 9 == queue.events
        assert await is_refused(channel, events_of(4, 4))
        member.ack(await take(queue, 9))
        await channel.publish(events_of(5, 5))
        assert ["5"] == ids(await receive(member, 1))


LAWS: Final[tuple[Law, ...]] = (
    what_was_parked_comes_back,
    what_is_parked_is_a_copy,
    nothing_is_due_before_its_time,
    a_queue_says_when_it_is_worth_asking,
    those_due_first_come_first,
    what_is_due_does_not_wait_for_what_is_not,
    an_ordered_queue_gives_the_lowest_position_first,
    an_ordered_queue_waits_for_its_first,
    queues_are_known_by_name_within_their_group,
    only_what_holds_something_is_a_queue,
    what_is_parked_is_counted,
    what_nobody_took_is_counted,
    parking_is_never_refused,
)
