"""One group of a channel, as this process sees it: what it was given, and what of that is not settled."""

from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final

from channels.contract import Position
from channels.frame import decode_event
from channels.redis_streams.connection import Word
from channels.redis_streams.counting import unsettled, unsettled_size
from channels.redis_streams.entry import Held, HeldParked, position_of
from channels.redis_streams.parking import ParkingQueue, queue_key
from channels.waiting import Waiting

if TYPE_CHECKING:
    from channels.redis_streams.channel import RedisChannel
    from channels.redis_streams.member import Member

_WINDOW_EVENTS_MAX: Final = 2048
_WINDOW_SIZE_MAX_BYTES: Final = 8 * 2**20
_READ_EVENTS_MAX: Final = 1024
_READ_EVENTS_MIN: Final = 16


class Group:
    """`cursor` is the last position that the server gave out to any process, as far as is known here."""

    def __init__(self, channel: "RedisChannel", name: str, cursor: Position, pending: int) -> None:
        self.channel: Final = channel
        self.name: Final = name
        self.key: Final = name.encode()
        self.cursor = cursor
        self.has_unknown = pending > 0
        """The server has given out some that are not in this process's memory."""
        self.memory: Final[set[Position]] = set()
        """What this process was given and has not settled."""
        self.fresh: Final[deque[Held]] = deque()
        self.fresh_size_bytes = 0
        self.returned: Final[list[tuple[Position, int, Held]]] = []
        """A heap: what was given back."""
        self.held = 0
        """Events of the log that members have."""
        self.members: Final[set[Member]] = set()
        self.is_gone = False
        """Forgotten, or its channel is closed."""
        self.waiting: Final = Waiting()
        self.room: Final = Waiting()
        """Where the reader waits while the window is full."""
        self.queues: Final[dict[str, ParkingQueue]] = {}
        self.is_ordered = False
        """One process at a time may receive."""
        self.is_standing_by = False
        """Nothing is given out: another one receives, or has not given back yet what it had."""
        self.has_given_way = False
        """Another one receives; what was here is given back, or will be in a moment."""
        self.left = (0, 0)
        """Events and bytes that were parked when the last member of this process left."""
        self.acks: list[bytes] = []
        self.acks_size_bytes = 0
        self._acks_put: list[bytes] = []
        """Behind other things that are owed, for the next commit."""
        self._acks_flying: list[bytes] = []
        self._read_events = _READ_EVENTS_MIN
        self._unsettled: Final = unsettled(self.key)
        self._unsettled_size: Final = unsettled_size(self.key)

    @property
    def unsettled(self) -> int:
        """Of the log, wherever they are."""
        return self.channel.counters[self._unsettled]

    @property
    def unsettled_size_bytes(self) -> int:
        """Their bytes."""
        return self.channel.counters[self._unsettled_size]

    @property
    def has_room(self) -> bool:
        """True where the reader should ask for more."""
        return len(self.fresh) < _WINDOW_EVENTS_MAX // 2 and self.fresh_size_bytes < _WINDOW_SIZE_MAX_BYTES // 2

    def wants(self, position: Position) -> bool:
        """Whether the group has still to settle that one; true where one cannot know."""
        return self.has_unknown or position > self.cursor or position in self.memory

    # What comes

    def read_events(self) -> int:
        """How many to ask for: as many as fit in half the window if they are like the last ones."""
        return self._read_events

    def add(self, entries: Sequence[Any]) -> None:
        """The server gives out the next ones."""
        size_bytes = self._bring(entries, self.fresh.append)
        self.fresh_size_bytes += size_bytes
        if entries:
            self.cursor = max(self.cursor, position_of(entries[-1][0]))
            fitting = _WINDOW_SIZE_MAX_BYTES // 2 * len(entries) // max(size_bytes, 1)
            self._read_events = max(1, min(2 * len(entries) + _READ_EVENTS_MIN, fitting, _READ_EVENTS_MAX))
        if self.waiting and self.fresh:
            self.waiting.wake()

    def add_returned(self, entries: Sequence[Any]) -> None:
        """What another process had, or what an answer brought that was lost: to their places."""
        self._bring(entries, self._push)
        if self.waiting and self.returned:
            self.waiting.wake()

    def _bring(self, entries: Sequence[Any], put: Any) -> int:
        memory, size_bytes = self.memory, 0
        for entry, fields in entries:
            position = position_of(entry)
            if position in memory:
                continue
            event = None if fields is None else decode_event(fields[1])
            if event is None:
                self._set_aside(entry, fields)
                continue
            memory.add(position)
            put(Held(event, position, event.size, entry, self))
            size_bytes += event.size
        return size_bytes

    def _set_aside(self, entry: bytes, fields: Any) -> None:
        """It cannot be read: settled here, and kept apart for people."""
        size_bytes = 0
        if fields is not None:
            self.channel.set_aside(fields[1])
            size_bytes = int(fields[0]) if fields[0].isdigit() else 0
        self.acks.append(entry)
        self.acks_size_bytes += size_bytes
        self._count(1, size_bytes)
        self.channel.settled(self, [position_of(entry)], [size_bytes])
        self.channel.change()

    # What goes

    def take(self, count: int) -> list[Held]:
        """The oldest, at most `count`."""
        if self.is_standing_by or self.channel.is_choked:
            return []
        taken: list[Held] = []
        while self.returned and len(taken) < count:
            taken.append(heappop(self.returned)[2])
        fresh = self.fresh
        missing = min(count - len(taken), len(fresh))
        if missing == len(fresh) and not taken:
            taken = list(fresh)
            fresh.clear()
            self.fresh_size_bytes = 0
        else:
            for _ in range(missing):
                delivery = fresh.popleft()
                self.fresh_size_bytes -= delivery.size_bytes
                taken.append(delivery)
        self.held += len(taken)
        if self.waiting and (fresh or self.returned):
            self.waiting.wake()
        if self.room and self.has_room:
            self.room.wake_all()
        return taken

    def take_back(self, deliveries: Sequence[Held | HeldParked]) -> None:
        """Back to their places."""
        if self.is_gone:
            return
        for delivery in deliveries:
            assert isinstance(delivery, Held)
            self._push(delivery.again())
        self.held -= len(deliveries)
        self.waiting.wake()

    def _push(self, delivery: Held) -> None:
        heappush(self.returned, (delivery.position, id(delivery), delivery))

    def settled(self, deliveries: Sequence[Held | HeldParked]) -> None:
        """Count them. The server learns of it with the next commit."""
        if self.is_gone:
            return
        self.held -= len(deliveries)
        positions = [delivery.position for delivery in deliveries]
        sizes = [delivery.size_bytes for delivery in deliveries]
        size_bytes = sum(sizes)
        self.memory.difference_update(positions)
        self.acks += [delivery.entry for delivery in deliveries]
        self.acks_size_bytes += size_bytes
        self._count(len(deliveries), size_bytes)
        self.channel.settled(self, positions, sizes)
        self.channel.change()

    def _count(self, events: int, size_bytes: int) -> None:
        counters = self.channel.counters
        counters.add(self._unsettled, -events)
        counters.add(self._unsettled_size, -size_bytes)

    def put_acks(self, words: list[Word]) -> None:
        """What was settled since the last commit."""
        if self.acks:
            words += ("ack", self.key, self.acks_size_bytes, len(self.acks), *self.acks)
            self._acks_put += self.acks
            self.acks, self.acks_size_bytes = [], 0

    @property
    def acked(self) -> set[bytes]:
        """What is settled, though the server may not know it yet."""
        return {*self.acks, *self._acks_put, *self._acks_flying}

    def put(self) -> None:
        """All that was owed is in a commit."""
        self._acks_flying += self._acks_put
        self._acks_put.clear()

    def committed(self) -> None:
        """The server knows what was in it."""
        self._acks_flying.clear()

    def queue_for(self, name: str, *, is_ordered: bool) -> ParkingQueue:
        """The queue of that name, made where there is none."""
        queue = self.queues.get(name)
        if queue is None:
            queue = self.queues[name] = ParkingQueue(self, queue_key(self.key, name, is_ordered=is_ordered))
        return queue

    def release(self) -> None:
        """Its last member has left: what is in memory is for others. It is still known what is not settled."""
        self.waiting.wake_all()
        self.fresh.clear()
        self.returned.clear()
        self.fresh_size_bytes = 0
        queues = [*self.queues.values()]
        self.left = (sum([queue.events for queue in queues]), sum([queue.size_bytes for queue in queues]))
        self._drop_queues()

    def _drop_queues(self) -> None:
        for queue in self.queues.values():
            queue.close()
        self.queues.clear()

    def reset(self) -> None:
        """Nothing that it had is its own any more; members stay, with empty hands."""
        self.memory.clear()
        self.fresh.clear()
        self.fresh_size_bytes = 0
        self.returned.clear()
        self.held = 0
        self.cursor = 0
        self.acks, self.acks_size_bytes = [], 0
        self._acks_put.clear()
        self._acks_flying.clear()
        self._drop_queues()
        for member in self.members:
            member.lose()
        self.room.wake_all()

    def close(self) -> None:
        """Drop what is in memory; those who wait look again."""
        self.is_gone = True
        self.fresh.clear()
        self.returned.clear()
        self.memory.clear()
        self.waiting.wake_all()
        self.room.wake_all()
        self._drop_queues()

    @property
    def is_idle(self) -> bool:
        """No member holds anything."""
        return not self.held and all(queue.waiting == queue.events for queue in self.queues.values())

    def stand_by(self) -> None:
        """Give out nothing. What comes later may be older than what is here: it will go to its place."""
        self.is_standing_by = True
        while self.fresh:
            self._push(self.fresh.popleft())
        self.fresh_size_bytes = 0

    def go_on(self) -> None:
        """Give out again."""
        self.is_standing_by = self.has_given_way = False
        self.waiting.wake_all()

    def give_way(self) -> None:
        """Another process is about to receive in this one's stead."""
        self.has_given_way = True
        for member in [*self.members]:
            member.give_way()

    def tell(self) -> None:
        """Whoever watches looks at its queues, and at what it holds."""
        for member in [*self.members]:
            member.tell()
