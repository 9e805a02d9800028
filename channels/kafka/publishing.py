"""What is published to one channel gathers for a turn of the event loop, and longer while batches are on their way."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aiokafka.partitioner import murmur2

from channels.contract import Position, Receipt
from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.kafka.binding import headers_of, key_of
from channels.kafka.producing import Record
from channels.kafka.topic import position_of
from channels.kafka.writer import BATCH_BYTES, Writer

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

    def __init__(self, channel: "KafkaChannel", writer: "Writer[Parcel]") -> None:
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
        self._turn = turn = (self._turn + 1) % partitions
        parcels: dict[int, Parcel] = {}
        for submit in gathered:
            if len(submit.events) == 1:
                event = submit.events[0]
                key = key_of(event)
                partition = turn if key is None else _partition_of(key, partitions)
                submit.missing = 1
                self._add(parcels, partition, submit, [Record(key, event.data, headers_of(event))], (0,))
            else:
                self._divide(parcels, submit, turn, partitions)
        for partition, parcel in parcels.items():
            self._writer.put(partition, parcel)

    def _divide(self, parcels: dict[int, "Parcel"], submit: Submit, turn: int, partitions: int) -> None:
        """Several events, perhaps of several partitions, or none."""
        parts: dict[int, tuple[list[Record], list[int]]] = {}
        for number, event in enumerate(submit.events):
            key = key_of(event)
            partition = turn if key is None else _partition_of(key, partitions)
            records, numbers = parts.setdefault(partition, ([], []))
            records.append(Record(key, event.data, headers_of(event)))
            numbers.append(number)
        submit.missing = len(parts)
        if not parts:
            self._end(submit)
        for partition, (records, numbers) in parts.items():
            self._add(parcels, partition, submit, records, numbers)

    def _add(
        self,
        parcels: dict[int, "Parcel"],
        partition: int,
        submit: Submit,
        records: list[Record],
        numbers: Sequence[int],
    ) -> None:
        parcel = parcels.get(partition)
        if parcel is not None and parcel.size_bytes + submit.size_bytes > BATCH_BYTES:
            self._writer.put(partition, parcel)
            parcel = None
        if parcel is None:
            parcel = parcels[partition] = Parcel(self, partition)
        parcel.records += records
        parcel.size_bytes += submit.size_bytes
        parcel.parts.append((submit, numbers))

    def go_on(self) -> None:
        """A batch has ended, and its submits were told: what they do in return may gather already."""
        if self._gathered:
            # This partition's batch counts as busy until its task has ended: look again in the next turn.
            asyncio.get_running_loop().call_soon(self._schedule)

    def settle(self, submit: Submit) -> None:
        """One of its parts is stored, or never will be."""
        submit.missing -= 1
        if not submit.missing:
            self._end(submit)

    def _end(self, submit: Submit) -> None:
        self.events -= len(submit.events)
        self.size_bytes -= submit.size_bytes
        if submit.error is None:
            self._channel.stored(len(submit.events), submit.size_bytes)
            submit.receipt.stored()
        else:
            submit.receipt.refused(submit.error)


class Parcel:
    """What was gathered for one partition: parts of submits, in their order, with the numbers of their events."""

    __slots__ = ("_partition", "_publishing", "parts", "records", "size_bytes")

    def __init__(self, publishing: Publishing, partition: int) -> None:
        self.records: list[Record] = []
        self.size_bytes = 0
        self.parts: list[tuple[Submit, Sequence[int]]] = []
        self._publishing = publishing
        self._partition = partition

    def stored(self, first: int) -> None:
        """With the offset of the first."""
        publishing, partition = self._publishing, self._partition
        for submit, numbers in self.parts:
            if submit.positions is not None:
                for at, number in enumerate(numbers):
                    submit.positions[number] = position_of(partition, first + at)
            first += len(numbers)
            publishing.settle(submit)
        publishing.go_on()

    @property
    def events(self) -> list[Event]:
        """Of its records."""
        return [submit.events[number] for submit, numbers in self.parts for number in numbers]

    def failed(self, error: ChannelUnavailable) -> None:
        """None of it, as far as is known."""
        for submit, _ in self.parts:
            submit.error = error
            self._publishing.settle(submit)
        self._publishing.go_on()

    def split(self) -> "list[Parcel]":
        """Each part by itself: one that is too large for the server costs the others nothing."""
        if len(self.parts) == 1:
            return [self]
        parcels = []
        at = 0
        for submit, numbers in self.parts:
            parcel = Parcel(self._publishing, self._partition)
            parcel.records = self.records[at : at + len(numbers)]
            parcel.size_bytes = submit.size_bytes
            parcel.parts.append((submit, numbers))
            at += len(numbers)
            parcels.append(parcel)
        return parcels


def _partition_of(key: bytes, partitions: int) -> int:
    """As Kafka's own producers choose it."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions
