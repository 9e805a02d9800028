"""The dead letter sink's lane: what enters it, and what lies at its end."""

from dataclasses import replace
from typing import Final, Protocol

from channels.contract import Delivery
from channels.dead_letter import AttemptRecord
from channels.event import Event
from dispatcher.attempt import Attempt
from dispatcher.lane import LaneLimits
from dispatcher.outcome import Outcome, Reason, error_attributes

SUFFIX: Final = "/deadletter"
"""What the lane's name has after the Trigger's."""
_PART: Final = 4
"""The lane keeps a quarter of what the subscriber's does, lest both together fill the channel."""
_NO_ERROR: Final = dict.fromkeys(error_attributes(Outcome(None, {}, b"", "", 0.0), ""))


class Letter(Delivery):
    """A dead letter on its way to the dead letter sink: the event says why, and `origin` is what it was made of."""

    __slots__ = ("origin",)

    def __init__(self, origin: Delivery, event: Event) -> None:
        super().__init__(event, origin.position, event.size)
        self.origin = origin


def origin_of(delivery: Delivery) -> Delivery:
    """What the channel gave out: of one that was taken out of the lane's queue, itself."""
    return delivery.origin if isinstance(delivery, Letter) else delivery


class DeadLetterOwner(Protocol):
    """The Trigger, as this lane's end knows it."""

    def settle(self, delivery: Delivery) -> None:
        """Nothing more is owed for this event."""

    def store(self, delivery: Delivery, event: Event, reason: Reason, history: tuple[AttemptRecord, ...]) -> None:
        """Keep the event in the dead letter store, and settle its delivery."""

    def touch(self) -> None:
        """A lane has taken something out of a queue."""


class DeadLetterEnd:
    """Owner of the lane: an answer is ignored, a failure for good leads to the store."""

    def __init__(self, trigger: DeadLetterOwner) -> None:
        self._trigger = trigger
        self.touch = trigger.touch

    def settle(self, delivery: Delivery) -> None:
        """The sink took it, it was parked, or it was dropped."""
        self._trigger.settle(origin_of(delivery))

    def reply(self, attempt: Attempt, event: Event) -> None:
        """The lane's policy wants none."""
        raise NotImplementedError

    def give_up(self, attempt: Attempt, reason: Reason, outcome: Outcome | None) -> None:
        """Stored is the event as it was before. Of one that was parked meanwhile, what the dead letter said is taken
        away: what it may have said when it came is not known any more.
        """
        final: Reason = "backlogfull" if reason == "backlogfull" else "deadlettersinkfailed"
        delivery = attempt.delivery
        if isinstance(delivery, Letter):
            self._trigger.store(delivery.origin, delivery.origin.event, final, attempt.history)
        else:
            self._trigger.store(delivery, delivery.event.with_attributes(_NO_ERROR), final, attempt.history)

    def overflow(self, deliveries: object) -> None:
        """Nothing is offered to this lane, only kept."""
        raise NotImplementedError


class NoSink:
    """Stands for a dead letter sink that is gone, while its lane has still what an earlier process left there."""

    uri = ""

    def send(self, attempt: Attempt) -> None:
        """Fails for good."""
        attempt.lane.finish(attempt, Outcome(410, {}, b"", "the Trigger has no dead letter sink any more", 0.0))

    def request(self, event: Event) -> bytes:
        """Nothing goes over a wire."""
        raise NotImplementedError


def part_of(limits: LaneLimits) -> LaneLimits:
    """What of a Trigger's limits is for this lane: a part of each bound that there is."""
    return replace(
        limits,
        window_events_max=_part(limits.window_events_max),
        window_size_max_bytes=_part(limits.window_size_max_bytes),
        backlog_events_max=None if limits.backlog_events_max is None else _part(limits.backlog_events_max),
        backlog_size_max_bytes=None if limits.backlog_size_max_bytes is None else _part(limits.backlog_size_max_bytes),
    )


def _part(bound: int) -> int:
    return max(1, bound // _PART)
