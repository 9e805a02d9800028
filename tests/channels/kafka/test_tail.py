"""Who follows topics is told each record once, whatever becomes of the others."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka.errors import NotLeaderForPartitionError, UnknownTopicOrPartitionError

from channels.errors import ChannelUnavailable
from channels.kafka.batch import Found
from channels.kafka.errors import translated
from channels.kafka.link import EARLIEST, Fetched, Link, Place
from channels.kafka.tail import Tail

pytestmark = pytest.mark.looptime
LATE_S = 5.0
"""Long after the tail has looked once more."""


class Topics(Link):
    """Some in memory, of one partition each. What `faults` has answers so; what is `stuck` tells nothing."""

    def __init__(self) -> None:
        super().__init__("nowhere", {}, timeout_s=1.0)
        self.records: defaultdict[str, list[Found]] = defaultdict(list)
        self.faults: dict[str, Exception] = {}
        self.stuck: set[str] = set()

    def add(self, topic: str, key: bytes, value: bytes | None) -> None:
        records = self.records[topic]
        records.append(Found(records[-1].offset + 1 if records else 0, key, value, (), 0))

    async def offsets(self, topic: str, times: Mapping[int, int]) -> dict[int, int]:
        if topic in self.faults:
            raise translated(self.faults[topic])
        records = self.records[topic]
        end = records[-1].offset + 1 if records else 0
        return {one: records[0].offset if records and time == EARLIEST else end for one, time in times.items()}

    async def fetch(
        self, wanted: Mapping[Place, int], *, wait_s: float, size_max_bytes: int
    ) -> dict[Place, tuple[list[Found], int]]:
        fetched = await self.fetch_each(wanted, wait_s=wait_s, size_max_bytes=size_max_bytes)
        for error in fetched.failed.values():
            raise translated(error)
        return fetched.found

    async def fetch_each(self, wanted: Mapping[Place, int], *, wait_s: float, size_max_bytes: int) -> Fetched:
        await asyncio.sleep(wait_s)
        fetched = Fetched({}, {})
        for place, offset in wanted.items():
            if place[0] in self.faults:
                fetched.failed[place] = self.faults[place[0]]
            else:
                records = [one for one in self.records[place[0]] if one.offset >= offset and place[0] not in self.stuck]
                fetched.found[place] = (records, records[-1].offset + 1 if records else offset)
        return fetched


class Follower:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[bytes | None, bytes | None]] = []
        self.losses = 0

    def tell(self, _: int, records: Sequence[Found]) -> None:
        self.told += [(one.key, one.value) for one in records]

    def lost(self) -> None:
        self.losses += 1
        self.told.append((None, None))


@asynccontextmanager
async def a_tail(topics: Topics) -> AsyncIterator[Tail]:
    tail = Tail(topics, topics, patience_s=2.0)
    try:
        yield tail
    finally:
        await tail.close()


@pytest.mark.parametrize("error", [UnknownTopicOrPartitionError("b"), NotLeaderForPartitionError("b")])
async def test_a_topic_that_does_not_answer_holds_up_no_other(error: Exception) -> None:
    """It goes on by itself once it does, where it was."""
    topics, first, second = Topics(), Follower(), Follower()
    async with a_tail(topics) as tail:
        for number in range(10_000):
            topics.add("b", b"%d" % number, b"")
        await tail.follow("a", [0], first.tell)
        await tail.follow("b", [0], second.tell, second.lost)
        second.told.clear()
        topics.faults["b"] = error
        await asyncio.sleep(LATE_S)
        topics.add("a", b"x", b"1")
        await tail.catch_up("a", [0])
        assert [(b"x", b"1")] == first.told
        topics.add("b", b"y", b"2")
        del topics.faults["b"]
        await tail.catch_up("b", [0])
        assert ([(b"y", b"2")], 0) == (second.told, second.losses)


async def test_a_topic_that_was_made_anew_is_told_anew() -> None:
    """The newest of each key, and then that it is another one."""
    topics, follower = Topics(), Follower()
    async with a_tail(topics) as tail:
        for _ in range(3):
            topics.add("a", b"x", b"old")
        await tail.follow("a", [0], follower.tell, follower.lost)
        topics.faults["a"] = UnknownTopicOrPartitionError("a")
        await asyncio.sleep(LATE_S)
        topics.records["a"].clear()
        for key, value in ((b"x", b"1"), (b"y", b"2"), (b"x", None)):
            topics.add("a", key, value)
        follower.told.clear()
        del topics.faults["a"]
        await tail.catch_up("a", [0])
        assert [(b"y", b"2"), (b"x", None), (None, None)] == follower.told
        topics.add("a", b"z", b"3")
        await tail.catch_up("a", [0])
        assert (b"z", b"3") == follower.told[-1]


async def test_a_topic_that_is_said_to_be_another_is_told_anew() -> None:
    """Whoever made it knows, though it may answer as before."""
    topics, follower = Topics(), Follower()
    async with a_tail(topics) as tail:
        topics.add("a", b"x", b"1")
        await tail.follow("a", [0], follower.tell, follower.lost)
        topics.records["a"].clear()
        topics.add("a", b"y", b"2")
        tail.doubt("a")
        await tail.catch_up("a", [0])
        assert ([(b"x", b"1"), (b"y", b"2"), (None, None)], 1) == (follower.told, follower.losses)


async def test_who_waits_for_what_cannot_be_read_is_told_so() -> None:
    """After its patience: the topic has something that does not come."""
    topics, follower = Topics(), Follower()
    async with a_tail(topics) as tail:
        await tail.follow("a", [0], follower.tell)
        topics.stuck.add("a")
        topics.add("a", b"x", b"1")
        with pytest.raises(ChannelUnavailable):
            await tail.catch_up("a", [0])
        topics.stuck.clear()
        await tail.catch_up("a", [0])
        assert [(b"x", b"1")] == follower.told


async def test_who_follows_last_is_told_all_of_it() -> None:
    """It knows nothing of what another one was told, who may leave whenever it will."""
    topics, first, second = Topics(), Follower(), Follower()
    async with a_tail(topics) as tail:
        topics.add("a", b"x", b"1")
        await tail.follow("a", [0], first.tell)
        await tail.follow("a", [0], second.tell)
        await tail.follow("a", [0], second.tell)
        tail.leave("a", first.tell)
        topics.add("a", b"y", b"2")
        await tail.catch_up("a", [0])
        assert [(b"x", b"1")] == first.told
        assert [(b"x", b"1"), (b"y", b"2")] == second.told
        tail.leave("a", second.tell)
        topics.add("a", b"z", b"3")
        await asyncio.sleep(LATE_S)
        assert 2 == len(second.told)
