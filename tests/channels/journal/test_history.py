"""What a channel keeps, for how long, and who begins there."""

import asyncio

import pytest

from channels.journal import Retention, group
from channels.witness import an_event, events_of, ids, receive
from tests.channels.journal.stage import FakeDisk, a_journal, drained

pytestmark = pytest.mark.looptime


async def test_what_is_settled_is_kept_for_its_age() -> None:
    """Then it goes with a commit; without retention at once."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        channel.retention = Retention(age_s=60)
        for number in range(1, 4):
            await channel.publish(events_of(number, number))
            member.ack(await receive(member, 1))
            await asyncio.sleep(25)
        await drained(channel)
        assert (3, 0) == (disk.rows("log"), channel.statistics().events)
        channel.remember("x", b"")
        await asyncio.sleep(0.5)
        assert 2 == disk.rows("log")
        channel.retention = Retention()
        channel.remember("x", b"y")
        await asyncio.sleep(0.5)
        assert (0, 0, 0) == (disk.rows("log"), disk.rows("settled"), channel.state.log_size_bytes)


async def test_of_what_is_settled_so_much_is_kept() -> None:
    """The oldest go first."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        channel.retention = Retention(size_max_bytes=3 * an_event("1").size)
        for number in range(1, 9):
            await channel.publish(events_of(number, number))
            member.ack(await receive(member, 1))
            await asyncio.sleep(1)
        async with channel.subscribe("h", start="earliest") as late:
            assert ["5", "6", "7", "8"] == ids(await receive(late, 4))


async def test_what_is_merely_kept_makes_room() -> None:
    """Where the journal is at its bound, before anybody is refused for it."""
    disk = FakeDisk()
    bound = 5 * an_event("1").size
    async with (
        a_journal(disk, size_max_bytes=bound) as journal,
        journal.channel("a") as channel,
        channel.subscribe("g") as member,
    ):
        channel.retention = Retention(age_s=1e6)
        for number in range(1, 10):
            await channel.publish(events_of(number, number))
            member.ack(await receive(member, 1))
            await asyncio.sleep(1)
        assert 3 <= disk.rows("log") <= 6


async def test_out_of_order_settling_is_known_after_a_restart() -> None:
    """Runs that are kept though they are settled are not delivered again."""
    disk = FakeDisk()
    async with (
        a_journal(disk) as journal,
        journal.channel("a", retention=Retention(age_s=60)) as channel,
        channel.subscribe("g") as member,
    ):
        for number in range(1, 6):
            await channel.publish(events_of(number, number))
        held = await receive(member, 5)
        member.ack(held[1:3])
        member.ack(held[4:])
    async with (
        a_journal(disk) as journal,
        journal.channel("a", retention=Retention(age_s=60)) as channel,
        channel.subscribe("g") as member,
    ):
        assert (2, 2, 3) == (member.lag, channel.statistics().events, disk.rows("settled"))
        held = await receive(member, 2)
        assert ["1", "4"] == ids(held)
        member.ack(held)
        await drained(channel)
        assert (0, 0, 5) == (channel.statistics().events, disk.rows("settled"), disk.rows("log"))


async def test_a_forgotten_group_that_was_behind_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it alone had still to settle is neither counted nor kept, on disk as in memory."""
    monkeypatch.setattr(group, "WINDOW_EVENTS_MAX", 2)
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        async with channel.subscribe("slow"):
            pass
        for number in range(1, 10):
            await channel.publish(events_of(number, number))
        member.ack((await receive(member, 8))[1:])
        await drained(channel)
        assert (9, 9) == (channel.statistics().events, disk.rows("log"))
        channel.forget("slow")
        await asyncio.sleep(1)
        assert (2, 2, False) == (channel.statistics().events, disk.rows("log"), channel.state.is_counting)
        assert 2 * an_event("1").size == channel.statistics().size_bytes
        member.ack(await receive(member, 1))
        await drained(channel)
        assert (1, 1, 0) == (channel.statistics().events, disk.rows("log"), disk.rows("settled"))


async def test_a_counting_that_a_crash_cut_short_is_done_by_the_next_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The totals are what there is; what nobody wants goes."""
    monkeypatch.setattr(group, "WINDOW_EVENTS_MAX", 2)
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        async with channel.subscribe("slow"):
            pass
        await channel.publish(events_of(1, 3))
        await channel.publish(events_of(4, 5))
        taken = await receive(member, 5)
        member.queue("q").park(taken[1:2])
        member.ack(taken[1:])
        channel.forget("slow")
        await drained(channel)
        image = disk.connection.serialize("main")
    crashed = FakeDisk()
    crashed.connection.deserialize("main", image)
    async with a_journal(crashed) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await asyncio.sleep(1)
        size_bytes = an_event("1").size
        statistics = channel.statistics()
        assert (2, 2 * size_bytes) == (statistics.events, statistics.size_bytes)
        assert (1, 2, 1) == (member.lag, journal.statistics().events, crashed.rows("log"))
        assert not channel.state.is_counting
