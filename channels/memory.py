"""A channel in this process's memory: as fast as a deque, gone with the process.

A group is a line of Deliveries, filled by `submit` without a task or a lock between. An event is charged against the
bounds until every group that got it has acked it, and once more for each time it is parked.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Final, Self

from channels.contract import ChannelStatistics, Delivery, Features, Position, Receipt, Start
from channels.errors import ChannelFull
from channels.event import Event
from channels.memory_group import Group, Member, unavailable


class MemoryChannel:
    """Holds at most `events_max` events and `size_max_bytes` of `Event.size`. What no group gets is not held."""

    features: Features = Features(ordered=True)

    def __init__(self, *, events_max: int, size_max_bytes: int) -> None:
        self._events_max: Final = events_max
        self._size_max_bytes: Final = size_max_bytes
        self._events = 0
        self._size_bytes = 0
        self._position: Position = 0
        self._is_open = False
        self._groups: dict[str, Group] = {}
        self._owed: dict[Position, int] = {}
        """How many groups have still to ack an event, for events that went to more than one."""
        self._remembered: dict[str, bytes] = {}

    async def __aenter__(self) -> Self:
        self._is_open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._is_open = False
        for group in self._groups.values():
            group.close()
        self._groups.clear()
        self._owed.clear()
        self._remembered.clear()
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
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Member]:
        """Join a group for the length of the context; nothing past is kept for a `start`. Raises ChannelUnavailable."""
        member = Member(self._begin(group), self._release)
        try:
            yield member
        finally:
            member.leave()

    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        """The group is there; nothing past is kept for a `start`. Raises ChannelUnavailable."""
        self._begin(group)

    def _begin(self, name: str) -> Group:
        if not self._is_open:
            raise unavailable()
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = Group(self._charge)
        return group

    def forget(self, group: str) -> None:
        """Settle all that the group has, and drop the group."""
        forgotten = self._groups.pop(group, None)
        if forgotten is not None:
            self._release(forgotten.unsettled)
            forgotten.close()

    def remember(self, name: str, value: bytes | None) -> None:
        """Keep it until the channel is left."""
        if value is None:
            self._remembered.pop(name, None)
        else:
            self._remembered[name] = value

    @property
    def remembered(self) -> Mapping[str, bytes]:
        """What was last remembered, by name."""
        return MappingProxyType(self._remembered)

    def before_commit(self, do: Callable[[], None]) -> None:
        """Never calls it: nothing is committed."""

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

    def _charge(self, events: int, size_bytes: int) -> None:
        """So many more are parked, or less."""
        if self._is_open:
            self._events += events
            self._size_bytes += size_bytes

    def _is_last(self, position: Position) -> bool:
        """Count one group's ack; true where no other group has still to ack."""
        owed = self._owed.pop(position, 1)
        if owed > 1:
            self._owed[position] = owed - 1
        return owed == 1

    def _store(self, events: Sequence[Event]) -> Exception | None:
        if not self._is_open:
            return unavailable()
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
