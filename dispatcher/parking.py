"""What of one lane rests in its channel's queues, and which of them is worth asking next.

    NAME            what goes in due order
    NAME/ordered    where order is kept: what goes in the order of the log
    NAME#KEY        where order is kept: one key's head that is to be retried later, and what came behind it

All of a key that is in its own queue is older than what is in the ordered one, and younger than what is in memory;
while there is something in it, what is in memory was taken out of it. So a crash puts nothing behind what is younger:
what was in memory is at the front of its queue again, or comes from the log and goes into the ordered queue, by its
position.
"""

from collections.abc import Callable, Mapping, Sequence
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

    __slots__ = ("due_s", "events", "is_changed", "is_ordered", "is_overtaken", "key", "name")

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
        self.is_changed = False
        """Another process had a part in what is here since the last take began."""


class Parking:
    """The queues of one lane. `is_replayed` says whether all that the log gives out once more was offered."""

    def __init__(
        self, subscription: Subscription, name: str, *, now_s: Callable[[], float], is_replayed: Callable[[], bool]
    ) -> None:
        self.events = 0
        """Those parked and not taken."""
        self.retries = 0
        """Those of them that had an attempt, as far as this process knows."""
        self.adopted = 0
        """Those that came from other processes since this began."""
        self.ceded = 0
        """Those that went to other processes."""
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
            shelf = self._named(found)
            if shelf is not None:  # what an earlier process parked
                self._count(shelf, queue.waiting)
                self._schedule(shelf, self._now_s() + (queue.due_in_s or 0.0))
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
        shelf.is_overtaken = shelf.is_changed = False
        taken: list[Parked] | None = None
        try:
            taken = await self._queue(shelf).take(max_events)
        finally:
            if taken is None:
                self._schedule(shelf, self._now_s())
        if shelf.is_ordered and shelf.is_overtaken:
            self._subscription.nack(taken)
            taken = []
        if shelf.is_changed:
            taken = [delivery for delivery in taken if self._subscription.holds(delivery)]
            self._conform(self._named(shelf.name) or shelf, taken=len(taken))
        else:
            self._count(shelf, -len(taken))
            if not shelf.events:
                self._count(shelf, self._queue(shelf).waiting)  # none, unless damage had told of fewer than there are
        for delivery in taken:
            delivery.pending = 1
        if self.retries:
            self.retries = max(0, self.retries - sum(1 for delivery in taken if delivery.attempts))
        return taken

    def resume(self, shelf: Shelf, *, was_empty: bool) -> None:
        """After something was taken, or nothing: there may be more, now or later."""
        if shelf.key is not None:
            shelf = self.keys.get(shelf.key, shelf)  # another one, where the queue went and came back meanwhile
        if not shelf.events:
            return
        queue = self._queue(shelf)
        due_in_s = queue.due_in_s
        if due_in_s is None and not queue.waiting:
            self._count(shelf, -shelf.events)  # damaged, and set aside by the channel
        else:
            wait_s = max(due_in_s or 0.0, _AGAIN_S if was_empty or due_in_s is None else 0.0)
            self._schedule(shelf, self._now_s() + wait_s)

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Taken out of the plain queue, and not tried."""
        self._subscription.nack(deliveries)
        self._count(self.plain, len(deliveries))
        self._schedule(self.plain, self._now_s())

    def conform(self, queues: Mapping[str, Queue], has_head: Callable[[str | None], bool]) -> bool:
        """Other processes took or left something: be as these queues are, the lane's among all that hold something. A
        key that has a head waits for that. True where more is to be sent in order than before.
        """
        in_order = self._in_order
        shelves = [self.plain, self.ordered, *self.keys.values()]
        known = {shelf.name for shelf in shelves}
        for name in queues.keys() - known:
            shelf = self._named(name)
            if shelf is not None:
                shelves.append(shelf)
        self._due.clear()
        for shelf in shelves:
            shelf.is_changed = shelf.is_overtaken = True
            shelf.due_s = inf
            self._conform(shelf)
            queue = queues.get(shelf.name)
            if shelf.events and queue is not None and not has_head(shelf.key):
                self._schedule(shelf, self._now_s() + (queue.due_in_s or 0.0))
        self.has_order = self.has_order or bool(self._in_order)
        return self._in_order > in_order

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

    @property
    def _in_order(self) -> int:
        """Those that are to be sent in the order of the log."""
        return self.events - self.plain.events

    def _named(self, name: str) -> Shelf | None:
        """The shelf of that queue; None where it is another lane's."""
        if name == self.plain.name:
            return self.plain
        if name == self.ordered.name:
            return self.ordered
        return self.of_key(name.removeprefix(self._prefix)) if name.startswith(self._prefix) else None

    def _conform(self, shelf: Shelf, *, taken: int = 0) -> None:
        """Count what is there; what is more or less than was known, but for those just taken, others left or took."""
        waiting = self._queue(shelf).waiting
        change = waiting - shelf.events
        self._count(shelf, change)
        self.adopted += max(0, change + taken)
        self.ceded += max(0, -change - taken)

    def _queue(self, shelf: Shelf) -> Queue:
        return self._subscription.queue(shelf.name, is_ordered=shelf.is_ordered)

    def _count(self, shelf: Shelf, change: int) -> None:
        events = max(0, shelf.events + change)
        self.events += events - shelf.events
        self.retries = min(self.retries, self.events)  # who took some over did not say which
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


def trigger_of(queue: str) -> str:
    """Whose queue has that name: a Trigger's name has no slash and no hash, what follows it begins with one."""
    return queue.partition("/")[0].partition(_KEY_MARK)[0]
