"""What a lane is given, whom it tells, and what the next process is to know of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from channels.contract import Delivery
from channels.event import Event
from dispatcher.attempt import Attempt
from dispatcher.outcome import Outcome, Reason

LATENCY_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds of the buckets of attempts' durations: those of Knative's `kn.eventing.dispatch.duration`."""


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """Bounds of one lane. Sizes are bytes as `Event.size` counts them; what is in flight is not part of the window."""

    concurrency_min: int
    concurrency_max: int
    window_events_max: int
    """What waits in memory."""
    window_size_max_bytes: int
    backlog_events_max: int | None
    """What may wait at all: no more than the window, or, None, as far as the channel goes."""
    backlog_size_max_bytes: int | None
    park_after_s: float
    """Retries that are due later are parked."""
    breaker_failures: int
    breaker_pause_s: float


class LaneOwner(Protocol):
    """Who is told how an event's way through a lane ended: by exactly one call for each event that entered."""

    def settle(self, delivery: Delivery) -> None:
        """Nothing more is owed: it was delivered and no reply came, or it was parked, or the lane was closed."""

    def reply(self, attempt: Attempt, event: Event) -> None:
        """Delivered, and a reply came that the policy wants. Ends with the lane's `replied`, `finish_unreplied` or
        `exhaust_ttl`.
        """

    def give_up(self, attempt: Attempt, reason: Reason, outcome: Outcome | None) -> None:
        """Failed for good. `outcome` is None where no answer says why."""

    def overflow(self, deliveries: Sequence[Delivery]) -> None:
        """There was no room for these: they were offered, and never tried."""

    def touch(self) -> None:
        """Something was taken out of a queue: the lane's state is going to change, though nothing was offered."""


@dataclass(frozen=True, slots=True)
class LaneState:
    """Counters, as the lane has them, and its breaker. What waits is in the lane's queues."""

    done: int = 0
    dropped: int = 0
    retried: int = 0
    replies: int = 0
    replies_ignored: int = 0
    failures: int = 0
    """Of the breaker: in a row, up to now."""
    is_open: bool = False
    """The breaker's: the sink is paced, and stays so until an attempt succeeds."""
