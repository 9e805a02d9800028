"""What a group makes of what was read for it. Its channel is what it asks of one, its consumer a list."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from channels.errors import ChannelUnavailable
from channels.kafka.binding import headers_of
from channels.kafka.consumer import Timing
from channels.kafka.counting import Book
from channels.kafka.errors import words_of
from channels.kafka.fetching import Beginning, Gone
from channels.kafka.group import Group
from channels.kafka.lease import Extent, Lease
from channels.kafka.member import Member
from channels.kafka.portion import Portion
from channels.kafka.reading import Reading
from channels.kafka.topic import Topic
from channels.offsets import Offsets
from channels.witness import an_event, ids


class Consumer:
    """Has these portions, then nothing."""

    def __init__(self, portions: Sequence[Portion | Beginning | Gone]) -> None:
        self._portions = [*portions]
        self.is_drained = asyncio.Event()

    async def read(self) -> list[Portion | Beginning | Gone]:
        if not self._portions:
            self.is_drained.set()
            await asyncio.Event().wait()
        return [self._portions.pop(0)]


def a_portion(first: int, last: int, *, end: int | None = None, offset: int | None = None) -> Portion:
    """Events named by their offsets, in one batch of partition 0."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, 7, 0, 3, 2**20)
    for number, at in enumerate(range(first, last + 1)):
        event = an_event(str(at))
        builder.append(number, 1000, key=None, value=event.data, headers=headers_of(event))
    body = first.to_bytes(8, "big") + bytes(builder.build())[8:]
    return Portion(0, first if offset is None else offset, last + 1 if end is None else end, body)


def a_damaged_portion(first: int, last: int) -> Portion:
    portion = a_portion(first, last)
    return portion._replace(body=portion.body[:-1] + bytes([portion.body[-1] ^ 1]))


def a_group(*, begins: int) -> tuple[Group, Lease]:
    """With partition 0, settled up to there."""
    book = Book()
    book.ends = [0]
    index = SimpleNamespace(shelves={})
    channel: Any = SimpleNamespace(
        parking=SimpleNamespace(index=index),
        book=book,
        reading=Reading(Topic("t"), adds_position=False, complain=lambda *_: None),
        timing=Timing(),
        report=lambda _: None,
        anew=[],
    )
    channel.begins_anew = lambda *what: channel.anew.append(what)
    group = Group(channel, "g")
    lease = group._leases[0] = Lease(0, Offsets(begins))
    return group, lease


