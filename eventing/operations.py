"""What an operator may ask of a running server: frozen answers, built on demand from the slots that the hot path
counts in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from channels.contract import ChannelStatistics
from eventing.dead_letter_office import DeadLetterOffice


@dataclass(frozen=True, slots=True)
class RetentionStatus:
    """How long a Broker keeps events that were settled; 0 sets no such bound, and with neither nothing is kept."""

    age_s: float
    size_max_bytes: int


@dataclass(frozen=True, slots=True)
class BrokerStatus:
    """One Broker. `accepted` counts events stored since its channel came to be, replies among them."""

    namespace: str
    name: str
    ready: bool
    reason: str
    message: str
    address: str
    channel: str
    """`journal`, `memory`, `redis` or `kafka`, empty where there is none."""
    durable: bool
    """What it answered 202 for survives a crash of whatever keeps it."""
    statistics: ChannelStatistics | None
    accepted: int
    replies: int
    triggers: int
    orphans: Mapping[str, int] = field(default_factory=dict)
    """How many events are kept for Triggers that do not exist, by name."""
    unaccounted: int = 0
    """Events judged by no Trigger though they were accepted and do not wait to be: 0, unless there is a bug."""
    retention: RetentionStatus | None = None
    """None where settled events cannot be kept."""
    server: str = ""
    """Where its channel is, without a login; empty where it is in this process."""
    persistence: str = ""
    """What that server does to keep events, in its own word, such as Redis' `appendfsync`."""


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """The lanes of one Trigger. `waiting` includes events parked in the channel (`parked` of them) and events whose
    retry is due later (`retrying` of them).

    At every moment: matched + redriven = waiting + in_flight + delivered + dead_lettered + dropped; `balance` is the
    left side without the right one.
    """

    waiting: int
    in_flight: int
    retrying: int
    parked: int
    matched: int
    filtered: int
    delivered: int
    retried: int
    dead_lettered: int
    redriven: int
    dropped: int
    replies: int
    replies_ignored: int
    blocked_keys: int
    concurrency: int
    breaker: str
    """`closed`, `open` or `half-open`."""
    balance: int = 0
    paused: bool = False
    ordered: bool = False
    catching_up: bool = False
    rate: float | None = None
    latency_buckets: tuple[int, ...] = ()
    """Attempts per bucket of `dispatcher.lane.LATENCY_BOUNDS_S`, not cumulative, the last one unbounded."""
    latency_sum_s: float = 0.0
    adopted: int = 0
    """Where several processes share the channel, events that others had parked, and left to this one; they count on the
    left side.
    """
    ceded: int = 0
    """Events that other processes took over from this one; on the right side."""


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


@dataclass(frozen=True, slots=True)
class JournalStatus:
    """The journal of the server. Its size is what it holds, the file's what that takes on disk."""

    size_bytes: int
    size_max_bytes: int
    file_size_bytes: int
    commits: int
    damaged: int
    fault: str
    """Why nothing can be stored at this moment, empty where it can."""


class Operations(Protocol):
    """What the ops API asks. `eventing.app` implements it; tests of the API have a small one of their own."""

    @property
    def is_ready(self) -> bool:
        """Events can be stored, and nobody asked the server to stop."""

    @property
    def dead_letters(self) -> DeadLetterOffice:
        """All dead letters, and what may be done about them."""

    def brokers(self) -> Sequence[BrokerStatus]:
        """All Brokers, by namespace and name."""

    def triggers(self) -> Sequence[TriggerStatus]:
        """All Triggers, by namespace and name."""

    def ingress(self) -> IngressStatus:
        """What the ingress answered."""

    def journal(self) -> JournalStatus | None:
        """The journal, None where the server has none."""

    async def pause(self, namespace: str, name: str, *, is_paused: bool) -> None:
        """Pause a Trigger, or resume it; it is so when this returns. Raises NotFound, Conflict."""
