"""Laws of the channel contract about a restart of what is `persistent`: its queues."""

from collections.abc import Sequence
from typing import Final

from channels.contract import Delivery, Subscription
from channels.witness import (
    CLOCK_SLACK_S,
    Factory,
    Law,
    an_event,
    content,
    events_of,
    ids,
    now_s,
    receive,
    take,
    take_now,
)

_AFTER_S: Final = 0.05


async def what_is_parked_survives_a_restart(make: Factory) -> None:
    """As it was, at the same position, with what it was parked with, in its queue and no other."""
    if not make().features.persistent:
        return
    published = [an_event("1", bytes(range(256))), an_event("2").with_ttl(7), an_event("3")]
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(published)
        held = await receive(member, 3)
        _park(member, "q", held[:2], attempts=3, note=bytes(range(256)))
        _park(member, "o#é", held[2:])
        before = channel.statistics()
    async with make() as channel, channel.subscribe("g") as member:
        assert {"q": 2, "o#é": 1} == {name: queue.events for name, queue in member.queues.items()}
        assert (0, before) == (member.lag, channel.statistics())
        taken = sorted(await take(member.queue("q"), 2), key=lambda one: one.position)
        assert [(3, bytes(range(256)))] * 2 == [(one.attempts, one.note) for one in taken]
        taken += await take(member.queue("o#é"), 1)
        assert (0, b"") == (taken[2].attempts, taken[2].note)
        assert [content(event) for event in published] == [content(one.event) for one in taken]
        assert [(one.position, one.size_bytes) for one in held] == [(one.position, one.size_bytes) for one in taken]


async def due_times_survive_a_restart(make: Factory) -> None:
    """What is left of them: not before, and no later than it would have been. The restart is no new beginning."""
    if not make().features.persistent:
        return
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        first, second, third = await receive(member, 3)
        began_s = now_s()
        _park(member, "soon", [first], after_s=_AFTER_S)
        _park(member, "later", [second], after_s=60.0)
        _park(member, "now", [third])
    async with make() as channel, channel.subscribe("g") as member:
        for name, at_most_s in (("now", 0.0), ("soon", _AFTER_S), ("later", 60.0)):
            due_in_s = member.queue(name).due_in_s
            assert due_in_s is not None
            assert due_in_s <= at_most_s + CLOCK_SLACK_S
        assert ["3"] == ids(await take(member.queue("now"), 1))
        assert ["1"] == ids(await take(member.queue("soon"), 1))
        assert now_s() - began_s >= _AFTER_S - CLOCK_SLACK_S
        assert [] == await take_now(member.queue("later"), 1)


async def due_order_survives_a_restart(make: Factory) -> None:
    """Between what was parked before and after it as well."""
    if not make().features.persistent:
        return
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 4))
        held = await receive(member, 4)
        for delivery, after_s in zip(held, (0.04, 0.02, 0.03, 0.0), strict=True):
            _park(member, "q", [delivery], after_s=after_s)
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(5, 5))
        _park(member, "q", await receive(member, 1), after_s=0.05)
        assert ["4", "2", "3", "1", "5"] == [one.event.id for _ in range(5) for one in await take(member.queue("q"), 1)]


async def an_ordered_queue_survives_a_restart(make: Factory) -> None:
    """In order of position, and nothing while its first is not due."""
    if not make().features.persistent:
        return
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 4))
        first, second, third, fourth = await receive(member, 4)
        queue = member.queue("o", is_ordered=True)
        began_s = now_s()
        queue.park([third, fourth])
        queue.park([second])
        queue.park([first], after_s=_AFTER_S)
        member.ack([first, second, third, fourth])
    async with make() as channel, channel.subscribe("g") as member:
        queue = member.queue("o", is_ordered=True)
        assert ["1"] == ids(await take(queue, 1))
        assert now_s() - began_s >= _AFTER_S - CLOCK_SLACK_S
        assert ["2", "3", "4"] == ids(await take(queue, 3))


async def what_was_taken_and_not_settled_survives(make: Factory) -> None:
    """With the attempts and the note it was parked with, given back or not. What was settled does not."""
    if not make().features.persistent:
        return
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 4))
        _park(member, "q", await receive(member, 4), attempts=2, note=b"note")
        taken = sorted(await take(member.queue("q"), 4), key=lambda one: one.position)
        member.ack(taken[1:2])
        member.nack(taken[2:3])
    async with make() as channel, channel.subscribe("g") as member:
        queue = member.queue("q")
        assert (3, 3) == (queue.events, channel.statistics().events)
        again = sorted(await take(queue, 3), key=lambda one: one.position)
        assert ["1", "3", "4"] == ids(again)
        assert [(2, b"note")] * 3 == [(one.attempts, one.note) for one in again]
        member.ack(again)
    async with make() as channel, channel.subscribe("g") as member:
        assert ({}, 0) == (dict(member.queues), channel.statistics().events)


async def what_is_parked_again_survives_once(make: Factory) -> None:
    """With what it was parked with last."""
    if not make().features.persistent:
        return
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 1))
        _park(member, "q", await receive(member, 1), attempts=1)
        for attempts in (2, 3):
            _park(member, "q", await take(member.queue("q"), 1), attempts=attempts)
    async with make() as channel, channel.subscribe("g") as member:
        assert (1, 1) == (member.queue("q").events, channel.statistics().events)
        assert [3] == [one.attempts for one in await take(member.queue("q"), 1)]
        assert member.queue("q").due_in_s is None


async def a_cleared_queue_stays_empty_over_a_restart(make: Factory) -> None:
    """What was parked in it since survives, and so do the other queues."""
    if not make().features.persistent:
        return
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 4))
        held = await receive(member, 4)
        _park(member, "emptied", held[:2])
        _park(member, "refilled", held[1:3])
        _park(member, "other", held[:1])
        await take(member.queue("emptied"), 1)
        member.queue("emptied").clear()
        member.queue("refilled").clear()
        _park(member, "refilled", held[3:])
    async with make() as channel, channel.subscribe("g") as member:
        assert {"refilled": 1, "other": 1} == {name: queue.events for name, queue in member.queues.items()}
        assert ["4"] == ids(await take(member.queue("refilled"), 1))
        assert 2 == channel.statistics().events


async def forgotten_queues_do_not_come_back(make: Factory) -> None:
    """Those of a group that was forgotten: one of its name has none."""
    if not make().features.persistent:
        return
    async with make() as channel:
        async with channel.subscribe("g") as member:
            await channel.publish(events_of(1, 2))
            _park(member, "q", await receive(member, 2))
        channel.forget("g")
    async with make() as channel, channel.subscribe("g") as member:
        assert ({}, 0) == (dict(member.queues), channel.statistics().events)


def _park(
    member: Subscription,
    name: str,
    deliveries: Sequence[Delivery],
    *,
    after_s: float = 0.0,
    attempts: int = 0,
    note: bytes = b"",
) -> None:
    """And settle them, in the same turn of the event loop, as who parks does."""
    member.queue(name).park(deliveries, after_s=after_s, attempts=attempts, note=note)
    member.ack(deliveries)


LAWS: Final[tuple[Law, ...]] = (
    what_is_parked_survives_a_restart,
    due_times_survive_a_restart,
    due_order_survives_a_restart,
    an_ordered_queue_survives_a_restart,
    what_was_taken_and_not_settled_survives,
    what_is_parked_again_survives_once,
    a_cleared_queue_stays_empty_over_a_restart,
    forgotten_queues_do_not_come_back,
)
