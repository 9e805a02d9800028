"""What of a run is in memory: how many of its events are still to be settled, and who they are. Pure."""

from collections.abc import Sequence
from typing import Protocol

from channels.contract import Delivery, Parked
from channels.event import Event
from channels.frame import Record


class Owner(Protocol):
    """Whose run it is: a group, for runs of the log, or a queue."""

    def settled(self, deliveries: "Sequence[Held | HeldParked]") -> None:
        """These are settled: count them, and see to it that the file learns of their runs."""

    def take_back(self, deliveries: "Sequence[Held | HeldParked]") -> None:
        """Their holder gave them back."""


class Run:
    """A run of which some member, or a window, has events. `marks` has one byte per event, 1 for settled."""

    __slots__ = (
        "count", "is_recorded", "is_touched", "key", "left", "marks", "owner", "settled_size_bytes", "size_bytes",
    )  # fmt: skip

    def __init__(self, owner: Owner, key: int, count: int, size_bytes: int, marks: bytes | None = None) -> None:
        self.owner = owner
        self.key = key
        self.count = count
        self.size_bytes = size_bytes
        self.settled_size_bytes = 0
        """Kept for parked runs only."""
        self.marks = bytearray(count) if marks is None else bytearray(marks)
        self.left = count if marks is None else marks.count(0)
        self.is_touched = False
        """It was settled in part or whole since the last commit."""
        self.is_recorded = marks is not None
        """There is a row about it in the table `settled`."""

    def settle(self, index: int) -> None:
        """One more of its events."""
        self.left -= 1
        self.marks[index] = 1


class Held(Delivery):
    """An event of the log; `index` is its place in its run."""

    __slots__ = ("index", "run")

    def __init__(self, event: Event, position: int, size_bytes: int, run: Run, index: int) -> None:
        self.event = event
        self.position = position
        self.size_bytes = size_bytes
        self.pending = 0
        self.run = run
        self.index = index

    def again(self) -> "Held":
        """Another object for the same: a former holder may still ack the one it had."""
        return Held(self.event, self.position, self.size_bytes, self.run, self.index)


class HeldParked(Parked):
    """An event that was parked; `rank` and its run's id decide its place in an unordered queue."""

    __slots__ = ("index", "rank", "run")

    def __init__(self, record: Record, attempts: int, note: bytes, run: Run, rank: int) -> None:
        super().__init__(record.event, record.position, record.size_bytes, attempts, note)
        self.run = run
        self.index = record.index
        self.rank = rank

    def again(self) -> "HeldParked":
        """Another object for the same."""
        record = Record(self.index, self.position, self.size_bytes, self.event)
        return HeldParked(record, self.attempts, self.note, self.run, self.rank)
