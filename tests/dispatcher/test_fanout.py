"""The fan out in virtual time: each event is judged once, acked once; a crash of its loop loses and repeats nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from channels.contract import Delivery, Queue
from channels.errors import ChannelUnavailable
from dispatcher.fanout import BATCH_MAX, LAG_MAX, Fanout
from dispatcher.filters import parse_filters
from dispatcher.tasks import supervise
from tests.dispatcher.stage import an_event, positions

pytestmark = pytest.mark.looptime
EVERYTHING = parse_filters(None, None)


class HoldingTaker:
    """Takes what it is offered, and settles it when told to. May crash once, before it takes anything."""

    def __init__(self) -> None:
        self.held: list[Delivery] = []
        self.fault: Exception | None = None
        self.is_idle = False
        self.written = 0

    def offer(self, deliveries: Sequence[Delivery]) -> None:
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.held += deliveries

    def write_down(self) -> None:
        self.written += 1


class Wall:
    """A membership whose receive fails when it is told to, and that writes down every ack."""

    def __init__(self) -> None:
        self.fresh: list[Delivery] = []
        self.acks: list[list[int]] = []
        self.faults: list[Exception] = []
        self.queues: Mapping[str, Queue] = {}
        self._last = 0
        self._arrived = asyncio.Event()

    def publish(self, count: int = 1, type: str = "t") -> None:  # noqa: A002
        for _ in range(count):
            self._last += 1
            self.fresh.append(Delivery(an_event(self._last, type=type), self._last, 100))
        self._arrived.set()

    @property
    def lag(self) -> int:
        return len(self.fresh)

    @property
    def acked(self) -> list[int]:
        return [position for ack in self.acks for position in ack]

    async def receive(self, max_events: int) -> list[Delivery]:
        while not self.fresh:
            self._arrived.clear()
            await self._arrived.wait()
        if self.faults:
            raise self.faults.pop()
        taken, self.fresh = self.fresh[:max_events], self.fresh[max_events:]
        return taken

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        self.acks.append(positions(deliveries))

    def nack(self, deliveries: Sequence[Delivery]) -> None:
        self.fresh = [*deliveries, *self.fresh]

    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        raise NotImplementedError


@asynccontextmanager
async def a_fanout() -> AsyncIterator[tuple[Fanout, Wall]]:
    """A fan out at work."""
    wall, fanout = Wall(), Fanout()
    fanout.begin(wall)
    task = asyncio.create_task(supervise("fan out", fanout.run))
    yield fanout, wall
    task.cancel()
    await asyncio.wait([task])


def replace(fanout: Fanout, **takers: Any) -> None:
    """Judge by type: the taker named `t` gets events of type t; the one named `everything` all."""
    fanout.replace(
        (EVERYTHING if name == "everything" else parse_filters({"attributes": {"type": name}}, None), taker)
        for name, taker in takers.items()
    )


async def test_an_event_is_acked_once_all_its_lanes_have_settled() -> None:
    """In any order, and not before."""
    async with a_fanout() as (fanout, wall):
        one, two = HoldingTaker(), HoldingTaker()
        replace(fanout, everything=one, t=two)
        wall.publish(2)
        await asyncio.sleep(1.0)
        assert [[1, 2]] * 2 == [positions(taker.held) for taker in (one, two)]
        fanout.settle(two.held[1])
        fanout.settle(one.held[0])
        await asyncio.sleep(1.0)
        assert [] == wall.acked
        fanout.settle(two.held[0])
        fanout.settle(one.held[1])
        await asyncio.sleep(1.0)
        assert [1, 2] == wall.acked


async def test_what_nobody_wants_is_acked_at_once() -> None:
    """And counted as judged."""
    async with a_fanout() as (fanout, wall):
        taker = HoldingTaker()
        replace(fanout, other=taker)
        wall.publish(3)
        wall.publish(1, type="other")
        await asyncio.sleep(1.0)
        assert ([1, 2, 3], [4], 4, 0) == (wall.acked, positions(taker.held), fanout.judged, fanout.lag)


async def test_acks_of_one_turn_are_one_ack() -> None:
    """A channel is asked as rarely as can be."""
    async with a_fanout() as (fanout, wall):
        taker = HoldingTaker()
        replace(fanout, everything=taker)
        wall.publish(100)
        await asyncio.sleep(1.0)
        for delivery in taker.held[:50]:
            fanout.settle(delivery)
        fanout.settle_all(taker.held[50:90])
        fanout.settle_all(taker.held[90:])
        await asyncio.sleep(1.0)
        assert [list(range(1, 101))] == wall.acks


async def test_a_full_channel_does_not_keep_others_from_their_turn() -> None:
    """After a batch the event loop turns, though a receive that finds events does not wait."""
    async with a_fanout() as (fanout, wall):
        replace(fanout, everything=HoldingTaker())
        wall.publish(3 * BATCH_MAX)
        judged = []
        for _ in range(6):
            await asyncio.sleep(0)
            judged.append(fanout.judged)
        assert {0, BATCH_MAX, 2 * BATCH_MAX, 3 * BATCH_MAX} >= set(judged)
        assert len(set(judged)) >= 3


async def test_a_change_holds_from_the_next_event_on() -> None:
    """What was judged before stays with the lane that it was given to."""
    async with a_fanout() as (fanout, wall):
        before, after = HoldingTaker(), HoldingTaker()
        replace(fanout, everything=before)
        wall.publish(2)
        await asyncio.sleep(1.0)
        replace(fanout, everything=after)
        wall.publish(2)
        await asyncio.sleep(1.0)
        assert ([1, 2], [3, 4]) == (positions(before.held), positions(after.held))


async def test_a_crash_takes_nothing_from_the_lanes(caplog: pytest.LogCaptureFixture) -> None:
    """They hold on to what they were given, and it is acked when they settle, also while nobody reads."""
    async with a_fanout() as (fanout, wall):
        taker = HoldingTaker()
        replace(fanout, everything=taker)
        wall.publish(3)
        await asyncio.sleep(1.0)
        wall.faults.append(ChannelUnavailable("gone for a moment"))
        wall.publish(1)
        await asyncio.sleep(0.05)
        fanout.settle(taker.held[0])
        await asyncio.sleep(0)
        assert ([1], ["fan out: gone for a moment; starts again in 0.1 s"]) == (wall.acked, caplog.messages)
        await asyncio.sleep(1.0)
        assert ([1, 2, 3, 4], 4) == (positions(taker.held), fanout.judged)


async def test_a_batch_whose_judging_crashes_is_finished_or_given_back(caplog: pytest.LogCaptureFixture) -> None:
    """What was handed on stays handed on, to all who wanted it; the rest is judged when the loop runs again."""
    async with a_fanout() as (fanout, wall):
        broken, one, two = HoldingTaker(), HoldingTaker(), HoldingTaker()
        replace(fanout, t=broken, everything=one, x=two)
        broken.fault = ValueError("a bug")
        wall.publish(2, type="x")
        wall.publish(2, type="t")
        wall.publish(2, type="x")
        await asyncio.sleep(0.05)
        assert ([1, 2], [1, 2, 3, 4]) == (positions(two.held), positions(one.held))
        assert (4, 2, ["fan out crashed, starts again in 0.1 s"]) == (fanout.judged, fanout.lag, caplog.messages)
        await asyncio.sleep(1.0)
        assert ([1, 2, 5, 6], [1, 2, 3, 4, 5, 6]) == (positions(two.held), positions(one.held))
        assert 6 == fanout.judged


async def test_what_settles_after_the_end_is_acked_to_nobody() -> None:
    """And what has settled before is, without waiting for its turn."""
    wall, fanout, taker = Wall(), Fanout(), HoldingTaker()
    fanout.begin(wall)
    replace(fanout, everything=taker)
    task = asyncio.create_task(fanout.run())
    wall.publish(2)
    await asyncio.sleep(1.0)
    task.cancel()
    fanout.settle(taker.held[0])
    await asyncio.wait([task])
    fanout.end()
    assert [1] == wall.acked
    fanout.settle(taker.held[1])
    await asyncio.sleep(1.0)
    fanout.write_down()
    assert ([1], 1) == (wall.acked, taker.written)


async def test_acks_and_what_they_count_for_are_written_together() -> None:
    """For as long as a taker has something to do; one that had nothing to do is not asked."""
    async with a_fanout() as (fanout, wall):
        busy, bored = HoldingTaker(), HoldingTaker()
        replace(fanout, t=busy, x=bored)
        wall.publish(1)
        await asyncio.sleep(1.0)
        fanout.settle(busy.held[0])
        fanout.write_down()
        assert ([1], 1, 0) == (wall.acked, busy.written, bored.written)
        busy.is_idle = True
        fanout.write_down()
        fanout.write_down()
        assert 2 == busy.written
        fanout.touch(busy)
        fanout.touch(bored)
        fanout.discard(bored)
        fanout.write_down()
        assert (3, 0) == (busy.written, bored.written)


async def test_a_delivery_of_no_channel_is_not_acked() -> None:
    """Who watches it is told, once, together with the acks."""
    async with a_fanout() as (fanout, wall):
        taker = HoldingTaker()
        replace(fanout, everything=taker)
        wall.publish(1)
        await asyncio.sleep(1.0)
        told = []
        foreign = Delivery(an_event(7), 0, 100)
        foreign.pending = 1
        fanout.watch(foreign, lambda: told.append(list(wall.acked)))
        fanout.settle_all([foreign, *taker.held])
        assert [] == told
        await asyncio.sleep(1.0)
        assert ([[]], [1]) == (told, wall.acked)


async def test_what_comes_faster_than_it_is_judged_closes_the_entrance() -> None:
    """Until it was judged; a fan out that has ended holds nobody back."""
    async with a_fanout() as (fanout, wall):
        replace(fanout, everything=HoldingTaker())
        wall.publish(LAG_MAX)
        fanout.regulate()
        assert not fanout.entrance.is_closed
        wall.publish(1)
        fanout.regulate()
        assert fanout.entrance.is_closed
        await asyncio.sleep(1.0)
        assert not fanout.entrance.is_closed
    wall.publish(LAG_MAX + 1)
    fanout.end()
    fanout.regulate()
    assert (False, 0) == (fanout.entrance.is_closed, fanout.lag)


async def test_lanes_can_hold_the_reader_and_with_it_the_producers() -> None:
    """Nobody is let in before all of them have opened the exit."""
    async with a_fanout() as (fanout, wall):
        taker = HoldingTaker()
        replace(fanout, everything=taker)
        wall.publish(1)
        await asyncio.sleep(1.0)
        fanout.exit.close("one")
        fanout.exit.close("two")
        wall.publish(1)  # a receive was under way
        await asyncio.sleep(1.0)
        wall.publish(1)
        await asyncio.sleep(1.0)
        assert ([1, 2], True) == (positions(taker.held), fanout.entrance.is_closed)
        fanout.exit.open("one")
        await asyncio.sleep(1.0)
        assert 2 == len(taker.held)
        fanout.exit.open("two")
        await asyncio.sleep(1.0)
        assert ([1, 2, 3], False) == (positions(taker.held), fanout.entrance.is_closed)


async def test_the_frontier_is_known_once_what_was_left_by_others_has_been_judged() -> None:
    """Between what an earlier process left unsettled there are events that it did settle."""
    wall, fanout = Wall(), Fanout()
    wall.publish(3)
    wall.fresh = [wall.fresh[0], wall.fresh[2]]
    fanout.begin(wall)
    task = asyncio.create_task(fanout.run())
    await asyncio.sleep(1.0)
    assert (2, None) == (fanout.judged, fanout.frontier)
    wall.publish(2)
    await asyncio.sleep(1.0)
    assert 5 == fanout.frontier
    task.cancel()
    await asyncio.wait([task])
