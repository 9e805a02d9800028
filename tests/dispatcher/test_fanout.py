"""The fan out in virtual time: each event is judged once, acked once, and comes back after a crash."""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from channels.contract import ChannelStatistics, Delivery
from channels.errors import ChannelUnavailable
from channels.memory import MemoryChannel
from dispatcher.fanout import BATCH_MAX, Fanout
from dispatcher.filters import parse_filters
from dispatcher.tasks import supervise
from tests.dispatcher.stage import an_event, positions

pytestmark = pytest.mark.looptime
EVERYTHING = parse_filters(None, None)


class HoldingLane:
    """Takes what it is offered, and settles it when told to."""

    def __init__(self) -> None:
        self.held: list[Delivery] = []

    def offer(self, deliveries: Sequence[Delivery]) -> None:
        self.held += deliveries


class FaultyChannel:
    """A memory channel that writes down every ack, and whose receive fails when it is told to."""

    def __init__(self) -> None:
        self.channel = MemoryChannel(events_max=10_000, size_max_bytes=10**8)
        self.acked: list[int] = []
        self.faults: list[Exception] = []
        self.subscriptions = 0

    @asynccontextmanager
    async def subscribe(self, group: str) -> Any:
        self.subscriptions += 1
        async with self.channel.subscribe(group) as self._member:
            yield self

    async def receive(self, max_events: int) -> list[Delivery]:
        if self.faults:
            raise self.faults.pop()
        return await self._member.receive(max_events)

    def statistics(self) -> ChannelStatistics:
        return self.channel.statistics()

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        self.acked += positions(deliveries)
        self._member.ack(deliveries)

    async def publish(self, first: int, last: int, type: str = "t") -> None:  # noqa: A002
        await self.channel.publish([an_event(number, type=type) for number in range(first, last + 1)])


@asynccontextmanager
async def a_fanout() -> Any:
    """A fan out at work over an open channel."""
    channel = FaultyChannel()
    async with channel.channel:
        fanout = Fanout()
        any_channel: Any = channel
        task = asyncio.create_task(supervise("fan out", lambda: fanout.run(any_channel)))
        await fanout.joined.wait()
        yield fanout, channel
        task.cancel()
        await asyncio.wait([task])


def replace(fanout: Fanout, **lanes: Any) -> None:
    """Judge by type: the lane named `t` gets events of type t; the one named `everything` all."""
    fanout.replace(
        (EVERYTHING if name == "everything" else parse_filters({"attributes": {"type": name}}, None), lane)
        for name, lane in lanes.items()
    )


async def test_an_event_is_acked_once_all_its_lanes_have_settled() -> None:
    """In any order, and not before."""
    async with a_fanout() as (fanout, channel):
        one, two = HoldingLane(), HoldingLane()
        replace(fanout, everything=one, t=two)
        await channel.publish(1, 2)
        await asyncio.sleep(1.0)
        assert [[1, 2]] * 2 == [positions(lane.held) for lane in (one, two)]
        fanout.settle(two.held[1])
        fanout.settle(one.held[0])
        await asyncio.sleep(1.0)
        assert [] == channel.acked
        fanout.settle(two.held[0])
        fanout.settle(one.held[1])
        await asyncio.sleep(1.0)
        assert [1, 2] == channel.acked
        assert 0 == channel.channel.statistics().events


async def test_what_nobody_wants_is_acked_at_once() -> None:
    """And counted as judged."""
    async with a_fanout() as (fanout, channel):
        lane = HoldingLane()
        replace(fanout, other=lane)
        await channel.publish(1, 3)
        await channel.publish(4, 4, type="other")
        await asyncio.sleep(1.0)
        assert ([1, 2, 3], [4], 4) == (channel.acked, positions(lane.held), fanout.judged)


