"""A group's queues by their names, whether or not they hold anything: what a member of a persistent channel gets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from channels.contract import Delivery, Parked, Queue
from channels.errors import ChannelUnavailable


class KeptQueue(Protocol):
    """A queue that holds something."""

    @property
    def is_ordered(self) -> bool:
        """Its order, which never changes."""

    @property
    def events(self) -> int:
        """As `Queue` says it, and so for the rest."""

    @property
    def size_bytes(self) -> int:
        """As above."""

    @property
    def waiting(self) -> int:
        """As above."""

    @property
    def due_in_s(self) -> float | None:
        """As above."""

    def park(self, deliveries: Sequence[Delivery], after_s: float, attempts: int, note: bytes) -> None:
        """As above."""

    async def take(self, max_events: int) -> list[Parked]:
        """As above."""

    def clear(self) -> int:
        """As above."""


class QueueGroup(Protocol):
    """Where queues are by name."""

    @property
    def is_gone(self) -> bool:
        """Its channel was closed, or it was forgotten."""

    @property
    def queues(self) -> Mapping[str, KeptQueue]:
        """Those that hold something."""

    def queue_for(self, name: str, *, is_ordered: bool) -> KeptQueue:
        """The queue of that name, made where there is none."""


class QueueName:
    """One queue by its name."""

    __slots__ = ("_group", "_is_ordered", "_name")

    def __init__(self, group: QueueGroup, name: str, *, is_ordered: bool) -> None:
        self._group: Final = group
        self._name: Final = name
        self._is_ordered: Final = is_ordered

    @property
    def _queue(self) -> KeptQueue | None:
        return self._group.queues.get(self._name)

    @property
    def events(self) -> int:
        """Those parked here and not settled, taken ones among them."""
        queue = self._queue
        return 0 if queue is None else queue.events

    @property
    def size_bytes(self) -> int:
        """Of the same."""
        queue = self._queue
        return 0 if queue is None else queue.size_bytes

    @property
    def waiting(self) -> int:
        """Those of them that nobody has taken."""
        queue = self._queue
        return 0 if queue is None else queue.waiting

    @property
    def due_in_s(self) -> float | None:
        """Seconds until `take` may find something, 0 for now."""
        queue = self._queue
        return None if queue is None else queue.due_in_s

    def park(
        self, deliveries: Sequence[Delivery], *, after_s: float = 0.0, attempts: int = 0, note: bytes = b""
    ) -> None:
        """Keep a copy of each here, for `after_s` seconds at least."""
        group = self._group
        if deliveries and not group.is_gone:
            group.queue_for(self._name, is_ordered=self._is_ordered).park(deliveries, after_s, attempts, note)

    async def take(self, max_events: int) -> list[Parked]:
        """Up to `max_events` of those that are due, perhaps none. Raises ChannelUnavailable."""
        queue = self._queue
        taken = [] if queue is None else await queue.take(max_events)
        if self._group.is_gone:
            raise ChannelUnavailable("the channel is closed")
        return taken

    def clear(self) -> int:
        """Settle all that is parked here, taken or not, and say how many."""
        queue = self._queue
        return 0 if queue is None else queue.clear()


class QueueNames(Mapping[str, Queue]):
    """The queues of a group that hold something."""

    def __init__(self, group: QueueGroup, queue: Callable[..., Queue]) -> None:
        self._group: Final = group
        self._queue: Final = queue

    def __getitem__(self, name: str) -> Queue:
        return self._queue(name, is_ordered=self._group.queues[name].is_ordered)

    def __iter__(self) -> Iterator[str]:
        return iter([*self._group.queues])

    def __len__(self) -> int:
        return len(self._group.queues)
