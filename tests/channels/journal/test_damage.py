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


async def parked(disk: FakeDisk) -> None:
    """Three events in a queue, two in the log."""
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 5))
        held = await receive(member, 5)
        member.queue("q").park(held[:3])
        member.ack(held[:3])
        await drained(channel)


async def check_all_is_there(disk: FakeDisk) -> None:
    """And nothing is left once it was settled, in a further process too."""
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        assert (5, 2, ["q"]) == (channel.statistics().events, member.lag, [*member.queues])
        assert ["1", "2", "3"] == await take_all(member, "q", 3)
        await drained(channel)
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        taken = await receive(member, 2)
        member.ack(taken)
        assert (["4", "5"], [6]) == (ids(taken), await channel.publish(events_of(6, 6)))
        member.ack(await receive(member, 1))
        await drained(channel)
        assert (0, 0, {}) == (journal.events, journal.size_bytes, dict(member.queues))
        assert [0, 0, 0] == [disk.rows(table) for table in ("log", "parked", "queue")]


@pytest.mark.parametrize("column", ["state", "copy"])
@pytest.mark.parametrize("value", ["x''", "'text'", "5", "substr(state, 1, 9) || x'79' || substr(state, 11)"])
async def test_what_is_known_of_a_channel_is_there_twice(column: str, value: str) -> None:
    """Damage of one of both costs nothing."""
    disk = FakeDisk()
    await parked(disk)
    disk.connection.execute(f"UPDATE channel SET {column} = {value}")
    await check_all_is_there(disk)


async def test_a_channel_of_which_nothing_can_be_read_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    """What was in it is lost, and that is said; the journal opens."""
    disk = FakeDisk()
    await parked(disk)
    disk.connection.execute("UPDATE channel SET state = x'00', copy = x'00'")
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        assert 0 == channel.statistics().events
        await channel.publish(events_of(1, 1))
        assert ["1"] == ids(await receive(member, 1))
    assert "lost" in caplog.text


@pytest.mark.parametrize(
    "change",
    ["name = 'another'", "name = CAST(x'd7' AS TEXT)", "member_group = 77", "is_ordered = 1", "is_ordered = 'x'",
     "copy = x'00'", "copy = 5", "id = 99"],
)  # fmt: skip
async def test_what_is_known_of_a_queue_is_there_twice(change: str) -> None:
    """Damage of one of both costs nothing: what was parked comes by the queue's own name."""
    disk = FakeDisk()
    await parked(disk)
    disk.connection.execute(f"UPDATE queue SET {change}")
    await check_all_is_there(disk)


@pytest.mark.parametrize("settled", [[], [1, 2]])
@pytest.mark.parametrize(
    "change", ["events = 1", "events = 200", "events = 1 << 60", "events = 'x'", "events = -1", "size_bytes = 1 << 60"]
)
async def test_numbers_of_a_run_of_the_log_cost_no_event(change: str, settled: list[int]) -> None:
    """Its frames tell how many there are."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        for first in (1, 4, 7):
            await channel.publish(events_of(first, first + 2))
        held = await receive(member, 9)
        member.ack([held[index] for index in settled])
        await drained(channel)
    disk.connection.execute(f"UPDATE log SET {change}")
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        taken = await receive(member, 9 - len(settled))
        member.ack(taken)
        await drained(channel)
        assert [str(n + 1) for n in range(9) if n not in settled] == ids(taken)
        assert (0, 0, 0, 0) == (member.lag, journal.events, journal.size_bytes, channel.statistics().damaged)
        assert [0, 0] == [disk.rows(table) for table in ("log", "settled")]


@pytest.mark.parametrize("body", ["x''", "x'00'", "NULL", "'text'"])
async def test_a_run_of_the_log_of_which_nothing_is_left_is_settled(body: str) -> None:
    """As many events as it had are counted as damaged, and the others come."""
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g"):
        await channel.publish(events_of(1, 3))
        await channel.publish(events_of(4, 6))
    disk.connection.pragma("writable_schema", 1)
    disk.connection.execute("UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '') WHERE name = 'log'")
    disk.connection.pragma("writable_schema", "reset")
    disk.connection.execute(f"UPDATE log SET body = {body} WHERE key & 7 = 1")
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        taken = await receive(member, 3)
        member.ack(taken)
        await drained(channel)
        assert (["4", "5", "6"], 3) == (ids(taken), channel.statistics().damaged)
        assert (0, 0, 0, 0) == (member.lag, journal.events, journal.size_bytes, disk.rows("log"))
