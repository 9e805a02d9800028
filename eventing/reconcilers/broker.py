"""Broker: at work over its channel, addressable, and with a dead letter sink that can be found or not.

Source: Knative's channel gets no address until its dead letter sink is found, and keeps the one it has.
"""

from collections.abc import Callable

from eventing.errors import ResolutionError
from eventing.reconcilers.channel_status import is_opening, mark_channel, mark_topic
from eventing.reconcilers.plane import Plane
from eventing.reconcilers.served import Readiness, ServedBroker
from eventing.reconcilers.status import NO_DEAD_LETTER_SINK, OIDC_DISABLED, Draft
from eventing.reconcilers.turn import INTERNAL_ERROR, Turn
from eventing.resources.broker import CONDITIONS, KAFKA_CLASS, KAFKA_CONDITIONS, Broker
from eventing.resources.broker_channel import choose_channel
from eventing.resources.engine import CHANNEL_TYPES, Engine, EngineDefaults, Kafka, Memory
from eventing.resources.identity import Key, Lookup, Object
from eventing.specification import Sinks
from eventing.world import World

UNRESOLVED = "Unable to get the dead letter sink's URI"
NO_ADDRESS = "NoAddress"


class BrokerReconciler:
    """One Broker at a time. `defaults` count where nothing else says which engine its events rest in."""

    def __init__(self, *, world: World, plane: Plane, sinks: Sinks, defaults: EngineDefaults) -> None:
        self._world = world
        self._plane = plane
        self._sinks = sinks
        self._defaults = defaults

    async def reconcile(self, key: Key, turn: Turn) -> None:
        """Make the Broker work, and say so."""
        item = self._world.get(key)
        if item is None:
            await self._plane.keep(key, None, Memory)
            self._world.forget(key)
            return
        view, lookup = Broker.of(item), self._world.read_as(key)
        engine, fault = self._choose(view, item, lookup)
        served = await self._plane.keep(key, view, _answer(engine, fault))
        assert served is not None
        is_kafka = view.broker_class == KAFKA_CLASS
        draft = Draft(item, KAFKA_CONDITIONS if is_kafka else CONDITIONS, turn.now)
        if is_kafka:
            mark_topic(draft, engine if isinstance(engine, Kafka) else None, fault, served.readiness)
        else:
            mark_channel(draft, "TriggerChannelReady", served.readiness)
        told = None if is_opening(served.readiness) else INTERNAL_ERROR
        if served.readiness.ready:
            _mark_ready(draft, served, is_kafka=is_kafka)
            failing = "ConfigParsed" if is_kafka else "TriggerChannelReady"
            self._mark_dead_letter_sink(draft, served, view, lookup, failing)
        turn.finish(draft, reason=told)

    def _choose(self, view: Broker, item: Object, lookup: Lookup) -> tuple[Engine | None, ResolutionError | None]:
        """Its engine, or why it has none."""
        has_worked = "address" in item.get("status", {})
        try:
            self._plane.check_made(item)
            engine = choose_channel(view, lookup, self._defaults)
        except ResolutionError as error:
            return None, error
        missing = "" if has_worked else self._find_dead_letter_sink(view, lookup)[1]
        if missing:
            return None, ResolutionError(NO_ADDRESS, f"Channel does not have an address: {missing}")
        return engine, None

    def _mark_dead_letter_sink(
        self, draft: Draft, served: ServedBroker, view: Broker, lookup: Lookup, failing: str
    ) -> None:
        """A Broker that lost it goes on, and is not Ready."""
        uri, missing = self._find_dead_letter_sink(view, lookup)
        draft.put("deadLetterSinkUri", uri)
        if missing:
            served.readiness = Readiness(ready=False, reason=UNRESOLVED, message=missing)
            draft.mark(failing, "False", UNRESOLVED, missing)
            draft.mark("DeadLetterSinkResolved", "False", UNRESOLVED, missing)
        else:
            draft.mark("DeadLetterSinkResolved", "True", *(() if uri else NO_DEAD_LETTER_SINK))

    def _find_dead_letter_sink(self, view: Broker, lookup: Lookup) -> tuple[str, str]:
        """Its URI, empty where there is none, and what is missing for it."""
        if view.delivery.dead_letter_sink is None:
            return "", ""
        try:
            return self._sinks.locate(view.delivery.dead_letter_sink, lookup), ""
        except (ResolutionError, ValueError) as error:
            return "", str(error)


def _answer(engine: Engine | None, fault: ResolutionError | None) -> Callable[[], Engine]:
    """For who asks which engine it is."""

    def choose() -> Engine:
        if engine is None:
            assert fault is not None
            raise fault
        return engine

    return choose


def _mark_ready(draft: Draft, served: ServedBroker, *, is_kafka: bool) -> None:
    draft.address(served.sink.uri)
    draft.mark("EventPoliciesReady", "True", *OIDC_DISABLED)
    if is_kafka:
        return
    for name in ("IngressReady", "FilterReady"):
        draft.mark(name)
    assert served.engine is not None
    api_version, kind = CHANNEL_TYPES[served.engine.name]
    draft.put("annotations", {"knative.dev/channelAPIVersion": api_version, "knative.dev/channelKind": kind})
