"""Broker: at work over its channel, addressable, and with a dead letter sink that can be found or not.

Source: Knative's channel gets no address until its dead letter sink is found, and keeps the one it has.
"""

from eventing.errors import ResolutionError
from eventing.reconcilers.plane import Plane
from eventing.reconcilers.served import Readiness, ServedBroker
from eventing.reconcilers.status import NO_DEAD_LETTER_SINK, OIDC_DISABLED, Draft
from eventing.reconcilers.turn import Turn
from eventing.resources.broker import CONDITIONS, Broker
from eventing.resources.broker_channel import CHANNEL_TYPES, Engine, choose_channel
from eventing.resources.identity import Key, Lookup
from eventing.specification import Sinks
from eventing.world import World

UNRESOLVED = "Unable to get the dead letter sink's URI"
NO_ADDRESS = "NoAddress"


class BrokerReconciler:
    """One Broker at a time."""

    def __init__(self, *, world: World, plane: Plane, sinks: Sinks, default: Engine) -> None:
        self._world = world
        self._plane = plane
        self._sinks = sinks
        self._default = default

    async def reconcile(self, key: Key, turn: Turn) -> None:
        """Make the Broker work, and say so."""
        item = self._world.get(key)
        if item is None:
            await self._plane.keep(key, None, lambda: self._default)
            self._world.forget(key)
            return
        view, lookup = Broker.of(item), self._world.read_as(key)
        has_worked = "address" in item.get("status", {})

        def choose() -> Engine:
            engine = choose_channel(view, lookup, default=self._default).engine
            missing = "" if has_worked else self._find_dead_letter_sink(view, lookup)[1]
            if missing:
                raise ResolutionError(NO_ADDRESS, f"Channel does not have an address: {missing}")
            return engine

        served = await self._plane.keep(key, view, choose)
        assert served is not None
        draft = Draft(item, CONDITIONS, turn.now)
        if not served.readiness.ready:
            draft.mark("TriggerChannelReady", "False", served.readiness.reason, served.readiness.message)
        else:
            _mark_ready(draft, served)
            self._mark_dead_letter_sink(draft, served, view, lookup)
        turn.finish(draft)

    def _mark_dead_letter_sink(self, draft: Draft, served: ServedBroker, view: Broker, lookup: Lookup) -> None:
        """A Broker that lost it goes on, and is not Ready."""
        uri, missing = self._find_dead_letter_sink(view, lookup)
        draft.put("deadLetterSinkUri", uri)
        if missing:
            served.readiness = Readiness(ready=False, reason=UNRESOLVED, message=missing)
            draft.mark("TriggerChannelReady", "False", UNRESOLVED, missing)
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


def _mark_ready(draft: Draft, served: ServedBroker) -> None:
    for name in ("IngressReady", "TriggerChannelReady", "FilterReady"):
        draft.mark(name)
    draft.address(served.sink.uri)
    draft.mark("EventPoliciesReady", "True", *OIDC_DISABLED)
    assert served.engine is not None
    api_version, kind = CHANNEL_TYPES[served.engine]
    draft.put("annotations", {"knative.dev/channelAPIVersion": api_version, "knative.dev/channelKind": kind})
