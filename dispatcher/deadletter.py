"""The built-in dead letter store: events that no dead letter sink took, with their attempts.

Bounded; the oldest make room.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from channels.contract import Delivery
from channels.event import Event

ANSWER_MAX_BYTES: Final = 1024
"""How much of a sink's answer an attempt keeps (`knativeerrordata`, Knative's data plane contract)."""
_ATTEMPT_BYTES: Final = 128

_RUN_PART: Final = 16
"""Events are kept and evicted together where all of them are at most a sixteenth of the store."""


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One request to one sink.

    `time_s` is seconds since the epoch; `status` is None where no answer came, and `error` has the words for that.
    """

    time_s: float
    destination: str
    status: int | None
    latency_s: float
    error: str | None
    answer: bytes

    @property
    def size(self) -> int:
        """Bytes charged against the bound of whatever holds it."""
        return _ATTEMPT_BYTES + len(self.answer)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event that failed for good for one Trigger.

    `reason` is one of the words in docs/delivery.md, such as `retriesexhausted`.
    """

    id: int
    time_s: float
    namespace: str
    broker: str
    trigger: str
    reason: str
    event: Event
    attempts: tuple[AttemptRecord, ...]

    @property
    def size(self) -> int:
        """Bytes charged against the store's bound."""
        return self.event.size + sum(attempt.size for attempt in self.attempts)


class _Run(NamedTuple):
    """Neighbours with one fate. A sink that hangs fills the store at the rate of events, and few are ever read."""

    size_bytes: int
    time_s: float
    key: tuple[str, str, str]
    reason: str
    events: Sequence[Event]
    attempts: tuple[AttemptRecord, ...]


class DeadLetterStore:
    """Dead letters in memory, newest last, at most `size_max_bytes` of them. Ids count from 1, without a gap."""

    def __init__(self, *, size_max_bytes: int) -> None:
        self._runs: deque[_Run] = deque()
        self._size_max_bytes = size_max_bytes
        self._size_bytes = 0
        self._count = 0
        self.evicted = 0
        """Dead letters that made room for younger ones: the one way to leave this store."""

    def add(
        self, time_s: float, key: tuple[str, str, str], reason: str, event: Event, attempts: tuple[AttemptRecord, ...]
    ) -> None:
        """Keep one, the newest, however large. `key` is the Trigger's namespace, Broker and name."""
        size_bytes = event.size + sum([attempt.size for attempt in attempts])
        self._append(_Run(size_bytes, time_s, key, reason, (event,), attempts))

    def extend(self, time_s: float, key: tuple[str, str, str], reason: str, deliveries: Sequence[Delivery]) -> None:
        """Keep many that were never tried, the last one as the newest. They may make room together."""
        size_bytes = sum([one.size_bytes for one in deliveries])
        if size_bytes * _RUN_PART <= self._size_max_bytes:
            self._append(_Run(size_bytes, time_s, key, reason, [one.event for one in deliveries], ()))
            return
        for one in deliveries:
            self._append(_Run(one.size_bytes, time_s, key, reason, (one.event,), ()))

    def get(self, letter_id: int) -> DeadLetter | None:
        """The one with that id, None where there is none (any more)."""
        first = self.evicted + 1
        if letter_id < first:
            return None
        for run in self._runs:
            if letter_id < first + len(run.events):
                return _letter(letter_id, run, letter_id - first)
            first += len(run.events)
        return None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[DeadLetter]:
        """Newest first."""
        letter_id = self.evicted + self._count
        for run in reversed(self._runs):
            for place in reversed(range(len(run.events))):
                yield _letter(letter_id, run, place)
                letter_id -= 1

    def _append(self, run: _Run) -> None:
        runs = self._runs
        runs.append(run)
        self._size_bytes += run.size_bytes
        self._count += len(run.events)
        while self._size_bytes > self._size_max_bytes and len(runs) > 1:
            oldest = runs.popleft()
            self._size_bytes -= oldest.size_bytes
            self._count -= len(oldest.events)
            self.evicted += len(oldest.events)


def _letter(letter_id: int, run: _Run, place: int) -> DeadLetter:
    namespace, broker, trigger = run.key
    return DeadLetter(letter_id, run.time_s, namespace, broker, trigger, run.reason, run.events[place], run.attempts)
