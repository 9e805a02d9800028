"""One event on its way to one sink."""

from typing import TYPE_CHECKING, Final

from channels.contract import Delivery
from channels.event import Event
from dispatcher.deadletter import AttemptRecord

if TYPE_CHECKING:
    from dispatcher.lane import Lane
    from dispatcher.sink import Sink

HISTORY_MAX: Final = 20
"""Attempts that an event remembers: the last ones. `number` counts them all."""


class Attempt:
    """What a lane holds of one event. `event` is the delivery's own, or a dead letter made of it."""

    __slots__ = ("delivery", "event", "history", "is_resent", "lane", "number", "sink", "started_s")

    def __init__(self, lane: "Lane", sink: "Sink", delivery: Delivery, event: Event) -> None:
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
        self.history: tuple[AttemptRecord, ...] = ()

    @property
    def size_bytes(self) -> int:
        """What it is charged with while it waits: the delivery's bytes, and those of its history."""
        if self.history:
            return self.delivery.size_bytes + sum([record.size for record in self.history])
        return self.delivery.size_bytes

    def record(self, record: AttemptRecord) -> None:
        """Remember how a request ended."""
        self.history = (*self.history[1 - HISTORY_MAX :], record)

    def forget(self) -> None:
        """Forget all requests but the last, where memory is short."""
        self.history = self.history[-1:]
