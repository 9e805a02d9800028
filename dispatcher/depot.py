"""Where a lane keeps what it does not send at once: a bounded window in memory, and its channel's queues behind it.

    an event that does not fit into the window      parked
    a retry that is far off                         parked, with its attempts
    all that waits, where the lane is shut          parked: an open breaker or a pause may last
    where order is kept, a retry that is far off    parked in its key's queue, and what comes of its key behind it

Without a durable channel nothing is parked: what waits waits in memory, and what does not fit is the owner's again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from channels.contract import Delivery, Parked, Queue
from dispatcher.attempt import Attempt
from dispatcher.manner import Order
from dispatcher.ordering import Keys
from dispatcher.parking import Parking, Shelf
from dispatcher.waiting import Waiting

if TYPE_CHECKING:
    from dispatcher.lane import Lane, LaneLimits, LaneOwner

BLOCKED_KEYS_MAX: Final = 4096
"""Keys that have a queue of their own. Beyond that the lane sends nothing new until some of them are through."""
DEPTH_MAX: Final = 64
"""Events behind one that failed with which its key goes to a queue whatever the wait: they take room from others."""
CHUNK_MAX: Final = 256
"""Events taken out of a queue at once; the next ones are taken when half of them have gone."""
KEY_CHUNK_MAX: Final = 32
"""Of one key's queue: they go one by one."""

SPILL_PART: Final = 4
"""Windows full of events beyond the window for which producers may have to wait, where order is kept."""


