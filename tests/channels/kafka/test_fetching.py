"""Who is asked for what, and what is made of the answers. The client is what two brokers would answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import NodeNotReadyError, TopicAuthorizationFailedError
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.structs import TopicPartition

from channels.kafka.fetching import Beginning, Fetching, Gone, Place
from channels.kafka.lease import Extent
from channels.kafka.link import EARLIEST
from channels.kafka.portion import Portion
from channels.kafka.topic_id import TopicIdRequest

ONE, OTHER = b"1" * 16, b"2" * 16
OUT_OF_RANGE = 1
NOT_LEADER = 6
NOT_ALLOWED = 29


def body_of(first: int, count: int) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, 7, 0, 3, 2**20)
    for number in range(count):
        builder.append(number, 1000, key=None, value=b"v", headers=[])
    return first.to_bytes(8, "big") + bytes(builder.build())[8:]


class Client:
    """Partitions of the topic `t` that have records up to `ends`, which come one at a time."""

    def __init__(self, leaders: dict[int, int | None], ends: dict[int, int]) -> None:
        self.cluster = self
        self.leaders = leaders
        self.ends = ends
        self.begins = 0
        self.topic_id = ONE
        self.codes: dict[int, int] = {}
        self.is_away = False
        self.asked: list[tuple[int, list[tuple[int, int]]]] = []
        """Broker, then partitions with the offsets they were asked for."""
        self.updates = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.connecting = asyncio.Event()
        self.connecting.set()
        self.is_connected = False

    def leader_for_partition(self, place: TopicPartition) -> int | None:
        return self.leaders[place.partition]

    def force_metadata_update(self) -> None:
        self.updates += 1

    async def ready(self, node: int) -> bool:
        await self.connecting.wait()
        self.is_connected = True
        return True

    async def send(self, node: int, request: Any) -> Any:
        if self.is_away:
            raise NodeNotReadyError
        if isinstance(request, OffsetRequest):
            ((_, partitions),) = request._topics
            found = [(one, 0, -1, self.begins if at == EARLIEST else self.ends[one]) for one, at in partitions]
            return SimpleNamespace(topics=[("t", found)])
        if isinstance(request, TopicIdRequest):
            return SimpleNamespace(topics=[(0, "t", self.topic_id)])
        ((_, places),) = request.topics
        self.asked.append((node, [(partition, offset) for partition, offset, _ in places]))
        await asyncio.sleep(0.001)
        await self.gate.wait()
        found = [self._found(partition, offset) for partition, offset, _ in places]
        return SimpleNamespace(API_VERSION=11, topics=[("t", found)])

    def _found(self, partition: int, offset: int) -> tuple[Any, ...]:
        end = self.ends[partition]
        code = OUT_OF_RANGE if not self.begins <= offset <= end else self.codes.get(partition, 0)
        body = b"" if code or offset >= end else body_of(offset, 1)
        return (partition, code, end, end, 0, [], -1, body)


@asynccontextmanager
async def fetching(client: Client, offsets: dict[int, int]) -> AsyncIterator[Fetching]:
    """Begun at these offsets of the topic as it is."""
    found = Fetching(client, "t")
    found.go_on({one: Place(offset, ONE) for one, offset in offsets.items()})
    try:
        yield found
    finally:
        await found.close()


def places(found: list[Portion | Beginning | Gone]) -> list[tuple[int, int, int]]:
    portions = [one for one in found if isinstance(one, Portion)]
    assert found == portions
    return [(one.partition, one.offset, one.after) for one in portions]


async def test_each_answer_leads_to_the_next_question() -> None:
    client = Client({0: 1}, {0: 12})
    async with fetching(client, {0: 10}) as found:
        assert [(0, 10, 11)] == places(await found.next())
        assert [(0, 11, 12)] == places(await found.next())
    assert [(1, [(0, 10)]), (1, [(0, 11)])] == client.asked[:2]


async def test_partitions_take_turns_at_being_the_first() -> None:
    """An answer has room for some; each leader is asked for its own."""
    client = Client({0: 1, 1: 1, 2: 2}, {0: 9, 1: 9, 2: 9})
    async with fetching(client, {0: 0, 1: 0, 2: 0}) as found:
        for _ in range(6):
            await found.next()
    ones = [[partition for partition, _ in asked] for node, asked in client.asked if node == 1]
    assert [0, 1] in ones
    assert [1, 0] in ones
    assert {(2,)} == {tuple(partition for partition, _ in asked) for node, asked in client.asked if node == 2}


async def test_what_was_asked_for_before_a_new_place_is_dropped() -> None:
    """The partition went to somebody else meanwhile, and came back."""
    client = Client({0: 1}, {0: 99})
    client.gate.clear()
    async with fetching(client, {0: 50}) as found:
        waiting = asyncio.ensure_future(found.next())
        while not client.asked:
            await asyncio.sleep(0)
        found.go_on({0: Place(20, ONE)})
        client.gate.set()
        assert [(0, 20, 21)] == places(await waiting)


async def test_what_is_gone_is_passed_over() -> None:
    """By retention: reading goes on where the partition begins."""
    client = Client({0: 1}, {0: 42})
    client.begins = 40
    async with fetching(client, {0: 5}) as found:
        assert [Gone(0, 40)] == await found.next()
        assert [(0, 40, 41)] == places(await found.next())


async def test_a_log_that_has_lost_its_end_begins_again() -> None:
    """Whoever reads is told before what is there. Others go on where they were."""
    client = Client({0: 1, 1: 1}, {0: 42, 1: 42})
    client.begins = 40
    async with fetching(client, {0: 43, 1: 41}) as found:
        seen = [*await found.next(), *await found.next()]
    assert Beginning({0: Extent(ONE, 40, 42)}) in seen
    assert [(1, 41), (0, 40)] == [(one.partition, one.offset) for one in seen if isinstance(one, Portion)][:2]


async def test_a_topic_that_was_made_anew_begins_again() -> None:
    """Though it has more records than the one before had: nothing tells but its id. All its partitions do."""
    client = Client({0: 1, 1: 1}, {0: 99, 1: 99})
    client.topic_id = OTHER
    async with fetching(client, {0: 50, 1: 60}) as found:
        assert [Beginning({0: Extent(OTHER, 0, 99), 1: Extent(OTHER, 0, 99)})] == await found.next()
        assert {(0, 0, 1), (1, 0, 1)} == {*places(await found.next())}


async def test_a_topic_is_compared_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """While all is well it cannot be another one, so that nobody asks."""
    monkeypatch.setattr("channels.kafka.fetching._SURE_S", 60.0)
    client = Client({0: 1}, {0: 99})
    async with fetching(client, {0: 10}) as found:
        assert [(0, 10, 11)] == places(await found.next())
        client.topic_id = OTHER
        assert [(0, 11, 12)] == places(await found.next())
        client.codes = {0: NOT_LEADER}
        while not client.updates:
            await asyncio.sleep(0.001)
        client.codes = {}
        assert [Beginning({0: Extent(OTHER, 0, 99)})] == await found.next()


async def test_a_topic_is_compared_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asked for anything meanwhile, so that nothing was a fault."""
    monkeypatch.setattr("channels.kafka.fetching._SURE_S", 0.0)
    client = Client({0: 1}, {0: 99})
    async with fetching(client, {0: 10}) as found:
        await found.next()
        client.topic_id = OTHER
        seen = [*await found.next(), *await found.next()]
    assert Beginning({0: Extent(OTHER, 0, 99)}) in seen


