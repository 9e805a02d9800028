"""Queues of one group in this process: what is parked, by due time or position. Bodies rest in Kafka."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush, heapreplace
from itertools import count
from typing import Final

from channels.kafka.sheet import Drawn, Sheet


class Shelf:
    """What one queue holds. There is one only while that is something."""

    __slots__ = ("_heap", "events", "is_ordered", "sheets", "size_bytes", "waiting")

    def __init__(self, *, is_ordered: bool) -> None:
        self.is_ordered = is_ordered
        self.sheets: dict[bytes, Sheet] = {}
        self.events = 0
        self.waiting = 0
        """How many nobody has."""
        self.size_bytes = 0
        self._heap: list[tuple[float, int, Sheet]] = []
        """Sheets of which something waits, by their rank. Some stand there with one that they had before."""

    def add(self, sheet: Sheet) -> None:
        """It is parked here."""
        self.sheets[sheet.key] = sheet
        self.count(sheet.left, sheet.waiting, sheet.size_bytes)
        sheet.queued = None
        self.push(sheet)

    def remove(self, sheet: Sheet) -> None:
        """It is not."""
        del self.sheets[sheet.key]
        self.count(-sheet.left, -sheet.waiting, -sheet.size_bytes)

    def count(self, events: int, waiting: int, size_bytes: int) -> None:
        """So many more are here."""
        self.events += events
        self.waiting += waiting
        self.size_bytes += size_bytes

    def push(self, sheet: Sheet) -> None:
        """Something of it waits, perhaps lower than before."""
        if sheet.waiting and (sheet.queued is None or sheet.rank < sheet.queued):
            sheet.queued = sheet.rank
            heappush(self._heap, (sheet.queued, sheet.sequence, sheet))

    def head(self) -> Sheet | None:
        """The one whose first is the first of all that wait."""
        heap = self._heap
        while heap:
            rank, sequence, sheet = heap[0]
            if rank != sheet.queued or sheet.key not in self.sheets:
                heappop(heap)
            elif not sheet.waiting:
                sheet.queued = None
                heappop(heap)
            elif sheet.rank != rank:
                sheet.queued = sheet.rank
                heapreplace(heap, (sheet.queued, sequence, sheet))
            else:
                return sheet
        return None

    def draw(self, max_events: int, now_s: float) -> Iterator[Drawn]:
        """The first of those that are due, for one who is to have them."""
        for _ in range(max_events):
            sheet = self.head()
            if sheet is None or sheet.due_s > now_s:
                return
            self.waiting -= 1
            yield sheet, sheet.draw()


class Shelves:
    """The queues of one group whose partitions are this process's."""

    def __init__(self) -> None:
        self.by_name: Final[dict[str, Shelf]] = {}

    def add(self, sheet: Sheet) -> None:
        """It is parked here."""
        shelf = self.by_name.get(sheet.queue)
        if shelf is None:
            shelf = self.by_name[sheet.queue] = Shelf(is_ordered=sheet.is_ordered)
        shelf.add(sheet)

    def remove(self, sheet: Sheet) -> None:
        """It is parked here no more, whoever has something of it."""
        shelf = self.by_name.get(sheet.queue)
        if shelf is not None and sheet.key in shelf.sheets:
            shelf.remove(sheet)
            if not shelf.sheets:
                del self.by_name[sheet.queue]

    def draw(self, name: str, max_events: int) -> list[Drawn]:
        """The first of those that are due, for one who is to have them."""
        shelf = self.by_name.get(name)
        return [] if shelf is None else [*shelf.draw(max_events, asyncio.get_running_loop().time())]

    def put_back(self, drawn: Sequence[Drawn]) -> None:
        """Nobody has them."""
        for sheet, number in drawn:
            shelf = self.by_name.get(sheet.queue)
            if sheet.put_back(number) and shelf is not None and sheet.key in shelf.sheets:
                shelf.waiting += 1
                shelf.push(sheet)

    def due_in_s(self, name: str) -> float | None:
        """As the contract says it."""
        shelf = self.by_name.get(name)
        head = None if shelf is None else shelf.head()
        return None if head is None else max(0.0, head.due_s - asyncio.get_running_loop().time())


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
