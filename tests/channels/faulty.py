"""Channels with one fault each are made of these; and the stage on which a law must catch them."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from channels.contract import Delivery, Parked, Queue, Start
from channels.errors import ChannelFull
from channels.memory import MemoryChannel
from channels.memory_group import Group, Member
from channels.memory_queue import MemoryQueue
from channels.witness import Factory, Law
from tests.channels.durable import DurableChannel, Storage


class WrappedQueue:
    """A queue that does what the queue below it does, but for what a faulty one overrides."""

    def __init__(self, below: MemoryQueue, member: Member) -> None:
        self.below = below
        self.member = member

    @property
    def events(self) -> int:
        return self.below.events

    @property
    def size_bytes(self) -> int:
        return self.below.size_bytes

    @property
    def waiting(self) -> int:
        return self.below.waiting

    @property
    def due_in_s(self) -> float | None:
        return self.below.due_in_s

    def park(
        self, deliveries: Sequence[Delivery], *, after_s: float = 0.0, attempts: int = 0, note: bytes = b""
    ) -> None:
        self.below.park(deliveries, after_s=after_s, attempts=attempts, note=note)

    async def take(self, max_events: int) -> list[Parked]:
        return await self.below.take(max_events)

    def clear(self) -> int:
        return self.below.clear()


class Wrapped:
    """A member that does what the member below it does, but for what a faulty one overrides."""

    queue_kind: Callable[[MemoryQueue, Member], Queue] = WrappedQueue

    def __init__(self, below: Member, channel: MemoryChannel) -> None:
        self.below = below
        self.channel = channel

    @property
    def group(self) -> Group:
        return self.below._group

    @property
    def lag(self) -> int:
        return self.below.lag

    @property
    def queues(self) -> Mapping[str, Queue]:
        return {name: self.queue(name) for name in self.below.queues}

    async def receive(self, max_events: int) -> list[Delivery]:
        return await self.below.receive(max_events)

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        self.below.ack(deliveries)

    def nack(self, deliveries: Sequence[Delivery]) -> None:
        self.below.nack(deliveries)

    def holds(self, delivery: Delivery) -> bool:
        return self.below.holds(delivery)

    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        return type(self).queue_kind(self.below.queue(name, is_ordered=is_ordered), self.below)


def with_members(kind: type[Wrapped], channel: type[MemoryChannel] = MemoryChannel) -> type[MemoryChannel]:
    """A channel whose members are of that kind."""

    class Faulty(channel):  # type: ignore[misc, valid-type]
        @asynccontextmanager
        async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Wrapped]:
            async with super().subscribe(group, start=start) as member:
                yield kind(member, self)

    Faulty.__name__ = kind.__name__
    return Faulty


def with_queues(kind: type[WrappedQueue], channel: type[MemoryChannel] = MemoryChannel) -> type[MemoryChannel]:
    """A channel whose queues are of that kind."""
    return with_members(type(kind.__name__, (Wrapped,), {"queue_kind": kind}), channel)


def factory(kind: type[MemoryChannel]) -> Factory:
    """Makes channels of that kind, durable ones with storages of their own."""
    storages: dict[str, Storage] = {}

    def make(*, storage: str = "a", events_max: int = 1000, size_max_bytes: int = 2**24) -> Any:
        bounds = {"events_max": events_max, "size_max_bytes": size_max_bytes}
        if issubclass(kind, DurableChannel):
            return kind(storages.setdefault(storage, Storage()), **bounds)
        return kind(**bounds)

    return make


async def assert_caught(law: Law, kind: type[MemoryChannel]) -> None:
    """The law is broken by a channel of that kind, and by its fault alone: without it, it holds."""
    await law(factory(DurableChannel if issubclass(kind, DurableChannel) else MemoryChannel))
    with pytest.raises((AssertionError, ChannelFull)):
        await law(factory(kind))


def name_of(value: object) -> str:
    """For the ids of parametrized tests."""
    return getattr(value, "__name__", str(value))
