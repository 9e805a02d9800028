"""A model of a shared channel whose log has partitions: each is one process's, with all that was parked of it.

Who joins a group has nothing of it, where others have members, until `Storage.rebalance` deals anew.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from heapq import heapify, heappush
from itertools import count
from typing import Any, Self

from channels.contract import ChannelStatistics, Delivery, Features, Parked, Position, Start, Watcher
from channels.errors import ChannelFull
from channels.event import Event
from channels.memory import MemoryChannel
from channels.memory_group import Group, Member, unavailable
from channels.memory_queue import Kept, MemoryQueue, Shelf


class Place(Group):
    """What one process has of a group, or nobody."""

    def __init__(self, storage: "Storage", channel: "PartitionedChannel | None") -> None:
        super().__init__(lambda events, size_bytes: None)
        self.storage = storage
        self.channel = channel
        self.members: list[PartitionedMember] = []
        self.withheld: set[int] = set()
        """Partitions that are about to go elsewhere."""
        self.shelves._sequence = storage.sequence  # type: ignore[misc]

    def take(self, count: int) -> list[Delivery]:
        aside = [entry for entry in self.returned if self.is_withheld(entry[1])]
        stale = [delivery for delivery in self.fresh if self.is_withheld(delivery)]
        if aside or stale:
            self.returned = [entry for entry in self.returned if not self.is_withheld(entry[1])]
            heapify(self.returned)
            left = [delivery for delivery in self.fresh if not self.is_withheld(delivery)]
            self.fresh.clear()
            self.fresh.extend(left)
        taken = super().take(count)
        self.fresh.extendleft(reversed(stale))
        for entry in aside:
            heappush(self.returned, entry)
        return taken

    def is_withheld(self, delivery: Delivery) -> bool:
        return self.storage.partition_of(delivery) in self.withheld

    def deliveries(self) -> list[Delivery]:
        """All of the log, held or not."""
        return [*self.unsettled, *(one for member in self.members for one in member._held)]

    def holds_any_of(self, partitions: Collection[int]) -> bool:
        held = [*(one for member in self.members for one in member._held)]
        held += [kept for shelf in self.shelves.by_name.values() for kept in shelf.taken]
        return any(self.storage.partition_of(one) in partitions for one in held)

    def cede(self, partition: int, other: "Place") -> None:
        """All of the partition is the other's: of the log, and parked. What was said before is committed whole."""
        for do in self.channel.hooks if self.channel is not None else ():
            do()
        moved = [one for one in self.deliveries() if self.storage.partition_of(one) == partition]
        for line in (self.fresh, self.returned):
            left = [one for one in line if self.storage.partition_of(_delivery_of(one)) != partition]
            line.clear()
            line.extend(left)  # type: ignore[arg-type]
        heapify(self.returned)
        for member in self.members:
            member._held.difference_update(moved)
        for shelf in [*self.shelves.by_name.values()]:
            self._cede_shelf(shelf, partition, other)
        other.take_back(moved)

    def _cede_shelf(self, shelf: Shelf, partition: int, other: "Place") -> None:
        kept = [one for one in (*(entry[2] for entry in shelf.heap), *shelf.taken) if self._is_of(one, partition)]
        shelf.heap[:] = [entry for entry in shelf.heap if not self._is_of(entry[2], partition)]
        heapify(shelf.heap)
        for one in kept:
            self.shelves.taken -= shelf.taken.pop(one, None) is not None
            their = other.shelves.by_name.setdefault(shelf.name, Shelf(shelf.name, is_ordered=shelf.is_ordered))
            again = one.again()
            again.shelf = their
            their.put(again)
            other.shelves._count(their, 1, one.size_bytes)
        if kept:
            self.shelves._count(shelf, -len(kept), -sum(one.size_bytes for one in kept))

    def _is_of(self, kept: Kept, partition: int) -> bool:
        return self.storage.partition_of(kept) == partition

    def tell(self, what: Callable[[Watcher], None]) -> None:
        for member in self.members:
            for watcher in member.watchers:
                what(watcher)


class SharedGroup:
    """Who has which partition."""

    def __init__(self, storage: "Storage") -> None:
        self.nobody = Place(storage, None)
        self.owners = dict.fromkeys(range(storage.partitions), self.nobody)
        self.places: list[Place] = []


