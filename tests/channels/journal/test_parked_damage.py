"""Numbers of a parked run that are not what was written cost no event, and hold up nobody."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from channels.contract import Parked, Subscription
from channels.journal.channel import JournalChannel
from channels.witness import events_of, ids, receive
from tests.channels.journal.stage import FakeDisk, a_journal, drained, without_index

pytestmark = pytest.mark.looptime

NOTE = b"why it failed"
ALL = [str(number) for number in range(1, 13)]
FAR = 2**60
ORDERED, UNORDERED = True, False
SECOND = "(SELECT id FROM parked ORDER BY id LIMIT 1 OFFSET 1)"
CHANGE = f"UPDATE parked SET {{}} = {{}} WHERE id = {SECOND}"


@asynccontextmanager
async def opened(disk: FakeDisk) -> AsyncIterator[tuple[JournalChannel, Subscription]]:
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        yield channel, member


async def filled(*, is_ordered: bool, settled: Sequence[str] = ()) -> FakeDisk:
    """Four runs of three events, and one in another queue; those that are settled are."""
    disk = FakeDisk()
    async with opened(disk) as (channel, member):
        await channel.publish(events_of(1, 13))
        held = await receive(member, 13)
        for first in range(0, 12, 3):
            member.queue("q", is_ordered=is_ordered).park(held[first : first + 3], attempts=2, note=NOTE)
            await asyncio.sleep(0.01)
        member.queue("other").park(held[12:], attempts=2, note=NOTE)
        member.ack(held)
        taken = await member.queue("q", is_ordered=is_ordered).take(12)
        member.ack([parked for parked in taken if parked.event.id in settled])
        await drained(channel)
    return disk


def change(disk: FakeDisk, column: str, value: str) -> None:
    """Another value in the second row."""
    disk.connection.execute(CHANGE.format(column, value))


def change_index_alone(disk: FakeDisk, column: str, value: str) -> None:
    """The row is what it was."""
    before = disk.connection.execute(f"SELECT {column} FROM parked WHERE id = {SECOND}").get
    change(disk, column, value)
    without_index(disk.connection, CHANGE.format(column, before))


async def take(channel: JournalChannel, member: Subscription, *, is_ordered: bool) -> list[Parked]:
    """All that comes, acked as it comes, as long as the queue says that there is something."""
    queue = member.queue("q", is_ordered=is_ordered)
    found: list[Parked] = []
    await asyncio.sleep(1)
    for _ in range(20):
        if queue.due_in_s is None:
            break
        assert queue.due_in_s == 0.0, "nothing that is due waits"
        taken = await queue.take(4)
        member.ack(taken)
        found += taken
    await drained(channel)
    return found


async def check_the_rest(disk: FakeDisk, channel: JournalChannel, member: Subscription) -> None:
    """The other queue is as it was; with its last nothing is left, and nothing is owed."""
    assert ["other"] == [*member.queues]
    [other] = await member.queue("other").take(9)
    assert ("13", 2, NOTE) == (other.event.id, other.attempts, other.note)
    member.ack([other])
    await drained(channel)
    statistics, held = channel.statistics(), channel.journal
    assert (0, 0, 0, 0) == (statistics.events, statistics.size_bytes, held.events, held.size_bytes)
    assert ({}, 0) == (dict(member.queues), statistics.damaged)
    assert [0, 0, 0] == [disk.rows(table) for table in ("parked", "queue", "settled")]


NUMBERS = [
    ("due", str(FAR)), ("due", "-5"), ("due", "'soon'"), ("due", "x'ff'"), ("rank", str(FAR)), ("rank", "-5"),
    ("rank", "x'80'"), ("events", "200"), ("events", "1"), ("events", "0"), ("events", "-7"), ("events", str(FAR)),
    ("events", "'many'"), ("events", "2.5"), ("size_bytes", "0"), ("size_bytes", "-1"), ("size_bytes", "1000000"),
    ("size_bytes", str(2**63 - 1)), ("size_bytes", "'big'"), ("attempts", str(FAR)), ("attempts", "3"),
    ("attempts", "-1"), ("attempts", "1.5"), ("note", "x'd7d7'"), ("note", "CAST(x'd7d7' AS TEXT)"),
    ("note", "7"), ("checksum", "0"), ("checksum", "'none'"), ("body", "CAST(body AS TEXT)"),
]  # fmt: skip


@pytest.mark.parametrize("is_ordered", [ORDERED, UNORDERED], ids=["ordered", "unordered"])
@pytest.mark.parametrize(("column", "value"), NUMBERS)
async def test_a_number_that_was_changed_costs_nothing(column: str, value: str, *, is_ordered: bool) -> None:
    """All events come, at once; those of the other runs with what they were parked with."""
    disk = await filled(is_ordered=is_ordered)
    change(disk, column, value)
    async with opened(disk) as (channel, member):
        found = await take(channel, member, is_ordered=is_ordered)
        assert ALL == sorted(ids(found), key=int)
        others = [parked for parked in found if parked.event.id not in ("4", "5", "6")]
        assert {(2, NOTE)} == {(parked.attempts, parked.note) for parked in others}
        assert ids(others) == sorted(ids(others), key=int)
        if column != "rank":
            assert ids(found) == ALL
        await check_the_rest(disk, channel, member)


@pytest.mark.parametrize("is_ordered", [ORDERED, UNORDERED], ids=["ordered", "unordered"])
@pytest.mark.parametrize(("column", "value"), [("due", str(FAR)), ("attempts", "9"), ("note", "x'00'")])
async def test_what_cannot_be_trusted_is_as_if_it_had_never_been_tried(
    column: str, value: str, *, is_ordered: bool
) -> None:
    """No attempts and no note: both are of a row that is not what was written."""
    disk = await filled(is_ordered=is_ordered)
    change(disk, column, value)
    async with opened(disk) as (channel, member):
        found = await take(channel, member, is_ordered=is_ordered)
        assert [(0, b"")] * 3 == [(parked.attempts, parked.note) for parked in found[3:6]]


INDEXED = [
    ("queue", "77"), ("rank", str(FAR)), ("rank", "'late'"), ("events", "200"), ("events", "1"), ("events", "x'00'"),
    ("size_bytes", "5"), ("size_bytes", "-1"),
]  # fmt: skip


@pytest.mark.parametrize("is_ordered", [ORDERED, UNORDERED], ids=["ordered", "unordered"])
@pytest.mark.parametrize(("column", "value"), INDEXED)
async def test_where_the_index_is_right_its_row_is_what_it_was(column: str, value: str, *, is_ordered: bool) -> None:
    """Both say the same of a run, and its checksum tells which of them is what was written."""
    disk = await filled(is_ordered=is_ordered)
    without_index(disk.connection, CHANGE.format(column, value))
    async with opened(disk) as (channel, member):
        found = await take(channel, member, is_ordered=is_ordered)
        assert (ALL, {(2, NOTE)}) == (ids(found), {(parked.attempts, parked.note) for parked in found})
        await check_the_rest(disk, channel, member)
    assert "ok" == disk.connection.pragma("integrity_check")


@pytest.mark.parametrize("is_ordered", [ORDERED, UNORDERED], ids=["ordered", "unordered"])
@pytest.mark.parametrize(("column", "value"), INDEXED[1:])
async def test_where_the_row_is_right_the_index_is_made_anew(column: str, value: str, *, is_ordered: bool) -> None:
    """With what the rows were written with. Where it tells of another place, the run comes when that is reached."""
    disk = await filled(is_ordered=is_ordered)
    change_index_alone(disk, column, value)
    async with opened(disk) as (channel, member):
        found = await take(channel, member, is_ordered=is_ordered)
        assert (sorted(ALL), {(2, NOTE)}) == (
            sorted(ids(found)),
            {(parked.attempts, parked.note) for parked in found},
        )
        await check_the_rest(disk, channel, member)
    assert "ok" == disk.connection.pragma("integrity_check")


@pytest.mark.parametrize("is_ordered", [ORDERED, UNORDERED], ids=["ordered", "unordered"])
async def test_a_run_that_the_index_has_in_another_queue_is_not_given_out_there(*, is_ordered: bool) -> None:
    """It is its own queue's once the other one was read; the index is made anew."""
    disk = await filled(is_ordered=is_ordered)
    change_index_alone(disk, "queue", "(SELECT id FROM queue WHERE name = 'other')")
    async with opened(disk) as (channel, member):
        await asyncio.sleep(1)
        assert 4 == member.queue("other").events
        [other] = await member.queue("other").take(9)
        member.ack([other])
        assert ("13", ["q"]) == (other.event.id, [*member.queues])
        assert ALL == ids(await take(channel, member, is_ordered=is_ordered))
    assert "ok" == disk.connection.pragma("integrity_check")


