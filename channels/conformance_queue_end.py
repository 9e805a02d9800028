"""Laws of the channel contract about what was taken out of a queue: who holds it, settles it, gives it back."""

import asyncio
from contextlib import AsyncExitStack
from typing import Final

from channels.errors import ChannelUnavailable
from channels.witness import Factory, Law, events_of, ids, receive, take


async def no_two_members_take_one_delivery(make: Factory) -> None:
    """Together they take each, also where they ask in the same moment."""
    async with make() as channel, channel.subscribe("g") as one, channel.subscribe("g") as other:
        await channel.publish(events_of(1, 6))
        held = await receive(one, 6)
        one.queue("q").park(held)
        one.ack(held)
        halves = await asyncio.gather(take(one.queue("q"), 3), take(other.queue("q"), 3))
        assert ["1", "2", "3", "4", "5", "6"] == sorted(ids([delivery for half in halves for delivery in half]))
        assert one.queue("q").due_in_s is None


async def taken_ones_are_settled_by_an_ack(make: Factory) -> None:
    """Among others, in any order, once however often it is said: they come back to nobody."""
    async with make() as channel:
        async with channel.subscribe("g") as leaving:
            await channel.publish(events_of(1, 5))
            fresh, *held = await receive(leaving, 5)
            queue = leaving.queue("q")
            queue.park(held)
            leaving.ack(held)
            taken = sorted(await take(queue, 4), key=lambda one: one.position)
            leaving.ack([taken[3], fresh, taken[1], taken[1]])
            leaving.ack([taken[1], fresh])
            leaving.nack([taken[1]])
            assert (2, 2) == (queue.events, channel.statistics().events)
        async with channel.subscribe("g") as member:
            assert ["2", "4"] == sorted(ids(await take(member.queue("q"), 2)))
            assert member.queue("q").due_in_s is None


async def nacked_ones_return_to_their_queue(make: Factory) -> None:
    """Once, with the attempts and the note they had; their former holder has nothing of them any more."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 2))
        held = await receive(member, 2)
        queue = member.queue("q")
        queue.park(held[:1], attempts=2, note=b"twice")
        queue.park(held[1:], attempts=5, note=b"more")
        member.ack(held)
        taken = await take(queue, 2)
        member.nack([*taken, taken[0]])
        member.nack(taken)
        member.ack(taken)
        assert (2, 2) == (queue.events, channel.statistics().events)
        again = await take(queue, 2)
        assert [(2, b"twice"), (5, b"more")] == sorted((one.attempts, one.note) for one in again)
        member.ack(taken)
        assert 2 == queue.events
        member.ack(again)
        assert 0 == queue.events


async def a_leaving_member_returns_what_it_took(make: Factory) -> None:
    """To its queue, with the attempts and the note it had."""
    async with make() as channel, channel.subscribe("g") as staying:
        async with channel.subscribe("g") as leaving:
            await channel.publish(events_of(1, 2))
            held = await receive(leaving, 2)
            leaving.queue("q").park(held, attempts=4, note=b"note")
            leaving.ack(held)
            await take(leaving.queue("q"), 2)
            assert staying.queue("q").due_in_s is None
        returned = await take(staying.queue("q"), 2)
        assert ["1", "2"] == sorted(ids(returned))
        assert [(4, b"note")] * 2 == [(one.attempts, one.note) for one in returned]
        assert 0 == staying.lag


async def nobody_settles_what_another_took(make: Factory) -> None:
    """Neither verb of another member does anything with it."""
    async with make() as channel, channel.subscribe("g") as holder, channel.subscribe("g") as other:
        await channel.publish(events_of(1, 1))
        held = await receive(holder, 1)
        queue = holder.queue("q")
        queue.park(held)
        holder.ack(held)
        taken = await take(queue, 1)
        other.ack(taken)
        other.nack(taken)
        assert (1, None) == (queue.events, queue.due_in_s)
        holder.ack(taken)
        assert 0 == queue.events


async def a_taken_one_may_be_parked_again(make: Factory) -> None:
    """In that queue or another one, then settled: it waits once more, with what it was parked with last."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 1))
        held = await receive(member, 1)
        for name, attempts in (("q", 1), ("q", 2), ("r", 3), ("q", 4)):
            member.queue(name).park(held, attempts=attempts, note=name.encode())
            member.ack(held)
            assert (1, [name]) == (channel.statistics().events, list(member.queues))
            taken = await take(member.queue(name), 1)
            assert [("1", attempts, name.encode())] == [(one.event.id, one.attempts, one.note) for one in taken]
            held = [*taken]


async def a_cleared_queue_is_as_if_it_had_never_been(make: Factory) -> None:
    """What was taken is settled as well: neither verb does anything with it. The name may be used anew."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 4))
        held = await receive(member, 4)
        queue, other = member.queue("q"), member.queue("other")
        other.park(held[:1])
        queue.park(held)
        member.ack(held)
        taken = await take(queue, 2)
        assert 4 == queue.clear()
        assert 0 == queue.clear()
        assert (0, 0, None) == (queue.events, queue.size_bytes, queue.due_in_s)
        assert (["other"], 1) == (list(member.queues), channel.statistics().events)
        await channel.publish(events_of(5, 5))
        fresh = await receive(member, 1)
        queue.park(fresh, attempts=1)
        member.ack([*taken[:1], *fresh])
        member.nack(taken[1:])
        assert (1, 2) == (queue.events, channel.statistics().events)
        assert [("5", 1)] == [(one.event.id, one.attempts) for one in await take(queue, 1)]
        assert queue.due_in_s is None


async def a_cancelled_take_holds_nothing(make: Factory) -> None:
    """What it would have brought comes to who asks next."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        held = await receive(member, 3)
        queue = member.queue("q")
        queue.park(held)
        member.ack(held)
        for turns in range(3):
            cancelled = asyncio.ensure_future(queue.take(3))
            for _ in range(turns):
                await asyncio.sleep(0)
            cancelled.cancel()
            await asyncio.wait([cancelled])
            if not cancelled.cancelled():
                member.nack(cancelled.result())
        assert ["1", "2", "3"] == sorted(ids(await take(queue, 3)))


async def nothing_is_taken_from_a_closed_channel(make: Factory) -> None:
    """Who asks is told."""
    async with AsyncExitStack() as memberships:
        async with make() as channel:
            member = await memberships.enter_async_context(channel.subscribe("g"))
            await channel.publish(events_of(1, 1))
            member.queue("q").park(await receive(member, 1))
        for name in ("q", "never"):
            try:
                await member.queue(name).take(1)
            except ChannelUnavailable:
                continue
            raise AssertionError("take does not say that the channel is closed")


LAWS: Final[tuple[Law, ...]] = (
    no_two_members_take_one_delivery,
    taken_ones_are_settled_by_an_ack,
    nacked_ones_return_to_their_queue,
    a_leaving_member_returns_what_it_took,
    nobody_settles_what_another_took,
    a_taken_one_may_be_parked_again,
    a_cleared_queue_is_as_if_it_had_never_been,
    a_cancelled_take_holds_nothing,
    nothing_is_taken_from_a_closed_channel,
)
