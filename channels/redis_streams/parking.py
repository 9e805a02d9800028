"""Queues of parked deliveries: on the server all of them, in memory those that were taken or are about to be."""

import asyncio
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final

from channels.contract import Delivery, Parked
from channels.redis_streams.connection import Word
from channels.redis_streams.counting import PARKED, PARKED_SIZE
from channels.redis_streams.entry import Held, HeldParked, pack_parked, unpack_parked
from channels.redis_streams.errors import ServerError, translate
from channels.redis_streams.script import TAKE

if TYPE_CHECKING:
    from channels.redis_streams.group import Group

_READ_SIZE_BYTES: Final = 2**20
_READ_EVENTS_MAX: Final = 256
_STANDING_BY_S: Final = 0.1
"""When to look again at a queue that is about to go to another process."""
_LOST_S: Final = 1.0
"""When to ask again for what should be there and is not."""
_FIRST: Final = (-1.0, b"")
_Rank = tuple[float, bytes]


def queue_key(group: bytes, name: str, *, is_ordered: bool) -> bytes:
    """What the server calls a queue."""
    return b"%c%d:%b%b" % (b"o" if is_ordered else b"u", len(group), group, name.encode())


def name_of(key: bytes) -> tuple[str, bool]:
    """The name of a queue that the server calls so, and whether it is ordered."""
    length, _, names = key[1:].partition(b":")
    return names[int(length) :].decode(), key[:1] == b"o"


