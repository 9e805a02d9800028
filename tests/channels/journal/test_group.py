"""A group's window: what is beyond it stays on disk, and nothing is missed or comes twice on the way."""

import pytest

from channels.errors import ChannelUnavailable
from channels.journal import group
from channels.witness import an_event, events_of, ids, receive
from tests.channels.journal.stage import FakeDisk, a_journal, drained

pytestmark = pytest.mark.looptime


async def test_a_group_falls_behind_and_catches_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """From memory to the disk and back, in order."""
    monkeypatch.setattr(group, "WINDOW_EVENTS_MAX", 20)
    monkeypatch.setattr(group, "_READ_EVENTS", 15)
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        for first in range(1, 101, 5):
            await channel.publish(events_of(first, first + 4))
        assert (100, 20) == (member.lag, len(channel.groups["g"].fresh))
        found: list[str] = []
        while len(found) < 60:
            taken = await member.receive(7)
            found += ids(taken)
            member.ack(taken)
        await channel.publish(events_of(101, 103))
        while len(found) < 103:
            taken = await member.receive(50)
            found += ids(taken)
            member.ack(taken)
        reads = disk.reads
        await channel.publish(events_of(104, 110))
        found += ids(await receive(member, 7))
        assert [str(number) for number in range(1, 111)] == found
        assert (0, reads) == (member.lag, disk.reads)
        await drained(channel)
        assert (1, 7) == (disk.rows("log"), channel.statistics().events)


async def test_large_events_fill_the_window_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what they are charged with."""
    monkeypatch.setattr(group, "WINDOW_SIZE_MAX_BYTES", 100_000)
    async with a_journal(FakeDisk()) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        for number in range(10):
            await channel.publish([an_event(str(number), bytes(30_000))])
        assert 3 == len(channel.groups["g"].fresh)
        assert [str(number) for number in range(10)] == ids(await receive(member, 10))


async def test_a_disk_that_cannot_be_read_is_told_to_who_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it goes on where it was once the disk answers."""
    monkeypatch.setattr(group, "WINDOW_EVENTS_MAX", 1)
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 1))
        await channel.publish(events_of(2, 2))
        assert ["1"] == ids(await receive(member, 1))
        disk.read_error = OSError("gone")
        with pytest.raises(ChannelUnavailable, match="gone"):
            await member.receive(1)
        disk.read_error = None
        assert ["2"] == ids(await receive(member, 1))


async def test_acks_in_part_survive_a_restart_and_leave_no_trace() -> None:
    """What of a run is settled is kept beside it for as long as the run is there."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 5))
        held = await receive(member, 5)
        member.ack([held[1], held[3]])
        await drained(channel)
        assert (1, 1) == (disk.rows("log"), disk.rows("settled"))
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        assert (3, 3) == (member.lag, channel.statistics().events)
        held = await receive(member, 3)
        assert ["1", "3", "5"] == ids(held)
        member.ack(held)
        await drained(channel)
        assert (0, 0) == (disk.rows("log"), disk.rows("settled"))
