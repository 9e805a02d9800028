"""The memory channel obeys the laws of the contract, and those of its own: what is counted."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.conformance import LAWS, Law
from channels.contract import ChannelStatistics, Delivery, Position
from channels.memory import MemoryChannel
from channels.witness import an_event, events_of, receive


def make(*, storage: str = "a", events_max: int = 1000, size_max_bytes: int = 2**24) -> MemoryChannel:
    return MemoryChannel(events_max=events_max, size_max_bytes=size_max_bytes)


@pytest.mark.looptime
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_the_memory_channel_obeys(law: Law) -> None:
    """Every law of the contract."""
    await law(make)


async def test_an_event_that_no_group_gets_is_not_held() -> None:
    """Nobody is there to ack it, so it must not fill the channel."""
    async with make(events_max=1) as channel:
        assert [1] == await channel.publish(events_of(1, 1))
        assert [2] == await channel.publish(events_of(2, 2))
        assert ChannelStatistics(0, 0, 1, 2**24, stored=2) == channel.statistics()


async def test_verbs_after_the_end_do_nothing() -> None:
    """A fan out that stops may ack or nack what it still has: the counts stay at zero."""
    async with make() as channel:
        pending = channel.subscribe("g")
        member = await pending.__aenter__()
        await channel.publish(events_of(1, 3))
        first, second, _ = await receive(member, 3)
        cancelled = asyncio.create_task(member.receive(1))
        await asyncio.sleep(0)
        cancelled.cancel()
    member.ack([first])
    member.nack([second])
    await pending.__aexit__(None, None, None)
    assert ChannelStatistics(0, 0, 1000, 2**24, stored=3) == channel.statistics()


async def test_what_a_forgotten_group_shared_is_held_for_the_others_alone() -> None:
    """Each event counts until the last group that is left has acked it."""
    async with make() as channel, channel.subscribe("a") as one, channel.subscribe("b") as other:
        async with channel.subscribe("c") as leaving:
            await channel.publish(events_of(1, 4))
            leaving.ack((await receive(leaving, 3))[:1])
        channel.forget("c")
        one.ack((await receive(one, 4))[:3])
        counts = [channel.statistics().events]
        held = await receive(other, 4)
        for delivery in held:
            other.ack([delivery])
            counts.append(channel.statistics().events)
        assert [4, 3, 2, 1, 1] == counts


steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 4)),
        st.tuples(st.just("receive"), st.integers(1, 4)),
        st.tuples(st.sampled_from(["ack", "nack"]), st.lists(st.integers(0, 9), max_size=4)),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(steps=steps, groups=st.integers(1, 3))
def test_whatever_members_do_the_counts_are_what_is_held(steps: list[tuple[str, object]], groups: int) -> None:
    """Held = published - settled by all groups, at every moment; and every event is received in order of age."""
    asyncio.run(_walk(steps, groups))


async def _walk(steps: list[tuple[str, object]], groups: int) -> None:
    async with make() as channel:
        contexts = [channel.subscribe(str(number)) for number in range(groups)]
        members = [await context.__aenter__() for context in contexts]
        held: list[dict[Position, Delivery]] = [{} for _ in members]
        waiting: list[set[Position]] = [set() for _ in members]
        stored = 0
        for verb, argument in steps:
            if verb == "publish":
                positions = await channel.publish([an_event("x", b"data")] * argument)
                stored = positions[-1]
                for queue in waiting:
                    queue.update(positions)
                continue
            for member, holds, queue in zip(members, held, waiting, strict=True):
                if verb == "receive":
                    taken = await member.receive(argument) if queue else []
                    assert sorted(queue)[:argument] == [delivery.position for delivery in taken]
                    queue.difference_update(delivery.position for delivery in taken)
                    holds.update({delivery.position: delivery for delivery in taken})
                    continue
                chosen = [delivery for number, delivery in enumerate([*holds.values()]) if number in argument]
                getattr(member, verb)(chosen)
                for delivery in chosen:
                    del holds[delivery.position]
                queue.update(delivery.position for delivery in chosen if verb == "nack")
            unsettled = {position for positions in (*held, *waiting) for position in positions}
            size_bytes = an_event("x", b"data").size * len(unsettled)
            assert ChannelStatistics(len(unsettled), size_bytes, 1000, 2**24, stored) == channel.statistics()
        for context in contexts:
            await context.__aexit__(None, None, None)
