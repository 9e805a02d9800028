"""A small Operations, and statuses to fill it with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from channels.contract import ChannelStatistics
from channels.dead_letter import Address, AttemptRecord, DeadLetter, Redrive, Selector, Tally
from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.memory_dead_letter import MemoryDeadLetters
from dispatcher.redrive import Redriver
from eventing.dead_letter_office import DeadLetterOffice
from eventing.errors import Conflict, NotFound
from eventing.operations import BrokerStatus, IngressStatus, JournalStatus, LaneStatus, TriggerStatus

BOUNDS_S = (0.1, 1.0)
FAILED_S = 1_700_000_001.0
"""When dead letters failed unless a test says otherwise."""
LANE = LaneStatus(
    waiting=3, in_flight=2, retrying=1, parked=2, matched=20, filtered=5, delivered=14, retried=4, dead_lettered=1,
    redriven=0, dropped=0, replies=6, replies_ignored=0, blocked_keys=0, concurrency=8, breaker="half-open",
    latency_buckets=(10, 4, 2), latency_sum_s=8.0, adopted=2, ceded=1,
)  # fmt: skip
JOURNAL = JournalStatus(
    size_bytes=3 * 2**20, size_max_bytes=10 * 2**30, file_size_bytes=4 * 2**20, commits=12, damaged=1, fault=""
)


def broker(namespace: str, name: str, *, ready: bool = True) -> BrokerStatus:
    return BrokerStatus(
        namespace, name, ready, "" if ready else "ChannelUnavailable", "" if ready else "no answer",
        f"http://localhost:8080/{namespace}/{name}", "memory", False,
        ChannelStatistics(events=7, size_bytes=900, events_max=1000, size_max_bytes=32_000, stored=20), 20, 6, 1,
    )  # fmt: skip


def trigger(namespace: str, name: str, *, of: str, lane: LaneStatus | None = LANE) -> TriggerStatus:
    return TriggerStatus(namespace, name, of, True, "", "", "http://localhost:9000/", "", lane)


class SmallStore(MemoryDeadLetters):
    """Dead letters that fail when a test says so."""

    def __init__(self, *, size_max_bytes: int = 2**24) -> None:
        super().__init__(size_max_bytes=size_max_bytes, clock=lambda: self.now_s)
        self.now_s = FAILED_S

    def fill(
        self,
        *ids: str,
        reason: str = "retriesexhausted",
        trigger: str = "bill",
        datacontenttype: str | None = None,
        data: bytes | None = b"{}",
    ) -> None:
        """Events with these ids failed, one after the other."""
        for event_id in ids:
            attributes = {"id": event_id, "source": "/till", "type": "sold", "datacontenttype": datacontenttype}
            event = Event.from_attributes({**attributes, "weight": 5}, data)
            attempt = AttemptRecord(1_700_000_000.0, "http://localhost:9000/", 503, 0.25, None, b"over\xff")
            self.add(Address("default", "shop", trigger), reason, event, (attempt,))


class AbsentStore(SmallStore):
    """One that does not answer while it is away."""

    is_away = True

    def _answer(self) -> None:
        if self.is_away:
            raise ChannelUnavailable("the disk is away")

    async def find(self, selector: Selector, *, limit: int, before: str = "") -> list[DeadLetter]:
        self._answer()
        return await super().find(selector, limit=limit, before=before)

    async def get(self, letter_id: str) -> DeadLetter | None:
        self._answer()
        return await super().get(letter_id)

    async def tally(self, selector: Selector) -> list[Tally]:
        self._answer()
        return await super().tally(selector)

    async def discard(self, selector: Selector, *, limit: int | None = None) -> Mapping[Address, int]:
        self._answer()
        return await super().discard(selector, limit=limit)

    async def claim(self, selector: Selector, *, rate: float | None, limit: int | None = None) -> Redrive:
        self._answer()
        return await super().claim(selector, rate=rate, limit=limit)


@dataclass
class SmallOperations:
    is_ready: bool = True
    broker_list: list[BrokerStatus] = field(default_factory=list)
    trigger_list: list[TriggerStatus] = field(default_factory=list)
    journal_status: JournalStatus | None = None
    store: SmallStore = field(default_factory=SmallStore)
    changing: set[str] = field(default_factory=set)
    """Triggers that somebody else changes at every moment."""

    others: Mapping[str, SmallStore] = field(default_factory=dict)
    """More stores, on servers: by name."""

    def __post_init__(self) -> None:
        self.stores = {"small": self.store, **self.others}
        self.redriver = Redriver(lambda address: None, self.stores)
        self.dead_letters = DeadLetterOffice(self.stores, self.redriver, plain={"small"})

    def brokers(self) -> Sequence[BrokerStatus]:
        return self.broker_list

    def triggers(self) -> Sequence[TriggerStatus]:
        return self.trigger_list

    def ingress(self) -> IngressStatus:
        return IngressStatus({202: 20, 400: 1}, 3)

    def journal(self) -> JournalStatus | None:
        return self.journal_status

    async def pause(self, namespace: str, name: str, *, is_paused: bool) -> None:
        if name in self.changing:
            raise Conflict(name)
        for place, one in enumerate(self.trigger_list):
            if (one.namespace, one.name) == (namespace, name):
                lane = None if one.lane is None else replace(one.lane, paused=is_paused)
                self.trigger_list[place] = replace(one, lane=lane)
                return
        raise NotFound(name)