class Storage:
    """What processes have in common."""

    def __init__(self, partitions: int = 4, *, events_max: int = 10**6, size_max_bytes: int = 10**9) -> None:
        self.partitions = partitions
        self.bounds = (events_max, size_max_bytes)
        self.sequence = count()
        self.log: list[tuple[float, Delivery]] = []
        self.partition: list[int] = []
        """By position, from 1."""
        self.groups: dict[str, SharedGroup] = {}
        self.remembered: dict[str, bytes] = {}
        self.delay_s = 0.0
        """What a receive takes."""

    def partition_of(self, delivery: Delivery) -> int:
        return self.partition[delivery.position - 1]

    def store(self, events: Sequence[Event]) -> list[Position]:
        positions = []
        for event in events:
            key = event.get_text("partitionkey") or event.get_text("subject") or event.id
            self.partition.append(sum(key.encode()) % self.partitions)
            position = len(self.partition)
            self.log.append((time.time(), Delivery(event, position, event.size)))
            for group in self.groups.values():
                owner = group.owners[self.partition[-1]]
                owner.fresh.append(Delivery(event, position, event.size))
                owner.wake()
            positions.append(position)
        return positions

    def join(self, name: str, channel: "PartitionedChannel", start: Start) -> Place:
        """What that process has of the group: all, where nobody else is there."""
        group = self.begin(name, start)
        for place in group.places:
            if place.channel is channel:
                return place
        place = Place(self, channel)
        group.places.append(place)
        self.move(name, [partition for partition, owner in group.owners.items() if owner is group.nobody], place)
        return place

    def begin(self, name: str, start: Start) -> SharedGroup:
        group = self.groups.get(name)
        if group is None:
            group = self.groups[name] = SharedGroup(self)
            group.nobody.take_back(self._past(start))
        return group

    def leave(self, name: str, place: Place) -> None:
        """The others have what it had; in turns."""
        group = self.groups.get(name)
        if group is None or place not in group.places:
            return
        group.places.remove(place)
        mine = [partition for partition, owner in group.owners.items() if owner is place]
        heirs = group.places or [group.nobody]
        for turn, heir in enumerate(heirs):
            self.move(name, mine[turn :: len(heirs)], heir)

    def move(self, name: str, partitions: Iterable[int], heir: Place) -> None:
        """At once."""
        group, losers = self.groups[name], []
        partitions = [partition for partition in partitions if group.owners[partition] is not heir]
        for partition in partitions:
            loser = group.owners[partition]
            loser.cede(partition, heir)
            group.owners[partition] = heir
            losers.append(loser)
        for place in {id(place): place for place in (*losers, heir) if partitions}.values():
            place.withheld.clear()
            place.tell(lambda watcher: watcher.queues_changed())
            place.wake()

    async def rebalance(self, name: str, *, turn: int = 0, patience_s: float = 1.0) -> None:
        """Deal anew, beginning with that process. Who loses something is asked to give way, and waited for."""
        group = self.groups[name]
        if not group.places:
            return
        wanted = {one: group.places[(one + turn) % len(group.places)] for one in group.owners}
        goes = {one: place for one, place in wanted.items() if group.owners[one] is not place}
        for loser in {id(group.owners[one]): group.owners[one] for one in goes}.values():
            loser.withheld = {one for one in goes if group.owners[one] is loser}
            loser.tell(lambda watcher: watcher.give_way())
        until_s = asyncio.get_running_loop().time() + patience_s
        while asyncio.get_running_loop().time() < until_s and any(
            group.owners[one].holds_any_of([one]) for one in goes
        ):
            await asyncio.sleep(0.01)
        for heir in {id(place): place for place in goes.values()}.values():
            if heir in group.places:
                self.move(name, [one for one, place in goes.items() if place is heir], heir)
        for place in group.places:
            place.withheld.clear()
            place.wake()

    def statistics(self) -> ChannelStatistics:
        log: dict[Position, int] = {}
        events = size_bytes = 0
        for group in self.groups.values():
            for place in (*group.places, group.nobody):
                log.update((one.position, one.size_bytes) for one in place.deliveries())
                events += sum(shelf.events for shelf in place.shelves.by_name.values())
                size_bytes += sum(shelf.size_bytes for shelf in place.shelves.by_name.values())
        return ChannelStatistics(events + len(log), size_bytes + sum(log.values()), *self.bounds, len(self.partition))

    def _past(self, start: Start) -> list[Delivery]:
        if isinstance(start, datetime):
            return [delivery for stored_s, delivery in self.log if stored_s >= start.timestamp()]
        first = {"latest": len(self.partition) + 1, "earliest": 0}.get(start, start)  # type: ignore[call-overload]
        return [delivery for _, delivery in self.log if delivery.position >= first]


