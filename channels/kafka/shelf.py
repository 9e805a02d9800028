"""Queues of one group in this process: an index of what is parked, by due time or position. Bodies rest in Kafka."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

from channels.contract import Parked
from channels.event import Event

if TYPE_CHECKING:
    from channels.kafka.member import Member


class Entry:
    """One parked delivery. `offset` is where its body rests, -1 until it is stored; `event` the body while it is at
    hand; `taken` what its holder has, None where nobody holds it.
    """

    __slots__ = (
        "attempts",
        "due_s",
        "event",
        "group",
        "is_ordered",
        "key",
        "note",
        "offset",
        "partition",
        "position",
        "queue",
        "sequence",
        "size_bytes",
        "taken",
    )

    def __init__(
        self, key: bytes, group: str, queue: str, partition: int, position: int, size_bytes: int, *, is_ordered: bool,
        due_s: float, attempts: int, note: bytes, sequence: int, offset: int = -1, event: Event | None = None,
    ) -> None:  # fmt: skip
        self.key = key
        self.group = group
        self.queue = queue
        self.partition = partition
        self.position = position
        self.size_bytes = size_bytes
        self.is_ordered = is_ordered
        self.due_s = due_s
        self.attempts = attempts
        self.note = note
        self.sequence = sequence
        self.offset = offset
        self.event = event
        self.taken: Taken | None = None


class Taken(Parked):
    """A parked delivery that a member holds."""

    __slots__ = ("entry", "member")

    def __init__(self, entry: Entry, event: Event, member: "Member") -> None:
        super().__init__(event, entry.position, entry.size_bytes, entry.attempts, entry.note)
        self.entry = entry
        self.member = member


class Shelf:
    """What one queue holds. There is one only while that is something."""

    __slots__ = ("entries", "heap", "is_ordered", "out", "size_bytes")

    def __init__(self, *, is_ordered: bool) -> None:
        self.is_ordered = is_ordered
        self.entries: dict[bytes, Entry] = {}
        self.size_bytes = 0
        self.heap: list[tuple[float, int, Entry]] = []
        """By position where it is ordered, by due time elsewhere. Those that left are passed over."""
        self.out: set[bytes] = set()
        """Keys of those that somebody has, or is about to have."""

    def push(self, entry: Entry) -> None:
        """To its place."""
        heappush(self.heap, (entry.position if self.is_ordered else entry.due_s, entry.sequence, entry))

    @property
    def waiting(self) -> int:
        """How many nobody has."""
        return len(self.entries) - len(self.out)

    def head(self) -> Entry | None:
        """The first of those that nobody has."""
        heap = self.heap
        while heap and (heap[0][2].key not in self.entries or heap[0][2].key in self.out):
            heappop(heap)
        return heap[0][2] if heap else None


class Shelves:
    """The queues of one group whose partitions are this process's."""

    def __init__(self) -> None:
        self.by_name: Final[dict[str, Shelf]] = {}

    def add(self, entry: Entry) -> None:
        """It is parked here."""
        shelf = self.by_name.get(entry.queue)
        if shelf is None:
            shelf = self.by_name[entry.queue] = Shelf(is_ordered=entry.is_ordered)
        shelf.entries[entry.key] = entry
        shelf.size_bytes += entry.size_bytes
        shelf.push(entry)

    def remove(self, entry: Entry) -> None:
        """It is parked here no more, whoever has it."""
        shelf = self.by_name.get(entry.queue)
        if shelf is None or shelf.entries.pop(entry.key, None) is None:
            return
        entry.taken = None
        shelf.out.discard(entry.key)
        shelf.size_bytes -= entry.size_bytes
        if not shelf.entries:
            del self.by_name[entry.queue]
        elif len(shelf.heap) > 2 * len(shelf.entries) + 64:
            self._tidy(shelf)

    def pop(self, name: str, max_events: int) -> list[Entry]:
        """The first of those that are due, for one who is to have them."""
        shelf = self.by_name.get(name)
        found: list[Entry] = []
        now_s = asyncio.get_running_loop().time()
        while shelf is not None and len(found) < max_events:
            entry = shelf.head()
            if entry is None or entry.due_s > now_s:
                break
            heappop(shelf.heap)
            shelf.out.add(entry.key)
            found.append(entry)
        return found

    def put_back(self, entries: Sequence[Entry]) -> None:
        """Nobody has them."""
        for entry in entries:
            shelf = self.by_name.get(entry.queue)
            entry.taken = None
            if shelf is not None and entry.key in shelf.entries:
                shelf.out.discard(entry.key)
                shelf.push(entry)

    def due_in_s(self, name: str) -> float | None:
        """As the contract says it."""
        shelf = self.by_name.get(name)
        head = None if shelf is None else shelf.head()
        return None if head is None else max(0.0, head.due_s - asyncio.get_running_loop().time())

    def lose(self, partition: int) -> bool:
        """That partition's are another process's. True where there were any."""
        lost = [one for shelf in self.by_name.values() for one in shelf.entries.values() if one.partition == partition]
        for entry in lost:
            self.remove(entry)
        return bool(lost)

    def entries(self, name: str) -> list[Entry]:
        """All of a queue."""
        shelf = self.by_name.get(name)
        return [] if shelf is None else [*shelf.entries.values()]

    def _tidy(self, shelf: Shelf) -> None:
        shelf.heap = [item for item in shelf.heap if item[2].key in shelf.entries and item[2].key not in shelf.out]
        heapify(shelf.heap)


class Clock:
    """The wall clock for what outlives the process, the event loop's for what is due within it."""

    def __init__(self) -> None:
        self._loop_s: Final = asyncio.get_running_loop().time
        self.sequence: Final[Iterator[int]] = count()

    def now_us(self) -> int:
        """Of the wall clock."""
        return time.time_ns() // 1000

    def due_s(self, after_s: float) -> float:
        """Of the event loop."""
        return self._loop_s() + after_s

    def due_from(self, parked_us: int, due_us: int) -> float:
        """Of the event loop. What the wall clock says is never more than what it was parked for."""
        return self.due_s(min(due_us - self.now_us(), due_us - parked_us) / 1_000_000)
