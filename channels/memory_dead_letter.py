"""Dead letters in this process's memory: bounded, the oldest make room, gone with the process."""

import time
from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from channels.contract import Delivery
from channels.dead_letter import (
    Address,
    AttemptRecord,
    DeadLetter,
    Redrive,
    RedriveState,
    Selector,
    Tally,
    is_about,
    number_in,
)
from channels.event import Event
from channels.memory_redrive import MemoryRedrives

_RUN_PART: Final = 16
"""Events are kept and evicted together where all of them are at most a sixteenth of the store."""
_ID_MARK: Final = "m"


class _Run:
    """Neighbours with one fate. A sink that hangs fills the store at the rate of events, and few are ever read."""

    __slots__ = ("address", "attempts", "count", "events", "first", "reason", "size_bytes", "time_s")

    def __init__(
        self, first: int, size_bytes: int, time_s: float, address: Address, reason: str, events: list[Event | None],
        attempts: tuple[AttemptRecord, ...],
    ) -> None:  # fmt: skip
        self.first = first
        self.size_bytes = size_bytes
        self.time_s = time_s
        self.address = address
        self.reason = reason
        self.events = events
        """By number, from `first` on; None where one has left."""
        self.attempts = attempts
        self.count = len(events)
        """Those that have not left."""

    def numbers(self, wanted: Sequence[int] | None = None) -> Sequence[int]:
        """Of its letters, oldest first; only those that are wanted, where these are given, in order of size."""
        first, end = self.first, self.first + len(self.events)
        among: Sequence[int] = range(first, end)
        if wanted is not None:
            among = wanted[bisect_left(wanted, first) : bisect_left(wanted, end)]
        if self.count == len(self.events):
            return among
        return [number for number in among if self.events[number - first] is not None]


class _Mark(NamedTuple):
    """What a redrive did to a letter."""

    run: _Run
    attempts: tuple[AttemptRecord, ...]
    redrives: int
    state: RedriveState
    redrive_id: str


