"""One Trigger at work: the lane to its subscriber, the lane to its dead letter sink, and what lies at their ends."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from channels.contract import Delivery, Receipt
from channels.event import TTL_MAX, Event
from dispatcher.attempt import Attempt
from dispatcher.deadletter import AttemptRecord, DeadLetterStore
from dispatcher.filters import Predicate
from dispatcher.lane import Lane, LaneLimits
from dispatcher.outcome import Outcome, Reason, error_attributes
from dispatcher.retry import Policy
from dispatcher.sink import Sink
from dispatcher.valve import Valve

_DEAD_LETTER_PART: Final = 4
"""The dead letter sink's lane keeps a quarter of what the subscriber's does, lest both together fill the channel."""


@dataclass(frozen=True, slots=True)
class TriggerSpec:
    """What a Trigger is to do. `policy` says whether there is a dead letter sink."""

    predicate: Predicate
    sink: Sink
    dead_letter_sink: Sink | None
    policy: Policy


class ReplyTarget(Protocol):
    """Where replies are published: the Trigger's Broker."""

    replies: int
    exit: Valve

    def publish_reply(self, event: Event, receipt: Receipt) -> None:
        """Store the event, and tell the receipt."""

    def settle(self, delivery: Delivery) -> None:
        """The Trigger owes nothing more for this event."""

    def settle_all(self, deliveries: Sequence[Delivery]) -> None:
        """The Trigger owes nothing more for any of these."""


class Trigger:
    """The owner of its lanes. Lives as long as the resource, whatever is changed about it.

    At every moment: matched = waiting + in_flight + delivered + dead_lettered + dropped.
    """

    def __init__(
        self,
        key: tuple[str, str, str],
        spec: TriggerSpec,
        *,
        broker: ReplyTarget,
        dead_letters: DeadLetterStore,
        limits: LaneLimits,
        judged: int,
    ) -> None:
        self.key = key
        """Namespace, Broker, name."""
        self.spec = spec
        self.settle = broker.settle
        self.lane = Lane(self, spec.sink, spec.policy, limits, valve=broker.exit)
        self.dead_letter_lane: Lane | None = None
        self.judged_before = judged
        """Events the Broker had judged when this Trigger joined."""
        self.stored = 0
        """Events kept in the dead letter store."""
        self._broker = broker
        self._dead_letters = dead_letters
        self._limits = limits
        self._update_dead_letter_lane()

    def update(self, spec: TriggerSpec) -> None:
        """Deliver by another specification from the next attempt on; what was judged before stays judged."""
        self.spec = spec
        self._update_dead_letter_lane()
        self.lane.update(spec.sink, spec.policy)

    def close(self) -> None:
        """The Trigger is gone: nothing is owed any more."""
        for lane in self._lanes:
            lane.close()

    @property
    def matched(self) -> int:
        """Events that its filter let through."""
        return self.lane.matched

    @property
    def waiting(self) -> int:
        """Events held that are not in flight."""
        return sum(lane.waiting for lane in self._lanes)

    @property
    def retrying(self) -> int:
        """Those of the waiting that wait for a retry."""
        return sum(lane.retrying for lane in self._lanes)

    @property
    def in_flight(self) -> int:
        """Events on their way to the subscriber or to the dead letter sink, or whose reply is being stored."""
        return sum(lane.in_flight for lane in self._lanes)

    @property
    def delivered(self) -> int:
        """Events that the subscriber took."""
        return self.lane.done

    @property
    def retried(self) -> int:
        """Attempts after a first one, to the subscriber or to the dead letter sink."""
        return sum(lane.retried for lane in self._lanes)

    @property
    def dead_lettered(self) -> int:
        """Events that the dead letter sink took, or the store."""
        return self.stored + (0 if self.dead_letter_lane is None else self.dead_letter_lane.done)

    @property
    def dropped(self) -> int:
        """Events that were not yet delivered when the Trigger was removed."""
        return sum(lane.dropped for lane in self._lanes)

    # The end of the subscriber's lane.

    def reply(self, attempt: Attempt, event: Event) -> None:
        """Publish the reply into the Broker; the hop is counted from what the delivered event had left."""
        left = (TTL_MAX if attempt.event.ttl is None else attempt.event.ttl) - 1
        if left <= 0:
            attempt.lane.exhaust_ttl(attempt)
        else:
            event.ttl = left
            event.trace = attempt.event.trace
            self._broker.publish_reply(event, _ReplyReceipt(attempt, self._broker))

    def give_up(self, attempt: Attempt, reason: Reason, outcome: Outcome | None) -> None:
        """To the dead letter sink, or to the store where there is none."""
        if self.dead_letter_lane is None or self.spec.dead_letter_sink is None:
            self.store(attempt.delivery, reason, attempt.history)
            return
        explained = outcome or Outcome(None, {}, b"", reason, 0.0)
        changes = error_attributes(explained, attempt.sink.uri)
        letter = Attempt(
            self.dead_letter_lane, self.dead_letter_lane.sink, attempt.delivery, attempt.event.with_attributes(changes)
        )
        letter.history = attempt.history
        self.dead_letter_lane.keep(letter)

    def overflow(self, deliveries: Sequence[Delivery]) -> None:
        """As `give_up`; short, for where a sink hangs it is the way of every event."""
        if self.spec.dead_letter_sink is None:
            self.stored += len(deliveries)
            self._dead_letters.extend(time.time(), self.key, "backlogfull", deliveries)
            self._broker.settle_all(deliveries)
            return
        for delivery in deliveries:
            self.give_up(Attempt(self.lane, self.lane.sink, delivery, delivery.event), "backlogfull", None)

    def store(self, delivery: Delivery, reason: Reason, history: tuple[AttemptRecord, ...]) -> None:
        """Into the dead letter store, as the event was before any dead letter sink was asked."""
        self.stored += 1
        self._dead_letters.add(time.time(), self.key, reason, delivery.event, history)
        self.settle(delivery)

    @property
    def _lanes(self) -> tuple[Lane, ...]:
        return (self.lane,) if self.dead_letter_lane is None else (self.lane, self.dead_letter_lane)

    def _update_dead_letter_lane(self) -> None:
        """A dead letter sink that is taken away still gets what was on its way there."""
        sink = self.spec.dead_letter_sink
        if sink is None:
            return
        policy = replace(self.spec.policy, has_dead_letter_sink=False)
        if self.dead_letter_lane is None:
            self.dead_letter_lane = Lane(_DeadLetterEnd(self), sink, policy, _part_of(self._limits))
        else:
            self.dead_letter_lane.update(sink, policy)


