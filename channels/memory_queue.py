"""Queues of a memory channel: what waits for later, on heaps in this process's memory."""

import asyncio
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Final

from channels.contract import Delivery, Parked

Charge = Callable[[int, int], None]
"""Count that many events and bytes more as held; less, where they are negative."""


class Kept(Parked):
    """A parked delivery that knows its place: the time of its loop at which it is due, and when it was parked."""

    __slots__ = ("due_s", "sequence", "shelf")

    def __init__(
        self, of: Delivery, shelf: "Shelf", *, attempts: int, note: bytes, due_s: float, sequence: int
    ) -> None:
        super().__init__(of.event, of.position, of.size_bytes, attempts, note)
        self.shelf = shelf
        self.due_s = due_s
        self.sequence = sequence

    def again(self) -> "Kept":
        """The same as another object: its former holder may still ack the one it had."""
        return Kept(self, self.shelf, attempts=self.attempts, note=self.note, due_s=self.due_s, sequence=self.sequence)


class Shelf:
    """What one queue holds. There is one only while that is something."""

    __slots__ = ("events", "heap", "is_ordered", "name", "size_bytes", "taken")

    def __init__(self, name: str, *, is_ordered: bool) -> None:
        self.name = name
        self.is_ordered = is_ordered
        self.events = 0
        self.size_bytes = 0
        self.heap: list[tuple[float, int, Kept]] = []
        """By position where it is ordered, by due time elsewhere; of equals the one parked first comes first."""
        self.taken: dict[Kept, object] = {}
        """Who has what."""

    def put(self, kept: Kept) -> None:
        """To its place."""
        heappush(self.heap, (kept.position if self.is_ordered else kept.due_s, kept.sequence, kept))


class Shelves:
    """The queues of one group, by name."""

    def __init__(self, charge: Charge) -> None:
        self.by_name: Final[dict[str, Shelf]] = {}
        self._charge: Final = charge
        self._sequence: Final = count()
        self.now_s: Final = asyncio.get_running_loop().time
        self.taken = 0
        """How many members hold, of all queues."""
        self._is_closed = False

    def park(
        self, name: str, deliveries: Sequence[Delivery], after_s: float, attempts: int, note: bytes, *, is_ordered: bool
    ) -> None:
        """A copy of each is on that shelf, which is made where there is none."""
        if self._is_closed or not deliveries:
            return
        shelf = self.by_name.get(name)
        if shelf is None:
            shelf = self.by_name[name] = Shelf(name, is_ordered=is_ordered)
        due_s = self.now_s() + after_s
        for delivery in deliveries:
            shelf.put(Kept(delivery, shelf, attempts=attempts, note=note, due_s=due_s, sequence=next(self._sequence)))
        self._count(shelf, len(deliveries), sum([delivery.size_bytes for delivery in deliveries]))

    def take(self, shelf: Shelf, max_events: int, member: object) -> list[Parked]:
        """The first of those that are due are the member's."""
        taken: list[Parked] = []
        heap, now_s = shelf.heap, self.now_s()
        while heap and len(taken) < max_events and heap[0][2].due_s <= now_s:
            kept = heappop(heap)[2]
            shelf.taken[kept] = member
            taken.append(kept)
        self.taken += len(taken)
        return taken

    def settle(self, deliveries: Sequence[Delivery], member: object) -> None:
        """Those of them that the member took are gone."""
        for kept in self._given_up(deliveries, member):
            self._count(kept.shelf, -1, -kept.size_bytes)

    def take_back(self, deliveries: Sequence[Delivery], member: object) -> None:
        """Those of them that the member took are on their shelves again, where they were."""
        for kept in self._given_up(deliveries, member):
            kept.shelf.put(kept.again())

    def take_back_all(self, member: object) -> None:
        """Whatever the member took is on its shelf again."""
        for shelf in self.by_name.values():
            self.take_back([kept for kept, holder in shelf.taken.items() if holder is member], member)

    def has(self, delivery: Delivery, member: object) -> bool:
        """Whether the member took it, and has it still."""
        return isinstance(delivery, Kept) and delivery.shelf.taken.get(delivery) is member

    def clear(self, shelf: Shelf) -> int:
        """The shelf is gone, with what was taken from it."""
        events = shelf.events
        self.taken -= len(shelf.taken)
        shelf.taken.clear()
        shelf.heap.clear()
        self._count(shelf, -events, -shelf.size_bytes)
        return events

    def close(self) -> None:
        """Nothing is parked any more, nor ever again."""
        self._is_closed = True
        for shelf in [*self.by_name.values()]:
            self.clear(shelf)

    def _given_up(self, deliveries: Sequence[Delivery], member: object) -> list[Kept]:
        given_up = []
        for kept in deliveries:
            if isinstance(kept, Kept) and kept.shelf.taken.get(kept) is member:
                del kept.shelf.taken[kept]
                given_up.append(kept)
        self.taken -= len(given_up)
        return given_up

    def _count(self, shelf: Shelf, events: int, size_bytes: int) -> None:
        shelf.events += events
        shelf.size_bytes += size_bytes
        self._charge(events, size_bytes)
        if not shelf.events:
            del self.by_name[shelf.name]


class MemoryQueue:
    """One queue as a member sees it. It holds nothing itself, so there may be many of one name."""

    __slots__ = ("_check", "_is_ordered", "_member", "_name", "_shelves")

    def __init__(
        self, name: str, shelves: Shelves, member: object, check: Callable[[], None], *, is_ordered: bool
    ) -> None:
        self._name = name
        self._shelves = shelves
        self._member = member
        self._check = check
        self._is_ordered = is_ordered

    @property
    def events(self) -> int:
        """Those parked here and not settled."""
        shelf = self._shelves.by_name.get(self._name)
        return 0 if shelf is None else shelf.events

    @property
    def size_bytes(self) -> int:
        """Of the same."""
        shelf = self._shelves.by_name.get(self._name)
        return 0 if shelf is None else shelf.size_bytes

    @property
    def waiting(self) -> int:
        """Those that nobody has taken."""
        shelf = self._shelves.by_name.get(self._name)
        return 0 if shelf is None else len(shelf.heap)

    @property
    def due_in_s(self) -> float | None:
        """Seconds until `take` finds something."""
        shelf = self._shelves.by_name.get(self._name)
        if shelf is None or not shelf.heap:
            return None
        return max(0.0, shelf.heap[0][2].due_s - self._shelves.now_s())

    def park(
        self, deliveries: Sequence[Delivery], *, after_s: float = 0.0, attempts: int = 0, note: bytes = b""
    ) -> None:
        """Keep a copy of each. O(log n) each."""
        self._shelves.park(self._name, deliveries, after_s, attempts, note, is_ordered=self._is_ordered)

    async def take(self, max_events: int) -> list[Parked]:
        """Those that are due, for the member. Raises ChannelUnavailable once it has left, or the channel."""
        self._check()
        shelf = self._shelves.by_name.get(self._name)
        return [] if shelf is None else self._shelves.take(shelf, max_events, self._member)

    def clear(self) -> int:
        """Settle all of it."""
        shelf = self._shelves.by_name.get(self._name)
        return 0 if shelf is None else self._shelves.clear(shelf)