@pytest.mark.parametrize("is_ordered", [ORDERED, UNORDERED], ids=["ordered", "unordered"])
async def test_a_run_that_only_the_index_has_holds_up_nobody(*, is_ordered: bool) -> None:
    """Its queue ends with what there is."""
    disk = await filled(is_ordered=is_ordered)
    without_index(disk.connection, f"DELETE FROM parked WHERE id = {SECOND}")
    async with opened(disk) as (channel, member):
        assert [*ALL[:3], *ALL[6:]] == ids(await take(channel, member, is_ordered=is_ordered))
        await check_the_rest(disk, channel, member)
    assert "ok" == disk.connection.pragma("integrity_check")


MARKS = [
    ("marks", "x'010000'"), ("marks", "x'070000'"), ("marks", "x'01'"), ("marks", "x''"), ("marks", "x'0100000000'"),
    ("marks", "NULL"), ("marks", "5"), ("marks", "CAST(x'd70000' AS TEXT)"), ("size_bytes", "-9"),
    ("size_bytes", str(2**63 - 1)), ("size_bytes", "'x'"), ("checksum", "0"), ("run", "9999"),
]  # fmt: skip


@pytest.mark.parametrize("is_ordered", [ORDERED, UNORDERED], ids=["ordered", "unordered"])
@pytest.mark.parametrize(("column", "value"), MARKS)
async def test_marks_that_were_changed_bring_what_was_settled_once_more(
    column: str, value: str, *, is_ordered: bool
) -> None:
    """And nothing worse: what was not settled comes, each once."""
    disk = await filled(is_ordered=is_ordered, settled=["5", "6"])
    assert 1 == disk.rows("settled")
    disk.connection.execute(f"UPDATE settled SET {column} = {value}")
    async with opened(disk) as (channel, member):
        assert ALL == ids(await take(channel, member, is_ordered=is_ordered))
        disk.connection.execute("DELETE FROM settled WHERE run = 9999")
        await check_the_rest(disk, channel, member)


@pytest.mark.parametrize("is_ordered", [ORDERED, UNORDERED], ids=["ordered", "unordered"])
@pytest.mark.parametrize(("column", "value"), NUMBERS)
async def test_marks_are_believed_where_the_numbers_of_their_run_are_not(
    column: str, value: str, *, is_ordered: bool
) -> None:
    """What was settled does not come again."""
    disk = await filled(is_ordered=is_ordered, settled=["5", "6"])
    change(disk, column, value)
    async with opened(disk) as (channel, member):
        found = await take(channel, member, is_ordered=is_ordered)
        assert sorted([*ALL[:4], *ALL[6:]]) == sorted(ids(found))
        await check_the_rest(disk, channel, member)


@pytest.mark.parametrize("is_ordered", [ORDERED, UNORDERED], ids=["ordered", "unordered"])
@pytest.mark.parametrize(("column", "value"), NUMBERS[:-1])
@pytest.mark.parametrize("event", [b"4", b"5", b"6"])
async def test_an_event_that_is_damaged_besides_is_the_only_one_lost(
    column: str, value: str, event: bytes, *, is_ordered: bool
) -> None:
    """It is counted where damage is counted, wherever in its run it was."""
    disk = await filled(is_ordered=is_ordered)
    change(disk, column, value)
    body = disk.connection.execute(f"SELECT body FROM parked WHERE id = {SECOND}").get
    damaged = body.replace(b"\xa2id\xc4\x01" + event, b"\xa2id\xc4\x01?")
    assert damaged != body
    disk.connection.execute(f"UPDATE parked SET body = ? WHERE id = {SECOND}", (damaged,))
    async with opened(disk) as (channel, member):
        found = await take(channel, member, is_ordered=is_ordered)
        assert sorted(set(ALL) - {event.decode()}) == sorted(ids(found))
        assert (1, 1) == (channel.statistics().damaged, channel.statistics().events)
        assert ["other"] == [*member.queues]


async def test_a_queue_that_was_counted_wrong_is_put_right_once_all_of_it_is_in_memory() -> None:
    """Whatever its books say, a queue ends with the last event that there is."""
    disk = await filled(is_ordered=UNORDERED)
    async with opened(disk) as (channel, member):
        queue = channel.groups["g"].queues["q"]
        queue.runs += 2
        channel.count_parked(50, 5000)
        queue.events, queue.size_bytes = queue.events + 50, queue.size_bytes + 5000
        assert ALL == ids(await take(channel, member, is_ordered=UNORDERED))
        await check_the_rest(disk, channel, member)


@pytest.mark.parametrize(("column", "value"), [("marks", "x'020000'"), ("marks", "x'01'"), ("size_bytes", "4")])
async def test_marks_of_the_log_that_were_changed_bring_what_was_settled_once_more(column: str, value: str) -> None:
    """The totals are counted anew, and the row that said so goes."""
    disk = FakeDisk()
    async with opened(disk) as (channel, member):
        await channel.publish(events_of(1, 3))
        member.ack((await receive(member, 3))[1:])
        await drained(channel)
    disk.connection.execute(f"UPDATE settled SET {column} = {value}")
    async with opened(disk) as (channel, member):
        assert (3, 3) == (member.lag, channel.statistics().events)
        member.ack(taken := await receive(member, 3))
        await drained(channel)
        assert (["1", "2", "3"], 0, 0) == (ids(taken), channel.statistics().events, channel.journal.size_bytes)
        assert [0, 0] == [disk.rows(table) for table in ("log", "settled")]
