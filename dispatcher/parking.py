"""What of one lane rests in its channel's queues, and which of them is worth asking next.

    NAME            what goes in due order
    NAME/ordered    where order is kept: what goes in the order of the log
    NAME#KEY        where order is kept: one key's head that is to be retried later, and what came behind it

All of a key that is in its own queue is older than what is in the ordered one, and younger than what is in memory;
while there is something in it, what is in memory was taken out of it. So a crash puts nothing behind what is younger:
what was in memory is at the front of its queue again, or comes from the log and goes into the ordered queue, by its
position.
"""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Final

from channels.contract import Delivery, Parked, Queue, Subscription

_ORDERED_SUFFIX: Final = "/ordered"
_KEY_MARK: Final = "#"
_AGAIN_S: Final = 0.01
"""Until a queue is asked again that was due and gave nothing, or an earlier process' events have all been offered."""


class Shelf:
    """One queue as its lane sees it."""

    __slots__ = ("due_s", "events", "is_ordered", "is_overtaken", "key", "name")

    def __init__(self, name: str, *, is_ordered: bool, key: str | None = None) -> None:
        self.name = name
        self.is_ordered = is_ordered
        self.key = key
        """Of a key's own queue."""
        self.events = 0
        """Those parked there that nobody has taken."""
        self.due_s = inf
        """The clock's reading when it is worth asking; it may be too early. Never, while its key has a head."""
        self.is_overtaken = False
        """Something older came here since the last take began."""


class Parking:
    """The queues of one lane. `is_replayed` says whether all that the log gives out once more was offered."""

    def __init__(
        self, subscription: Subscription, name: str, *, now_s: Callable[[], float], is_replayed: Callable[[], bool]
    ) -> None:
        self.events = 0
        """Those parked and not taken."""
        self.retries = 0
        """Those of them that had an attempt, as far as this process knows."""
        self.keys: dict[str, Shelf] = {}
        """The shelves of keys; there is one while something is in it that nobody has taken."""
        self.plain = Shelf(name, is_ordered=False)
        self.ordered = Shelf(name + _ORDERED_SUFFIX, is_ordered=True)
        self._prefix = name + _KEY_MARK
        self._subscription = subscription
        self._now_s = now_s
        self._is_replayed = is_replayed
        self._due: list[tuple[float, int, Shelf]] = []
        self._sequence = count()
        for found, queue in subscription.queues.items():
            self._restore(found, queue)
        self.has_order = bool(self.keys or self.ordered.events)
        """Something was parked in order at some time."""

    def park(
        self,
        shelf: Shelf,
        deliveries: Sequence[Delivery],
        *,
        after_s: float = 0.0,
        attempts: int = 0,
        note: bytes = b"",
        is_first: bool = False,
    ) -> None:
        """Keep these; the caller has them settled in this turn. `is_first` where they are older than what is there."""
        self._queue(shelf).park(deliveries, after_s=after_s, attempts=attempts, note=note)
        shelf.is_overtaken = shelf.is_overtaken or is_first
        self.has_order = self.has_order or shelf.is_ordered
        if is_first or not shelf.is_ordered or not shelf.events:
            self._schedule(shelf, min(shelf.due_s, self._now_s() + after_s))
        self._count(shelf, len(deliveries))
        if attempts:
            self.retries += len(deliveries)

    def of_key(self, key: str) -> Shelf:
        """The shelf of a key, an empty one where there is none."""
        shelf = self.keys.get(key)
        return shelf or Shelf(self._prefix + key, is_ordered=True, key=key)

    def free(self, key: str | None) -> None:
        """The key has no head any more: what is on its shelf may come."""
        shelf = None if key is None else self.keys.get(key)
        if shelf is not None and shelf.due_s == inf:
            self._schedule(shelf, self._now_s())

    def due_s(self) -> float:
        """When it is worth taking something; infinity where nothing waits for time alone."""
        due = self._due
        while due and due[0][0] != due[0][2].due_s:
            heappop(due)
        return due[0][0] if due else inf

    def next(self, *, only_keys: bool) -> Shelf | None:
        """The shelf that has been due for longest: something is to be taken from it."""
        now_s = self._now_s()
        while self.due_s() <= now_s:
            shelf = heappop(self._due)[2]
            # What the log gives out once more is older than what is in the ordered queue.
            if shelf.key is not None or not (only_keys or (shelf.is_ordered and not self._is_replayed())):
                return shelf
            self._schedule(shelf, now_s + _AGAIN_S)
        return None

    async def take(self, shelf: Shelf, max_events: int) -> list[Parked]:
        """What is due there. Nothing more is taken before `resume` or, for a key, `free`. Raises ChannelUnavailable."""
        shelf.due_s = inf
        shelf.is_overtaken = False
        taken: list[Parked] | None = None
        try:
            taken = await self._queue(shelf).take(max_events)
        finally:
            if taken is None:
                self._schedule(shelf, self._now_s())
        if shelf.is_ordered and shelf.is_overtaken:
            self._subscription.nack(taken)
            return []
        for delivery in taken:
            delivery.pending = 1
        if self.retries:
            self.retries = max(0, self.retries - sum(1 for delivery in taken if delivery.attempts))
        self._count(shelf, -len(taken))
        return taken

    def resume(self, shelf: Shelf, *, was_empty: bool) -> None:
        """After something was taken, or nothing: there may be more, now or later."""
        if not shelf.events:
            return
        queue = self._queue(shelf)
        due_in_s = queue.due_in_s
        if due_in_s is None and not queue.events:
            self._count(shelf, -shelf.events)  # damaged, and set aside by the channel
        else:
            wait_s = max(due_in_s or 0.0, _AGAIN_S if was_empty or due_in_s is None else 0.0)
            self._schedule(shelf, self._now_s() + wait_s)

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Taken out of the plain queue, and not tried."""
        self._subscription.nack(deliveries)
        self._count(self.plain, len(deliveries))
        self._schedule(self.plain, self._now_s())

    def size_bytes(self, shelf: Shelf) -> float:
        """What an event there has on average."""
        queue = self._queue(shelf)
        return queue.size_bytes / (queue.events or 1)

    def clear(self) -> None:
        """Nothing of it is wanted any more."""
        for name, queue in [*self._subscription.queues.items()]:
            if name in (self.plain.name, self.ordered.name) or name.startswith(self._prefix):
                queue.clear()
        for shelf in (self.plain, self.ordered, *self.keys.values()):
            shelf.events = 0
            shelf.due_s = inf
        self.keys.clear()
        self.events = self.retries = 0

    def _restore(self, name: str, queue: Queue) -> None:
        """What an earlier process parked."""
        if name == self.plain.name:
            shelf = self.plain
        elif name == self.ordered.name:
            shelf = self.ordered
        elif name.startswith(self._prefix):
            shelf = self.of_key(name.removeprefix(self._prefix))
        else:
            return
        self._count(shelf, queue.events)
        self._schedule(shelf, self._now_s() + (queue.due_in_s or 0.0))

    def _queue(self, shelf: Shelf) -> Queue:
        return self._subscription.queue(shelf.name, is_ordered=shelf.is_ordered)

    def _count(self, shelf: Shelf, change: int) -> None:
        events = max(0, shelf.events + change)
        self.events += events - shelf.events
        shelf.events = events
        if shelf.key is not None:
            if events:
                self.keys[shelf.key] = shelf
            else:
                self.keys.pop(shelf.key, None)

    def _schedule(self, shelf: Shelf, due_s: float) -> None:
        if due_s != shelf.due_s and due_s < inf:
            heappush(self._due, (due_s, next(self._sequence), shelf))
        shelf.due_s = due_s