async def test_acks_of_one_turn_are_one_ack() -> None:
    """A channel is asked as rarely as can be."""
    async with a_fanout() as (fanout, channel):
        lane = HoldingLane()
        replace(fanout, everything=lane)
        await channel.publish(1, 100)
        await asyncio.sleep(1.0)
        calls = 0
        acknowledge = channel.ack

        def counted(deliveries: Sequence[Delivery]) -> None:
            nonlocal calls
            calls += 1
            acknowledge(deliveries)

        channel.ack = counted
        for delivery in lane.held:
            fanout.settle(delivery)
        await asyncio.sleep(1.0)
        assert (1, list(range(1, 101))) == (calls, channel.acked)


async def test_a_full_channel_does_not_keep_others_from_their_turn() -> None:
    """After a batch the event loop turns, though a receive that finds events does not wait."""
    async with a_fanout() as (fanout, channel):
        replace(fanout, everything=HoldingLane())
        await channel.publish(1, 3 * BATCH_MAX)
        judged = []
        for _ in range(6):
            await asyncio.sleep(0)
            judged.append(fanout.judged)
        assert {0, BATCH_MAX, 2 * BATCH_MAX, 3 * BATCH_MAX} >= set(judged)
        assert len(set(judged)) >= 3


async def test_a_change_holds_from_the_next_event_on() -> None:
    """What was judged before stays with the lane that it was given to."""
    async with a_fanout() as (fanout, channel):
        before, after = HoldingLane(), HoldingLane()
        replace(fanout, everything=before)
        await channel.publish(1, 2)
        await asyncio.sleep(1.0)
        replace(fanout, everything=after)
        await channel.publish(3, 4)
        await asyncio.sleep(1.0)
        assert ([1, 2], [3, 4]) == (positions(before.held), positions(after.held))


async def test_after_a_crash_everything_that_was_not_acked_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    """What settles later under its old name is acked to nobody; nothing is lost."""
    async with a_fanout() as (fanout, channel):
        lane = HoldingLane()
        replace(fanout, everything=lane)
        await channel.publish(1, 3)
        await asyncio.sleep(1.0)
        old, lane.held = lane.held, []
        fanout.settle(old[0])
        channel.faults.append(ChannelUnavailable("gone for a moment"))
        await channel.publish(4, 4)
        await asyncio.sleep(1.0)
        fanout.settle(old[1])
        await asyncio.sleep(1.0)
        assert (2, ["fan out crashed, starts again in 0.1 s"]) == (channel.subscriptions, caplog.messages)
        assert [2, 3, 4] == sorted(set(positions(lane.held)) - {1})
        for delivery in lane.held:
            if delivery not in old:
                fanout.settle(delivery)
        await asyncio.sleep(1.0)
        assert 0 == channel.channel.statistics().events


async def test_what_settles_while_nobody_is_subscribed_is_not_acked() -> None:
    """It comes again, which is the lesser evil."""
    async with a_fanout() as (fanout, channel):
        lane = HoldingLane()
        replace(fanout, everything=lane)
        await channel.publish(1, 1)
        await asyncio.sleep(1.0)
        (old,) = lane.held
        channel.faults.append(ChannelUnavailable("gone"))
        await channel.publish(2, 2, type="x")
        await asyncio.sleep(0.05)
        fanout.settle(old)
        await asyncio.sleep(1.0)
        assert 1 in positions(lane.held[1:])


async def test_cancelling_acks_what_has_settled_and_returns_the_rest() -> None:
    """The goodbye loses nothing and repeats as little as can be."""
    channel = FaultyChannel()
    async with channel.channel:
        fanout = Fanout()
        any_channel: Any = channel
        lane = HoldingLane()
        replace(fanout, everything=lane)
        task = asyncio.create_task(fanout.run(any_channel))
        await fanout.joined.wait()
        await channel.publish(1, 2)
        await asyncio.sleep(1.0)
        task.cancel()
        fanout.settle(lane.held[0])
        await asyncio.wait([task])
        assert [1] == channel.acked
        async with channel.channel.subscribe("fanout") as member:
            assert [2] == positions(await member.receive(10))
