"""How a lane fills its window with what is parked: in chunks, again after a fault, and without what was lost."""

import asyncio
import logging
from dataclasses import replace

import pytest

from channels.contract import Parked, Queue, Subscription
from channels.errors import ChannelUnavailable
from dispatcher.depot import CHUNK_MAX
from dispatcher.retry import Policy
from tests.dispatcher.stage import DURABLE, ScriptedSink, a_delivery, a_lane, fill, saying

pytestmark = pytest.mark.looptime
SOON = Policy(retry=3, backoff_policy="linear", backoff_delay_s=0.1)


class BrokenQueue:
    """A queue whose disk is gone for a while."""

    def __init__(self, queue: Queue, faults: list[Exception]) -> None:
        self._queue = queue
        self._faults = faults
        self.park = queue.park
        self.clear = queue.clear

    events = property(lambda self: self._queue.events)
    size_bytes = property(lambda self: self._queue.size_bytes)
    waiting = property(lambda self: self._queue.waiting)
    due_in_s = property(lambda self: self._queue.due_in_s)

    async def take(self, max_events: int) -> list[Parked]:
        if self._faults:
            raise self._faults.pop()
        return await self._queue.take(max_events)


class BrokenGroup:
    def __init__(self, group: Subscription, faults: list[Exception]) -> None:
        self.group = group
        self.faults = faults
        self.lag = 0
        self.queues = group.queues
        self.ack, self.nack, self.receive = group.ack, group.nack, group.receive

    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        return BrokenQueue(self.group.queue(name, is_ordered=is_ordered), self.faults)


async def test_a_queue_that_gives_nothing_is_asked_again(group: Subscription, caplog: pytest.LogCaptureFixture) -> None:
    """Each time is logged, and what can be sent goes on meanwhile."""
    faults: list[Exception] = [ChannelUnavailable("the disk is gone") for _ in range(3)]
    sink = ScriptedSink(saying(204))
    group.queue("lane").park([a_delivery()])
    lane, _ = a_lane(sink, SOON, DURABLE, group=BrokenGroup(group, faults))
    with caplog.at_level(logging.WARNING):
        await asyncio.sleep(0.05)
        fill(lane, 1, first=2)
        assert (["2"], 1) == (sink.ids, lane.waiting)
        await asyncio.sleep(10.0)
    assert (["2", "1"], 0) == (sink.ids, lane.waiting)
    assert 3 == len(caplog.records)


async def test_what_the_channel_lost_is_not_waited_for(group: Subscription) -> None:
    """A damaged record is set aside by the channel; the lane notices when its queue is empty."""
    queue = group.queue("lane")
    queue.park([a_delivery(1), a_delivery(2)], after_s=5.0)
    lane, _ = a_lane(ScriptedSink(saying(204)), SOON, DURABLE, group=group)
    assert 2 == lane.waiting
    queue.clear()
    queue.park([a_delivery(3)])
    await asyncio.sleep(10.0)
    assert (0, 1) == (lane.waiting, lane.done)


async def test_a_window_of_one_works(group: Subscription) -> None:
    """The smallest there is."""
    sink = ScriptedSink(saying(204), delay_s=0.01)
    limits = replace(DURABLE, concurrency_max=1, window_events_max=1, window_size_max_bytes=1)
    lane, _ = a_lane(sink, None, limits, group=group)
    fill(lane, 50)
    await asyncio.sleep(10.0)
    assert (50, 0) == (lane.done, lane.waiting)


async def test_a_long_queue_is_taken_in_chunks(group: Subscription) -> None:
    """The next one when half of the last has gone."""
    takes: list[int] = []

    class Counting(BrokenQueue):
        async def take(self, max_events: int) -> list[Parked]:
            taken = await super().take(max_events)
            takes.append(len(taken))
            return taken

    class CountingGroup(BrokenGroup):
        def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
            return Counting(self.group.queue(name, is_ordered=is_ordered), [])

    group.queue("lane").park([a_delivery(number, size_bytes=10) for number in range(2000)])
    sink = ScriptedSink(saying(204), delay_s=0.001)
    lane, _ = a_lane(sink, None, replace(DURABLE, window_events_max=1024), group=CountingGroup(group, []))
    await asyncio.sleep(60.0)
    assert 2000 == lane.done
    assert CHUNK_MAX == max(takes)
    assert len(takes) <= 2000 // CHUNK_MAX + 3
