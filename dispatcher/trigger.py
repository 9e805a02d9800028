"""One Trigger at work: the lane to its subscriber, the lane to its dead letter sink, and what lies at their ends."""

import time
from dataclasses import dataclass, replace
from typing import Protocol

from channels.contract import Delivery, Receipt
from channels.event import TTL_MAX, Event
from dispatcher.attempt import Attempt
from dispatcher.deadletter import DeadLetterStore
from dispatcher.filters import Predicate
from dispatcher.lane import Lane, LaneLimits
from dispatcher.outcome import Outcome, Reason, error_attributes
from dispatcher.retry import Policy
from dispatcher.sink import Sink


@dataclass(frozen=True, slots=True)
class TriggerSpec:
    """What a Trigger is to do. `policy` says whether there is a dead letter sink."""

    predicate: Predicate
    sink: Sink
    dead_letter_sink: Sink | None
    policy: Policy


class ReplyTarget(Protocol):
    """Where replies are published: the Trigger's Broker."""

    def publish_reply(self, event: Event, receipt: Receipt) -> None:
        """Store the event, and tell the receipt."""

    def settle(self, delivery: Delivery) -> None:
        """The Trigger owes nothing more for this event."""


class Trigger:
    """The owner of its lanes. Lives as long as the resource, whatever is changed about it."""

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
        self.lane = Lane(self, spec.sink, spec.policy, limits)
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
        self.lane.sink = spec.sink
        self.lane.policy = spec.policy
        self._update_dead_letter_lane()

    def close(self) -> None:
        """The Trigger is gone: nothing is owed any more."""
        self.lane.close()
        if self.dead_letter_lane is not None:
            self.dead_letter_lane.close()

    @property
    def dead_lettered(self) -> int:
        """Events that a dead letter sink took, or the store."""
        return self.stored + (self.dead_letter_lane.done if self.dead_letter_lane is not None else 0)

    # The end of the subscriber's lane.

    def reply(self, attempt: Attempt, event: Event) -> None:
        """Publish the reply into the Broker; the hop is counted from what the delivered event had left."""
        left = (TTL_MAX if attempt.event.ttl is None else attempt.event.ttl) - 1
        if left <= 0:
            attempt.lane.exhaust_ttl(attempt)
        else:
            event.ttl = left
            self._broker.publish_reply(event, _ReplyReceipt(attempt))

    def give_up(self, attempt: Attempt, reason: Reason, outcome: Outcome | None) -> None:
        """To the dead letter sink, or to the store where there is none."""
        if self.dead_letter_lane is None or self.spec.dead_letter_sink is None:
            self.keep(attempt, reason)
            return
        explained = outcome or Outcome(None, {}, b"", reason, 0.0)
        changes = error_attributes(explained, self.spec.sink.uri)
        letter = Attempt(self.dead_letter_lane, attempt.delivery, attempt.event.with_attributes(changes))
        letter.history = attempt.history
        self.dead_letter_lane.keep(letter)

    def keep(self, attempt: Attempt, reason: Reason) -> None:
        """Into the dead letter store, as the event was before any dead letter sink was asked."""
        self.stored += 1
        namespace, broker, name = self.key
        self._dead_letters.add(
            time_s=time.time(),
            namespace=namespace,
            broker=broker,
            trigger=name,
            reason=reason,
            event=attempt.delivery.event,
            attempts=tuple(attempt.history or ()),
        )
        self.settle(attempt.delivery)

    def _update_dead_letter_lane(self) -> None:
        """A dead letter sink that is taken away still gets what was on its way there."""
        sink = self.spec.dead_letter_sink
        if sink is None:
            return
        policy = replace(self.spec.policy, has_dead_letter_sink=False)
        if self.dead_letter_lane is None:
            self.dead_letter_lane = Lane(_DeadLetterEnd(self), sink, policy, self._limits)
        else:
            self.dead_letter_lane.sink = sink
            self.dead_letter_lane.policy = policy


class _DeadLetterEnd:
    """The end of the dead letter sink's lane: its answer is ignored, its failure for good leads to the store."""

    def __init__(self, trigger: Trigger) -> None:
        self._trigger = trigger
        self.settle = trigger.settle

    def reply(self, attempt: Attempt, event: Event) -> None:  # noqa: ARG002 - a lane's owner takes both
        attempt.lane.replied(attempt, is_stored=False)

    def give_up(self, attempt: Attempt, reason: Reason, outcome: Outcome | None) -> None:  # noqa: ARG002 - as above
        self._trigger.keep(attempt, "backlogfull" if reason == "backlogfull" else "deadlettersinkfailed")


class _ReplyReceipt:
    """The receipt of a reply: without it the delivery is not settled, and is tried again as a whole."""

    __slots__ = ("_attempt",)

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def stored(self) -> None:
        self._attempt.lane.replied(self._attempt, is_stored=True)

    def refused(self, error: Exception) -> None:
        self._attempt.lane.finish_unstored(self._attempt, error)
