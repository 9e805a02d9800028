"""A model of a shared channel: processes in front of one memory channel, each with queues of its own."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from channels.contract import ChannelStatistics, Delivery, Features, Queue, Receipt, Start, Watcher
from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.memory import MemoryChannel
from channels.memory_group import Member
from channels.witness import Factory


@dataclass
class Shared:
    """What processes have in common."""

    below: MemoryChannel
    processes: list["SharedChannel"] = field(default_factory=list)
    is_entered: bool = False


class SharedMember:
    """A member whose queues are its process's: below, their names begin with its number."""

    def __init__(self, below: Member, channel: "SharedChannel", group: str) -> None:
        self.below = below
        self.channel = channel
        self.group = group
        self.watchers: list[Watcher] = []

    @property
    def lag(self) -> int:
        return self.below.lag

    @property
    def queues(self) -> Mapping[str, Queue]:
        mark = self.channel.mark
        found = {name: queue for name, queue in self.below.queues.items() if name.startswith(mark)}
        return {name.removeprefix(mark): queue for name, queue in found.items()}

    async def receive(self, max_events: int) -> list[Delivery]:
        return await self.below.receive(max_events)

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        self.below.ack(deliveries)

    def nack(self, deliveries: Sequence[Delivery]) -> None:
        self.below.nack(deliveries)

    def holds(self, delivery: Delivery) -> bool:
        return self.below.holds(delivery)

    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        return self.below.queue(self.channel.mark + name, is_ordered=is_ordered)

    def watch(self, watcher: Watcher) -> None:
        self.watchers.append(watcher)

    def keep_order(self, *, is_needed: bool) -> None:
        pass


class SharedChannel:
    features = Features(shared=True, ordered=True)
    member_kind: Callable[..., SharedMember] = SharedMember

    def __init__(self, shared: Shared, **bounds: int) -> None:
        self.shared = shared
        self.bounds = bounds
        self.mark = ""
        self.is_open = False
        self.members: list[SharedMember] = []

    async def __aenter__(self) -> Self:
        if not self.shared.is_entered:
            self.shared.is_entered = True
            await self.shared.below.__aenter__()
        self.mark = f"{id(self)}/"
        self.shared.processes.append(self)
        self.is_open = True
        for name in self.names():
            self.adopt(name)
        return self

    def names(self) -> list[str]:
        return [*self.shared.below._groups]

    async def __aexit__(self, *exc: object) -> None:
        if not self.is_open:
            return
        self.end()
        if not self.shared.processes:
            self.shared.is_entered = False
            await self.shared.below.__aexit__(*exc)

    async def vanish(self) -> None:
        if self.is_open:
            self.end()

    def end(self) -> None:
        self.is_open = False
        self.shared.processes.remove(self)
        for member in self.members:
            member.below.leave()
        for name in self.names():
            for process in self.shared.processes[:1]:
                process.adopt(name)

    def adopt(self, group: str) -> None:
        """What no process has that is there."""
        marks = tuple(process.mark for process in self.shared.processes)
        shelves = self.shared.below._groups[group].shelves
        orphans = [shelf for shelf in shelves.by_name.values() if not shelf.name.startswith(marks)]
        for shelf in orphans:
            name = self.mark + shelf.name.partition("/")[2]
            for _, _, kept in sorted(shelf.heap):
                self.adopt_one(shelves, name, kept, is_ordered=shelf.is_ordered)
            shelves.clear(shelf)
        if orphans:
            self.tell(group)

    def adopt_one(self, shelves: Any, name: str, kept: Any, *, is_ordered: bool) -> None:
        left_s = kept.due_s - shelves.now_s()
        shelves.park(name, [kept], left_s, kept.attempts, kept.note, is_ordered=is_ordered)

    def tell(self, group: str) -> None:
        for member in self.members:
            for watcher in member.watchers if member.group == group else ():
                watcher.queues_changed()

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        if self.is_open:
            self.shared.below.submit(events, receipt)
        else:
            receipt.refused(ChannelUnavailable("closed"))

    async def publish(self, events: Sequence[Event]) -> list[int]:
        if not self.is_open:
            raise ChannelUnavailable("closed")
        return await self.shared.below.publish(events)

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[SharedMember]:
        if not self.is_open:
            raise ChannelUnavailable("closed")
        async with AsyncExitStack() as stack:
            below = await stack.enter_async_context(self.shared.below.subscribe(group))
            member = type(self).member_kind(below, self, group)
            self.members.append(member)
            yield member

    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        if not self.is_open:
            raise ChannelUnavailable("closed")
        await self.shared.below.ensure(group)

    def forget(self, group: str) -> None:
        self.shared.below.forget(group)

    def remember(self, name: str, value: bytes | None) -> None:
        self.shared.below.remember(name, value)

    @property
    def remembered(self) -> Mapping[str, bytes]:
        return self.shared.below.remembered

    def before_commit(self, do: Callable[[], None]) -> None:
        pass

    def statistics(self) -> ChannelStatistics:
        return self.shared.below.statistics()


def factory_of_shared(kind: type[SharedChannel] = SharedChannel) -> Factory:
    """Makes channels of that kind, those of one storage before one memory channel."""
    storages: dict[str, Shared] = {}

    def make(*, storage: str = "a", events_max: int = 1000, size_max_bytes: int = 2**24) -> Any:
        bounds = {"events_max": events_max, "size_max_bytes": size_max_bytes}
        shared = storages.get(storage)
        if shared is None or (not shared.is_entered and shared.below._events_max != events_max):
            shared = storages[storage] = Shared(MemoryChannel(**bounds))
        return kind(shared, **bounds)

    return make
