"""A small Operations, and statuses to fill it with."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from channels.contract import ChannelStatistics
from channels.event import Event
from dispatcher.deadletter import AttemptRecord, DeadLetter
from eventing.operations import BrokerStatus, IngressStatus, LaneStatus, TriggerStatus

BOUNDS_S = (0.1, 1.0)
LANE = LaneStatus(
    waiting=3, in_flight=2, retrying=1, matched=20, filtered=5, delivered=14, retried=4, dead_lettered=1, replies=6,
    replies_ignored=0, breaker="half-open", latency_buckets=(10, 4, 2), latency_sum_s=8.0,
)  # fmt: skip


def broker(namespace: str, name: str, *, ready: bool = True) -> BrokerStatus:
    return BrokerStatus(
        namespace, name, ready, "" if ready else "ChannelUnavailable", "" if ready else "no answer",
        f"http://localhost:8080/{namespace}/{name}", "memory", False,
        ChannelStatistics(events=7, size_bytes=900, events_max=1000, size_max_bytes=32_000, stored=20), 20, 6, 1,
    )  # fmt: skip


def trigger(namespace: str, name: str, *, of: str, lane: LaneStatus | None = LANE) -> TriggerStatus:
    return TriggerStatus(namespace, name, of, True, "", "", "http://localhost:9000/", "", lane)


def letter(
    number: int,
    *,
    reason: str = "retriesexhausted",
    trigger: str = "bill",
    datacontenttype: str | None = None,
    data: bytes | None = b"{}",
) -> DeadLetter:
    attributes = {"id": str(number), "source": "/till", "type": "sold", "datacontenttype": datacontenttype, "weight": 5}
    body = Event.from_attributes(attributes, data)
    attempt = AttemptRecord(1_700_000_000.0, "http://localhost:9000/", 503, 0.25, None, b"over\xff")
    return DeadLetter(number, 1_700_000_001.0, "default", "shop", trigger, reason, body, (attempt,))


@dataclass
class SmallOperations:
    is_ready: bool = True
    broker_list: list[BrokerStatus] = field(default_factory=list)
    trigger_list: list[TriggerStatus] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)

    def brokers(self) -> Sequence[BrokerStatus]:
        return self.broker_list

    def triggers(self) -> Sequence[TriggerStatus]:
        return self.trigger_list

    def ingress(self) -> IngressStatus:
        return IngressStatus({202: 20, 400: 1}, 3)

    def dead_letters(self) -> Sequence[DeadLetter]:
        return self.letters

    def dead_letter(self, letter_id: int) -> DeadLetter | None:
        return next((one for one in self.letters if one.id == letter_id), None)

    def dead_letters_evicted(self) -> int:
        return 2
