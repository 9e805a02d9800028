"""The answers to an operator's questions, put together from resources, lanes and channels when somebody asks."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from dispatcher.broker import Broker
from dispatcher.deadletter import DeadLetter, DeadLetterStore
from dispatcher.trigger import Trigger
from eventing.ingress.intake import Intake
from eventing.operations import BrokerStatus, IngressStatus, LaneStatus, TriggerStatus
from eventing.reconciler import Reconciler
from eventing.resources.identity import Key
from eventing.served import ServedBroker, ServedTrigger

T = TypeVar("T")


class Overview:
    """`Operations` over a running server."""

    def __init__(self, *, reconciler: Reconciler, intake: Intake, dead_letters: DeadLetterStore) -> None:
        self._reconciler = reconciler
        self._intake = intake
        self._dead_letters = dead_letters

    @property
    def is_ready(self) -> bool:
        """The server is up and nobody asked it to stop. One Broker without a channel does not take the others away."""
        return self._intake.is_ready and not self._intake.is_draining

    def brokers(self) -> Sequence[BrokerStatus]:
        """All Brokers, by namespace and name."""
        return [_broker_status(key, served) for key, served in _by_name(self._reconciler.brokers.items())]

    def triggers(self) -> Sequence[TriggerStatus]:
        """All Triggers, by namespace and name."""
        brokers = self._reconciler.brokers
        return [
            _trigger_status(key, served, brokers.get(served.broker))
            for key, served in _by_name(self._reconciler.triggers.items())
        ]

    def ingress(self) -> IngressStatus:
        """What the ingress answered."""
        answers = {202: self._intake.accepted, **self._intake.answers}
        return IngressStatus({status: n for status, n in answers.items() if n}, self._intake.connections)

    def dead_letters(self) -> Sequence[DeadLetter]:
        """All dead letters, newest first."""
        return list(self._dead_letters)

    def dead_letter(self, letter_id: int) -> DeadLetter | None:
        """One dead letter."""
        return self._dead_letters.get(letter_id)

    def dead_letters_evicted(self) -> int:
        """Dead letters that left the bounded store for younger ones."""
        return self._dead_letters.evicted


def _by_name(items: Iterable[tuple[Key, T]]) -> list[tuple[Key, T]]:
    return sorted(items, key=lambda item: (item[0].namespace, item[0].name))


def _broker_status(key: Key, served: ServedBroker) -> BrokerStatus:
    broker, readiness = served.broker, served.readiness
    channel = broker.channel
    statistics = None if channel is None else channel.statistics()
    return BrokerStatus(
        namespace=key.namespace,
        name=key.name,
        ready=readiness.ready,
        reason=readiness.reason,
        message=readiness.message,
        address=served.sink.uri,
        channel="" if channel is None else "memory",
        durable=channel is not None and channel.features.durable,
        statistics=statistics,
        accepted=0 if statistics is None else statistics.stored,
        replies=broker.replies,
        triggers=len(broker.triggers),
    )


def _trigger_status(key: Key, served: ServedTrigger, broker: ServedBroker | None) -> TriggerStatus:
    readiness = served.readiness
    at_work = None if broker is None else broker.broker.triggers.get(key.name)
    return TriggerStatus(
        namespace=key.namespace,
        name=key.name,
        broker=served.view.broker,
        ready=readiness.ready,
        reason=readiness.reason,
        message=readiness.message,
        subscriber_uri=served.subscriber_uri,
        dead_letter_sink_uri=served.dead_letter_sink_uri,
        lane=None if broker is None or at_work is None else _lane_status(broker.broker, at_work),
    )


def _lane_status(broker: Broker, trigger: Trigger) -> LaneStatus:
    lane = trigger.lane
    return LaneStatus(
        waiting=trigger.waiting,
        in_flight=trigger.in_flight,
        retrying=trigger.retrying,
        matched=trigger.matched,
        filtered=broker.judged - trigger.judged_before - trigger.matched,
        delivered=trigger.delivered,
        retried=trigger.retried,
        dead_lettered=trigger.dead_lettered,
        replies=lane.replies,
        replies_ignored=lane.replies_ignored,
        breaker=lane.breaker.state,
        latency_buckets=tuple(lane.latency_buckets),
        latency_sum_s=lane.latency_sum_s,
    )
