"""One member of a group, and a queue as it sees it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from channels.contract import Delivery, Parked, Queue, Watcher
from channels.kafka.lease import Held, Lease
from channels.kafka.sheet import Taken

if TYPE_CHECKING:
    from channels.kafka.group import Group


class Member:
    """Made by `KafkaChannel.subscribe`."""

    def __init__(self, group: "Group") -> None:
        self._group: Final = group
        self.held: Final[set[Held]] = set()
        self.taken: Final[set[Taken]] = set()
        self.watcher: Watcher | None = None
        self.has_left = False

    @property
    def lag(self) -> int:
        """What of this process's partitions nobody has received, or was given back."""
        return self._group.lag

    @property
    def queues(self) -> Mapping[str, Queue]:
        """Those of this process's partitions that hold something."""
        return MemberQueues(self, self._group)

    async def receive(self, max_events: int) -> list[Delivery]:
        """Wait for at least one event, return up to `max_events`, oldest first. Raises ChannelUnavailable."""
        group = self._group
        while True:
            group.check(self)
            taken = group.take(max_events)
            if taken:
                self.held.update(taken)
                return [*taken]
            await group.wait()

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Settle those of them that this member holds."""
        self._group.settle(self._give_up(deliveries))
        if self.taken:
            self._group.parking.settle(self._give_back(deliveries))

    def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Return those of them that this member holds."""
        self._group.take_back(self._give_up(deliveries))
        if self.taken:
            self._group.parking.put_back(self._give_back(deliveries))

    def holds(self, delivery: Delivery) -> bool:
        """Whether it received or took it, and has it still."""
        self._group.pulse.look()
        if isinstance(delivery, Taken):
            return delivery in self.taken and delivery.is_held
        return delivery in self.held

    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        """The queue of that name."""
        return MemberQueue(name, self, self._group, is_ordered=is_ordered)

    def watch(self, watcher: Watcher) -> None:
        """Tell that one of what other processes do."""
        self.watcher = watcher

    def keep_order(self, *, is_needed: bool) -> None:
        """It is kept: a key has its partition, and a partition one process."""

    def leave(self) -> None:
        """Return everything, receive nothing more."""
        self.has_left = True
        self._group.take_back(self._give_up([*self.held]))
        self._group.parking.put_back(self._give_back([*self.taken]))

    def lose(self, partition: int) -> None:
        """What it has taken out of queues of that partition is another process's."""
        self.taken.difference_update([one for one in self.taken if one.sheet.partition == partition])

    def drop(self, lease: Lease) -> None:
        """What it holds of that one is not its own any more."""
        self.held.difference_update([one for one in self.held if one.lease is lease])

    def lose_all(self) -> None:
        """What it holds is other processes'."""
        self.held.clear()
        self.taken.clear()

    def _give_up(self, deliveries: Sequence[Delivery]) -> set[Held]:
        held = self.held.intersection(deliveries)
        self.held.difference_update(held)
        return held

    def _give_back(self, deliveries: Sequence[Delivery]) -> list[Taken]:
        taken = self.taken.intersection(deliveries)
        self.taken.difference_update(taken)
        return [one for one in taken if one.is_held]


class MemberQueue:
    """A queue by its name. It holds nothing itself, so there may be many of one name."""

    __slots__ = ("_group", "_is_ordered", "_member", "_name")

    def __init__(self, name: str, member: Member, group: "Group", *, is_ordered: bool) -> None:
        self._name: Final = name
        self._member: Final = member
        self._group: Final = group
        self._is_ordered: Final = is_ordered

    @property
    def events(self) -> int:
        """Those parked here and not settled."""
        shelf = self._group.shelves.by_name.get(self._name)
        return 0 if shelf is None else shelf.events

    @property
    def size_bytes(self) -> int:
        """Of the same."""
        shelf = self._group.shelves.by_name.get(self._name)
        return 0 if shelf is None else shelf.size_bytes

    @property
    def waiting(self) -> int:
        """Those that nobody has taken."""
        shelf = self._group.shelves.by_name.get(self._name)
        return 0 if shelf is None else shelf.waiting

    @property
    def due_in_s(self) -> float | None:
        """Seconds until `take` finds something."""
        return self._group.shelves.due_in_s(self._name)

    def park(
        self, deliveries: Sequence[Delivery], *, after_s: float = 0.0, attempts: int = 0, note: bytes = b""
    ) -> None:
        """Keep a copy of each."""
        if not self._group.is_closed:
            self._group.parking.park(
                self._group.name, self._name, deliveries, after_s, attempts, note, is_ordered=self._is_ordered
            )

    async def take(self, max_events: int) -> list[Parked]:
        """Up to `max_events` of those that are due, perhaps none. Raises ChannelUnavailable."""
        group = self._group
        group.check(self._member)
        if group.is_halted:
            return []
        taken = await group.parking.take(group.name, self._name, max_events)
        if group.is_closed or group.is_halted or self._member.has_left:
            group.parking.put_back(taken)
            group.check(self._member)
            return []
        self._member.taken.update(taken)
        return [*taken]

    def clear(self) -> int:
        """Settle all of it."""
        return self._group.parking.clear(self._group.name, self._name)


class MemberQueues(Mapping[str, Queue]):
    """The queues that hold something."""

    def __init__(self, member: Member, group: "Group") -> None:
        self._member: Final = member
        self._group: Final = group

    def __getitem__(self, name: str) -> Queue:
        return self._member.queue(name, is_ordered=self._group.shelves.by_name[name].is_ordered)

    def __iter__(self) -> Iterator[str]:
        return iter([*self._group.shelves.by_name])

    def __len__(self) -> int:
        return len(self._group.shelves.by_name)