class _DeadLetterEnd:
    """The end of the dead letter sink's lane: its answer is ignored, its failure for good leads to the store."""

    def __init__(self, trigger: Trigger) -> None:
        self._trigger = trigger
        self.settle = trigger.settle

    def reply(self, attempt: Attempt, event: Event) -> None:
        attempt.lane.replied(attempt, is_stored=False)

    def give_up(self, attempt: Attempt, reason: Reason, outcome: Outcome | None) -> None:
        final: Reason = "backlogfull" if reason == "backlogfull" else "deadlettersinkfailed"
        self._trigger.store(attempt.delivery, final, attempt.history)

    def overflow(self, deliveries: Sequence[Delivery]) -> None:
        raise NotImplementedError  # nothing is offered to this lane, only kept


class _ReplyReceipt:
    """The receipt of a reply: without it the delivery is not settled, and is tried again as a whole."""

    __slots__ = ("_attempt", "_broker")

    def __init__(self, attempt: Attempt, broker: ReplyTarget) -> None:
        self._attempt = attempt
        self._broker = broker

    def stored(self) -> None:
        self._broker.replies += 1
        self._attempt.lane.replied(self._attempt, is_stored=True)

    def refused(self, error: Exception) -> None:
        self._attempt.lane.finish_unstored(self._attempt, error)


def _part_of(limits: LaneLimits) -> LaneLimits:
    return replace(
        limits,
        backlog_events_max=max(1, limits.backlog_events_max // _DEAD_LETTER_PART),
        backlog_size_max_bytes=max(1, limits.backlog_size_max_bytes // _DEAD_LETTER_PART),
    )
