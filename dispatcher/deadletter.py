"""The built-in dead letter store: events that no dead letter sink took, with all their attempts. Bounded; the oldest make room."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from channels.event import Event

ANSWER_MAX_BYTES: Final = 1024
"""How much of a sink's answer an attempt keeps (`knativeerrordata`, Knative's data plane contract)."""


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One request to one sink. `time_s` is seconds since the epoch, `status` None where no answer came, `error` the words for that."""

    time_s: float
    destination: str
    status: int | None
    latency_s: float
    error: str | None
    answer: bytes


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event that failed for good for one Trigger. `reason` is one of the words in docs/delivery.md, such as `retriesexhausted`."""

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
        return self.event.size + sum(128 + len(attempt.answer) for attempt in self.attempts)


class DeadLetterStore:
    """Dead letters in memory, newest last, at most `size_max_bytes` of them."""

    def __init__(self, *, size_max_bytes: int) -> None:
        self._letters: deque[DeadLetter] = deque()
        self._size_max_bytes = size_max_bytes
        self._size_bytes = 0
        self._next_id = 1
        self.evicted = 0
        """Dead letters that made room for younger ones: the one way to leave this store."""

    def add(
        self, *, time_s: float, namespace: str, broker: str, trigger: str, reason: str, event: Event, attempts: tuple[AttemptRecord, ...]
    ) -> DeadLetter:
        """Keep one, and return it with its id."""
        letter = DeadLetter(self._next_id, time_s, namespace, broker, trigger, reason, event, attempts)
        self._next_id += 1
        self._letters.append(letter)
        self._size_bytes += letter.size
        while self._size_bytes > self._size_max_bytes and len(self._letters) > 1:
            self._size_bytes -= self._letters.popleft().size
            self.evicted += 1
        return letter

    def get(self, letter_id: int) -> DeadLetter | None:
        """The one with that id, None where there is none (any more)."""
        offset = letter_id - self._letters[0].id if self._letters else -1
        return self._letters[offset] if 0 <= offset < len(self._letters) else None

    def __len__(self) -> int:
        return len(self._letters)

    def __iter__(self) -> Iterator[DeadLetter]:
        """Newest first."""
        return reversed(self._letters)
