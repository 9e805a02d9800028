"""Queues of a memory channel against a plain list, and what becomes of those whose member or group is gone."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import Parked
from channels.errors import ChannelUnavailable
from channels.memory import MemoryChannel
from channels.witness import events_of, ids, receive


def make() -> MemoryChannel:
    return MemoryChannel(events_max=1000, size_max_bytes=2**24)


async def test_a_member_that_left_takes_nothing() -> None:
    """It could not give it back. Others still may, and what it parks is theirs."""
    async with make() as channel, channel.subscribe("g") as staying:
        async with channel.subscribe("g") as leaving:
            await channel.publish(events_of(1, 1))
            held = await receive(leaving, 1)
            queue = leaving.queue("q")
        queue.park(held)
        with pytest.raises(ChannelUnavailable):
            await queue.take(1)
        assert ["1"] == ids(await staying.queue("q").take(1))


async def test_nothing_is_parked_in_a_group_that_is_gone() -> None:
    """Forgotten or closed: nobody would ever take it."""
    async with make() as channel:
        async with channel.subscribe("g") as member:
            await channel.publish(events_of(1, 1))
            held = await receive(member, 1)
            queue = member.queue("q")
        channel.forget("g")
        queue.park(held)
        assert (0, 0, None, 0) == (queue.events, queue.size_bytes, queue.due_in_s, channel.statistics().events)


async def test_a_group_remembers_no_queue_that_is_empty() -> None:
    """There may be a queue for each of very many keys."""
    async with make() as channel, channel.subscribe("g") as member:
        for number in range(1, 100):
            await channel.publish(events_of(number, number))
            held = await receive(member, 1)
            member.queue(f"q#{number}").park(held)
            member.ack(held)
            member.ack(await member.queue(f"q#{number}").take(1))
        assert 0 == len(member._group.shelves.by_name)


@pytest.mark.looptime
async def test_time_is_that_of_the_event_loop() -> None:
    """To the moment: a wall clock that jumps changes nothing."""
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 1))
        queue = member.queue("q")
        queue.park(await receive(member, 1), after_s=3600.0)
        assert 3600.0 == queue.due_in_s
        await asyncio.sleep(3599.0)
        assert [] == await queue.take(1)
        assert 1.0 == queue.due_in_s
        await asyncio.sleep(1.0)
        assert ["1"] == ids(await queue.take(1))


@dataclass
class Model:
    """What a queue should do: the whole of it in one list."""

    is_ordered: bool
    waiting: list[tuple[float, int, str]]
    """When each is due, at which place in time it was parked, its id."""

    def take(self, now_s: float, count: int) -> list[str]:
        if not self.is_ordered:
            due = sorted(one for one in self.waiting if one[0] <= now_s)[:count]
        else:
            due = []
            for one in sorted(self.waiting, key=lambda one: (int(one[2]), one[1]))[:count]:
                if one[0] > now_s:
                    break
                due.append(one)
        self.waiting = [one for one in self.waiting if one not in due]
        return [one[2] for one in due]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("park"), st.integers(0, 9), st.integers(0, 3)),
        st.tuples(st.just("take"), st.integers(1, 4), st.just(0)),
        st.tuples(st.sampled_from(["ack", "nack"]), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 2), st.just(0)),
        st.tuples(st.just("clear"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(steps=steps, is_ordered=st.booleans())
def test_a_queue_does_what_a_plain_list_would(steps: list[tuple[str, int, int]], is_ordered: bool) -> None:
    """Whatever is parked, taken, acked, given back and cleared, in whatever order and at whatever time."""
    asyncio.run(_walk(steps, is_ordered))


async def _walk(steps: list[tuple[str, int, int]], is_ordered: bool) -> None:
    model = Model(is_ordered, [])
    async with make() as channel, channel.subscribe("g") as member:
        now = [0.0]
        member._group.shelves.now_s = lambda: now[0]
        await channel.publish(events_of(1, 10))
        held = await receive(member, 10)
        sizes = {one.event.id: one.size_bytes for one in held}
        queue = member.queue("q", is_ordered=is_ordered)
        taken: list[tuple[Parked, float, int]] = []
        sequence = 0
        for verb, number, after_s in steps:
            if verb == "park":
                queue.park([held[number]], after_s=after_s, note=f"{now[0] + after_s} {sequence}".encode())
                model.waiting.append((now[0] + after_s, sequence, held[number].event.id))
                sequence += 1
            elif verb == "take":
                came = await queue.take(number)
                assert model.take(now[0], number) == ids(came)
                for one in came:
                    due_s, parked = one.note.split()
                    taken.append((one, float(due_s), int(parked)))
            elif verb == "wait":
                now[0] += number
            elif verb == "clear":
                assert len(model.waiting) + len(taken) == queue.clear()
                model.waiting = []
                taken = []
            elif number < len(taken):
                one, due_s, parked = taken.pop(number)
                getattr(member, verb)([one])
                if verb == "nack":
                    model.waiting.append((due_s, parked, one.event.id))
            kept = [one[2] for one in model.waiting] + [one.event.id for one, _, _ in taken]
            assert (len(kept), sum(sizes[one] for one in kept)) == (queue.events, queue.size_bytes)
            assert 10 + len(kept) == channel.statistics().events
            assert (queue.due_in_s is None) == (not model.waiting)
