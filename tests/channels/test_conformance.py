"""The door to the laws leaves none out, and what they see with looks closely."""

import asyncio
from types import ModuleType

import pytest

from channels import (
    conformance_ensure,
    conformance_group,
    conformance_log,
    conformance_queue,
    conformance_queue_end,
    conformance_replay,
    conformance_restart,
    conformance_restart_queue,
    conformance_shared,
)
from channels.conformance import LAWS, Law
from channels.contract import Delivery, Parked
from channels.memory import MemoryChannel
from channels.witness import events_of, receive, take, take_now
from tests.channels.durable import DurableChannel
from tests.channels.faulty import Wrapped, WrappedQueue, factory, name_of
from tests.channels.partitioned import factory_of_partitioned
from tests.channels.sharing import factory_of_shared

SUBJECTS = [
    conformance_log,
    conformance_group,
    conformance_ensure,
    conformance_queue,
    conformance_queue_end,
    conformance_replay,
    conformance_restart,
    conformance_restart_queue,
    conformance_shared,
]


@pytest.mark.parametrize("subject", SUBJECTS, ids=name_of)
def test_every_law_is_in_the_tuple(subject: ModuleType) -> None:
    """A law that nobody runs is none."""
    written = {
        thing
        for name, thing in vars(subject).items()
        if asyncio.iscoroutinefunction(thing) and thing.__module__ == subject.__name__ and not name.startswith("_")
    }
    assert written == set(subject.LAWS)
    assert written <= set(LAWS)


def test_no_two_laws_have_one_name() -> None:
    """A backend's tests are called by them."""
    assert len(LAWS) == len({law.__name__ for law in LAWS})


@pytest.mark.looptime
@pytest.mark.parametrize("law", LAWS, ids=name_of)
async def test_the_model_of_a_durable_channel_obeys(law: Law) -> None:
    """Or it would be no wonder that the laws catch what is made of it."""
    await law(factory(DurableChannel))


@pytest.mark.looptime
@pytest.mark.parametrize("law", LAWS, ids=name_of)
async def test_the_model_of_a_shared_channel_obeys(law: Law) -> None:
    """The same of the laws about several processes."""
    await law(factory_of_shared())


@pytest.mark.looptime
@pytest.mark.parametrize("law", LAWS, ids=name_of)
async def test_the_model_of_a_partitioned_channel_obeys(law: Law) -> None:
    """With one partition: two know no order between them."""
    await law(factory_of_partitioned())


async def test_a_receive_that_brings_more_than_asked_for_is_told() -> None:
    """What every law receives with looks at the number."""

    class Greedy(Wrapped):
        async def receive(self, max_events: int) -> list[Delivery]:
            return await self.below.receive(max_events + 1)

    async with MemoryChannel(events_max=9, size_max_bytes=2**20) as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 2))
        with pytest.raises(AssertionError, match="2 events came, asked for were 1"):
            await receive(Greedy(member, channel), 1)


async def test_a_take_that_brings_more_than_asked_for_is_told() -> None:
    """And so does what every law takes with."""

    class Greedy(WrappedQueue):
        async def take(self, max_events: int) -> list[Parked]:
            return await self.below.take(max_events + 1)

    async with MemoryChannel(events_max=9, size_max_bytes=2**20) as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 2))
        queue = member.queue("q")
        queue.park(await receive(member, 2))
        with pytest.raises(AssertionError, match="2 parked ones came, asked for were 1"):
            await take_now(Greedy(queue, member), 1)


@pytest.mark.looptime
async def test_a_take_that_brings_nothing_is_told() -> None:
    """After some seconds, and not never."""
    async with MemoryChannel(events_max=9, size_max_bytes=2**20) as channel, channel.subscribe("g") as member:
        with pytest.raises(AssertionError, match="0 of 1 parked ones came"):
            await take(member.queue("q"), 1)
