"""Appends to one topic: what was put for a partition gathers while its last batch is on its way."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, NamedTuple, Protocol, Self, TypeVar

from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError, RecordTooLargeError

from channels.errors import ChannelUnavailable
from channels.kafka.errors import closed
from channels.kafka.link import Link
from channels.kafka.producing import Appended, Record

BATCH_BYTES: Final = 512 * 2**10
"""A batch takes no more once it has so much: half of what a broker accepts by its default (`message.max.bytes`)."""
_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError, RecordTooLargeError)
_PAUSE_S: Final = 0.5
_RECORD_BYTES: Final = 32


class Load(Protocol):
    """Records that are stored by one request, and what is done when it has ended."""

    @property
    def records(self) -> Sequence[Record]:
        """At least one."""

    @property
    def size_bytes(self) -> int:
        """About what they take in a batch."""

    @property
    def stored(self) -> Callable[[int], None]:
        """To be called with the offset of the first."""

    @property
    def failed(self) -> Callable[[ChannelUnavailable], None]:
        """To be called instead."""

    def split(self) -> Sequence[Self]:
        """Smaller loads of the same; itself where there is none."""


class Put(NamedTuple):
    """Records that are stored whole or not at all, and who is told how it ended."""

    records: Sequence[Record]
    size_bytes: int
    stored: Callable[[int], None]
    """With the offset of the first."""
    failed: Callable[[ChannelUnavailable], None]
    instead: "Callable[[], Put] | None" = None
    """What is to be stored where this is too large."""

    def split(self) -> "list[Put]":
        """What is to be stored instead; itself where there is nothing."""
        return [self if self.instead is None else self.instead()]


_LoadT = TypeVar("_LoadT", bound=Load)
Written = Callable[[int, Appended, Sequence[_LoadT]], None]
"""Called with a partition and a batch that is stored there, made of these loads, before they are told."""


class Writer(Generic[_LoadT]):
    """One batch of a partition at a time, so that its order is that in which they were put, whatever fails.

    What `is_owed` is tried until it is stored or the writer is closed; anything else is told that it failed.
    """

    def __init__(self, link: Link, topic: str, *, is_owed: bool, written: Written[_LoadT] | None = None) -> None:
        self._link: Final = link
        self._topic: Final = topic
        self._is_owed: Final = is_owed
        self._written: Final = written
        self._pending: Final[dict[int, deque[_LoadT]]] = {}
        self._running: Final[dict[int, asyncio.Task[None]]] = {}
        self._put: Final[Counter[int]] = Counter()
        self._ended: Final[Counter[int]] = Counter()
        """By partition how many loads were put, and how many of them are stored or never will be."""
        self._moved = asyncio.Event()
        self.is_failing = False
        """Whether the last batch that came to an end was not stored."""
        self._faults: Final[dict[int, str]] = {}
        """By partition why its last batch was not stored."""

    @property
    def fault(self) -> str | None:
        """Why something cannot be stored at this moment."""
        return next(iter(self._faults.values()), None)

    @property
    def busy(self) -> int:
        """Partitions that have a batch on its way."""
        return len(self._running)

    def put(self, partition: int, load: _LoadT) -> None:
        """Store it after what was put before it. Begins in the next turn of the event loop."""
        self._pending.setdefault(partition, deque()).append(load)
        self._put[partition] += 1
        if partition not in self._running:
            self._running[partition] = asyncio.get_running_loop().create_task(self._run(partition))

    async def flush(self) -> None:
        """Until everything that was put before is stored, or never will be."""
        wanted = self._put.copy()
        while any(self._ended[partition] < count for partition, count in wanted.items()):
            await self._moved.wait()

    async def close(self) -> None:
        """What is not stored yet is told so."""
        for task in [*self._running.values()]:
            task.cancel()
        if self._running:
            await asyncio.wait([*self._running.values()])
        for pending in self._pending.values():
            for load in pending:
                load.failed(closed())
        self._pending.clear()
        self._ended.update(self._put - self._ended)
        self._move()

    async def _run(self, partition: int) -> None:
        pending = self._pending[partition]
        try:
            while pending:
                taken = [pending.popleft()]
                size_bytes = taken[0].size_bytes
                while pending and size_bytes + pending[0].size_bytes <= BATCH_BYTES:
                    size_bytes += pending[0].size_bytes
                    taken.append(pending.popleft())
                try:
                    await self._store(partition, taken)
                except asyncio.CancelledError:
                    pending.extendleft(reversed(taken))
                    self._ended[partition] -= len(taken)
                    raise
                finally:
                    self._ended[partition] += len(taken)
                    self._move()
        finally:
            del self._running[partition]

    def _move(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def _store(self, partition: int, taken: Sequence[_LoadT]) -> None:
        while True:
            try:
                records = taken[0].records if len(taken) == 1 else [one for load in taken for one in load.records]
                appended = await self._link.produce(self._topic, partition, records)
            except ChannelUnavailable as error:
                self._faults[partition] = str(error)
                is_too_large = isinstance(error.__cause__, _TOO_LARGE)
                smaller = [part for load in taken for part in load.split()] if is_too_large else []
                if len(smaller) > 1 or (smaller and smaller[0] is not taken[0]):
                    for part in smaller:
                        await self._store(partition, [part])
                    return
                if self._is_owed and not is_too_large:
                    await asyncio.sleep(_PAUSE_S)
                    continue
                self.is_failing = not is_too_large
                for load in taken:
                    load.failed(error)
                return
            self.is_failing = False
            self._faults.pop(partition, None)
            if self._written is not None:
                self._written(partition, appended, taken)
            first = appended.first
            for load in taken:
                load.stored(first)
                first += len(load.records)
            return


def size_of(record: Record) -> int:
    """About what it takes in a batch."""
    size_bytes = _RECORD_BYTES + len(record.key or b"") + len(record.value or b"")
    for name, value in record.headers:
        size_bytes += len(name) + len(value) + 2
    return size_bytes