@asynccontextmanager
async def read(group: Group, *portions: Portion | Beginning | Gone) -> AsyncIterator[None]:
    """All of them were brought, as far as there is room; reading goes on meanwhile."""
    consumer: Any = Consumer(portions)
    group._consumer = consumer
    task = asyncio.get_running_loop().create_task(group._read())
    waiting = asyncio.get_running_loop().create_task(consumer.is_drained.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_what_is_read_is_taken_in_its_order() -> None:
    group, lease = a_group(begins=5)
    async with read(group, a_portion(5, 6), a_portion(7, 8)):
        assert ["5", "6", "7", "8"] == ids(group.take(10))
    assert (9, 5) == (lease.next, lease.offsets.floor)


async def test_what_a_batch_has_before_the_place_is_not_taken_again() -> None:
    group, _ = a_group(begins=6)
    async with read(group, a_portion(5, 7, offset=6)):
        assert ["6", "7"] == ids(group.take(10))


async def test_gaps_settle_by_themselves() -> None:
    """Before a batch, between two, and behind the last: compacted, marks of transactions, or aborted."""
    group, lease = a_group(begins=3)
    async with read(group, a_portion(5, 5, offset=3), a_portion(9, 9, offset=6)):
        group.settle(group.take(10))
    assert (10, 10) == (lease.next, lease.offsets.floor)


async def test_what_went_with_the_retention_is_passed_over() -> None:
    """What is left is read, and the rest is settled by itself."""
    group, lease = a_group(begins=0)
    async with read(group, Gone(0, 5), Gone(1, 5), a_portion(5, 6)):
        group.settle(group.take(10))
    assert (7, 7) == (lease.next, lease.offsets.floor)


@pytest.mark.parametrize(("begins", "is_lost"), [(4, False), (0, False), (5, True)])
async def test_what_follows_something_that_was_never_brought_is_left(begins: int, *, is_lost: bool) -> None:
    """A partition went to another process and came back while its portion waited: it is read again from its place."""
    group, lease = a_group(begins=begins)
    lease.is_lost = is_lost
    async with read(group, a_portion(5, 6)):
        assert [] == group.take(10)
    assert (begins, begins) == (lease.next, lease.offsets.floor)


async def test_a_topic_that_was_made_anew_is_read_from_its_beginning() -> None:
    """Though its offsets were settled in the one before. What came of that is received no more, and what was received
    settles nothing. The channel is told, for its books, and what was committed is put right.
    """
    group, lease = a_group(begins=0)
    group.is_halted = False
    member = Member(group)
    group.members.append(member)
    async with read(group, a_portion(0, 8)):
        before = await member.receive(6)
        member.ack(before[:4])
    async with read(group, Beginning({0: Extent(b"2", 1, 4), 1: Extent(b"2", 0, 0)}), a_portion(1, 3)):
        assert [("g", {0: Extent(b"2", 1, 4)})] == group._channel.anew
        member.ack(before[4:])
        after = await member.receive(9)
        assert ["1", "2", "3"] == ids(after)
        assert [] == [one for one in before if member.holds(one)]
        member.ack(after[1:])
    heir = group._leases[0]
    assert (True, True) == (lease.is_lost, heir.is_dirty)
    assert (4, 1, {2, 3}) == (heir.next, heir.offsets.floor, heir.offsets.beyond)
    assert heir.offsets is group._channel.book.settled["g"][0]
    assert group._timer is not None
    group._timer.cancel()


async def test_a_partition_that_is_lost_while_there_is_no_room_brings_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its heir has it. Where it came back it has another life, which reads from its own place."""
    monkeypatch.setattr("channels.kafka.window._EVENTS", 4)
    monkeypatch.setattr("channels.kafka.group._READ_EVENTS", 2)
    group, lease = a_group(begins=0)
    consumer: Any = Consumer([a_portion(0, 9)])
    group._consumer = consumer
    task = asyncio.get_running_loop().create_task(group._read())
    while lease.next < 4:
        await asyncio.sleep(0)
    lease.is_lost = True
    heir = group._leases[0] = Lease(0, Offsets(3))
    assert 4 == len(group.take(10))
    await consumer.is_drained.wait()
    task.cancel()
    await asyncio.wait([task])
    assert [] == group.take(1)
    assert (3, 3) == (heir.next, heir.offsets.floor)


async def test_what_cannot_be_read_settles_by_itself() -> None:
    """A batch whose bytes are other ones: what is behind it comes, and a commit goes beyond it."""
    group, lease = a_group(begins=5)
    body = b"".join(one.body for one in (a_portion(5, 5), a_damaged_portion(6, 7), a_portion(8, 8)))
    portion = a_portion(5, 8)._replace(body=body)
    async with read(group, portion, a_damaged_portion(9, 9)):
        held = group.take(10)
        group.settle(held)
    assert ["5", "8"] == ids(held)
    assert (10, 10, 3) == (lease.next, lease.offsets.floor, group._channel.reading.damaged)


@pytest.mark.parametrize("error", [ChannelUnavailable("away"), KeyError("nobody foresaw it")])
async def test_what_cannot_begin_begins_anew_and_says_so(error: Exception) -> None:
    """Or the group would have partitions that nobody reads; whoever foresaw the error."""
    group, _ = a_group(begins=5)

    async def fail(*_: object) -> None:
        raise error

    group._channel.follow = fail
    assert {} == await group.assigned([0, 1])
    assert words_of(error) == group.fault
