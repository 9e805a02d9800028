"""A group of a channel: a window of events in memory, what came back, and where on disk it goes on if it is behind."""

import asyncio
from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from channels.event import Event
from channels.journal.batch import Batch
from channels.journal.counting import View
from channels.journal.damage import set_aside
from channels.journal.parking import ParkingQueue
from channels.journal.reading import Found, read_log
from channels.journal.row import settled_row
from channels.journal.run import Held, HeldParked, Run
from channels.journal.schema import POSITION_BITS
from channels.journal.state import GroupState, QueueState, queue_row
from channels.waiting import Waiting

if TYPE_CHECKING:
    from channels.journal.channel import JournalChannel

WINDOW_EVENTS_MAX: Final = 4096
WINDOW_SIZE_MAX_BYTES: Final = 16 * 2**20
_READ_EVENTS: Final = 1024
_READ_SIZE_BYTES: Final = 4 * 2**20
"""How much one read from the disk brings into memory, a run more or less."""


class Group:
    """Everything up to `cursor` is in memory or settled, everything beyond it on disk."""

    def __init__(self, channel: "JournalChannel", state: GroupState, settled: dict[int, bytes | None]) -> None:
        self.channel: Final = channel
        self.id: Final = state.id
        self.name: Final = state.name
        self.cursor = state.floor
        self.unsettled = state.unsettled
        self.settled_ahead: Final = settled
        """Runs beyond the cursor that were settled in an earlier process: their marks, None for all."""
        self.recorded: Final = set(settled)
        """Runs with a row in the table `settled`."""
        self._recorded: Final = sorted(settled)
        """The same as a heap; some of them may have been taken out already."""
        self.runs: Final[dict[int, Run]] = {}
        """In memory and not settled, by position of their first event, oldest first."""
        self.fresh: Final[deque[Held]] = deque()
        self.fresh_size_bytes = 0
        self.returned: Final[list[tuple[int, Held]]] = []
        """A heap. Whatever came back is older than whatever is fresh."""
        self.held = 0
        """Events of the log that members have."""
        self.members = 0
        self.beginning: asyncio.Task[None] | None = None
        """While it is counted what a group that begins in the past begins with."""
        self.is_gone = False
        """Forgotten, or its channel is closed."""
        self.waiting: Final = Waiting()
        self.queues: Final[dict[str, ParkingQueue]] = {}
        self._touched: list[Run] = []
        self._reading: Final = asyncio.Lock()

    @property
    def is_behind(self) -> bool:
        """True where there is something on disk that it has not read yet."""
        return self.cursor < self.channel.committed_position

    @property
    def floor(self) -> int:
        """Everything up to there is settled."""
        return next(iter(self.runs)) - 1 if self.runs else self.cursor

    # What comes

    def has_room(self, size_bytes: int) -> bool:
        """True where a run of that size may come into memory straight from its commit."""
        if not self.fresh:
            return True
        return len(self.fresh) < WINDOW_EVENTS_MAX and self.fresh_size_bytes + size_bytes <= WINDOW_SIZE_MAX_BYTES

    def add(self, first: int, events: Sequence[Event], size_bytes: int) -> None:
        """A run that was just committed. Where it was not behind, and has room, it goes on without the disk."""
        run = self.runs[first] = Run(self, first, len(events), size_bytes)
        self.fresh.extend([Held(event, first + index, event.size, run, index) for index, event in enumerate(events)])
        self.fresh_size_bytes += size_bytes
        self.cursor = first + len(events) - 1

    async def read(self) -> None:
        """Bring more from the disk into memory, where it is behind and nothing is fresh. Raises ChannelUnavailable."""
        async with self._reading:
            if self.fresh or not self.is_behind or self.is_gone:
                return
            cursor, until = self.cursor, self.channel.committed_position
            base = self.channel.key
            found = await self.channel.journal.ask(
                lambda connection: read_log(connection, base + cursor + 1, base + until, _READ_EVENTS, _READ_SIZE_BYTES)
            )
            if self._is_over():
                return
            for run in found:
                self._load(run)
            if len(found) == 0 or found[-1].is_last:
                self.cursor = max(self.cursor, until)

    def _is_over(self) -> bool:
        return self.is_gone

    def _load(self, found: Found) -> None:
        first = found.key & ((1 << POSITION_BITS) - 1)
        floor = self.cursor
        last = first + found.count - 1
        if last <= floor:
            return
        self.cursor = last
        marks = self.settled_ahead.pop(first, b"")
        if marks is None:
            return
        marks = marks[: found.count].ljust(found.count, b"\1") if marks else None  # one each, whatever the row says
        run = Run(self, first, found.count, found.size_bytes, marks)
        if first <= floor:  # the group begins in the middle of it
            for index in range(floor - first + 1):
                run.settle(index)
        self.runs[first] = run
        for record in found.records:
            if not run.marks[record.index]:
                self.fresh.append(Held(record.event, record.position, record.size_bytes, run, record.index))
                self.fresh_size_bytes += record.size_bytes
        if found.damaged:
            lost, size_bytes = set_aside(self.channel, "log", found, run)
            self.unsettled -= len(lost)
            self.channel.lose(self, first, lost, size_bytes)
            self.touch(run)
        elif not run.left:
            self.touch(run)

    # What goes

    def take(self, count: int) -> list[Held]:
        """The oldest, at most `count`."""
        if self.channel.journal.committer.is_choked:
            return []
        taken: list[Held] = []
        while self.returned and len(taken) < count:
            taken.append(heappop(self.returned)[1])
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
        return taken

    def take_back(self, deliveries: Sequence[Held | HeldParked]) -> None:
        """Back to their places."""
        if self.is_gone:
            return
        for delivery in deliveries:
            assert isinstance(delivery, Held)
            heappush(self.returned, (delivery.position, delivery.again()))
        self.held -= len(deliveries)
        self.waiting.wake()

    def settled(self, deliveries: Sequence[Held | HeldParked]) -> None:
        """Count them. The file learns of it with the next commit."""
        if self.is_gone:
            return
        self.held -= len(deliveries)
        self.unsettled -= len(deliveries)
        for delivery in deliveries:
            run = delivery.run
            run.left -= 1
            run.marks[delivery.index] = 1
            if not run.is_touched:
                self.touch(run)
        self.channel.settled(self, deliveries)

    def settle_all(self) -> None:
        """Settle what no member holds."""
        deliveries = [*self.fresh, *[delivery for _, delivery in self.returned]]
        self.held += len(deliveries)
        self.settled(deliveries)

    def touch(self, run: Run) -> None:
        """The next commit is about it too."""
        run.is_touched = True
        self._touched.append(run)
        self.channel.change()

    def has_settled(self, first: int, position: int) -> bool:
        """Whether that event of the run that begins there is settled, as far as this group is concerned."""
        if position <= self.cursor:
            run = self.runs.get(first)
            return run is None or bool(run.marks[position - first])
        marks = self.settled_ahead.get(first, b"")
        return marks is None or bool(marks and marks[position - first])

    def view(self) -> View:
        """What it has settled at this moment, for those who count elsewhere."""
        marks: dict[int, bytes | None] = {**self.settled_ahead}
        marks.update((first, bytes(run.marks)) for first, run in self.runs.items())
        return View(self.cursor, marks)

    def has_settled_run(self, first: int, last: int) -> bool:
        """Whether all of that run is settled."""
        if last <= self.cursor:
            return first not in self.runs
        return self.settled_ahead.get(first, b"") is None

    # What the file learns

    def put(self, batch: Batch) -> None:
        """The runs that were settled in part or whole since the last commit."""
        touched, self._touched = self._touched, []
        for run in touched:
            run.is_touched = False
            if run.left:
                self.record(run.key, bytes(run.marks), batch)
                continue
            self.runs.pop(run.key, None)
            if not self.channel.delete(run.key, run.key + run.count - 1, run.size_bytes, batch):
                self.record(run.key, None, batch)
        floor = self.floor
        while self._recorded and self._recorded[0] <= floor:
            key = heappop(self._recorded)
            if key in self.recorded:
                self.unrecord(key, batch)

    def record(self, key: int, marks: bytes | None, batch: Batch) -> None:
        """Have the file know what of a run beyond the floor is settled; None: all."""
        batch.settled.append(settled_row(self.id, key, 0, marks))
        if key not in self.recorded:
            self.recorded.add(key)
            heappush(self._recorded, key)

    def unrecord(self, key: int, batch: Batch) -> None:
        """That has served: the run is gone, or the floor is above it."""
        self.recorded.discard(key)
        batch.unsettled.append((self.id, key))

    def queue_for(self, name: str, *, is_ordered: bool) -> ParkingQueue:
        """The queue of that name, made where there is none."""
        queue = self.queues.get(name)
        if queue is None:
            journal = self.channel.journal
            queue = self.queues[name] = ParkingQueue(self, journal.new_id(), name, is_ordered=is_ordered)
            row = queue_row(QueueState(queue.id, self.id, name, is_ordered))
            journal.committer.batch.statements.append(("INSERT INTO queue VALUES (?, ?, ?, ?, ?)", row))
        return queue

    def state(self, added: int = 0) -> GroupState:
        """As the next commit keeps it, with that many events of its own."""
        return GroupState(self.id, self.name, self.floor, self.unsettled + added)

    def close(self) -> None:
        """Drop what is in memory; those who wait look again."""
        self.is_gone = True
        self.fresh.clear()
        self.returned.clear()
        self.waiting.wake_all()
        for queue in [*self.queues.values()]:
            queue.close()
