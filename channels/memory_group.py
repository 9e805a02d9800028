"""Groups of a memory channel, and their members."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from heapq import heappop, heappush

from channels.contract import Delivery, Position, Queue, Watcher
from channels.errors import ChannelUnavailable
from channels.memory_queue import Charge, MemoryQueue, Shelves

Release = Callable[[Collection[Delivery]], None]
"""One group has settled these."""


class Member:
    """One member of a group of a MemoryChannel; made by `subscribe`."""

    def __init__(self, group: "Group", release: Release) -> None:
        self._group = group
        self._release = release
        self._held: set[Delivery] = set()
        self._has_left = False

    @property
    def lag(self) -> int:
        """What waits in the group to be received."""
        return len(self._group.fresh) + len(self._group.returned)

    @property
    def queues(self) -> Mapping[str, Queue]:
        """Those that hold something, at this moment."""
        shelves = self._group.shelves.by_name
        return {name: self.queue(name, is_ordered=shelf.is_ordered) for name, shelf in shelves.items()}

    async def receive(self, max_events: int) -> list[Delivery]:
        """Wait for at least one event, return up to `max_events`, oldest first; at once where there are some."""
        group = self._group
        while True:
            if self._has_left or group.is_closed:
                raise unavailable()
            taken = group.take(max_events)
            if taken:
                self._held.update(taken)
                return taken
            await group.wait()

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Settle those of them that this member holds."""
        self._release(self._give_up(deliveries))
        if self._group.shelves.taken:
            self._group.shelves.settle(deliveries, self)

    def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Return those of them that this member holds. O(log n) each, for they go back to their place."""
        self._group.take_back(self._give_up(deliveries))
        if self._group.shelves.taken:
            self._group.shelves.take_back(deliveries, self)

    def holds(self, delivery: Delivery) -> bool:
        """Whether it received or took it, and has it still."""
        return delivery in self._held or self._group.shelves.has(delivery, self)

    def queue(self, name: str, *, is_ordered: bool = False) -> MemoryQueue:
        """The group's queue of that name, through which this member parks and takes."""
        return MemoryQueue(name, self._group.shelves, self, self._check, is_ordered=is_ordered)

    def watch(self, watcher: Watcher) -> None:
        """Nobody else has a part in this group."""

    def keep_order(self, *, is_needed: bool) -> None:
        """It is kept."""

    def leave(self) -> None:
        """Return everything, receive nothing more: a receive that waits ends with ChannelUnavailable."""
        self._has_left = True
        self._group.take_back(self._give_up(list(self._held)))
        self._group.shelves.take_back_all(self)
        self._group.wake_all()

    def _check(self) -> None:
        if self._has_left or self._group.is_closed:
            raise unavailable()

    def _give_up(self, deliveries: Sequence[Delivery]) -> set[Delivery]:
        held = self._held.intersection(deliveries)
        self._held -= held
        return held


class Group:
    """What members share: what was never received, what came back, who waits, and the queues."""

    __slots__ = ("fresh", "is_closed", "returned", "shelves", "waiting")

    def __init__(self, charge: Charge) -> None:
        self.fresh: deque[Delivery] = deque()
        self.returned: list[tuple[Position, Delivery]] = []
        """A heap. Whatever came back is older than whatever is fresh."""
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.shelves = Shelves(charge)
        self.is_closed = False

    @property
    def unsettled(self) -> list[Delivery]:
        """All that no member holds."""
        return [*self.fresh, *(delivery for _, delivery in self.returned)]

    def take(self, count: int) -> list[Delivery]:
        """The oldest, at most `count`."""
        taken: list[Delivery] = []
        while self.returned and len(taken) < count:
            taken.append(heappop(self.returned)[1])
        fresh = self.fresh
        missing = min(count - len(taken), len(fresh))
        if missing == len(fresh) and not taken:
            taken = list(fresh)
            fresh.clear()
        else:
            taken += [fresh.popleft() for _ in range(missing)]
        if self.waiting:
            self.wake()
        return taken

    def take_back(self, deliveries: Collection[Delivery]) -> None:
        """Back to their places, as other objects: their former holder may still ack the ones it had."""
        if self.is_closed:
            return
        for delivery in deliveries:
            again = Delivery(delivery.event, delivery.position, delivery.size_bytes)
            heappush(self.returned, (delivery.position, again))
        self.wake()

    async def wait(self) -> None:
        """Until woken. Whoever is cancelled after it was woken passes that on."""
        waiter = asyncio.get_running_loop().create_future()
        self.waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in self.waiting:
                self.waiting.remove(waiter)
            self.wake()
            raise

    def wake(self) -> None:
        """One of those who wait, where something is there; others are woken by the one that leaves something over."""
        while self.waiting and (self.fresh or self.returned):
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def wake_all(self) -> None:
        """Everyone looks again: at what is there, and at whether they still belong."""
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def close(self) -> None:
        """Drop everything; those who wait find the group closed."""
        self.is_closed = True
        self.fresh.clear()
        self.returned.clear()
        self.shelves.close()
        self.wake_all()


def unavailable() -> ChannelUnavailable:
    """What to raise once the end has come."""
    return ChannelUnavailable("the channel is closed")
