"""Batches that are numbered, and go together where they can. The client is what a broker would answer."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError, NotLeaderForPartitionError
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.record.memory_records import MemoryRecords

from channels.kafka.producing import Appended, Producing, Record

NOT_LEADER = 6
OUT_OF_ORDER = 45


class Client:
    """Stores everything at offset 100, but for partitions that have an error; ids of producers grow."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, list[tuple[str, int, int, int]]]] = []
        """Broker, then topic, partition, id of the producer and number of each batch."""
        self.errors: dict[int, int] = {}
        self.fault: KafkaError | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self._id = 0

    def get_random_node(self) -> int:
        return 1

    async def send(self, node: int, request: Any) -> Any:
        if isinstance(request, InitProducerIdRequest):
            self._id += 1
            return SimpleNamespace(error_code=0, producer_id=self._id, producer_epoch=0)
        topics = request.prepare({0: (3, 7)}).topics
        self.requests.append((node, [(topic, one, *numbers(body)) for topic, found in topics for one, body in found]))
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return SimpleNamespace(
            topics=[
                (topic, [(one, self.errors.get(one, 0), 100, -1, 0) for one, _ in found]) for topic, found in topics
            ]
        )


def numbers(body: bytes) -> tuple[int, int]:
    batch = MemoryRecords(body).next_batch()
    return batch.producer_id, batch.base_sequence


def appending(producing: Producing, client: Client, *places: tuple[int, str, int]) -> "list[asyncio.Task[Appended]]":
    """One record to each: broker, topic, partition."""
    loop = asyncio.get_running_loop()
    records = [Record(None, b"1", [])]
    return [loop.create_task(producing.append(client, node, topic, one, records)) for node, topic, one in places]


async def begun() -> tuple[Producing, Client]:
    """A producer that has its id."""
    producing, client = Producing(timeout_s=1.0), Client()
    await asyncio.gather(*appending(producing, client, (1, "t", 0)))
    client.requests.clear()
    return producing, client


async def test_what_comes_in_one_turn_goes_together() -> None:
    """To each broker what it leads, of all topics; the next turn's goes by itself."""
    producing, client = await begun()
    places = ((1, "t", 1), (2, "t", 2), (1, "s", 1))
    assert [100, 100, 100] == [one.first for one in await asyncio.gather(*appending(producing, client, *places))]
    assert [(1, [("t", 1, 1, 0), ("s", 1, 1, 0)]), (2, [("t", 2, 1, 0)])] == client.requests
    await asyncio.gather(*appending(producing, client, (1, "t", 1)))
    assert (1, [("t", 1, 1, 1)]) == client.requests[-1]


async def test_each_is_told_its_own_end() -> None:
    """One that was refused has the same number when it is sent again."""
    producing, client = await begun()
    client.errors[2] = NOT_LEADER
    first, second = appending(producing, client, (1, "t", 1), (1, "t", 2))
    assert 100 == (await first).first
    with pytest.raises(NotLeaderForPartitionError):
        await second
    client.errors.clear()
    await asyncio.gather(*appending(producing, client, (1, "t", 2), (1, "t", 1)))
    assert (1, [("t", 2, 1, 0), ("t", 1, 1, 1)]) == client.requests[-1]


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_where_a_request_has_no_end_each_may_ask_again(*, is_cancelled: bool) -> None:
    """Whoever sent it for all may have been cancelled."""
    producing, client = await begun()
    client.fault = KafkaConnectionError("gone")
    client.gate.clear()
    first, second = appending(producing, client, (1, "t", 1), (1, "t", 2))
    while not client.requests:
        await asyncio.sleep(0)
    if is_cancelled:
        first.cancel()
    client.gate.set()
    with pytest.raises(asyncio.CancelledError if is_cancelled else KafkaConnectionError):
        await first
    with pytest.raises(KafkaConnectionError):
        await second
    client.fault = None
    assert [100] == [one.first for one in await asyncio.gather(*appending(producing, client, (1, "t", 2)))]
    assert (1, [("t", 2, 1, 0)]) == client.requests[-1]


async def test_who_is_cancelled_before_it_sends_holds_up_nobody() -> None:
    producing, client = await begun()
    first, second = appending(producing, client, (1, "t", 1), (1, "t", 2))
    while not producing._gathered:
        await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(KafkaConnectionError):
        await second
    assert {} == producing._gathered


async def test_a_topic_that_was_made_anew_has_another_producer() -> None:
    """Nothing was stored there: so it may be sent again, from the first number on."""
    producing, client = await begun()
    client.errors[0] = OUT_OF_ORDER
    (refused,) = appending(producing, client, (1, "t", 0))
    with pytest.raises(NotLeaderForPartitionError):
        await refused
    client.errors.clear()
    await asyncio.gather(*appending(producing, client, (1, "t", 0)))
    assert (1, [("t", 0, 2, 0)]) == client.requests[-1]
