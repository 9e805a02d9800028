"""What becomes of a reply: published into the Trigger's own Broker, or sent to where a Subscription has its replies go.

Until it is taken care of its delivery is in flight, and not settled. Where it cannot be, the delivery has failed as a
whole: it is tried again, subscriber and all, by its own policy (Knative's data plane contract).
"""

from typing import Protocol

from channels.event import Event
from dispatcher.attempt import Attempt, Waiter
from dispatcher.outcome import Outcome, is_taken
from dispatcher.retry import Policy
from dispatcher.sink import Sink


class Replier(Waiter, Protocol):
    """The lane that brought a reply."""

    def replied(self, attempt: Attempt, *, is_stored: bool) -> None:
        """The reply is taken care of."""

    def finish_unreplied(self, attempt: Attempt, outcome: Outcome) -> None:
        """It could not be, for that reason."""


class ReplyHost(Protocol):
    """A Broker, which counts the replies that it stored."""

    replies: int


class ReplyReceipt:
    """Of a reply that is published into its Trigger's Broker."""

    __slots__ = ("_attempt", "_broker", "_lane")

    def __init__(self, lane: Replier, attempt: Attempt, broker: ReplyHost) -> None:
        self._lane = lane
        self._attempt = attempt
        self._broker = broker

    def stored(self) -> None:
        """The Broker has it."""
        self._broker.replies += 1
        self._lane.replied(self._attempt, is_stored=True)

    def refused(self, error: Exception) -> None:
        """The Broker has no room for it."""
        self._lane.finish_unreplied(self._attempt, Outcome(503, {}, b"", f"the reply was not stored: {error}", 0.0))


class ReplyErrand:
    """Of a reply that is sent to a sink of its own: waits for the end of that one request in the lane's place."""

    __slots__ = ("_attempt", "_lane", "policy")

    def __init__(self, lane: Replier, attempt: Attempt) -> None:
        self._lane = lane
        self._attempt = attempt
        self.policy: Policy = lane.policy

    def send(self, reply: Event, sink: Sink) -> None:
        """Begin the request. A reply has as many hops left as the event that it answers."""
        if self._attempt.event.ttl is not None:
            reply.ttl = self._attempt.event.ttl
        sink.send(Attempt(self, sink, self._attempt.delivery, reply))

    def delivered(self, attempt: Attempt) -> None:
        """The sink took it."""
        self._lane.replied(self._attempt, is_stored=True)

    def finish(self, attempt: Attempt, outcome: Outcome) -> None:
        """The sink took it, and what it answered is ignored; or it did not, and it is the sink that is told of."""
        if is_taken(outcome):
            self._lane.replied(self._attempt, is_stored=True)
        else:
            self._attempt.sink = attempt.sink
            self._lane.finish_unreplied(self._attempt, outcome)

    def exhaust_ttl(self, attempt: Attempt) -> None:
        """The sink is a Broker, and the reply would have made one hop too many."""
        self._attempt.sink = attempt.sink
        self._lane.exhaust_ttl(self._attempt)
