"""One event on its way to one sink."""

from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from channels.contract import Delivery, Parked
from channels.dead_letter import AttemptRecord
from channels.event import Event

if TYPE_CHECKING:
    from dispatcher.outcome import Outcome
    from dispatcher.retry import Policy
    from dispatcher.sink import Sink

HISTORY_MAX: Final = 20
"""Attempts that an event remembers: the last ones. `number` counts them all."""

_Row = tuple[float, str, int | None, float, str | None, bytes]
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(list[_Row])


class Waiter(Protocol):
    """Who waits for the end of an attempt: its lane. Each attempt that is sent ends with one of these calls."""

    policy: "Policy"
    """Says how long the request may take."""

    def delivered(self, attempt: "Attempt") -> None:
        """Success, and nothing came back."""

    def finish(self, attempt: "Attempt", outcome: "Outcome") -> None:
        """Any other end of a request."""

    def exhaust_ttl(self, attempt: "Attempt") -> None:
        """The event would have made one hop too many."""


class Attempt:
    """What a lane holds of one event. `event` is the delivery's own."""

    __slots__ = (
        "_history",
        "delivery",
        "event",
        "is_redriven",
        "is_resent",
        "key",
        "lane",
        "number",
        "sink",
        "started_s",
    )

    def __init__(self, lane: Waiter, sink: "Sink", delivery: Delivery, event: Event) -> None:
        self.lane = lane
        self.sink = sink
        """Where the request under way goes, whatever the lane's sink has become since."""
        self.delivery = delivery
        self.event = event
        self.number = 1
        """Counts requests, from 1."""
        self.started_s = 0.0
        """The event loop's time when the request under way was handed to its sink."""
        self.is_resent = False
        """A reused connection was closed under this very request, which then went out once more."""
        self.is_redriven = False
        """A dead letter once more: no queue keeps it, and no order counts it."""
        self.key: str | None = None
        """Where order is kept, what others of the same wait behind this one."""
        self._history: tuple[AttemptRecord, ...] | bytes = ()

    @classmethod
    def of_parked(cls, lane: Waiter, sink: "Sink", delivery: Parked) -> "Attempt":
        """The attempt that comes after those a delivery was parked with."""
        attempt = cls(lane, sink, delivery, delivery.event)
        attempt.number = delivery.attempts + 1
        attempt._history = delivery.note
        return attempt

    @property
    def history(self) -> tuple[AttemptRecord, ...]:
        """How its last requests ended."""
        if isinstance(self._history, bytes):  # decoded for whoever asks: most are delivered, and nobody does
            self._history = decode_history(self._history)
        return self._history

    @history.setter
    def history(self, history: tuple[AttemptRecord, ...]) -> None:
        self._history = history

    @property
    def is_as_parked(self) -> bool:
        """It was taken out of its lane's queue, and nothing has happened to it since."""
        return isinstance(self._history, bytes)

    @property
    def note(self) -> bytes:
        """What to park it with: its history."""
        history = self._history
        return history if isinstance(history, bytes) else encode_history(history)

    @property
    def size_bytes(self) -> int:
        """What it is charged with while it waits: the delivery's bytes, and those of its history."""
        history = self._history
        if not history:
            return self.delivery.size_bytes
        if isinstance(history, bytes):
            return self.delivery.size_bytes + len(history)
        return self.delivery.size_bytes + sum([record.size for record in history])

    def record(self, record: AttemptRecord) -> None:
        """Remember how a request ended."""
        self._history = (*self.history[1 - HISTORY_MAX :], record)

    def forget(self) -> None:
        """Forget all requests but the last, where memory is short."""
        self._history = self.history[-1:]


def encode_history(history: tuple[AttemptRecord, ...]) -> bytes:
    """As bytes, for a queue to keep; none for none."""
    if not history:
        return b""
    return _ENCODER.encode([(r.time_s, r.destination, r.status, r.latency_s, r.error, r.answer) for r in history])


def decode_history(note: bytes) -> tuple[AttemptRecord, ...]:
    """What `encode_history` made. A note that it did not make tells of no attempts: the event is worth more."""
    if not note:
        return ()
    try:
        return tuple([AttemptRecord(*row) for row in _DECODER.decode(note)])
    except msgspec.DecodeError:
        return ()
