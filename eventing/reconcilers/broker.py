"""Broker: at work over its channel, addressable, and with a dead letter sink that can be found or not."""

from eventing.errors import ResolutionError
from eventing.reconcilers.plane import Plane
from eventing.reconcilers.served import ServedBroker
from eventing.reconcilers.status import NO_DEAD_LETTER_SINK, OIDC_DISABLED, Draft
from eventing.reconcilers.turn import Turn
from eventing.resources.broker import CONDITIONS, Broker
from eventing.resources.broker_channel import CHANNEL_TYPES, Engine, choose_channel
from eventing.resources.identity import Key
from eventing.specification import Sinks
from eventing.world import World

UNRESOLVED = "Unable to get the dead letter sink's URI"


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
        served = await self._plane.keep(key, view, lambda: choose_channel(view, lookup, default=self._default).engine)
        assert served is not None
        draft = Draft(item, CONDITIONS, turn.now)
        if not served.readiness.ready:
            draft.mark("TriggerChannelReady", "False", served.readiness.reason, served.readiness.message)
            turn.finish(draft)
            return
        _mark_ready(draft, served)
        draft.put("deadLetterSinkUri", None)
        if view.delivery.dead_letter_sink is None:
            draft.mark("DeadLetterSinkResolved", "True", *NO_DEAD_LETTER_SINK)
        else:
            try:
                uri = self._sinks.locate(view.delivery.dead_letter_sink, lookup)
            except (ResolutionError, ValueError) as error:
                draft.mark("DeadLetterSinkResolved", "False", UNRESOLVED, str(error))
            else:
                draft.put("deadLetterSinkUri", uri)
                draft.mark("DeadLetterSinkResolved")
        turn.finish(draft)


def _mark_ready(draft: Draft, served: ServedBroker) -> None:
    for name in ("IngressReady", "TriggerChannelReady", "FilterReady"):
        draft.mark(name)
    draft.address(served.sink.uri)
    draft.mark("EventPoliciesReady", "True", *OIDC_DISABLED)
    assert served.engine is not None
    api_version, kind = CHANNEL_TYPES[served.engine]
    draft.put("annotations", {"knative.dev/channelAPIVersion": api_version, "knative.dev/channelKind": kind})
