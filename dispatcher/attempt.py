"""One event on its way to one sink."""

from collections import deque
from typing import TYPE_CHECKING, Final

from channels.contract import Delivery
from channels.event import Event
from dispatcher.deadletter import AttemptRecord

if TYPE_CHECKING:
    from dispatcher.lane import Lane

HISTORY_MAX: Final = 20
"""Attempts that an event remembers: the last ones. `number` counts them all."""


class Attempt:
    """What a lane holds of one event. `event` is the delivery's own, or a dead letter made of it."""

    __slots__ = ("delivery", "event", "history", "is_resent", "lane", "number", "started_s")

    def __init__(self, lane: "Lane", delivery: Delivery, event: Event) -> None:
        self.lane = lane
        self.delivery = delivery
        self.event = event
        self.number = 1
        """Counts requests, from 1."""
        self.started_s = 0.0
        """The event loop's time when the request under way began."""
        self.is_resent = False
        self.history: deque[AttemptRecord] | None = None
