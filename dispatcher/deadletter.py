"""The built-in dead letter store: events that no dead letter sink took, with their attempts.

Bounded; the oldest make room.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from channels.contract import Delivery
from channels.event import Event

ANSWER_MAX_BYTES: Final = 1024
"""How much of a sink's answer an attempt keeps (`knativeerrordata`, Knative's data plane contract)."""
_ATTEMPT_BYTES: Final = 128


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


_Kept = tuple[int, float, tuple[str, str, str], str, Event, tuple[AttemptRecord, ...]]
"""The size, and what a DeadLetter is made of. A sink that hangs fills the store at the rate of events; few are read."""


class DeadLetterStore:
    """Dead letters in memory, newest last, at most `size_max_bytes` of them. Ids count from 1, without a gap."""

    def __init__(self, *, size_max_bytes: int) -> None:
        self._kept: deque[_Kept] = deque()
        self._size_max_bytes = size_max_bytes
        self._size_bytes = 0
        self.evicted = 0
        """Dead letters that made room for younger ones: the one way to leave this store."""

    def add(
        self, time_s: float, key: tuple[str, str, str], reason: str, event: Event, attempts: tuple[AttemptRecord, ...]
    ) -> None:
        """Keep one, the newest, however large. `key` is the Trigger's namespace, Broker and name."""
        size = event.size
        if attempts:
            size += sum([attempt.size for attempt in attempts])
        self._kept.append((size, time_s, key, reason, event, attempts))
        self._size_bytes += size
        self._make_room()

    def extend(self, time_s: float, key: tuple[str, str, str], reason: str, deliveries: Sequence[Delivery]) -> None:
        """Keep many that were never tried, the last one as the newest."""
        self._kept.extend([(one.size_bytes, time_s, key, reason, one.event, ()) for one in deliveries])
        self._size_bytes += sum([one.size_bytes for one in deliveries])
        self._make_room()

    def get(self, letter_id: int) -> DeadLetter | None:
        """The one with that id, None where there is none (any more)."""
        offset = letter_id - self.evicted - 1
        return _letter(letter_id, self._kept[offset]) if 0 <= offset < len(self._kept) else None

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[DeadLetter]:
        """Newest first."""
        newest = self.evicted + len(self._kept)
        return map(_letter, range(newest, self.evicted, -1), reversed(self._kept))

    def _make_room(self) -> None:
        kept = self._kept
        while self._size_bytes > self._size_max_bytes and len(kept) > 1:
            self._size_bytes -= kept.popleft()[0]
            self.evicted += 1


def _letter(letter_id: int, kept: _Kept) -> DeadLetter:
    _, time_s, (namespace, broker, trigger), reason, event, attempts = kept
    return DeadLetter(letter_id, time_s, namespace, broker, trigger, reason, event, attempts)
