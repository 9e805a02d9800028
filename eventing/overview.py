"""The answers to an operator's questions, put together from resources, lanes and channels when somebody asks."""

from collections.abc import Sequence

from dispatcher.broker import Broker
from dispatcher.deadletter import DeadLetter, DeadLetterStore
from dispatcher.trigger import Trigger
from eventing.ingress.intake import Intake
from eventing.operations import BrokerStatus, IngressStatus, LaneStatus, TriggerStatus
from eventing.reconciler import Reconciler
from eventing.resources.broker import BROKER


class Overview:
    """`Operations` over a running server."""

    def __init__(self, *, reconciler: Reconciler, intake: Intake, dead_letters: DeadLetterStore) -> None:
        self._reconciler = reconciler
        self._intake = intake
        self._dead_letters = dead_letters

    @property
    def is_ready(self) -> bool:
        """The server takes events, and every Broker has its channel."""
        return self._intake.is_ready and not self._intake.is_draining

    def brokers(self) -> Sequence[BrokerStatus]:
        """All Brokers, by namespace and name."""
        reconciler = self._reconciler
        return [
            _broker_status(reconciler, key.namespace, key.name, reconciler.brokers[key])
            for key in sorted(reconciler.brokers)
        ]

    def triggers(self) -> Sequence[TriggerStatus]:
        """All Triggers, by namespace and name."""
        brokers = self._reconciler.brokers
        found = []
        for key, view in self._reconciler.triggers.items():
            broker = brokers.get(BROKER.key(key.namespace, view.broker))
            trigger = None if broker is None else broker.triggers.get(key.name)
            found.append(
                TriggerStatus(
                    namespace=key.namespace,
                    name=key.name,
                    broker=view.broker,
                    ready=view.readiness.ready,
                    reason=view.readiness.reason,
                    message=view.readiness.message,
                    subscriber_uri=view.subscriber_uri,
                    dead_letter_sink_uri=view.dead_letter_sink_uri,
                    lane=None if broker is None or trigger is None else _lane_status(broker, trigger),
                )
            )
        return found

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


def _broker_status(reconciler: Reconciler, namespace: str, name: str, broker: Broker) -> BrokerStatus:
    key = BROKER.key(namespace, name)
    readiness = reconciler.broker_readiness[key]
    channel = broker.channel
    statistics = None if channel is None else channel.statistics()
    return BrokerStatus(
        namespace=namespace,
        name=name,
        ready=readiness.ready,
        reason=readiness.reason,
        message=readiness.message,
        address=reconciler.address_of(key),
        channel="" if channel is None else "memory",
        durable=channel is not None and channel.features.durable,
        statistics=statistics,
        accepted=0 if statistics is None else statistics.stored,
        replies=sum(trigger.lane.replies for trigger in broker.triggers.values()),
        triggers=len(broker.triggers),
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