async def test_where_the_server_tells_no_id_offsets_alone_do() -> None:
    client = Client({0: 1}, {0: 12})
    client.topic_id = bytes(16)
    async with fetching(client, {0: 11}) as found:
        assert [(0, 11, 12)] == places(await found.next())


@pytest.mark.parametrize("fault", ["nobody leads", "another leads", "away"])
async def test_a_partition_without_a_leader_is_waited_for(fault: str) -> None:
    """Its metadata is asked for anew until there is one."""
    client = Client({0: None if fault == "nobody leads" else 1}, {0: 7})
    client.codes = {0: NOT_LEADER} if fault == "another leads" else {}
    client.is_away = fault == "away"
    async with fetching(client, {0: 6}) as found:
        waiting = asyncio.ensure_future(found.next())
        while not client.updates:
            await asyncio.sleep(0.001)
        client.leaders[0], client.codes, client.is_away = 2, {}, False
        assert [(0, 6, 7)] == places(await waiting)
    assert 2 == client.asked[-1][0]


async def test_who_may_not_read_is_told() -> None:
    client = Client({0: 1}, {0: 7})
    client.codes[0] = NOT_ALLOWED
    async with fetching(client, {0: 0}) as found:
        with pytest.raises(TopicAuthorizationFailedError):
            await found.next()


async def test_nothing_is_asked_for_while_something_waits() -> None:
    """Whoever is behind does not gather memory."""
    client = Client({0: 1}, {0: 99})
    async with fetching(client, {0: 0}) as found:
        await found.next()
        while len(client.asked) < 2:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        assert 2 == len(client.asked)
        assert [(0, 1, 2)] == places(await found.next())


async def test_a_connection_that_is_being_made_is_made() -> None:
    """Who closes the client closes it: one that was given up halfway would stay open."""
    client = Client({0: 1}, {0: 99})
    client.connecting.clear()
    async with fetching(client, {0: 0}) as found:
        waiting = asyncio.ensure_future(found.next())
        await asyncio.sleep(0.01)
        waiting.cancel()
    client.connecting.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert client.is_connected
    assert [] == client.asked
