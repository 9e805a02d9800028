"""What was published into one channel: gathered, cut into runs for a commit, and handed to the groups after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from channels.contract import Position, Receipt
from channels.event import Event
from channels.frame import encode_run
from channels.journal.batch import Batch
from channels.journal.group import Group
from channels.journal.row import LOG_RUN_EVENTS_MAX

if TYPE_CHECKING:
    from channels.journal.channel import JournalChannel

RUN_SIZE_MAX_BYTES: Final = 2**20
"""How large a run may be: it is read as a whole, and deleted when the last of its events is settled."""


@dataclass(slots=True)
class _Run:
    """A run that was put into a commit. `groups` are those it is for; it is on disk where somebody may want it."""

    first: Position
    events: list[Event]
    size_bytes: int
    groups: list[Group]
    is_on_disk: bool


class Publishing:
    """`position` is the last one that was given to an event."""

    def __init__(self, channel: "JournalChannel") -> None:
        self.position: Position = 0
        self._channel: Final = channel
        self._gathered: list[Event] = []
        self._gathered_first: Position = 1
        self._receipts: list[Receipt] = []
        self._cuts: list[Position] = []
        """Where a group begins: no run reaches over it."""
        self._put: list[_Run] = []
        self._put_receipts: list[Receipt] = []

    @property
    def put_position(self) -> Position:
        """The last one that was put, ever."""
        return self._gathered_first - 1 if self._gathered else self.position

    def pending(self) -> tuple[int, int, int]:
        """What the totals have of events that are not stored yet: put ones, all of them, and the bytes of all."""
        put = sum([len(run.events) for run in self._put])
        held = [run for run in self._put if run.groups]
        events = len(self._gathered) + sum([len(run.events) for run in held])
        size_bytes = sum([event.size for event in self._gathered]) + sum([run.size_bytes for run in held])
        return put, events, size_bytes

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        """For the next commit."""
        if not self._gathered:
            self._gathered_first = self.position + 1
        self._gathered += events
        self.position += len(events)
        self._receipts.append(receipt)

    def cut(self) -> None:
        """What is submitted from now on is apart from what was."""
        if self._gathered:
            self._cuts.append(self.position)

    def put(self, batch: Batch) -> None:
        """Cut what was gathered into runs."""
        if not self._receipts:
            return
        self._put_receipts, self._receipts = self._receipts, []
        events, self._gathered = self._gathered, []
        cuts, self._cuts = self._cuts, []
        first = self._gathered_first
        now_us = self._channel.journal.clock.now_us()
        run: list[Event] = []
        size_bytes = 0
        for position, event in enumerate(events, first):
            size = event.size
            if run and (
                len(run) == LOG_RUN_EVENTS_MAX
                or size_bytes + size > RUN_SIZE_MAX_BYTES
                or (cuts and position - 1 in cuts)
            ):
                self._put_run(batch, first, run, size_bytes, now_us)
                first, run, size_bytes = position, [], 0
            run.append(event)
            size_bytes += size
        if run:
            self._put_run(batch, first, run, size_bytes, now_us)

    def _put_run(self, batch: Batch, first: Position, events: list[Event], size_bytes: int, now_us: int) -> None:
        channel = self._channel
        groups = [group for group in channel.groups.values() if group.cursor < first]
        is_on_disk = bool(groups or channel.retention)
        if is_on_disk:
            body = encode_run(first, events)
            batch.log.append((channel.key + first, now_us, len(events), size_bytes, body))
            channel.state.log_size_bytes += size_bytes
        if not groups:
            channel.count(-len(events), -size_bytes)
        channel.state.stored += len(events)
        self._put.append(_Run(first, events, size_bytes, groups, is_on_disk))

    def added(self, group: Group) -> int:
        """How many events of what was put are for that group."""
        return sum([len(run.events) for run in self._put if group in run.groups])

    def committed(self) -> None:
        """What was put is safe: it goes to the groups, from memory where they are not behind; receipts are told."""
        runs, self._put = self._put, []
        receipts, self._put_receipts = self._put_receipts, []
        channel = self._channel
        for run in runs:
            before, channel.committed_position = channel.committed_position, run.first + len(run.events) - 1
            for group in run.groups:
                if group.is_gone:
                    continue
                group.unsettled += len(run.events)
                if group.cursor >= before and group.has_room(run.size_bytes):
                    group.add(run.first, run.events, run.size_bytes)
                if group.waiting:
                    group.waiting.wake()
        for receipt in receipts:
            receipt.stored()

    def failed(self, error: Exception) -> bool:
        """What was put was not stored. False where there was nothing."""
        runs, self._put = self._put, []
        receipts, self._put_receipts = self._put_receipts, []
        channel = self._channel
        for run in runs:
            channel.state.stored -= len(run.events)
            if run.is_on_disk:
                channel.state.log_size_bytes -= run.size_bytes
            if run.groups:
                channel.count(-len(run.events), -run.size_bytes)
        for receipt in receipts:
            receipt.refused(error)
        return bool(runs or receipts)

    def refuse(self, error: Exception) -> bool:
        """What was gathered is not stored. False where there was nothing."""
        receipts, self._receipts = self._receipts, []
        events, self._gathered = self._gathered, []
        self._cuts.clear()
        self._channel.count(-len(events), -sum([event.size for event in events]))
        for receipt in receipts:
            receipt.refused(error)
        return bool(receipts)
