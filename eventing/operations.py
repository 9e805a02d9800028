"""What an operator may ask of a running server: frozen answers, built on demand from the slots that the hot path
counts in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from channels.contract import ChannelStatistics
from dispatcher.deadletter import DeadLetter


@dataclass(frozen=True, slots=True)
class BrokerStatus:
    """One Broker. `accepted` counts events stored since it was created in this process, replies among them."""

    namespace: str
    name: str
    ready: bool
    reason: str
    message: str
    address: str
    channel: str
    durable: bool
    statistics: ChannelStatistics | None
    accepted: int
    replies: int
    triggers: int


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """The lane of one Trigger. `waiting` includes events whose retry is due later (`retrying` of them).

    At every moment: matched = waiting + in_flight + delivered + dead_lettered.
    """

    waiting: int
    in_flight: int
    retrying: int
    matched: int
    filtered: int
    delivered: int
    retried: int
    dead_lettered: int
    replies: int
    replies_ignored: int
    breaker: str
    """`closed`, `open` or `half-open`."""
    latency_buckets: tuple[int, ...] = ()
    """Attempts per bucket of `dispatcher.lane.LATENCY_BOUNDS_S`, not cumulative, the last one unbounded."""
    latency_sum_s: float = 0.0


@dataclass(frozen=True, slots=True)
class TriggerStatus:
    """One Trigger."""

    namespace: str
    name: str
    broker: str
    ready: bool
    reason: str
    message: str
    subscriber_uri: str
    dead_letter_sink_uri: str
    lane: LaneStatus | None


@dataclass(frozen=True, slots=True)
class IngressStatus:
    """Answers given by the ingress since start, by HTTP status, and its open connections."""

    answers: dict[int, int]
    connections: int


class Operations(Protocol):
    """What the ops API asks. `eventing.app` implements it; tests of the API have a small one of their own."""

    @property
    def is_ready(self) -> bool:
        """Every channel answers and nobody asked the server to stop."""

    def brokers(self) -> Sequence[BrokerStatus]:
        """All Brokers, by namespace and name."""

    def triggers(self) -> Sequence[TriggerStatus]:
        """All Triggers, by namespace and name."""

    def ingress(self) -> IngressStatus:
        """What the ingress answered."""

    def dead_letters(self) -> Sequence[DeadLetter]:
        """All dead letters, newest first."""

    def dead_letter(self, letter_id: int) -> DeadLetter | None:
        """One dead letter."""

    def dead_letters_evicted(self) -> int:
        """Dead letters that left the bounded store for younger ones."""
