"""Queues on disk: their order where runs interleave, and what is taken while something else is parked."""

import asyncio

import apsw
import pytest

from channels.errors import ChannelUnavailable
from channels.journal import parking
from channels.witness import events_of, ids, receive
from tests.channels.journal.stage import FakeDisk, a_journal, drained, take_all

pytestmark = pytest.mark.looptime


async def test_runs_of_an_ordered_queue_interleave() -> None:
    """Positions decide, not runs, also where the younger run was parked first and taken in part."""
    async with a_journal(FakeDisk()) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 9))
        held = await receive(member, 9)
        queue = member.queue("q", is_ordered=True)
        queue.park([held[4], held[8], held[6]])
        queue.park([held[5], held[7]])
        assert ["5", "6"] == ids(await queue.take(2))
        queue.park(held[:2])
        queue.park(held[2:4], after_s=5)
        assert ["1", "2"] == ids(await queue.take(9))
        assert 5.0 == queue.due_in_s
        await asyncio.sleep(5)
        assert ["3", "4", "7", "8", "9"] == ids(await queue.take(9))
        assert queue.due_in_s is None


async def test_many_are_parked_in_runs_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """One is read as a whole, and kept as long as one event of it waits."""
    monkeypatch.setattr(parking, "RUN_EVENTS_MAX", 3)
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 8))
        held = await receive(member, 8)
        member.queue("q").park(held)
        member.ack(held)
        await drained(channel)
        assert (0, 3) == (disk.rows("log"), disk.rows("parked"))
        assert [str(number) for number in range(1, 9)] == await take_all(member, "q", 8)
        await drained(channel)
        assert (0, 0, 0) == (disk.rows("parked"), disk.rows("queue"), disk.rows("settled"))


async def test_what_is_parked_during_a_read_is_not_passed_over() -> None:
    """Though it comes before what is being read."""
    async with a_journal(FakeDisk()) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 4))
        held = await receive(member, 4)
        queue = member.queue("q", is_ordered=True)
        queue.park(held[2:])
        await drained(channel)
        taking = asyncio.create_task(queue.take(1))
        await asyncio.sleep(0)
        queue.park(held[:2])
        taken = ids(await taking)
        assert ["1", "2", "3", "4"] == sorted(taken + ids(await queue.take(9)))


async def test_what_is_parked_for_later_before_a_read_is_not_passed_over() -> None:
    """Though the disk does not have it yet, and it goes before what is being read."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 4))
        held = await receive(member, 4)
        queue = member.queue("q", is_ordered=True)
        queue.park(held[1:2])
        await drained(channel)
        disk.held = first = asyncio.Event()
        queue.park(held[2:3])
        taking = asyncio.create_task(queue.take(9))
        await asyncio.sleep(0.1)
        queue.park(held[3:])
        disk.held = second = asyncio.Event()
        first.set()
        await asyncio.sleep(0.1)  # what is waited for is being written
        queue.park(held[:1], after_s=5)
        disk.held = third = asyncio.Event()
        second.set()
        taken = ids(await taking)
        disk.held = None
        third.set()
        await asyncio.sleep(5)
        assert ([], ["1", "2", "3", "4"]) == (taken, ids(await queue.take(9)))


async def test_a_read_that_fails_leaves_everything_where_it_was() -> None:
    """What was about to be taken is back."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 4))
        held = await receive(member, 4)
        queue = member.queue("q")
        queue.park(held[:2])
        taken = await queue.take(1)
        member.nack(taken)
        queue.park(held[2:])
        disk.read_error = OSError("gone")
        with pytest.raises(ChannelUnavailable, match="gone"):
            await queue.take(4)
        disk.read_error = None
        assert ["1", "2", "3", "4"] == ids(await queue.take(4))


async def test_while_the_disk_takes_nothing_what_is_parked_can_be_taken() -> None:
    """Deliveries go on: only producers are refused. What was delivered meanwhile is not found once it is written."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 4))
        held = await receive(member, 4)
        queue = member.queue("q")
        queue.park(held[:1])
        member.ack(held[:1])
        await drained(channel)
        disk.error = apsw.FullError()
        queue.park(held[1:3])
        queue.park(held[3:], after_s=60)
        member.ack(held[1:])
        await asyncio.sleep(0.05)
        taken = [delivery for _ in range(3) for delivery in await queue.take(1)]
        assert ["1", "2", "3"] == ids(taken)
        assert queue.due_in_s is not None
        assert 59 < queue.due_in_s
        member.ack(taken[1:])
        disk.error = None
        await drained(channel)
        assert 2 == queue.events
        member.nack(taken[:1])
        assert ["1"] == ids(await queue.take(5))
        await asyncio.sleep(61)
        assert ["4"] == ids(await queue.take(5))
