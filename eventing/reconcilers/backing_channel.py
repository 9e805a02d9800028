"""Channels that hold events themselves, at work: InMemoryChannel, JournalChannel, RedisStreamChannel, KafkaChannel."""

from collections.abc import Mapping
from typing import Final

from eventing.errors import ResolutionError
from eventing.reconcilers.channel_status import is_opening, mark_channel, mark_topic
from eventing.reconcilers.plane import Plane
from eventing.reconcilers.served import ServedBroker
from eventing.reconcilers.status import NO_DEAD_LETTER_SINK, OIDC_DISABLED, Draft
from eventing.reconcilers.subscription import Subscribers
from eventing.reconcilers.turn import INTERNAL_ERROR, Turn
from eventing.resources import in_memory_channel, kafka_channel, redis_stream_channel, subscribable
from eventing.resources.admission import admit
from eventing.resources.channel_engine import KINDS as ENGINES
from eventing.resources.channel_engine import channel_engine
from eventing.resources.engine import Engine, EngineDefaults, Kafka, Memory
from eventing.resources.identity import GroupKind, Key, Lookup, Object, key_of
from eventing.resources.in_memory_channel import IN_MEMORY_CHANNEL
from eventing.resources.journal_channel import JOURNAL_CHANNEL
from eventing.resources.kafka_channel import KAFKA_CHANNEL
from eventing.resources.kind import Context, Kind
from eventing.resources.redis_stream_channel import REDIS_STREAM_CHANNEL
from eventing.resources.subscribable import CONTROLLER, BackingChannel
from eventing.specification import Sinks
from eventing.world import World

UNRESOLVED: Final = "Unable to get the DeadLetterSink's URI"
_CONDITIONS: Final[Mapping[GroupKind, tuple[str, ...]]] = {
    IN_MEMORY_CHANNEL.group_kind: in_memory_channel.CONDITIONS,
    JOURNAL_CHANNEL.group_kind: subscribable.CONDITIONS,
    KAFKA_CHANNEL.group_kind: kafka_channel.CONDITIONS,
    REDIS_STREAM_CHANNEL.group_kind: redis_stream_channel.CONDITIONS,
}
_KINDS: Final[Mapping[GroupKind, Kind]] = {
    kind.group_kind: kind for kind in (IN_MEMORY_CHANNEL, JOURNAL_CHANNEL, KAFKA_CHANNEL, REDIS_STREAM_CHANNEL)
}
KINDS: Final = tuple(_KINDS)


class BackingChannelReconciler:
    """One channel at a time: `serve` before its Subscriptions are looked at, `settle` after them."""

    def __init__(
        self, *, world: World, plane: Plane, sinks: Sinks, subscribers: Subscribers, defaults: EngineDefaults
    ) -> None:
        self._world = world
        self._plane = plane
        self._sinks = sinks
        self._subscribers = subscribers
        self._defaults = defaults

    async def serve(self, key: Key) -> None:
        """Make it work, or no longer."""
        item = self._world.get(key)
        if item is None:
            await self._plane.keep(key, None, Memory)
        else:
            await self._plane.keep(key, BackingChannel.of(item), lambda: self._choose(key, item, self._world.get))

    def settle(self, key: Key, turn: Turn) -> None:
        """Say how it is, and who subscribes to it."""
        item = self._world.get(key)
        if item is None:
            self._world.forget(key)
            self._subscribers.forget(key)
            return
        lookup = self._world.read_as(key)
        for rival in KINDS:
            lookup(Key(*rival, key.namespace, key.name))  # whose name it may be
        draft, served = Draft(item, _CONDITIONS[key.group_kind], turn.now), self._plane.brokers.get(key)
        assert served is not None, "it was served before"
        wanted = self._subscribers.entries(key, item)
        if wanted != item["spec"].get("subscribers", []):
            turn.update(item, _with_subscribers(item, wanted))
            self._ask(key, item, lookup)
            return
        self._mark_engine(draft, key, served, *self._ask(key, item, lookup))
        _put_subscribers(draft, wanted)
        view = BackingChannel.of(item)
        draft.put("deadLetterSinkUri", None)
        try:
            self._mark(draft, served, view, lookup)
        except (ResolutionError, ValueError) as error:
            draft.mark("DeadLetterSinkResolved", "False", UNRESOLVED, str(error))
        turn.finish(draft, reason=None if is_opening(served.readiness) else INTERNAL_ERROR)

    def _choose(self, key: Key, item: Object, lookup: Lookup) -> Engine:
        self._plane.check_made(item)
        name = ENGINES[key.group_kind]
        return channel_engine(name, key.namespace, key.name, item["spec"], lookup, self._defaults)

    def _ask(self, key: Key, item: Object, lookup: Lookup) -> tuple[Engine | None, ResolutionError | None]:
        """Its engine, or why it has none; the lookup remembers what that hangs on."""
        try:
            return self._choose(key, item, lookup), None
        except ResolutionError as error:
            return None, error

    def _mark_engine(
        self, draft: Draft, key: Key, served: ServedBroker, engine: Engine | None, fault: ResolutionError | None
    ) -> None:
        """What is about the engine alone."""
        if key.group_kind == IN_MEMORY_CHANNEL.group_kind:
            _mark_services(draft, served)
        elif key.group_kind == REDIS_STREAM_CHANNEL.group_kind:
            mark_channel(draft, "StreamReady", served.readiness)
        elif key.group_kind == KAFKA_CHANNEL.group_kind:
            mark_topic(draft, engine if isinstance(engine, Kafka) else None, fault, served.readiness)
            if served.readiness.ready:
                draft.mark("Subscribers")

    def _mark(self, draft: Draft, served: ServedBroker, view: BackingChannel, lookup: Lookup) -> None:
        """What is left once it works. Raises ResolutionError and ValueError where its dead letter sink is not there."""
        if not served.readiness.ready:
            mark_channel(draft, "Addressable", served.readiness)
            return
        sink = view.delivery.dead_letter_sink
        if sink is None:
            draft.mark("DeadLetterSinkResolved", "True", *NO_DEAD_LETTER_SINK)
        else:
            draft.put("deadLetterSinkUri", self._sinks.locate(sink, lookup))
            draft.mark("DeadLetterSinkResolved")
        draft.mark("EventPoliciesReady", "True", *OIDC_DISABLED)
        draft.address(served.sink.uri)


def _with_subscribers(item: Object, wanted: list[Object]) -> Object:
    """The object with these subscribers, as the controller writes it."""
    spec = {name: value for name, value in item["spec"].items() if name != "subscribers"}
    given = {**item, "spec": {**spec, **({"subscribers": wanted} if wanted else {})}}
    kind = _KINDS[key_of(item).group_kind]
    return admit(kind.served, given, old=item, context=Context(CONTROLLER), is_strict=False).item


def _mark_services(draft: Draft, served: ServedBroker) -> None:
    """What is a Service of its own in a cluster is this process here."""
    for name in ("ServiceReady", "EndpointsReady", "ChannelServiceReady"):
        draft.mark(name)
    draft.mark("DispatcherReady", "True" if served.readiness.ready else "Unknown")


def _put_subscribers(draft: Draft, entries: list[Object]) -> None:
    draft.put(
        "subscribers",
        [{"uid": one["uid"], "observedGeneration": one["generation"], "ready": "True"} for one in entries],
    )
