"""A model of a durable channel that replays: the memory channel, and a storage that remembers how it was left."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from channels.contract import Delivery, Features, Position, Start
from channels.event import Event
from channels.memory import MemoryChannel
from channels.memory_group import Group, Member
from channels.memory_queue import Kept


@dataclass
class SavedGroup:
    unsettled: list[Delivery]
    parked: list[tuple[str, bool, Kept]]
    """Behind the name and the order of their queue."""


@dataclass
class Storage:
    """What a channel finds that is made anew. All that was ever stored is kept."""

    position: Position = 0
    log: list[tuple[float, Delivery]] = field(default_factory=list)
    groups: dict[str, SavedGroup] = field(default_factory=dict)
    remembered: dict[str, bytes] = field(default_factory=dict)


class DurableChannel(MemoryChannel):
    features = Features(persistent=True, durable=True, ordered=True, replayable=True)

    def __init__(self, storage: Storage, *, events_max: int, size_max_bytes: int) -> None:
        super().__init__(events_max=events_max, size_max_bytes=size_max_bytes)
        self.storage = storage
        self.hooks: list[Callable[[], None]] = []

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._position = self.storage.position
        self._remembered.update(self.storage.remembered)
        for name, saved in self.storage.groups.items():
            self._groups[name] = group = Group(self._charge)
            self.restore(group, saved)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._is_open:
            self.storage.position = self._position
            self.storage.remembered = dict(self._remembered)
            self.storage.groups = {name: self.save(name, group) for name, group in self._groups.items()}
        await super().__aexit__(*exc)

    def save(self, name: str, group: Group) -> SavedGroup:
        shelves = group.shelves.by_name.values()
        parked = [(shelf.name, shelf.is_ordered, kept) for shelf in shelves for _, _, kept in sorted(shelf.heap)]
        return SavedGroup(sorted(group.unsettled, key=lambda one: one.position), parked)

    def restore(self, group: Group, saved: SavedGroup) -> None:
        for delivery in saved.unsettled:
            self.hold(group, delivery)
        for name, is_ordered, kept in saved.parked:
            self.restore_parked(group, name, kept, is_ordered)

    def restore_parked(self, group: Group, name: str, kept: Kept, is_ordered: bool) -> None:
        left_s = kept.due_s - group.shelves.now_s()
        group.shelves.park(name, [kept], left_s, kept.attempts, kept.note, is_ordered=is_ordered)

    def hold(self, group: Group, delivery: Delivery) -> None:
        """One more group has still to settle it. Counted as long as nobody else settles it before."""
        group.fresh.append(Delivery(delivery.event, delivery.position, delivery.size_bytes))
        others = self._owed.get(delivery.position, int(len(self._groups) > 1))
        if others:
            self._owed[delivery.position] = others + 1
        else:
            self._charge(1, delivery.size_bytes)

    def _store(self, events: Sequence[Event]) -> Exception | None:
        for do in self.hooks:
            do()
        error = super()._store(events)
        if error is None:
            first = self._position - len(events) + 1
            stored = [Delivery(event, position, event.size) for position, event in enumerate(events, first)]
            self.storage.log += [(time.time(), delivery) for delivery in stored]
        return error

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Member]:
        await DurableChannel.ensure(self, group, start=start)
        async with super().subscribe(group) as member:
            yield member

    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        is_new = group not in self._groups
        await super().ensure(group)
        for delivery in self.past(start) if is_new else ():
            self.hold(self._groups[group], delivery)

    def past(self, start: Start) -> list[Delivery]:
        if isinstance(start, datetime):
            return [delivery for stored_s, delivery in self.storage.log if stored_s >= start.timestamp()]
        first = {"latest": self._position + 1, "earliest": 0}.get(start, start)
        return [delivery for _, delivery in self.storage.log if delivery.position >= first]

    def before_commit(self, do: Callable[[], None]) -> None:
        self.hooks.append(do)
