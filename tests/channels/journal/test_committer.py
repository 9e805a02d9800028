"""Group commit on a disk that fails, fills up, and comes back."""

import asyncio
import logging

import apsw
import pytest

from channels.dead_letter import Address
from channels.errors import ChannelFull, ChannelUnavailable
from channels.journal import committer
from channels.witness import Told, events_of, ids, receive
from tests.channels.journal.stage import FakeDisk, a_journal, drained

pytestmark = pytest.mark.looptime


async def test_what_gathers_during_a_commit_is_one_commit() -> None:
    """The busier the journal is, the larger its commits."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await drained(channel)
        disk.commits, disk.held = 0, asyncio.Event()
        receipts = [Told() for _ in range(10)]
        for number, receipt in enumerate(receipts):
            channel.submit(events_of(number, number), receipt)
            await asyncio.sleep(0.001)
        assert [[]] * 10 == [receipt.answers for receipt in receipts]
        disk.held.set()
        assert [None] * 10 == [await receipt.answer() for receipt in receipts]
        assert (2, [1, 9]) == (disk.commits, [row[2] for batch in disk.batches[-2:] for row in batch.log])
        assert 10 == len(await receive(member, 10))


@pytest.mark.parametrize(("error", "kind"), [(apsw.FullError(), ChannelFull), (apsw.IOError(), ChannelUnavailable)])
async def test_a_failed_commit_refuses_what_was_published_and_keeps_the_rest(
    error: Exception, kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """Acks, parkings and what is remembered are tried again until the disk takes them, and publishing heals then."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        held = await receive(member, 2)
        await drained(channel)
        disk.error = error
        member.queue("q").park(held[:1], attempts=1)
        member.ack(held)
        channel.remember("x", b"y")
        with pytest.raises(kind):
            await channel.publish(events_of(4, 4))
        with pytest.raises(kind):
            await channel.publish(events_of(5, 5))
        assert journal.fault
        assert ["3"] == ids(await receive(member, 1))
        assert (0, 1) == (disk.rows("parked"), disk.rows("log"))
        await asyncio.sleep(5)
        assert 3 <= len(caplog.records) <= 7
        caplog.clear()
        disk.error = None
        caplog.set_level(logging.INFO)
        await asyncio.sleep(committer._RETRY_MAX_S)
        assert ("", 1, 1, 1) == (journal.fault, disk.rows("parked"), disk.rows("log"), disk.rows("remembered"))
        assert ["publishing is accepted again"] == [record.message for record in caplog.records]
        await channel.publish(events_of(6, 6))
        assert (["6"], ["1"]) == (ids(await receive(member, 1)), ids(await member.queue("q").take(5)))
        assert 4 == channel.statistics().stored
        held_events = (channel.statistics().events, journal.statistics().events)
        assert (3, 3) == held_events


async def test_a_nearly_full_disk_refuses_publishes_and_takes_the_rest() -> None:
    """What is owed must still find room; when there is more the journal heals by itself, without being asked."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 2))
        held = await receive(member, 2)
        disk.free_bytes = 2**20
        await asyncio.sleep(1)
        with pytest.raises(ChannelFull, match="1048576 bytes are free"):
            await channel.publish(events_of(3, 3))
        member.ack(held)
        await drained(channel)
        assert (0, 0) == (disk.rows("log"), channel.statistics().events)
        disk.free_bytes = 2**30
        await asyncio.sleep(1)
        assert "" == journal.fault
        await channel.publish(events_of(4, 4))
        assert ["4"] == ids(await receive(member, 1))


async def test_who_owes_too_much_is_given_nothing_more() -> None:
    """While the disk takes nothing, what is given out may all have to be parked: memory stays bounded."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        first = await receive(member, 1)
        await drained(channel)
        disk.error = apsw.FullError()
        member.queue("q").park(first, note=bytes(committer.OWED_MAX_BYTES))
        member.ack(first)
        await asyncio.sleep(1)
        waiting, taking = asyncio.create_task(member.receive(5)), asyncio.create_task(member.queue("q").take(5))
        await asyncio.sleep(5)
        assert not waiting.done()
        assert not taking.done()
        disk.error = None
        assert (["2", "3"], ["1"]) == (ids(await waiting), ids(await taking))


async def test_closing_a_journal_whose_disk_takes_nothing_ends() -> None:
    """What is owed then is lost as in a crash: it comes back, it is not gone."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 1))
        member.ack(await receive(member, 1))
        disk.error = apsw.IOError()
    disk.error = None
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        assert ["1"] == ids(await receive(member, 1))


async def test_a_hook_asks_for_no_commit_beside_its_own() -> None:
    """One commit at a time, whatever the hook adds to it."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        held = await receive(member, 3)
        await drained(channel)
        commits = disk.commits
        channel.before_commit(lambda: member.ack(held))
        journal.dead_letters.add(Address("n", "b", "t"), "x", held[0].event, ())
        await asyncio.sleep(1)
        assert (commits + 1, 0, 1) == (disk.commits, disk.rows("log"), disk.rows("dead_letter"))


async def test_the_hook_is_part_of_the_commit() -> None:
    """Also for a commit that another channel, or the dead letters, asked for."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as one, journal.channel("b") as other:
        one.before_commit(lambda: one.remember("x", b"1"))
        await drained(one)
        other.remember("y", b"2")
        await drained(other)
        assert 2 == disk.rows("remembered")
        assert any(
            2 == len([sql for sql, _ in batch.statements if "remembered" in sql]) for batch in disk.batches
        )  # fmt: skip
