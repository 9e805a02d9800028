"""A channel in this process's memory: as fast as a deque, gone with the process.

A group is a queue of Deliveries, filled by `submit` without a task or a lock between; an event is charged against the
bounds until every group that got it has acked it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from typing import Final, Self

from channels.contract import ChannelStatistics, Delivery, Features, Position, Receipt
from channels.errors import ChannelFull, ChannelUnavailable
from channels.event import Event


class MemoryChannel:
    """Holds at most `events_max` events and `size_max_bytes` of `Event.size`. What no group gets is not held."""

    features: Features = Features(durable=False, ordered=True)

    def __init__(self, *, events_max: int, size_max_bytes: int) -> None:
        self._events_max: Final = events_max
        self._size_max_bytes: Final = size_max_bytes
        self._events = 0
        self._size_bytes = 0
        self._position: Position = 0
        self._is_open = False
        self._groups: dict[str, _Group] = {}
        self._owed: dict[Position, int] = {}
        """How many groups have still to ack an event, for events that went to more than one."""

    async def __aenter__(self) -> Self:
        self._is_open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._is_open = False
        for group in self._groups.values():
            group.close()
        self._groups.clear()
        self._owed.clear()
        self._events = self._size_bytes = 0

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        """Store all of the events or none, and tell the receipt before returning."""
        error = self._store(events)
        if error is None:
            receipt.stored()
        else:
            receipt.refused(error)

    async def publish(self, events: Sequence[Event]) -> list[Position]:
        """Store all of the events or none. Raises ChannelFull or ChannelUnavailable."""
        error = self._store(events)
        if error is not None:
            raise error
        return list(range(self._position - len(events) + 1, self._position + 1))

    @asynccontextmanager
    async def subscribe(self, group: str) -> AsyncIterator["Member"]:
        """Join a group for the length of the context. Raises ChannelUnavailable."""
        if not self._is_open:
            raise _unavailable()
        joined = self._groups.get(group)
        if joined is None:
            joined = self._groups[group] = _Group()
        member = Member(joined, self._release)
        try:
            yield member
        finally:
            member.leave()

    def statistics(self) -> ChannelStatistics:
        """What is held at this moment."""
        return ChannelStatistics(
            events=self._events,
            size_bytes=self._size_bytes,
            events_max=self._events_max,
            size_max_bytes=self._size_max_bytes,
            stored=self._position,
        )

    def _release(self, deliveries: Collection[Delivery]) -> None:
        """One group has settled these."""
        if not self._is_open:
            return
        if self._owed:
            deliveries = [delivery for delivery in deliveries if self._is_last(delivery.position)]
        self._events -= len(deliveries)
        self._size_bytes -= sum([delivery.size_bytes for delivery in deliveries])

    def _is_last(self, position: Position) -> bool:
        """Count one group's ack; true where no other group has still to ack."""
        owed = self._owed.pop(position, 1)
        if owed > 1:
            self._owed[position] = owed - 1
        return owed == 1

    def _store(self, events: Sequence[Event]) -> Exception | None:
        if not self._is_open:
            return _unavailable()
        size_bytes = self._size_bytes
        for event in events:
            size_bytes += event.size
        if size_bytes > self._size_max_bytes or self._events + len(events) > self._events_max:
            return ChannelFull(f"{self._events} events of {self._size_bytes} bytes are held")
        position = self._position
        groups = self._groups.values()
        for event in events:
            position += 1
            for group in groups:
                group.fresh.append(Delivery(event, position, event.size))
        if len(groups) > 1:
            self._owed.update(dict.fromkeys(range(self._position + 1, position + 1), len(groups)))
        self._position = position
        if groups:
            self._events += len(events)
            self._size_bytes = size_bytes
            for group in groups:
                if group.waiting:
                    group.wake()
        return None


class Member:
    """One member of a group of a MemoryChannel; made by `subscribe`."""

    def __init__(self, group: "_Group", release: Callable[[Collection[Delivery]], None]) -> None:
        self._group = group
        self._release = release
        self._held: set[Delivery] = set()
        self._has_left = False

    async def receive(self, max_events: int) -> list[Delivery]:
        """Wait for at least one event, return up to `max_events`, oldest first; at once where there are some."""
        group = self._group
        while True:
            if self._has_left or group.is_closed:
                raise _unavailable()
            taken = group.take(max_events)
            if taken:
                self._held.update(taken)
                return taken
            await group.wait()

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Settle those of them that this member holds."""
        self._release(self._give_up(deliveries))

    def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Return those of them that this member holds. O(log n) each, for they go back to their place."""
        self._group.take_back(self._give_up(deliveries))

    def leave(self) -> None:
        """Return everything, receive nothing more: a receive that waits ends with ChannelUnavailable."""
        self._has_left = True
        self.nack(list(self._held))
        self._group.wake_all()

    def _give_up(self, deliveries: Sequence[Delivery]) -> set[Delivery]:
        held = self._held.intersection(deliveries)
        self._held -= held
        return held


class _Group:
    """A queue that members share: what was never received, what came back, and who waits."""

    __slots__ = ("fresh", "is_closed", "returned", "waiting")

    def __init__(self) -> None:
        self.fresh: deque[Delivery] = deque()
        self.returned: list[tuple[Position, Delivery]] = []
        """A heap. Whatever came back is older than whatever is fresh."""
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.is_closed = False

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
        self.wake_all()


def _unavailable() -> ChannelUnavailable:
    return ChannelUnavailable("the channel is closed")
