"""One damaged record is set aside once and counted, in the log and in a queue; the rest is served."""

import pytest

from channels.witness import events_of, ids, receive
from tests.channels.journal.stage import FakeDisk, a_journal, drained, take_all

pytestmark = pytest.mark.looptime


def damage(disk: FakeDisk, table: str) -> None:
    """Change a byte in the middle of every body."""
    for key, body in list(disk.connection.execute(f"SELECT rowid, body FROM {table}")):
        changed = bytearray(body)
        changed[len(body) // 2] ^= 0xFF
        disk.connection.execute(f"UPDATE {table} SET body = ? WHERE rowid = ?", (bytes(changed), key))


async def test_a_damaged_event_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Each group gets the others; it counts once, also over a restart."""
    disk = FakeDisk()
    async with (
        a_journal(disk) as journal,
        journal.channel("a") as channel,
        channel.subscribe("g"),
        channel.subscribe("h"),
    ):
        await channel.publish(events_of(1, 5))
    damage(disk, "log")
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        assert ["1", "2", "4", "5"] == ids(await receive(member, 4))
        assert (1, 5) == (channel.statistics().damaged, channel.statistics().events)
    async with (
        a_journal(disk) as journal,
        journal.channel("a") as channel,
        channel.subscribe("g") as member,
        channel.subscribe("h") as other,
    ):
        for one in (member, other):
            taken = await receive(one, 4)
            assert ["1", "2", "4", "5"] == ids(taken)
            one.ack(taken)
        await drained(channel)
        statistics = channel.statistics()
        assert (1, 0, 0) == (statistics.damaged, statistics.events, statistics.size_bytes)
        assert (0, 1, 0) == (disk.rows("log"), disk.rows("damaged"), disk.rows("settled"))
        assert (0, 0) == (member.lag, other.lag)
    assert 1 <= len(caplog.records) <= 2


async def test_a_damaged_event_of_a_queue() -> None:
    """It leaves its queue."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        held = await receive(member, 3)
        member.queue("q").park(held)
        member.ack(held)
        await drained(channel)
        damage(disk, "parked")
        assert ["1", "3"] == await take_all(member, "q", 2)
        await drained(channel)
        statistics = channel.statistics()
        assert (1, 0, 0, {}) == (statistics.damaged, statistics.events, statistics.size_bytes, dict(member.queues))
        assert (0, 1) == (disk.rows("parked"), disk.rows("damaged"))