class PartitionedMember(Member):
    def __init__(self, place: Place) -> None:
        super().__init__(place, lambda deliveries: None)
        self.place = place
        self.watchers: list[Watcher] = []
        self.is_order_needed = False

    @property
    def lag(self) -> int:
        """Of all processes."""
        storage = self.place.storage
        group = next((one for one in storage.groups.values() if self.place in one.places), None)
        return 0 if group is None else sum(len(place.unsettled) for place in (*group.places, group.nobody))

    async def receive(self, max_events: int) -> list[Delivery]:
        if self.place.storage.delay_s:
            await asyncio.sleep(self.place.storage.delay_s)
        return await super().receive(max_events)

    def watch(self, watcher: Watcher) -> None:
        self.watchers.append(watcher)

    def keep_order(self, *, is_needed: bool) -> None:
        self.is_order_needed = is_needed

    def queue(self, name: str, *, is_ordered: bool = False) -> MemoryQueue:
        return _Queue(name, self.place.shelves, self, self._check, is_ordered=is_ordered)


class _Queue(MemoryQueue):
    async def take(self, max_events: int) -> list[Parked]:
        """Not what is withheld."""
        place = self._member.place  # type: ignore[attr-defined]
        shelf = place.shelves.by_name.get(self._name)
        if shelf is None or not place.withheld:
            return await super().take(max_events)
        aside = [entry for entry in shelf.heap if place.is_withheld(entry[2])]
        shelf.heap[:] = [entry for entry in shelf.heap if not place.is_withheld(entry[2])]
        heapify(shelf.heap)
        try:
            return await super().take(max_events)
        finally:
            for entry in aside:
                heappush(shelf.heap, entry)


class PartitionedChannel(MemoryChannel):
    features = Features(persistent=True, durable=True, ordered=True, replayable=True, shared=True)

    def __init__(self, storage: Storage) -> None:
        super().__init__(events_max=storage.bounds[0], size_max_bytes=storage.bounds[1])
        self.storage = storage
        self.places: dict[str, Place] = {}
        self.hooks: list[Callable[[], None]] = []

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._remembered = self.storage.remembered
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.end()

    async def vanish(self) -> None:
        self.end()

    def end(self) -> None:
        """From here on it does nothing; what it had is others'."""
        for do in self.hooks:
            do()
        self._is_open = False
        self._remembered = dict(self._remembered)
        for name, place in self.places.items():
            place.members, members = [], place.members
            for member in members:
                member.leave()
            self.storage.leave(name, place)
            place.close()
        self.places.clear()

    def lose_all(self, name: str) -> None:
        """As if it had been thought dead for a while: what it has of the group is others', which it is told of."""
        place, group = self.places[name], self.storage.groups[name]
        others = [one for one in group.places if one is not place] or [group.nobody]
        mine = [partition for partition, owner in group.owners.items() if owner is place]
        for turn, heir in enumerate(others):
            self.storage.move(name, mine[turn :: len(others)], heir)

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Member]:
        if not self._is_open:
            raise unavailable()
        place = self.places[group] = self.storage.join(group, self, start)
        member = PartitionedMember(place)
        place.members.append(member)
        try:
            yield member
        finally:
            if member in place.members:
                place.members.remove(member)
                member.leave()
                if not place.members:
                    self.storage.leave(group, place)
                    self.places.pop(group, None)

    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        if not self._is_open:
            raise unavailable()
        self.storage.begin(group, start)

    def forget(self, group: str) -> None:
        known = self.storage.groups.get(group)
        if known is not None and not known.places and self._is_open:
            del self.storage.groups[group]

    def remember(self, name: str, value: bytes | None) -> None:
        if self._is_open:
            super().remember(name, value)

    def before_commit(self, do: Callable[[], None]) -> None:
        self.hooks.append(do)

    def statistics(self) -> ChannelStatistics:
        return self.storage.statistics()

    def _store(self, events: Sequence[Event]) -> Exception | None:
        if not self._is_open:
            return unavailable()
        for do in self.hooks:
            do()
        events_max, size_max_bytes = self.storage.bounds
        held = self.storage.statistics() if events_max < 10**6 else ChannelStatistics(0, 0, 0, 0, 0)
        size_bytes = held.size_bytes + sum(event.size for event in events)
        if held.events + len(events) > events_max or size_bytes > size_max_bytes:
            return ChannelFull("full")
        self._position = self.storage.store(events)[-1] if events else self._position
        return None


def _delivery_of(entry: Any) -> Delivery:
    return entry[1] if isinstance(entry, tuple) else entry


def factory_of_partitioned(partitions: int = 1) -> Callable[..., Any]:
    """Makes channels, those of one storage before one log."""
    storages: dict[str, Storage] = {}

    def make(*, storage: str = "a", events_max: int = 1000, size_max_bytes: int = 2**24) -> Any:
        known = storages.get(storage)
        if known is None or known.bounds != (events_max, size_max_bytes):
            known = storages[storage] = Storage(partitions, events_max=events_max, size_max_bytes=size_max_bytes)
        return PartitionedChannel(known)

    return make
