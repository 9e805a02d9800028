"""What is published to one channel gathers for a turn of the event loop, and longer while batches are on their way."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aiokafka.partitioner import murmur2

from channels.contract import Position, Receipt
from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.kafka.binding import headers_of, key_of
from channels.kafka.link import Record
from channels.kafka.topic import position_of
from channels.kafka.writer import Put, Writer, size_of

if TYPE_CHECKING:
    from channels.kafka.channel import KafkaChannel

_BUSY_MAX: Final = 2
"""Batches on their way beyond which the next one goes on gathering: the busier it is, the larger are batches."""


class Submit:
    """Events that are stored together. Without keys they are one batch of one partition, stored whole or not at all."""

    __slots__ = ("error", "events", "missing", "positions", "receipt", "size_bytes")

    def __init__(
        self, events: Sequence[Event], size_bytes: int, receipt: Receipt, positions: list[Position] | None
    ) -> None:
        self.events = events
        self.size_bytes = size_bytes
        self.receipt = receipt
        self.positions = positions
        """Filled in by number, where somebody wants to know."""
        self.missing = 0
        self.error: ChannelUnavailable | None = None


class Publishing:
    """Batches go to the partitions in turn, events of one `partitionkey` always to the same."""

    def __init__(self, channel: "KafkaChannel", writer: Writer) -> None:
        self._channel: Final = channel
        self._writer: Final = writer
        self._gathered: list[Submit] = []
        self._is_scheduled = False
        self._turn = 0
        self.events = 0
        """Given to the cluster, or gathered for it, and not yet answered."""
        self.size_bytes = 0

    def submit(self, submit: Submit) -> None:
        """To be stored with what else comes in this turn."""
        self.events += len(submit.events)
        self.size_bytes += submit.size_bytes
        self._gathered.append(submit)
        self._schedule()

    def refuse(self, error: ChannelUnavailable) -> None:
        """Whatever is gathered will not be stored."""
        gathered, self._gathered = self._gathered, []
        for submit in gathered:
            submit.error = error
            self._end(submit)

    def _schedule(self) -> None:
        if not self._is_scheduled and self._writer.busy < _BUSY_MAX:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        self._is_scheduled = False
        gathered, self._gathered = self._gathered, []
        if not gathered:
            return
        self._channel.ask_hooks()
        partitions = self._channel.partitions
        self._turn = (self._turn + 1) % partitions
        for submit in gathered:
            self._put(submit, self._turn, partitions)

    def _put(self, submit: Submit, turn: int, partitions: int) -> None:
        parts: dict[int, list[tuple[int, Record]]] = {}
        for number, event in enumerate(submit.events):
            key = key_of(event)
            partition = turn if key is None else (murmur2(key) & 0x7FFFFFFF) % partitions
            parts.setdefault(partition, []).append((number, Record(key, event.data, headers_of(event))))
        submit.missing = len(parts)
        if not parts:
            submit.missing = 1
            self._stored(submit)
        for partition, part in parts.items():
            records = [record for _, record in part]
            size_bytes = sum([size_of(record) for record in records])
            self._writer.put(partition, self._watched(submit, partition, part, records, size_bytes))

    def _watched(
        self, submit: Submit, partition: int, part: list[tuple[int, Record]], records: list[Record], size_bytes: int
    ) -> Put:
        def stored(first: int) -> None:
            self._channel.book.found(partition, first + len(records))
            if submit.positions is not None:
                for at, (number, _) in enumerate(part):
                    submit.positions[number] = position_of(partition, first + at)
            self._stored(submit)

        def failed(error: ChannelUnavailable) -> None:
            submit.error = error
            self._stored(submit)

        return Put(records, size_bytes, stored, failed)

    def _stored(self, submit: Submit) -> None:
        submit.missing -= 1
        if not submit.missing:
            self._end(submit)
        if self._gathered:
            # This partition's batch counts as busy until its task has ended: look again in the next turn.
            asyncio.get_running_loop().call_soon(self._schedule)

    def _end(self, submit: Submit) -> None:
        self.events -= len(submit.events)
        self.size_bytes -= submit.size_bytes
        if submit.error is None:
            self._channel.stored(len(submit.events), submit.size_bytes)
            submit.receipt.stored()
        else:
            submit.receipt.refused(submit.error)
