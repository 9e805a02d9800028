"""Appends to partitions: batches with numbers, so that one which is sent twice is stored once; one request a turn.

Batches for several partitions of one broker that come in one turn of the event loop go there together.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from aiokafka.errors import (
    KafkaConnectionError,
    NotLeaderForPartitionError,
    OutOfOrderSequenceNumber,
    UnknownProducerId,
    for_code,
)
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from channels.kafka.portion import head_of

_BATCH_MAX_BYTES: Final = 2**31 - 1
_IN_SYNC: Final = -1
_Stored = tuple[int, int]
"""A code, and the offset of the first record."""


class Record(NamedTuple):
    """As it is written."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Appended(NamedTuple):
    """A batch that is stored: the offset of its first record, and what tells it from all others."""

    first: int
    head: bytes


class _Batch(NamedTuple):
    topic: str
    partition: int
    body: bytes
    answer: "asyncio.Future[_Stored]"


class Producing:
    """The state of an idempotent producer."""

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_ms: Final = round(timeout_s * 1000)
        self._identity: tuple[int, int] | None = None
        self._sequences: Final[dict[tuple[int, str, int], int]] = {}
        self._gathered: Final[dict[int, list[_Batch]]] = {}
        """By broker what goes there in this turn."""

    def begin_anew(self) -> None:
        """A batch has an uncertain end: its number is never used again."""
        self._identity = None

    async def append(self, client: Any, leader: int, topic: str, partition: int, records: Sequence[Record]) -> Appended:
        """As one batch. Raises KafkaError: where it may pass, asking again stores nothing twice."""
        producer_id, epoch = await self._identified(client)
        place = (producer_id, topic, partition)
        sequence = self._sequences.get(place, 0)
        builder = DefaultRecordBatchBuilder(2, 0, 0, producer_id, epoch, sequence, _BATCH_MAX_BYTES)
        now_ms = time.time_ns() // 1_000_000
        for number, (key, value, headers) in enumerate(records):
            builder.append(number, now_ms, key=key, value=value, headers=headers)
        body = bytes(builder.build())
        code, offset = await self._stored(client, leader, topic, partition, body)
        error = for_code(code)
        if error in (OutOfOrderSequenceNumber, UnknownProducerId):
            self.begin_anew()  # the topic was made anew: nothing was stored, and another producer may begin
            raise NotLeaderForPartitionError
        if code:
            raise error
        self._sequences[place] = (sequence + len(records)) & 0x7FFFFFFF
        return Appended(offset, head_of(body))

    async def _identified(self, client: Any) -> tuple[int, int]:
        if self._identity is None:
            answer = await client.send(client.get_random_node(), InitProducerIdRequest(None, -1))
            if answer.error_code:
                raise for_code(answer.error_code)
            self._identity = (answer.producer_id, answer.producer_epoch)
        return self._identity

    async def _stored(self, client: Any, leader: int, topic: str, partition: int, body: bytes) -> _Stored:
        batch = _Batch(topic, partition, body, asyncio.get_running_loop().create_future())
        gathered = self._gathered.get(leader)
        if gathered is None:
            await self._send(client, leader, batch)
        else:
            gathered.append(batch)
        return await batch.answer

    async def _send(self, client: Any, leader: int, first: _Batch) -> None:
        """With what else comes in this turn."""
        batches = self._gathered[leader] = [first]
        try:
            try:
                await asyncio.sleep(0)
            finally:
                del self._gathered[leader]
            topics: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
            for batch in batches:
                topics[batch.topic].append((batch.partition, batch.body))
            answer = await client.send(leader, ProduceRequest(None, _IN_SYNC, self._timeout_ms, list(topics.items())))
            told = {(topic, one[0]): (one[1], int(one[2])) for topic, found in answer.topics for one in found}
            for batch in batches:
                if not batch.answer.done():
                    batch.answer.set_result(told[batch.topic, batch.partition])
        finally:
            for batch in batches:
                if batch is not first and not batch.answer.done():
                    # Sent by another one that has ended: what became of it is unknown, as with a lost connection.
                    batch.answer.set_exception(KafkaConnectionError("a request was not answered"))
