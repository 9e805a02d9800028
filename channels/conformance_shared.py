"""Laws of the channel contract about several processes in one channel, where the backend is `shared`.

A process is a channel here: two of the same storage are entered at once. What one does the other may see some time
later, so the laws look until it does. A process vanishes where its channel has a way (`channels.witness.Vanishing`).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from channels.contract import Channel, Delivery, Parked, Subscription
from channels.witness import (
    Factory,
    Law,
    Watching,
    comes,
    events_of,
    ids,
    in_time,
    is_refused,
    now_s,
    receive,
    take,
    take_now,
    vanish,
)

_MANY: Final = 40
_AFTER_S: Final = 0.05
_LATER_S: Final = 60.0
_CLOCKS_S: Final = 0.02
"""By how much the clocks of two processes may differ."""


@asynccontextmanager
async def _two(make: Factory, events_max: int = 1000) -> AsyncIterator[tuple[Channel, Channel]]:
    async with make(events_max=events_max) as one, make(events_max=events_max) as other:
        yield one, other


async def what_one_publishes_another_receives(make: Factory) -> None:
    """Each of them, whichever published it; as often as there are groups."""
    if not make().features.shared:
        return
    async with _two(make) as (one, other), one.subscribe("a") as here, other.subscribe("b") as there:
        await one.publish(events_of(1, 3))
        await other.publish(events_of(4, 5))
        for member in (here, there):
            assert ["1", "2", "3", "4", "5"] == sorted(ids(await receive(member, 5)))


async def two_processes_never_hold_one_delivery(make: Factory) -> None:
    """Together the members of a group get each event once, wherever they are, held or settled."""
    if not make().features.shared:
        return
    async with _two(make) as (one, other), one.subscribe("g") as here, other.subscribe("g") as there:
        came = await _shared(here, there, one, other)
        assert [str(number) for number in range(1, _MANY + 1)] == sorted(ids([*came[0], *came[1]]), key=int)
        here.ack(came[0])
        there.ack(came[1])
        for channel in (one, other):
            await comes(0, lambda channel=channel: channel.statistics().events)  # type: ignore[misc]


async def what_a_leaving_process_had_comes_to_another(make: Factory) -> None:
    """What it held, what it had parked and taken: with the attempts, the note and what is left of the time."""
    if not make().features.shared:
        return
    async with AsyncExitStack() as processes:
        one, other = [await processes.enter_async_context(make()) for _ in range(2)]
        async with one.subscribe("g") as leaving:
            began_s = await _have_some(one, leaving)
        await one.__aexit__(None, None, None)
        async with other.subscribe("g") as member:
            await _assert_has_some(member, began_s)


async def what_a_vanished_process_had_comes_to_another(make: Factory) -> None:
    """The same, without its doing. What it says afterwards does nothing."""
    if not make().features.shared:
        return
    async with AsyncExitStack() as processes:
        one, other = [await processes.enter_async_context(make()) for _ in range(2)]
        vanishing = await processes.enter_async_context(one.subscribe("g"))
        began_s = await _have_some(one, vanishing)
        await vanish(one)
        member = await processes.enter_async_context(other.subscribe("g"))
        await _assert_has_some(member, began_s)


async def an_ack_of_what_was_lost_does_nothing(make: Factory) -> None:
    """It is another one's: who has it gives it back, and gets it again."""
    if not make().features.shared:
        return
    async with AsyncExitStack() as processes:
        one, other = [await processes.enter_async_context(make()) for _ in range(2)]
        vanishing = await processes.enter_async_context(one.subscribe("g"))
        await one.publish(events_of(1, 2))
        lost = await receive(vanishing, 2)
        await vanish(one)
        member = await processes.enter_async_context(other.subscribe("g"))
        held = await receive(member, 2)
        vanishing.ack(lost)
        vanishing.nack(lost)
        member.ack(lost)
        await comes(2, lambda: other.statistics().events)
        member.nack(held)
        held = await receive(member, 2)
        assert ["1", "2"] == sorted(ids(held))
        member.ack(held)
        await other.publish(events_of(3, 3))
        assert ["3"] == ids(await receive(member, 1))


async def who_watches_is_told_of_what_another_left(make: Factory) -> None:
    """Once queues hold what the other process had parked; before that they hold what was parked here, and only that."""
    if not make().features.shared:
        return
    for end in (vanish, _leave):
        async with AsyncExitStack() as processes:
            channels = [await processes.enter_async_context(make(storage=end.__name__)) for _ in range(2)]
            members = [await processes.enter_async_context(channel.subscribe("g")) for channel in channels]
            came = await _shared(members[0], members[1], channels[0], channels[1])
            for member, deliveries in zip(members, came, strict=True):
                member.queue("q").park(deliveries, attempts=7)
                member.ack(deliveries)
                assert len(deliveries) == member.queue("q").events
            for channel in channels:
                await channel.publish(events_of(0, 0))  # then what was parked is safe
            leaving = int(len(came[1]) > len(came[0]))
            staying, watcher = members[1 - leaving], Watching()
            staying.watch(watcher)
            await end(channels[leaving])
            await comes(_MANY, lambda staying=staying: staying.queue("q").events)  # type: ignore[misc]
            assert watcher.changes
            taken = await take(staying.queue("q"), _MANY)
            assert [(str(number), 7) for number in range(1, _MANY + 1)] == sorted(
                [(one.event.id, one.attempts) for one in taken], key=lambda pair: int(pair[0])
            )
            staying.ack(taken)


