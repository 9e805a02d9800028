"""The answers to an operator's questions, put together from resources, lanes and channels when somebody asks."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from channels.dead_letter import Address
from channels.journal import Journal, JournalChannel, Retention
from dispatcher.broker import CHANNEL_PREFIX
from dispatcher.trigger import Trigger
from eventing.dead_letter_office import DeadLetterOffice
from eventing.ingress.intake import Intake
from eventing.operations import (
    BrokerStatus,
    IngressStatus,
    JournalStatus,
    LaneStatus,
    RetentionStatus,
    TriggerStatus,
)
from eventing.reconcilers.controller import Controller
from eventing.reconcilers.served import ServedBroker, ServedTrigger
from eventing.resources.broker import BROKER
from eventing.resources.engine import address_of
from eventing.resources.identity import Key
from eventing.resources.trigger import TRIGGER

T = TypeVar("T")


class Overview:
    """`Operations` over a running server."""

    def __init__(
        self, *, controller: Controller, intake: Intake, journal: Journal | None, dead_letters: DeadLetterOffice
    ) -> None:
        self.dead_letters = dead_letters
        """All dead letters, and what may be done about them."""
        self._controller = controller
        self._intake = intake
        self._journal = journal

    @property
    def is_ready(self) -> bool:
        """The server is up, its journal can store, and nobody asked it to stop. One Broker without a channel does not
        take the others away, nor do accounts that are off: deliveries go on.
        """
        return self._intake.takes_events

    def brokers(self) -> Sequence[BrokerStatus]:
        """All Brokers and Channels at work, by namespace and name."""
        return [_broker_status(key, served) for key, served in _by_name(self._controller.brokers.items())]

    def triggers(self) -> Sequence[TriggerStatus]:
        """All Triggers and Subscriptions, by namespace and name."""
        brokers = self._controller.brokers
        return [
            _trigger_status(key, served, brokers.get(served.broker))
            for key, served in _by_name(self._controller.triggers.items())
        ]

    def ingress(self) -> IngressStatus:
        """What the ingress answered."""
        answers = {202: self._intake.accepted, **self._intake.answers}
        return IngressStatus({status: n for status, n in answers.items() if n}, self._intake.connections)

    def journal(self) -> JournalStatus | None:
        """The journal, None where the server has none."""
        if self._journal is None:
            return None
        held = self._journal.statistics()
        return JournalStatus(
            size_bytes=held.size_bytes,
            size_max_bytes=held.size_max_bytes,
            file_size_bytes=held.file_size_bytes,
            commits=held.commits,
            damaged=held.damaged,
            fault=self._journal.fault,
        )

    async def pause(self, namespace: str, name: str, *, is_paused: bool) -> None:
        """Pause a Trigger, or resume it; it is so when this returns. Raises NotFound, Conflict."""
        await self._controller.set_paused(TRIGGER.key(namespace, name), is_paused=is_paused)


def find_trigger(controller: Controller, address: Address) -> Trigger | None:
    """The Trigger at work that a dead letter failed for."""
    for key, served in controller.brokers.items():
        if key.namespace == address.namespace and served.broker.title == address.broker:
            return served.broker.triggers.get(address.trigger)
    return None


def _by_name(items: Iterable[tuple[Key, T]]) -> list[tuple[Key, T]]:
    return sorted(items, key=lambda item: (item[0].namespace, item[0].name))


def _broker_status(key: Key, served: ServedBroker) -> BrokerStatus:
    broker, readiness, ground = served.broker, served.readiness, served.ground
    channel = broker.channel
    statistics = None if channel is None else channel.statistics()
    return BrokerStatus(
        namespace=key.namespace,
        name=broker.title,
        ready=readiness.ready,
        reason=readiness.reason,
        message=readiness.message,
        address=served.sink.uri,
        channel="" if ground is None else ground.engine.name,
        durable=channel is not None and channel.features.durable,
        statistics=statistics,
        accepted=0 if statistics is None else statistics.stored,
        replies=broker.replies,
        triggers=len(broker.triggers),
        orphans=broker.orphans,
        unaccounted=broker.unaccounted,
        retention=_retention_status(channel.retention) if isinstance(channel, JournalChannel) else None,
        server="" if ground is None or ground.backend is None else address_of(ground.engine),
        persistence="" if ground is None else ground.persistence,
    )


def _trigger_status(key: Key, served: ServedTrigger, broker: ServedBroker | None) -> TriggerStatus:
    readiness = served.readiness
    at_work = None if broker is None else broker.broker.triggers.get(key.name)
    return TriggerStatus(
        namespace=key.namespace,
        name=key.name,
        broker=_title(served),
        ready=readiness.ready,
        reason=readiness.reason,
        message=readiness.message,
        subscriber_uri=served.subscriber_uri,
        dead_letter_sink_uri=served.dead_letter_sink_uri,
        lane=None if broker is None or at_work is None else _lane_status(at_work),
    )


def _title(served: ServedTrigger) -> str:
    """How the ops API calls what its events come from, whether that exists or not."""
    is_channel = served.broker.group_kind != BROKER.group_kind
    return f"{CHANNEL_PREFIX}{served.broker.name}" if is_channel else served.broker.name


def _lane_status(trigger: Trigger) -> LaneStatus:
    lane, manner = trigger.lane, trigger.spec.manner
    return LaneStatus(
        waiting=trigger.waiting,
        in_flight=trigger.in_flight,
        retrying=trigger.retrying,
        parked=trigger.parked,
        matched=trigger.matched,
        filtered=trigger.filtered,
        delivered=trigger.delivered,
        retried=trigger.retried,
        dead_lettered=trigger.dead_lettered,
        redriven=trigger.redriven,
        dropped=trigger.dropped,
        adopted=trigger.adopted,
        ceded=trigger.ceded,
        replies=lane.replies,
        replies_ignored=lane.replies_ignored,
        blocked_keys=trigger.blocked_keys,
        concurrency=lane.concurrency,
        breaker=lane.breaker.state,
        balance=trigger.balance,
        paused=manner.is_paused,
        ordered=manner.order is not None,
        catching_up=trigger.is_catching_up,
        rate=manner.rate,
        latency_buckets=tuple(lane.latency_buckets),
        latency_sum_s=lane.latency_sum_s,
    )


def _retention_status(retention: Retention) -> RetentionStatus:
    return RetentionStatus(age_s=retention.age_s, size_max_bytes=retention.size_max_bytes)