class ParkingQueue:
    """What one name holds in this process, from its first delivery until its last is settled.

    A rank is a place in the queue: the due time and an id, or in an ordered queue the id alone, which begins with the
    position. `_next` is the rank and the due time of the first that only the server has, or of one before it.
    """

    def __init__(self, group: "Group", key: bytes) -> None:
        self.key: Final = key
        self.name, self.is_ordered = name_of(key)
        self.events = 0
        self.size_bytes = 0
        self.is_gone = False
        """Cleared, emptied, lost or closed: whoever still has deliveries of it has nothing."""
        self._group: Final = group
        self._channel: Final = group.channel
        self._ready: Final[list[tuple[_Rank, int, HeldParked]]] = []
        """A heap of what is due and in memory."""
        self._loaded: Final[set[bytes]] = set()
        """Those in memory: ready or taken."""
        self._is_unsure = False
        """An answer was lost: the server may take some for taken that are not in memory."""
        self._taken = 0
        self._next: tuple[_Rank, int] | None = None
        self._parked_serial = self._settled_serial = 0
        self._taking: Final = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """Those that nobody has taken."""
        return self.events - self._taken

    @property
    def due_in_s(self) -> float | None:
        """As the contract says it."""
        if self.events == self._taken:
            return None
        if self._group.is_standing_by:
            return _STANDING_BY_S
        if (self._ready and self._may_pop()) or self._next is None:
            return 0.0
        return max(0, self._next[1] - self._channel.server.clock.now_us()) / 1_000_000

    def adopt(self, events: int, size_bytes: int) -> None:
        """So many more are here: of an earlier process, or of another one that left. The channel has counted them."""
        self.events += events
        self.size_bytes += size_bytes
        self._next = (_FIRST, 0)

    def park(self, deliveries: Sequence[Delivery], after_s: float, attempts: int, note: bytes) -> None:
        """As the contract says it."""
        server = self._channel.server
        due_us = server.clock.now_us(max(after_s, 0.0))
        words: list[Word] = ["park", self.key, len(deliveries)]
        size_bytes = body_bytes = 0
        for delivery in deliveries:
            entry = server.new_entry()
            if self.is_ordered:
                entry = b"%016x%b" % (delivery.position, entry)
            rank: _Rank = (0.0, entry) if self.is_ordered else (float(due_us), entry)
            body = pack_parked(delivery, due_us, attempts, note)
            words += (entry, int(rank[0]), delivery.size_bytes, body)
            body_bytes += len(body)
            size_bytes += delivery.size_bytes
            self._lower(rank, due_us)
        self._parked_serial = server.committer.serial
        self._count(len(deliveries), size_bytes)
        self._channel.owe(words, body_bytes)

    async def take(self, max_events: int) -> list[Parked]:
        """As the contract says it. Raises ChannelUnavailable."""
        taken: list[Parked] = []
        async with self._taking:
            if self._channel.is_choked:
                await (
                    self._channel.debt.flush()
                )  # whoever finds nothing though something is due would ask again at once
            while not (self.is_gone or self._group.is_standing_by):
                while len(taken) < max_events and self._ready and self._may_pop():
                    taken.append(heappop(self._ready)[2])
                    self._taken += 1
                if len(taken) >= max_events or self.events == len(self._loaded) or not self._is_due():
                    break
                try:
                    await asyncio.shield(asyncio.ensure_future(self._read()))
                except BaseException:
                    self.take_back([one for one in taken if isinstance(one, HeldParked)])
                    raise
        return taken

    def _is_due(self) -> bool:
        return self._next is not None and self._next[1] <= self._channel.server.clock.now_us()

    def _may_pop(self) -> bool:
        """In an ordered queue nothing passes what is still on the server; in another one what is due goes first."""
        return not self.is_ordered or self._next is None or self._ready[0][0] <= self._next[0]

    async def _read(self) -> None:
        """Bring what is due and comes next into memory."""
        server = self._channel.server
        while self._unsafe_serial() > self._channel.debt.safe:
            await self._channel.debt.flush()
        was_next, self._next = self._next, None  # what is parked while we read says so itself
        now_us = server.clock.now_us()
        known = self._loaded if self._is_unsure else ()
        bounds = (_READ_EVENTS_MAX, _READ_SIZE_BYTES)
        try:
            found, following = await server.link.run(
                TAKE, self._channel.keys, server.me, self.key, now_us, *bounds, int(self._is_unsure), *known
            )
        except BaseException as error:
            self._is_unsure = True
            if was_next is not None:
                self._lower(*was_next)
            if isinstance(error, ServerError):
                self._channel.server.look_at(error)
                raise translate(error) from error
            raise
        self._is_unsure = False
        if self._is_over():
            return
        for at in range(0, len(found), 2):
            self._load(found[at], found[at + 1])
        if following:
            rank: _Rank = (0.0, following[0]) if self.is_ordered else (float(following[0]), b"")
            self._lower(rank, int(following[1]))
        elif self.events > len(self._loaded):
            self._lower(_FIRST, 0 if found else server.clock.now_us(_LOST_S))  # what it says it has it may have lost

    def _unsafe_serial(self) -> int:
        """Up to this commit the server has to know of the queue. What it does not know to be settled it would give
        again where it is told all that is in memory.
        """
        return max(self._parked_serial, self._settled_serial if self._is_unsure else 0)

    def _lower(self, rank: _Rank, due_us: int) -> None:
        """Only the server has that one."""
        if self._next is None or rank < self._next[0]:
            self._next = (rank, due_us)

    def _is_over(self) -> bool:
        return self.is_gone

    def _load(self, entry: bytes, body: bytes) -> None:
        parked = unpack_parked(entry, body, self)
        self._loaded.add(entry)
        if parked is None:
            self._taken += 1
            self._channel.set_aside(body)
            self._settle([entry], [0], 0)
            return
        self._push(parked)

    def _push(self, parked: HeldParked) -> None:
        rank: _Rank = (0.0, parked.entry) if self.is_ordered else (parked.due_us, parked.entry)
        heappush(self._ready, (rank, id(parked), parked))

    def take_back(self, deliveries: Sequence[Held | HeldParked]) -> None:
        """Their holder gave them back: they are due, and first."""
        if self.is_gone:
            return
        self._taken -= len(deliveries)
        for delivery in deliveries:
            assert isinstance(delivery, HeldParked)
            self._push(delivery.again())

    def settled(self, deliveries: Sequence[Held | HeldParked]) -> None:
        """Count them. The server learns of it with the next commit."""
        if not self.is_gone:
            sizes = [delivery.size_bytes for delivery in deliveries]
            self._settle([delivery.entry for delivery in deliveries], sizes, sum(sizes))

    def _settle(self, entries: Sequence[bytes], sizes: Sequence[int], size_bytes: int) -> None:
        words: list[Word] = ["settle", self.key, len(entries)]
        for entry, size in zip(entries, sizes, strict=True):
            words += (entry, size)
        self._channel.owe(words)
        self._settled_serial = self._channel.server.committer.serial
        self._taken -= len(entries)
        self._loaded.difference_update(entries)
        self._count(-len(entries), -size_bytes)
        if not self.events:
            self.close()
            self._group.queues.pop(self.name, None)

    def clear(self) -> int:
        """As the contract says it."""
        cleared = self.events
        self._channel.owe(["clear", self.key])
        self._count(-self.events, -self.size_bytes)
        self.close()
        self._group.queues.pop(self.name, None)
        return cleared

    def close(self) -> None:
        """Drop what is in memory."""
        self.is_gone = True
        self._ready.clear()

    def _count(self, events: int, size_bytes: int) -> None:
        self.events += events
        self.size_bytes += size_bytes
        self._channel.counters.add(PARKED, events)
        self._channel.counters.add(PARKED_SIZE, size_bytes)


def adopt(group: "Group", rows: Sequence[Any]) -> None:
    """The server has given this process so much more of a group's queues: each by its key, with events and bytes."""
    for key, events, size_bytes in rows:
        name, is_ordered = name_of(key)
        group.queue_for(name, is_ordered=is_ordered).adopt(events, int(size_bytes))
