"""Queues of parked deliveries: on disk all of them, in memory those that were taken or are about to be."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from channels.contract import Delivery, Parked
from channels.frame import encode
from channels.journal.batch import Batch
from channels.journal.damage import set_aside
from channels.journal.parked import FoundParked, QueueRead, found_parked, read_queue
from channels.journal.row import RUN_EVENTS_MAX, RUN_SIZE_MAX_BYTES, ParkedRow, parked_row, settled_row
from channels.journal.run import Held, HeldParked, Run

if TYPE_CHECKING:
    from channels.journal.group import Group

_FIRST: Final = (-(2**63), -(2**63))
_LAST: Final = (2**63 - 1, 2**63 - 1)
"""Before and behind whatever rank and id damage may make."""
_REINDEX: Final = "REINDEX parked_by_rank"
_Entry = tuple[int, int, int, HeldParked]
_log = logging.getLogger(__name__)


class ParkingQueue:
    """What one name holds, from its first delivery until its last is settled.

    `rank` is a run's place in the queue: when it is due, or in an ordered queue the position of its first event. All
    runs up to `_cursor` (rank and id) have been read, but for those parked later, which move it back.
    """

    def __init__(self, group: "Group", identity: int, name: str, *, is_ordered: bool) -> None:
        self.id: Final = identity
        self.name: Final = name
        self.is_ordered: Final = is_ordered
        self.events = 0
        self.size_bytes = 0
        self.runs = 0
        """On disk, and not settled."""
        self.is_gone = False
        """Cleared, emptied or closed: whoever still has deliveries of it has nothing."""
        self._group: Final = group
        self._committer: Final = group.channel.journal.committer
        self._clock: Final = group.channel.journal.clock
        self._known: Final[set[int]] = set()
        """Runs in memory, and those whose end is not safe yet: what is not to be read again."""
        self._ended: Final[deque[tuple[int, int]]] = deque()
        """Runs that ended, behind the serial number of the commit that says so."""
        self._loaded = 0
        """Runs in memory."""
        self._ready: Final[list[_Entry]] = []
        """A heap of what is due and in memory."""
        self._taken = 0
        self._cursor = _FIRST
        self._lowest = _LAST
        """Just before the first run that was parked since a read began."""
        self._next: tuple[int, int] | None = _FIRST
        """Rank and due time of the first run that is on disk only, or of one before it; None where there is none."""
        self._parked_serial = 0
        self._touched: list[Run] = []
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
        self._forget_next()
        if self._ready and self._may_pop():
            return 0.0
        if self._next is None:
            return 0.0
        return max(0, self._next[1] - self._clock.now_us()) / 1_000_000

    def park(self, deliveries: Sequence[Delivery], after_s: float, attempts: int, note: bytes) -> None:
        """As the contract says it."""
        due = self._clock.now_us(max(after_s, 0.0))
        if self.is_ordered:
            deliveries = sorted(deliveries, key=_position)
        bodies: list[bytes] = []
        size_bytes = 0
        first = deliveries[0].position
        for delivery in deliveries:
            if len(bodies) == RUN_EVENTS_MAX or (bodies and size_bytes + delivery.size_bytes > RUN_SIZE_MAX_BYTES):
                self._park_run(first, due, attempts, note, bodies, size_bytes)
                bodies, size_bytes, first = [], 0, delivery.position
            bodies.append(encode(len(bodies), delivery.position, delivery.size_bytes, delivery.event))
            size_bytes += delivery.size_bytes
        self._park_run(first, due, attempts, note, bodies, size_bytes)
        self._parked_serial = self._committer.serial
        self._group.channel.change()

    def _park_run(self, first: int, due: int, attempts: int, note: bytes, bodies: list[bytes], size_bytes: int) -> None:
        journal = self._group.channel.journal
        identity = journal.new_id()
        rank = first if self.is_ordered else due
        body = b"".join(bodies)
        row = parked_row(identity, self.id, rank, due, attempts, len(bodies), size_bytes, note, body)
        self._committer.batch.parked.append(row)
        self._committer.owed_bytes += len(body) + len(note)
        self.add(row)

    def add(self, row: ParkedRow) -> None:
        """That run is here as well."""
        identity, _, rank, due, _, events, size_bytes, *_ = row
        self.runs += 1
        self._count(events, size_bytes)
        if self._next is None or rank < self._next[0]:
            self._next = (rank, due)
        self._lowest = min(self._lowest, (rank, identity - 1))
        self._cursor = min(self._cursor, self._lowest)

    def _count(self, events: int, size_bytes: int) -> None:
        self.events += events
        self.size_bytes += size_bytes
        self._group.channel.count_parked(events, size_bytes)

    async def take(self, max_events: int) -> list[Parked]:
        """As the contract says it. Raises ChannelUnavailable."""
        taken: list[Parked] = []
        async with self._taking:
            if self._committer.is_choked:
                await self._committer.flush()  # whoever finds nothing though something is due would ask again at once
            while not self.is_gone:
                self._forget_next()
                while len(taken) < max_events and self._ready and self._may_pop():
                    taken.append(heappop(self._ready)[3])
                    self._taken += 1
                if len(taken) >= max_events or self.runs == self._loaded or not self._is_due():
                    break
                try:
                    await self._read(max_events - len(taken))
                except BaseException:
                    self.take_back(taken)
                    raise
        return taken

    def _forget_next(self) -> None:
        """What is in memory is all there is: the run that was to be read next was settled meanwhile."""
        if self.runs == self._loaded:
            self._next = None

    def _is_due(self) -> bool:
        return self._next is not None and self._next[1] <= self._clock.now_us()

    def _may_pop(self) -> bool:
        """In an ordered queue nothing passes what is still on disk; in another one what is due already goes first."""
        return not self.is_ordered or self._next is None or self._ready[0][0] <= self._next[0]

    async def _read(self, events_max: int) -> None:
        """Bring what is due and comes next into memory."""
        is_unsafe = self._parked_serial > self._committer.safe
        if is_unsafe and not self._committer.is_failing:
            await self._committer.flush()
        while self._ended and self._ended[0][0] <= self._committer.safe:
            self._known.discard(self._ended.popleft()[1])
        after, now_us = self._cursor, self._clock.now_us()
        self._next, self._lowest = None, _LAST  # what is parked while we read says so itself
        try:
            found = await self._group.channel.journal.ask(
                lambda connection: read_queue(connection, self.id, after, now_us, events_max, self._known)
            )
        except BaseException:
            self._next = _FIRST
            raise
        if found.is_index_wrong or found.strays:
            await self._mend_index()
        if self._is_over():
            return
        self._pass_over(found)
        for run in found.runs:
            self._load(run)
            self._cursor = max(self._cursor, (run.rank, run.key))
        self._cursor = min(self._cursor, self._lowest)
        self._stop(found.stopped)
        if is_unsafe:
            self._load_unsafe(now_us)
        elif found.stopped is None and self._lowest == _LAST and not self.is_gone:
            self._end_read(after)

    async def _mend_index(self) -> None:
        """Before a run is deleted of which it has another entry: SQLite would refuse that, and the commit with it."""
        self._committer.batch.statements.append((_REINDEX, ()))
        self._committer.schedule()
        if not self._committer.is_failing:
            await self._committer.flush()

    def _pass_over(self, found: QueueRead) -> None:
        """What only the index had in this queue was never in it; whose it is has it from here on."""
        for stray in found.strays:
            _log.error("the index had a run in %s that is not there", self.name)
            self._known.add(stray.key)
            self.runs -= 1
            self.forget(*stray.claim)
            if stray.written is not None:
                for queue in self._group.channel.queues():
                    if queue.id == stray.written[1]:
                        queue.add(stray.written)

    def _end_read(self, after: tuple[int, int]) -> None:
        """Nothing more is on disk behind that. Where all of it is in memory, it is that much, whatever was counted."""
        if self.runs == self._loaded or after == _FIRST:
            self.runs = self._loaded
            self.forget(self.events - self._taken - len(self._ready), 0)
        else:
            self._cursor = self._next = _FIRST

    def _load_unsafe(self, now_us: int) -> None:
        """While the disk takes nothing, what was parked since is taken from what is owed to it: deliveries go on."""
        for row in self._committer.parked_unsafe(self.id):
            if row[0] in self._known:
                continue
            run = found_parked(row)
            if run.due <= now_us:
                self._load(run)
            else:
                self._stop((run.rank, run.due))
                self._cursor = min(self._cursor, (run.rank, run.key - 1))  # the read may have gone beyond it

    def _stop(self, stopped: tuple[int, int] | None) -> None:
        if stopped is not None and (self._next is None or stopped < self._next):
            self._next = stopped

    def _is_over(self) -> bool:
        return self.is_gone

    def _load(self, found: FoundParked) -> None:
        run = Run(self, found.key, found.count, found.size_bytes, found.marks)
        run.settled_size_bytes = found.settled_size_bytes
        run.is_recorded = found.is_recorded
        self._known.add(found.key)
        self._loaded += 1
        if not found.is_sound:
            _log.error("the numbers of %d events parked in %s are damaged: they are due", found.count, self.name)
        self._count(run.left - found.claim.events, run.size_bytes - run.settled_size_bytes - found.claim.size_bytes)
        for record in found.records:
            if not run.marks[record.index]:
                self._push(HeldParked(record, found.attempts, found.note, run, found.rank))
        if found.damaged:
            lost, size_bytes = set_aside(self._group.channel, "parked", found, run)
            run.settled_size_bytes += size_bytes * len(lost)
            self.forget(len(lost), size_bytes * len(lost))
        if not run.left:
            self._touch(run)

    def _push(self, parked: HeldParked) -> None:
        place = parked.position if self.is_ordered else parked.rank
        heappush(self._ready, (place, parked.run.key, parked.index, parked))

    def take_back(self, deliveries: Sequence[Delivery]) -> None:
        """Their holder gave them back: they are due, and first."""
        if self.is_gone:
            return
        self._taken -= len(deliveries)
        for delivery in deliveries:
            assert isinstance(delivery, HeldParked)
            self._push(delivery.again())

    def settled(self, deliveries: Sequence[Held | HeldParked]) -> None:
        """Count them. The file learns of it with the next commit."""
        if self.is_gone:
            return
        self._taken -= len(deliveries)
        size_bytes = 0
        for delivery in deliveries:
            run = delivery.run
            run.settle(delivery.index)
            run.settled_size_bytes += delivery.size_bytes
            size_bytes += delivery.size_bytes
            if not run.is_touched:
                self._touch(run)
        self.forget(len(deliveries), size_bytes)

    def forget(self, events: int, size_bytes: int) -> None:
        """So many are settled; the queue ends with its last."""
        self._count(-events, -size_bytes)
        least = self._taken + len(self._ready) + self.runs - self._loaded
        if self.events < least:  # as an index that is damaged had it
            self._count(least - self.events, 0)
        if not self.events:
            self._count(0, -self.size_bytes)
            self._end()

    def _touch(self, run: Run) -> None:
        run.is_touched = True
        self._touched.append(run)
        self._group.channel.touch(self)

    def clear(self) -> int:
        """As the contract says it. The runs on disk are swept by and by: what has no queue is refuse."""
        cleared = self.events
        self._touched.clear()  # or the file would learn of runs that are swept by then
        self._group.channel.journal.sweep_queue(self.id, self.runs)
        self._count(-self.events, -self.size_bytes)
        self._end()
        return cleared

    def _end(self) -> None:
        self.close()
        self._group.queues.pop(self.name, None)
        self._committer.batch.statements.append(("DELETE FROM queue WHERE id = ?", (self.id,)))
        self._group.channel.change()

    def close(self) -> None:
        """Drop what is in memory."""
        self.is_gone = True
        self._ready.clear()

    def put(self, batch: Batch) -> None:
        """The runs that were settled in part or whole since the last commit."""
        touched, self._touched = self._touched, []
        for run in touched:
            run.is_touched = False
            if run.left:
                run.is_recorded = True
                batch.settled.append(settled_row(0, run.key, run.settled_size_bytes, bytes(run.marks)))
                continue
            batch.parked_deleted.append(run.key)
            if run.is_recorded:
                batch.unsettled.append((0, run.key))
            self.runs -= 1
            self._loaded -= 1
            self._ended.append((self._committer.serial, run.key))


def _position(delivery: Delivery) -> int:
    return delivery.position
