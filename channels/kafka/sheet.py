"""What was parked together: references to records of one partition of the log, and what has become of each. Pure."""

from array import array
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from channels.contract import Delivery, Parked, Position
from channels.event import Event
from channels.kafka.state import ParkedState, stamp_of
from channels.kafka.topic import PARTITION_BITS, position_of

EVENTS_MAX: Final = 512
"""Of one sheet. It is written anew when some of it was settled."""
_WAITING, _OUT, _GONE = range(3)


class Sheet:
    """Its deliveries have numbers, by growing offsets. All of them are due at once, and have the same history.

    What is settled of it never comes back: so a sheet of which two processes say different things is what both say.
    """

    __slots__ = (
        "_first",
        "attempts",
        "body_offset",
        "due_s",
        "due_us",
        "events",
        "group",
        "is_ordered",
        "is_written",
        "key",
        "left",
        "marks",
        "note",
        "offsets",
        "parked_us",
        "partition",
        "queue",
        "queued",
        "sequence",
        "size_bytes",
        "sizes",
        "stamps",
        "taken",
        "unsaved",
        "waiting",
    )

    def __init__(
        self, key: bytes, group: str, queue: str, partition: int, *, is_ordered: bool, parked_us: int, due_us: int,
        due_s: float, attempts: int, note: bytes, sequence: int,
    ) -> None:  # fmt: skip
        self.key = key
        self.group = group
        self.queue = queue
        self.partition = partition
        self.is_ordered = is_ordered
        self.parked_us = parked_us
        self.due_us = due_us
        """Of the wall clock, for who comes after this process; `due_s` is the event loop's."""
        self.due_s = due_s
        self.attempts = attempts
        self.note = note
        self.sequence = sequence
        self.offsets = array("Q")
        self.sizes = array("I")
        self.stamps = array("I")
        """What tells whether a record at one of the offsets is what was parked."""
        self.marks = bytearray()
        self.left = 0
        """How many are not settled; `waiting` of them nobody has."""
        self.waiting = 0
        self.size_bytes = 0
        """Of those not settled."""
        self.taken: dict[int, Taken] = {}
        """By number what members hold."""
        self.events: list[Event] | None = []
        """By number, while they are at hand."""
        self.unsaved: list[int] = []
        """Numbers that were settled since it was last written."""
        self.is_written = False
        self.body_offset: int | None = None
        """Where in the state topic its only event rests, where that is a copy; -1 until it is stored."""
        self.queued: float | None = None
        """Its rank in the heap of its shelf."""
        self._first = 0

    @classmethod
    def restored(cls, key: bytes, partition: int, state: ParkedState, *, due_s: float, sequence: int) -> "Sheet":
        """As it was written. Raises ValueError where that is no sheet."""
        sheet = cls(
            key, state.group, state.queue, partition, is_ordered=state.is_ordered, parked_us=state.parked_us,
            due_us=state.due_us, due_s=due_s, attempts=state.attempts, note=state.note, sequence=sequence,
        )  # fmt: skip
        sheet.offsets.frombytes(state.offsets)
        sheet.sizes.frombytes(state.sizes)
        sheet.stamps.frombytes(state.stamps)
        if not len(sheet.offsets) == len(sheet.sizes) == len(sheet.stamps) > 0:
            raise ValueError("a sheet has an offset, a size and a stamp for each event")
        sheet.marks = bytearray(len(sheet.offsets))
        sheet.left = sheet.waiting = len(sheet.offsets)
        sheet.size_bytes = sum(sheet.sizes)
        sheet.is_written, sheet.events = True, None
        return sheet

    @property
    def state(self) -> ParkedState:
        """What is left, to be written."""
        offsets, sizes, stamps = self.offsets, self.sizes, self.stamps
        if self.left < len(offsets):
            numbers = [*self.numbers()]
            offsets = array("Q", [offsets[number] for number in numbers])
            sizes = array("I", [sizes[number] for number in numbers])
            stamps = array("I", [stamps[number] for number in numbers])
        return ParkedState(
            self.group, self.queue, self.is_ordered, self.parked_us, self.due_us, self.attempts, self.note,
            offsets.tobytes(), sizes.tobytes(), stamps.tobytes(),
        )  # fmt: skip

    @property
    def copied(self) -> Event | None:
        """What has to be written with a copy."""
        return None if self.body_offset is None or self.events is None else self.events[0]

    @property
    def first(self) -> int:
        """The lowest number that waits. Only while some does."""
        number = self.marks.find(_WAITING, self._first)
        self._first = number
        return number

    @property
    def rank(self) -> float:
        """Where it stands among the sheets of its queue: by position, or by when it is due. Only while some wait."""
        return self.position(self.first) if self.is_ordered else self.due_s

    def position(self, number: int) -> Position:
        """Where its event rests."""
        return position_of(self.partition, self.offsets[number])

    def numbers(self) -> Iterator[int]:
        """Of all that is left."""
        return (number for number, mark in enumerate(self.marks) if mark != _GONE)

    def takes(self, position: Position) -> bool:
        """Whether one of that position has its place behind the others."""
        offsets = self.offsets
        return len(offsets) < EVENTS_MAX and (not offsets or position >> PARTITION_BITS > offsets[-1])

    def extend(self, deliveries: list[Delivery]) -> list[Delivery]:
        """These come behind the others, up to the first that has no place there; that one and those after it."""
        last, room = self.offsets[-1] if self.offsets else -1, EVENTS_MAX - len(self.offsets)
        offsets: list[int] = []
        for one in deliveries[:room]:
            offset = one.position >> PARTITION_BITS
            if offset <= last:
                break
            offsets.append(offset)
            last = offset
        taken = deliveries[: len(offsets)]
        sizes = [one.size_bytes for one in taken]
        events = [one.event for one in taken]
        if self.events is not None:
            self.events += events
        self.offsets.extend(offsets)
        self.sizes.extend(sizes)
        self.stamps.extend([stamp_of(one) for one in events])
        self.marks += bytes(len(taken))
        self.left += len(taken)
        self.waiting += len(taken)
        self.size_bytes += sum(sizes)
        return deliveries[len(taken) :]

    def draw(self) -> int:
        """The lowest that waits is about to be somebody's. Only while some wait."""
        number = self.first
        self.marks[number] = _OUT
        self.waiting -= 1
        return number

    def put_back(self, number: int) -> bool:
        """It waits again, unless it is settled. True where it was out."""
        self.taken.pop(number, None)
        if self.marks[number] != _OUT:
            return False
        self.marks[number] = _WAITING
        self.waiting += 1
        self._first = min(self._first, number)
        return True

    def is_out(self, number: int) -> bool:
        """Whether it was drawn, and neither put back nor settled."""
        return self.marks[number] == _OUT

    def settle(self, number: int) -> bool:
        """It is parked no more, whoever has it. False where it was not."""
        mark = self.marks[number]
        if mark == _GONE:
            return False
        self.taken.pop(number, None)
        self.marks[number] = _GONE
        self.waiting -= mark == _WAITING
        self.left -= 1
        self.size_bytes -= self.sizes[number]
        self.unsaved.append(number)
        return True

    def is_of(self, number: int, event: Event) -> bool:
        """Whether that event is what was parked."""
        return stamp_of(event) == self.stamps[number]

    def missing_from(self, offsets: AbstractSet[int]) -> list[int]:
        """Numbers of those left whose offsets are not among these."""
        return [number for number in self.numbers() if self.offsets[number] not in offsets]

    def give_up(self) -> None:
        """Another process has it, as it was last written."""
        self.taken.clear()
        for number in self.unsaved:
            self.marks[number] = _OUT
            self.left += 1
            self.size_bytes += self.sizes[number]
        self.unsaved.clear()
        for number, mark in enumerate(self.marks):
            if mark == _OUT:
                self.put_back(number)

    def saved(self) -> None:
        """As it is it was given to be written."""
        self.unsaved.clear()
        self.is_written = True


Drawn = tuple[Sheet, int]
"""One delivery: its sheet, and its number there."""


class Taken(Parked):
    """A parked delivery that a member holds."""

    __slots__ = ("number", "sheet")

    def __init__(self, sheet: Sheet, number: int, event: Event) -> None:
        super().__init__(event, sheet.position(number), sheet.sizes[number], sheet.attempts, sheet.note)
        self.sheet = sheet
        self.number = number

    @property
    def is_held(self) -> bool:
        """Whether the member has it still: it may have been settled, or become another process's."""
        return self.sheet.taken.get(self.number) is self