class Depot:
    """Of one lane. `order` is the lane's, `is_shut` is said by the lane: nothing is to wait in memory."""

    __slots__ = ("_lane", "_limits", "_owner", "_size_of_one", "ceded", "is_durable", "is_full", "is_shut", "order",
        "parking", "waiting")  # fmt: skip

    def __init__(self, lane: "Lane", owner: "LaneOwner", limits: "LaneLimits", parking: Parking) -> None:
        self.waiting = Waiting()
        self.parking = parking
        self.order: Order | None = None
        self.ceded = 0
        """Events that went to another process out of memory."""
        self.is_full = False
        """The window is."""
        self.is_shut = False
        self.is_durable = limits.backlog_events_max is None
        self._lane = lane
        self._owner = owner
        self._limits = limits
        self._size_of_one = 1.0
        """Of what was taken last, on average."""

    @property
    def is_crowded(self) -> bool:
        """Too many keys are blocked."""
        return len(self.parking.keys) >= BLOCKED_KEYS_MAX and self.order is not None

    def measure(self) -> None:
        """What waits has changed: is there room for more?"""
        waiting, limits = self.waiting, self._limits
        self.is_full = len(waiting) >= limits.window_events_max or waiting.size_bytes >= limits.window_size_max_bytes

    # Into it.

    def take_in(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Keep these behind all others, and return those for which there is no room."""
        if self.order is not None:
            return self._take_in_order(self.order, deliveries)
        if not self.is_durable:
            return deliveries
        self._park(self.parking.plain, deliveries)
        return ()

    def put_away(self, attempt: Attempt, after_s: float, *, is_far: bool) -> bool:
        """Park a retry. False where it has to wait in memory."""
        if not self.is_durable or attempt.is_redriven:
            return False
        is_far = is_far or self.waiting.keys.depth(attempt.key) >= DEPTH_MAX
        if not (is_far or self.is_shut):
            return False
        shelf = self._shelf_of(attempt)
        if is_far and shelf is self.parking.ordered:
            if self.is_crowded or attempt.key is None:
                return False
            shelf = self.parking.of_key(attempt.key)
        followers = self.waiting.cut(attempt)
        self._park_attempt(shelf, attempt, after_s)
        self._park_attempts(shelf, followers)
        return True

    def put_away_all(self, now_s: float) -> None:
        """Park all that waits: retries with the time they have still to wait."""
        if not self.is_durable:
            return
        kept: list[Attempt] = []
        untouched: list[Delivery] = []
        by_shelf: dict[Shelf, list[Attempt]] = {}
        for attempt in self.waiting.clear_ready():
            if attempt.is_redriven:
                kept.append(attempt)
            elif attempt.is_as_parked and not self.parking.has_order:
                untouched.append(attempt.delivery)
            else:
                by_shelf.setdefault(self._shelf_of(attempt), []).append(attempt)
        for attempt in kept:
            self.waiting.add(attempt)
        if untouched:
            self.parking.give_back(untouched)
        for shelf, attempts in by_shelf.items():
            self._park_attempts(shelf, attempts, is_first=True)
        for retry in self.waiting.clear_retries():
            self._park_attempt(self._shelf_of(retry.attempt), retry.attempt, max(0.0, retry.due_s - now_s))

    def park_new(self, deliveries: Sequence[Delivery]) -> None:
        """Park these behind all others; the caller sees to it that they are settled."""
        self.parking.park(self.parking.plain if self.order is None else self.parking.ordered, deliveries)

    def reorder(self, order: Order | None) -> None:
        """Keep another order, or none: of what waits for its turn, and of what comes."""
        attempts = self.waiting.clear_ready()
        self.waiting.keys = Keys()
        self.order = order
        for attempt in attempts:
            if order is None or attempt.is_redriven:
                attempt.key = None
                self.waiting.add(attempt, is_returned=attempt.is_as_parked)
            else:
                attempt.key = order.key(attempt.event)
                self.waiting.add_in_order(attempt, is_returned=attempt.is_as_parked)

    def conform(self, queues: Mapping[str, Queue], holds: Callable[[Delivery], bool]) -> bool:
        """Other processes took or left something: drop what is not held any more, and be as the queues are. True where
        more is to be sent in order than before.
        """
        for attempt in self.waiting.cut_out(lambda one: not (one.is_redriven or holds(one.delivery))):
            self.cede(attempt)
        return self.parking.conform(queues, self.waiting.keys.holds)

    def cede(self, attempt: Attempt) -> None:
        """It is another process's."""
        self.ceded += 1
        self._owner.settle(attempt.delivery)

    def behind_in_order(self) -> int:
        """Where order is kept, how many events of the fan out wait though their keys would let them go: none where it
        is keys that hold them up. What did not fit into the window counts while it is little: a sink worth waiting for
        is soon through with it, and everything else goes through the channel until then.
        """
        waiting, parked = self.waiting, self.parking.ordered.events
        if not (waiting.ready or waiting.returned) or parked > SPILL_PART * self._limits.window_events_max:
            return 0
        return len(waiting.ready) + waiting.keys.waiting + parked

    # Out of it.

    def next_shelf(self) -> Shelf | None:
        """From which something is to be taken; where there are too many keys, only what makes fewer of them."""
        return self.parking.next(only_keys=self.is_crowded)

    def room(self) -> int:
        """How many events are to be taken out of a queue: none before half of those taken last have gone, and no more
        than half of the window while events of the fan out wait there, too.
        """
        limits, waiting = self._limits, self.waiting
        returned, ready = len(waiting.returned), len(waiting.ready)
        chunk = max(1, min(CHUNK_MAX, limits.window_events_max // 4))
        if self.is_crowded:  # what waits in the window waits for what is to be taken
            return 0 if returned else chunk
        if (returned if self.order is None else returned + ready) > chunk // 2:
            return 0
        room = limits.window_events_max - len(waiting)
        if ready and self.order is None:
            room = min(room, max(1, limits.window_events_max // 2) - returned)
        size_bytes = limits.window_size_max_bytes - waiting.size_bytes
        return max(0 if len(waiting) else 1, min(chunk, room, int(size_bytes / self._size_of_one)))

    async def take(self, shelf: Shelf, room: int) -> int:
        """Take what is due on a shelf into the window, and say how many. Raises ChannelUnavailable."""
        parking = self.parking
        size_of_one = max(self._size_of_one, parking.size_bytes(shelf), 1.0)
        room = max(1, min(room, int(self._limits.window_size_max_bytes / size_of_one)))
        taken = await parking.take(shelf, room if shelf.key is None else min(room, KEY_CHUNK_MAX))
        if taken:
            self._size_of_one = sum([delivery.size_bytes for delivery in taken]) / len(taken) or 1.0
            self._bring_back(shelf, taken)
        if shelf.key is None or not self.waiting.keys.holds(shelf.key):
            parking.resume(shelf, was_empty=not taken)
        return len(taken)

    # How it is done.

    def _take_in_order(self, order: Order, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Each goes behind all of its key: where those may be in the ordered queue, there."""
        parking, waiting, lane = self.parking, self.waiting, self._lane
        blocked, keys, key_of, sink = parking.keys, waiting.keys, order.key, lane.sink
        size_max_bytes = self._limits.window_size_max_bytes
        late: list[Delivery] = []
        room = self._room_in_order()
        for delivery in deliveries:
            key = key_of(delivery.event)
            if not late and room <= 0:
                lane.pump()
                room = self._room_in_order()
            if late or (room <= 0 and (key not in blocked or parking.ordered.events)):
                late.append(delivery)
            elif key in blocked:
                self._park(parking.of_key(key), (delivery,))
            else:
                attempt = Attempt(lane, sink, delivery, delivery.event)
                attempt.key = key
                if keys.enter(attempt):
                    waiting.ready.append(attempt)
                waiting.size_bytes += delivery.size_bytes
                room = room - 1 if waiting.size_bytes < size_max_bytes else 0
        if not self.is_durable:
            return late
        if late:
            self._park(parking.ordered, late)
        return ()

    def _room_in_order(self) -> int:
        """How many events may go into the window."""
        limits, waiting = self._limits, self.waiting
        if self.is_shut or self.parking.ordered.events or waiting.size_bytes >= limits.window_size_max_bytes:
            return 0
        return limits.window_events_max - len(waiting)

    def _bring_back(self, shelf: Shelf, taken: Sequence[Parked]) -> None:
        """Where order is kept, what is younger than what lies in its key's queue goes there."""
        lane, waiting, keys = self._lane, self.waiting, self.parking.keys
        younger: dict[str, list[Parked]] = {}
        for delivery in taken:
            attempt = Attempt.of_parked(lane, lane.sink, delivery)
            if self.order is None:
                waiting.add(attempt, is_returned=True)
                continue
            attempt.key = key = self.order.key(delivery.event)
            if key in keys and key != shelf.key:
                younger.setdefault(key, []).append(delivery)
            else:
                waiting.add_in_order(attempt, is_returned=True)
        for key, deliveries in younger.items():
            attempts = [Attempt.of_parked(lane, lane.sink, delivery) for delivery in deliveries]
            self._park_attempts(self.parking.of_key(key), attempts)

    def _shelf_of(self, attempt: Attempt) -> Shelf:
        """Where an attempt belongs that was in memory: it is older than what is there."""
        if self.order is None or attempt.key is None:
            return self.parking.plain
        return self.parking.keys.get(attempt.key) or self.parking.ordered

    def _park(self, shelf: Shelf, deliveries: Sequence[Delivery], *, is_first: bool = False) -> None:
        self.parking.park(shelf, deliveries, is_first=is_first)
        for delivery in deliveries:
            self._owner.settle(delivery)

    def _park_attempts(self, shelf: Shelf, attempts: Iterable[Attempt], *, is_first: bool = False) -> None:
        """Those without a history together."""
        fresh: list[Delivery] = []
        for attempt in attempts:
            if attempt.number > 1 or attempt.note:
                self._park_attempt(shelf, attempt, 0.0, is_first=is_first)
            else:
                fresh.append(attempt.delivery)
        if fresh:
            self._park(shelf, fresh, is_first=is_first)

    def _park_attempt(self, shelf: Shelf, attempt: Attempt, after_s: float, *, is_first: bool = True) -> None:
        self.parking.park(
            shelf,
            (attempt.delivery,),
            after_s=after_s,
            attempts=attempt.number - 1,
            note=attempt.note,
            is_first=is_first,
        )
        self._owner.settle(attempt.delivery)
