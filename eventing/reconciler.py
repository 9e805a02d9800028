"""From resources to the dispatcher: level-based. It reads the world, and makes Brokers and lanes what the world says.

Doing it twice is doing it once. A Trigger that cannot be resolved any more keeps the lane it has: its events wait or
retry there, and nothing that was accepted for it is lost.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from channels.memory import MemoryChannel
from dispatcher.broker import Broker
from dispatcher.deadletter import DeadLetterStore
from dispatcher.lane import LaneLimits
from dispatcher.retry import Policy
from dispatcher.sink import BrokerSink, HttpSink, Pools, Sink
from dispatcher.trigger import TriggerSpec
from eventing.errors import Expired, ResolutionError
from eventing.ingress.intake import Intake
from eventing.resources import broker as broker_kind
from eventing.resources import trigger as trigger_kind
from eventing.resources.broker_channel import choose_channel
from eventing.resources.catalogue import Catalogue
from eventing.resources.delivery import DeliverySpec, effective
from eventing.resources.destination import ResolvedBroker, resolve
from eventing.resources.duck import Destination
from eventing.resources.identity import Key, Object
from eventing.resources.kind import Kind
from eventing.settings import Settings
from eventing.store.contract import Store

BACKOFF_DELAY_S: Final = 0.2
"""The wait before a first retry where a delivery asks for retries and names no `backoffDelay` (Knative's default Broker)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a resource works, and why not, in Knative's words."""

    ready: bool = True
    reason: str = ""
    message: str = ""


@dataclass(slots=True)
class TriggerView:
    """What was found about one Trigger."""

    broker: str
    readiness: Readiness
    subscriber_uri: str = ""
    dead_letter_sink_uri: str = ""


@dataclass(slots=True)
class World:
    """All resources as one reading of the store found them."""

    items: dict[Key, Object] = field(default_factory=dict)

    def of(self, kind: Kind) -> Iterable[tuple[Key, Object]]:
        """Those of one kind, by key."""
        return ((key, self.items[key]) for key in sorted(self.items) if key.group_kind == kind.group_kind)


class Reconciler:
    """Owns the Brokers at work. `run` follows the store; `reconcile` may be called at any time."""

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        pools: Pools,
        dead_letters: DeadLetterStore,
        intake: Intake,
        settings: Settings,
        base_url: str,
    ) -> None:
        self.brokers: dict[Key, Broker] = {}
        self.broker_readiness: dict[Key, Readiness] = {}
        self.triggers: dict[Key, TriggerView] = {}
        self._store = store
        self._catalogue = catalogue
        self._pools = pools
        self._dead_letters = dead_letters
        self._intake = intake
        self._settings = settings
        self._base_url = base_url
        self._compiled: dict[Key, tuple[str, trigger_kind.Trigger]] = {}
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Reconcile whenever the store changes, many changes at once where they come fast. Until cancelled."""
        while True:
            try:
                async with self._store.watch() as changes, asyncio.TaskGroup() as tasks:
                    changed = asyncio.Event()
                    changed.set()
                    tasks.create_task(self._follow(changed))
                    async for _ in changes:
                        changed.set()
            except* Expired:
                _log.info("changes came faster than they were read; reading everything again")

    async def reconcile(self) -> None:
        """Make the dispatcher what the store says."""
        async with self._lock:
            world = await self._read()
            await self._reconcile_brokers(world)
            specs = self._reconcile_triggers(world)
            for key, broker in self.brokers.items():
                broker.replace_triggers(specs[key])
            self._intake.routes = {broker.path: broker for broker in self.brokers.values()}

    @property
    def is_moving(self) -> bool:
        """True while events are on their way that need no more than time: not those that wait for a failing sink."""
        return any(_is_moving(broker) for broker in self.brokers.values())

    async def close(self) -> None:
        """Close all Brokers; what their channels cannot keep is gone."""
        self._intake.routes = {}
        for broker in self.brokers.values():
            await broker.close()
        self.brokers.clear()

    async def _follow(self, changed: asyncio.Event) -> None:
        while True:
            await changed.wait()
            changed.clear()
            await self.reconcile()

    async def _read(self) -> World:
        world = World()
        for kind in self._catalogue:
            for item in (await self._store.list(kind.group_kind)).items:
                metadata = item["metadata"]
                world.items[kind.key(metadata.get("namespace", ""), metadata["name"])] = item
        return world

    async def _reconcile_brokers(self, world: World) -> None:
        wanted = dict(world.of(broker_kind.BROKER))
        for key in self.brokers.keys() - wanted.keys():
            del self.broker_readiness[key]
            await self.brokers.pop(key).close()
        for key, item in wanted.items():
            view = broker_kind.Broker.of(item)
            if key not in self.brokers:
                self.brokers[key] = self._create_broker(key)
            broker = self.brokers[key]
            broker.event_size_max_bytes = view.event_size_max_bytes or self._settings.event_size_max_bytes
            self.broker_readiness[key] = await self._give_channel(broker, view, world)

    async def _give_channel(self, broker: Broker, view: broker_kind.Broker, world: World) -> Readiness:
        """A Broker gets its channel once: its class and config never change."""
        if broker.channel is not None:
            return Readiness()
        try:
            choose_channel(view, world.items.get)
        except ResolutionError as error:
            broker.unready = error.message
            return Readiness(ready=False, reason=error.reason, message=error.message)
        settings = self._settings
        await broker.open(
            MemoryChannel(events_max=settings.memory_events_max, size_max_bytes=settings.memory_size_max_bytes)
        )
        return Readiness()

    def _create_broker(self, key: Key) -> Broker:
        settings = self._settings
        limits = LaneLimits(
            concurrency_max=settings.lane_concurrency_max,
            backlog_events_max=max(1, int(settings.memory_events_max * settings.memory_backlog_share)),
            backlog_size_max_bytes=max(1, int(settings.memory_size_max_bytes * settings.memory_backlog_share)),
            breaker_failures=settings.breaker_failures,
            breaker_pause_s=settings.breaker_pause_s,
        )
        return Broker(
            key.namespace,
            key.name,
            dead_letters=self._dead_letters,
            limits=limits,
            event_size_max_bytes=settings.event_size_max_bytes,
        )

    def _reconcile_triggers(self, world: World) -> dict[Key, dict[str, TriggerSpec]]:
        specs: dict[Key, dict[str, TriggerSpec]] = {key: {} for key in self.brokers}
        deliveries = {key: broker_kind.Broker.of(item).delivery for key, item in world.of(broker_kind.BROKER)}
        self.triggers = {}
        for key, item in world.of(trigger_kind.TRIGGER):
            trigger = self._compile(key, item)
            broker_key = broker_kind.BROKER.key(key.namespace, trigger.broker)
            view = self.triggers[key] = TriggerView(trigger.broker, Readiness())
            if broker_key not in self.brokers:
                message = f'Broker "{trigger.broker}" does not exist'
                view.readiness = Readiness(ready=False, reason="BrokerDoesNotExist", message=message)
                continue
            readiness = self.broker_readiness[broker_key]
            view.readiness = readiness
            try:
                delivery = effective(trigger.delivery, deliveries[broker_key])
                specs[broker_key][key.name] = self._specify(trigger, delivery, world.items, view)
            except ResolutionError as error:
                view.readiness = Readiness(ready=False, reason=error.reason, message=error.message)
                if (kept := self.brokers[broker_key].triggers.get(key.name)) is not None:
                    specs[broker_key][key.name] = kept.spec
        self._compiled = {key: compiled for key, compiled in self._compiled.items() if key in self.triggers}
        return specs

    def _compile(self, key: Key, item: Object) -> trigger_kind.Trigger:
        """The view of a Trigger; its filters are compiled once per version of the object."""
        version = item["metadata"]["resourceVersion"] + item["metadata"]["uid"]
        if key not in self._compiled or self._compiled[key][0] != version:
            self._compiled[key] = (version, trigger_kind.Trigger.of(item))
        return self._compiled[key][1]

    def _specify(
        self, trigger: trigger_kind.Trigger, delivery: DeliverySpec, items: Mapping[Key, Object], view: TriggerView
    ) -> TriggerSpec:
        """What the lane is to do. Raises ResolutionError."""
        namespace, is_structured = trigger.key.namespace, delivery.format == "json"
        sink = self._sink(
            trigger.subscriber, items, trigger_kind.SUBSCRIBER_UNRESOLVED, namespace, is_structured, asks_reply=True
        )
        view.subscriber_uri = sink.uri
        dead_letter_sink = None
        if delivery.dead_letter_sink is not None:
            dead_letter_sink = self._sink(
                delivery.dead_letter_sink,
                items,
                trigger_kind.DEAD_LETTER_SINK_UNRESOLVED,
                namespace,
                is_structured,
                asks_reply=False,
            )
            view.dead_letter_sink_uri = dead_letter_sink.uri
        return TriggerSpec(trigger.predicate, sink, dead_letter_sink, self._policy(delivery))

    def _sink(
        self,
        destination: Destination,
        items: Mapping[Key, Object],
        reason: str,
        namespace: str,
        is_structured: bool,
        *,
        asks_reply: bool,
    ) -> Sink:
        try:
            found = resolve(
                destination, items.get, catalogue=self._catalogue, cluster_domain=self._settings.cluster_domain
            )
            if isinstance(found, ResolvedBroker):
                return BrokerSink(self.address_of(found.key), self.brokers[found.key])
            pool = self._pools.of(found.uri, destination.ca_certs or "")
            return HttpSink(found.uri, pool, namespace=namespace, is_structured=is_structured, asks_reply=asks_reply)
        except ResolutionError as error:
            raise ResolutionError(reason, error.message) from error
        except ValueError as error:
            raise ResolutionError(reason, str(error)) from error

    def address_of(self, key: Key) -> str:
        """Where events for a Broker of this server are POSTed."""
        return f"{self._base_url}/{key.namespace}/{key.name}"

    def _policy(self, delivery: DeliverySpec) -> Policy:
        settings = self._settings
        return Policy(
            retry=delivery.retry or 0,
            backoff_policy=delivery.backoff_policy or "exponential",
            backoff_delay_s=BACKOFF_DELAY_S if delivery.backoff_delay_s is None else delivery.backoff_delay_s,
            backoff_max_s=settings.retry_backoff_max_s,
            timeout_s=delivery.timeout_s or settings.delivery_timeout_s,
            retry_after_max_s=delivery.retry_after_max_s,
            format=delivery.format or "binary",
            has_dead_letter_sink=delivery.dead_letter_sink is not None,
        )


def _is_moving(broker: Broker) -> bool:
    if broker.channel is not None and broker.judged < broker.channel.statistics().stored:
        return True
    for trigger in broker.triggers.values():
        if trigger.in_flight or (trigger.lane.breaker.is_closed and trigger.waiting > trigger.retrying):
            return True
    return False