async def groups_are_those_of_all(make: Factory) -> None:
    """What was published anywhere since one began is for whoever joins it; one forgotten anywhere is no more."""
    if not make().features.shared:
        return
    async with _two(make) as (one, other):
        for group in ("g", "forgotten"):
            async with one.subscribe(group):
                pass
        await other.publish(events_of(1, 2))
        one.forget("forgotten")
        await one.publish(events_of(3, 3))
        async with other.subscribe("g") as member:
            assert ["1", "2", "3"] == sorted(ids(await receive(member, 3)))
        async with other.subscribe("forgotten") as member:
            await one.publish(events_of(4, 4))
            assert ["4"] == ids(await receive(member, 1))


async def what_one_remembers_all_remember(make: Factory) -> None:
    """The last value, whoever said it; and what is to be remembered no more."""
    if not make().features.shared:
        return
    async with _two(make) as (one, other):
        one.remember("a", b"1")
        one.remember("b", bytes(range(256)))
        await comes({"a": b"1", "b": bytes(range(256))}, lambda: dict(other.remembered))
        other.remember("a", b"2")
        other.remember("b", None)
        await comes({"a": b"2"}, lambda: dict(one.remembered))


async def counts_are_those_of_all(make: Factory) -> None:
    """What is held, its size, and what was ever stored; lag as well."""
    if not make().features.shared:
        return
    async with _two(make) as (one, other), one.subscribe("g") as here, other.subscribe("g") as there:
        came = await _shared(here, there, one, other)
        here.ack(came[0])
        there.queue("q").park(came[1])
        there.ack(came[1])
        size_bytes = sum(delivery.size_bytes for delivery in came[1])
        expected = (len(came[1]), size_bytes, _MANY)
        for channel in (one, other):
            await comes(expected, lambda channel=channel: _counts(channel))  # type: ignore[misc]
        await comes((0, 0), lambda: (here.lag, there.lag))


async def a_bound_is_that_of_all(make: Factory) -> None:
    """Who knows that the others have filled the channel refuses as well."""
    if not make().features.shared:
        return
    async with _two(make, events_max=3) as (one, other), one.subscribe("g") as member:
        await one.publish(events_of(1, 3))
        await comes(3, lambda: other.statistics().events)
        assert await is_refused(other, events_of(4, 4))
        member.ack(await receive(member, 3))
        await comes(0, lambda: other.statistics().events)
        await other.publish(events_of(5, 5))
        assert ["5"] == ids(await receive(member, 1))


async def _leave(channel: Channel) -> None:
    await channel.__aexit__(None, None, None)


def _counts(channel: Channel) -> tuple[int, int, int]:
    statistics = channel.statistics()
    return statistics.events, statistics.size_bytes, statistics.stored


async def _shared(
    here: Subscription, there: Subscription, one: Channel, other: Channel
) -> tuple[list[Delivery], list[Delivery]]:
    """Publish many by both, and let both members have what comes, until together they have as many."""
    came: tuple[list[Delivery], list[Delivery]] = ([], [])

    async def collect(member: Subscription, into: list[Delivery]) -> None:
        while True:
            into += await member.receive(3)
            await asyncio.sleep(0)

    collecting = [asyncio.create_task(collect(*pair)) for pair in zip((here, there), came, strict=True)]
    try:
        for number in range(1, _MANY, 4):
            await one.publish(events_of(number, number + 1))
            await other.publish(events_of(number + 2, number + 3))
        await comes(_MANY, lambda: len(came[0]) + len(came[1]))
    finally:
        for task in collecting:
            task.cancel()
        await in_time(asyncio.wait(collecting), "a receive was not cancelled")
    return came


async def _have_some(channel: Channel, member: Subscription) -> float:
    """Hold 1, have 2 to 5 parked, 3 of them taken, settle 6; and say when."""
    await channel.publish(events_of(1, 6))
    held = sorted(await receive(member, 6), key=lambda one: one.position)
    began_s = now_s()
    member.queue("q").park(held[1:3], attempts=3, note=b"note")
    member.queue("soon").park(held[3:4], after_s=_AFTER_S)
    member.queue("o", is_ordered=True).park(held[4:5], after_s=_LATER_S, attempts=1)
    member.ack(held[1:])
    await take(member.queue("q"), 1)
    await channel.publish(events_of(7, 7))
    return began_s


async def _assert_has_some(member: Subscription, began_s: float) -> None:
    """All that another one had when it left: 1 and 7 in the log, the others parked."""
    assert ["1", "7"] == sorted(ids(await receive(member, 2)))
    expected = {"q": 2, "soon": 1, "o": 1}
    await comes(expected, lambda: {name: queue.events for name, queue in member.queues.items()})
    taken: Sequence[Parked] = await take(member.queue("q"), 2)
    assert [("2", 3, b"note"), ("3", 3, b"note")] == sorted((one.event.id, one.attempts, one.note) for one in taken)
    assert ["4"] == ids(await take(member.queue("soon"), 1))
    assert now_s() - began_s >= _AFTER_S - _CLOCKS_S
    later = member.queue("o", is_ordered=True)
    assert [] == await take_now(later, 1)
    due_in_s = later.due_in_s
    assert due_in_s is not None
    assert due_in_s <= _LATER_S - (now_s() - began_s) + _CLOCKS_S


LAWS: Final[tuple[Law, ...]] = (
    what_one_publishes_another_receives,
    two_processes_never_hold_one_delivery,
    what_a_leaving_process_had_comes_to_another,
    what_a_vanished_process_had_comes_to_another,
    an_ack_of_what_was_lost_does_nothing,
    who_watches_is_told_of_what_another_left,
    groups_are_those_of_all,
    what_one_remembers_all_remember,
    counts_are_those_of_all,
    a_bound_is_that_of_all,
)