class MemoryDeadLetters:
    """At most `size_max_bytes` of dead letters, and the newest however large. Ids count from `m1`."""

    is_durable = False

    def __init__(self, *, size_max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self.evicted = 0
        """Dead letters that made room for younger ones."""
        self._size_max_bytes: Final = size_max_bytes
        self._clock: Final = clock
        self._runs: Final[OrderedDict[int, _Run]] = OrderedDict()
        """By the number of their first letter, oldest first."""
        self._marks: Final[dict[int, _Mark]] = {}
        """By the letter's number, for those that a redrive has claimed at some time."""
        self._redrives: Final = MemoryRedrives(clock)
        self._size_bytes = 0
        self._next = 1

    def add(self, address: Address, reason: str, event: Event, attempts: tuple[AttemptRecord, ...]) -> None:
        """Keep one, the newest, however large."""
        size_bytes = event.size + sum([attempt.size for attempt in attempts])
        self._append(size_bytes, self._clock(), address, reason, [event], attempts)

    def extend(self, address: Address, reason: str, deliveries: Sequence[Delivery]) -> None:
        """Keep many that were never tried, the last one as the newest. They may make room together."""
        size_bytes, now_s = sum([one.size_bytes for one in deliveries]), self._clock()
        if deliveries and size_bytes * _RUN_PART <= self._size_max_bytes:
            self._append(size_bytes, now_s, address, reason, [one.event for one in deliveries], ())
            return
        for one in deliveries:
            self._append(one.size_bytes, now_s, address, reason, [one.event], ())

    async def find(self, selector: Selector, *, limit: int, before: str = "") -> list[DeadLetter]:
        """Up to `limit` of them, newest first."""
        end = _number(before) if before else self._next
        found = (one for one in self._chosen(selector, is_newest_first=True) if one[1] < end)
        return [self._letter(*one) for one in islice(found, limit)]

    async def get(self, letter_id: str) -> DeadLetter | None:
        """The one with that id. O(n) in what is kept."""
        return next((self._letter(*one) for one in self._chosen(Selector(ids=(letter_id,)))), None)

    async def tally(self, selector: Selector) -> list[Tally]:
        """How many there are, in the order of their Triggers' names and reasons."""
        tallies: dict[tuple[Address, str], Tally] = {}
        for run, numbers in self._chosen_runs(selector):
            count = len(numbers) if selector.ids else run.count
            key = (run.address, run.reason)
            old = tallies.get(key) or Tally(*key, 0, run.time_s, run.time_s)
            first_s, last_s = min(old.first_s, run.time_s), max(old.last_s, run.time_s)
            tallies[key] = Tally(*key, old.count + count, first_s, last_s)
        return [tallies[key] for key in sorted(tallies)]

    async def discard(self, selector: Selector, *, limit: int | None = None) -> Mapping[Address, int]:
        """Let the oldest of them go, up to `limit`."""
        discarded: Counter[Address] = Counter()
        for run, number in [*islice(self._chosen(selector), limit)]:
            discarded[run.address] += 1
            self._remove(run, number, is_delivered=False)
        return discarded

    async def claim(self, selector: Selector, *, rate: float | None, limit: int | None = None) -> Redrive:
        """Begin a redrive of the oldest of them, up to `limit`, that no other redrive has claimed."""
        free = (one for one in self._chosen(selector) if self._mark(*one).state != "pending")
        claimed = [*islice(free, limit)]
        redrive = self._redrives.begin(selector, rate, [number for _, number in claimed])
        for run, number in claimed:
            self._marks[number] = self._mark(run, number)._replace(state="pending", redrive_id=redrive.id)
        return redrive

    @property
    def redrives(self) -> Sequence[Redrive]:
        """Those under way and the last hundred that ended, oldest first."""
        return self._redrives.told

    async def claimed(self, redrive_id: str, limit: int) -> list[DeadLetter]:
        """Up to `limit` that this redrive has still to bring to an end, oldest first."""
        numbers = islice(self._redrives.pending(redrive_id), limit)
        return [self._letter(self._marks[number].run, number) for number in numbers]

    def redriven(self, letter: DeadLetter) -> None:
        """It was delivered at last. O(1)."""
        mark = self._claim_of(letter)
        if mark is not None:
            self._remove(mark.run, _number(letter.id), is_delivered=True)

    def failed_again(self, letter: DeadLetter, attempts: tuple[AttemptRecord, ...]) -> None:
        """It stays, marked `failed`, with these attempts as well. O(1)."""
        mark = self._claim_of(letter)
        if mark is None:
            return
        number = _number(letter.id)
        self._marks[number] = mark._replace(
            attempts=mark.attempts + attempts, redrives=mark.redrives + 1, state="failed"
        )
        self._redrives.end(mark.redrive_id, number, is_delivered=False)
        added_bytes = sum(attempt.size for attempt in attempts)
        mark.run.size_bytes += added_bytes
        self._size_bytes += added_bytes
        self._make_room()

    def _append(
        self, size_bytes: int, time_s: float, address: Address, reason: str, events: list[Event | None],
        attempts: tuple[AttemptRecord, ...],
    ) -> None:  # fmt: skip
        first = self._next
        self._next = first + len(events)
        self._runs[first] = _Run(first, size_bytes, time_s, address, reason, events, attempts)
        self._size_bytes += size_bytes
        if self._size_bytes > self._size_max_bytes:
            self._make_room()

    def _make_room(self) -> None:
        while self._size_bytes > self._size_max_bytes and len(self._runs) > 1:
            first, run = self._runs.popitem(last=False)
            self._size_bytes -= run.size_bytes
            self.evicted += run.count
            if self._marks:
                for number in range(first, first + len(run.events)):
                    self._unmark(number, is_delivered=False)

    def _remove(self, run: _Run, number: int, *, is_delivered: bool) -> None:
        size_bytes = self._letter(run, number).size
        self._unmark(number, is_delivered=is_delivered)
        run.events[number - run.first] = None
        run.count -= 1
        run.size_bytes -= size_bytes
        self._size_bytes -= size_bytes
        if not run.count:
            del self._runs[run.first]

    def _unmark(self, number: int, *, is_delivered: bool) -> None:
        """It leaves: whoever had claimed it counts that."""
        mark = self._marks.pop(number, None)
        if mark is not None and mark.state == "pending":
            self._redrives.end(mark.redrive_id, number, is_delivered=is_delivered)

    def _mark(self, run: _Run, number: int) -> _Mark:
        """The letter's, or that of one which was never claimed."""
        return self._marks.get(number) or _Mark(run, run.attempts, 0, "", "")

    def _claim_of(self, letter: DeadLetter) -> _Mark | None:
        """Its mark, where the redrive that it was given to has still to bring it to an end."""
        mark = self._marks.get(_number(letter.id))
        is_claimed = mark is not None and (mark.state, mark.redrive_id) == ("pending", letter.redrive_id)
        return mark if is_claimed else None

    def _chosen(self, selector: Selector, *, is_newest_first: bool = False) -> Iterator[tuple[_Run, int]]:
        """The letters that fulfil it, each by its run and number."""
        for run, numbers in self._chosen_runs(selector, is_newest_first=is_newest_first):
            for number in reversed(numbers) if is_newest_first else numbers:
                yield run, number

    def _chosen_runs(
        self, selector: Selector, *, is_newest_first: bool = False
    ) -> Iterator[tuple[_Run, Sequence[int]]]:
        """The runs that have letters which fulfil it, and the numbers of these, which grow."""
        wanted = sorted({_number(letter_id) for letter_id in selector.ids})
        for run in reversed(self._runs.values()) if is_newest_first else self._runs.values():
            if is_about(selector, run.address, run.reason, run.time_s):
                numbers = run.numbers(wanted) if wanted else run.numbers()
                if numbers:
                    yield run, numbers

    def _letter(self, run: _Run, number: int) -> DeadLetter:
        event = run.events[number - run.first]
        assert event is not None
        _, attempts, redrives, state, redrive_id = self._mark(run, number)
        letter_id = f"{_ID_MARK}{number}"
        return DeadLetter(letter_id, run.time_s, run.address, run.reason, event, attempts, redrives, state, redrive_id)


def _number(letter_id: str) -> int:
    return number_in(letter_id, _ID_MARK)
