"""Who begins a group that several processes want at once. The cluster is what a roster asks of one."""

import asyncio
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from channels.contract import Start
from channels.errors import ChannelUnavailable
from channels.kafka.counting import Book
from channels.kafka.link import LATEST
from channels.kafka.roster import Roster
from channels.kafka.topic import Topic

ANSWERS = 3
"""What one process asks the cluster until a group is there."""


class Cluster:
    """One partition, and one group. Before its answer of a number it lets another process do something."""

    def __init__(self) -> None:
        self.end = 5
        self.committed_offset: int | None = None
        self.has_members = False
        self.answers = 0
        self.at = -1
        self.meanwhile: Callable[[], None] = lambda: None

    async def offsets(self, topic: str, times: Mapping[int, int]) -> dict[int, int]:
        self.answer()
        return {partition: self.end if time == LATEST else 0 for partition, time in times.items()}

    async def committed(self, group: str) -> dict[int, tuple[int, str]]:
        self.answer()
        return {} if self.committed_offset is None else {0: (self.committed_offset, "")}

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        self.answer()
        if self.has_members:
            raise ChannelUnavailable("Kafka: it has members")
        self.committed_offset = offsets[0]

    def answer(self) -> None:
        if self.answers == self.at:
            self.meanwhile()
        self.answers += 1


async def stored() -> None:
    pass


def a_roster(cluster: Any) -> tuple[Roster, Book, list[tuple[bytes, bytes | None]]]:
    """With what it has written."""
    written: list[tuple[bytes, bytes | None]] = []
    book = Book()
    book.ends = [cluster.end]
    channel: Any = SimpleNamespace(
        book=book, topic=Topic("t", 1), partitions=1, committed=cluster.committed, state_stored=stored
    )
    return Roster(channel, cluster, lambda key, value: written.append((key, value))), book, written


async def ensured(cluster: Cluster, start: Start = "latest") -> Book:
    roster, book, _ = a_roster(cluster)
    await roster.ensure("g", start)
    return book


@pytest.mark.parametrize("at", range(ANSWERS))
async def test_a_group_has_what_another_process_stored_once_it_had_begun_it(at: int) -> None:
    """Between whichever of this one's questions: to begin it a second time loses nothing."""
    cluster = Cluster()

    def begin_and_store() -> None:
        if cluster.committed_offset is None:
            cluster.committed_offset = cluster.end
        cluster.end += 1

    first, cluster.at, cluster.meanwhile = cluster.end, at, begin_and_store
    await ensured(cluster)
    assert cluster.committed_offset == first


@pytest.mark.parametrize("at", range(ANSWERS))
async def test_who_is_late_leaves_a_group_to_its_members(at: int) -> None:
    """Kafka lets nobody else commit for them; the group is there, and that is all that was wanted."""
    cluster = Cluster()

    def join() -> None:
        cluster.committed_offset, cluster.has_members = 3, True

    cluster.at, cluster.meanwhile = at, join
    assert {"g"} == (await ensured(cluster)).known
    assert 3 == cluster.committed_offset


async def test_a_group_that_is_known_is_not_asked_for() -> None:
    """Or each process would, at each start."""
    cluster = Cluster()
    roster, book, written = a_roster(cluster)
    await roster.ensure("g", "latest")
    assert [(b"gg", b"")] == written
    assert 1 == book.settled["g"][0].unsettled(cluster.end + 1)
    await roster.ensure("g", "earliest")
    assert ANSWERS == cluster.answers


async def test_a_group_that_cannot_be_begun_is_a_fault() -> None:
    """Nobody else has begun it, and the cluster takes no commit."""
    cluster = Cluster()
    cluster.has_members = True
    with pytest.raises(ChannelUnavailable, match="it has members"):
        await asyncio.wait_for(ensured(cluster), 1.0)
