"""Trigger: a lane of its Broker, and what was found on the way to it.

Source: the order of Knative's trigger reconciler: what is missing first stops the rest, which stays as it was.
"""

import json

from eventing.errors import ResolutionError
from eventing.pause import forget_pause, with_pause
from eventing.reconcilers.plane import Plane
from eventing.reconcilers.served import Readiness, ServedTrigger
from eventing.reconcilers.status import NO_DEAD_LETTER_SINK, NO_IDENTITY, Draft
from eventing.reconcilers.turn import INTERNAL_ERROR, Turn
from eventing.resources.broker import BROKER
from eventing.resources.catalogue import Catalogue
from eventing.resources.condition import READY, Status
from eventing.resources.delivery import effective
from eventing.resources.destination import not_found
from eventing.resources.duck import Reference
from eventing.resources.identity import Key, Lookup, Object
from eventing.resources.trigger import (
    CONDITIONS,
    DEAD_LETTER_SINK_UNRESOLVED,
    DEPENDENCY_ANNOTATION,
    Trigger,
)
from eventing.specification import Specification, Specifier
from eventing.world import World


class TriggerReconciler:
    """One Trigger at a time. `triggers` are those that there are, whether they work or not."""

    def __init__(
        self,
        *,
        world: World,
        plane: Plane,
        specifier: Specifier,
        catalogue: Catalogue,
        triggers: dict[Key, ServedTrigger],
    ) -> None:
        self._world = world
        self._plane = plane
        self._specifier = specifier
        self._catalogue = catalogue
        self._triggers = triggers

    def reconcile(self, key: Key, turn: Turn) -> None:
        """Have its Broker deliver to it, and say so. One that cannot be resolved any more keeps the lane it has."""
        item, old = self._world.get(key), self._triggers.pop(key, None)
        before = old.view if old is not None and isinstance(old.view, Trigger) else None
        view = None if item is None else Trigger.of(item, before)
        broker = None if view is None else BROKER.key(key.namespace, view.broker)
        self._leave(key, old, view, broker)
        if item is None or view is None or broker is None:
            self._world.forget(key)
            return
        lookup = self._world.read_as(key)
        lookup(broker)
        served = self._plane.brokers.get(broker)
        view = with_pause(view, item, None if served is None else served.broker.channel)
        found = Specification()
        if served is not None:
            found = self._specifier.specify(view, effective(view.delivery, served.view.delivery), lookup)
            if found.spec is not None:
                served.place(key.name, found.spec)
        readiness = _broker_readiness(view, None if served is None else served.readiness)
        draft = Draft(item, CONDITIONS, turn.now)
        _mark(draft, readiness, found, view)
        if readiness.ready and found.fault is None:
            draft.mark("DependencyReady", *self._dependency(item, lookup))
        turn.finish(draft, reason=INTERNAL_ERROR if readiness.ready else None)
        status, reason, message = draft.ready()
        told = Readiness() if status == "True" else Readiness(ready=False, reason=reason, message=message)
        self._triggers[key] = ServedTrigger(view, broker, told, found.subscriber_uri, found.dead_letter_sink_uri)

    def _leave(self, key: Key, old: ServedTrigger | None, view: Trigger | None, broker: Key | None) -> None:
        """Where it was served by another Broker, or as another Trigger of its name, nothing of that stays."""
        left = None if old is None else self._plane.brokers.get(old.broker)
        if old is not None and left is not None and (view is None or (view.uid, broker) != (old.view.uid, old.broker)):
            left.remove(key.name)
            forget_pause(left.broker.channel, key)

    def _dependency(self, item: Object, lookup: Lookup) -> tuple[Status, str, str]:
        """What DependencyReady is: the annotation's object's Ready, True without the annotation."""
        text = item["metadata"].get("annotations", {}).get(DEPENDENCY_ANNOTATION)
        if text is None:
            return "True", "", ""
        ref = Reference.of(json.loads(text), item["metadata"]["namespace"])
        served = self._catalogue.find(ref.api_version, ref.kind)
        if served is None:
            return "Unknown", "ListerDoesNotExist", f"Failed to retrieve lister: no {ref.kind} in {ref.api_version}"
        found = lookup(ref.key)
        if found is None:
            message = f"Dependency does not exist: {not_found(served.kind, ref.name)}"
            return "False", "DependencyDoesNotExist", message
        status = found.get("status", {})
        if status.get("observedGeneration") != found["metadata"]["generation"]:
            message = "The dependency's metadata.generation is not equal to its status.observedGeneration."
            return "Unknown", "GenerationNotEqual", message
        for condition in status.get("conditions", ()):
            if condition["type"] == READY:
                return condition["status"], condition.get("reason", ""), condition.get("message", "")
        return "Unknown", "", ""


def _broker_readiness(view: Trigger, found: Readiness | None) -> Readiness:
    if found is None:
        return Readiness.of(ResolutionError("BrokerDoesNotExist", f'Broker "{view.broker}" does not exist'))
    return found


def _mark(draft: Draft, broker: Readiness, found: Specification, view: Trigger) -> None:
    if not broker.ready:
        draft.mark("BrokerReady", "False", broker.reason, broker.message)
        return
    draft.mark("BrokerReady")
    fault = found.fault
    if fault is not None and fault.reason != DEAD_LETTER_SINK_UNRESOLVED:
        draft.fail("SubscriberResolved", fault)
        _put_subscriber(draft, "", view)
        return
    draft.mark("SubscriberResolved")
    _put_subscriber(draft, found.subscriber_uri, view)
    draft.put("deadLetterSinkUri", found.dead_letter_sink_uri)
    if fault is not None:
        draft.fail("DeadLetterSinkResolved", fault)
        return
    sink = found.dead_letter_sink_uri
    draft.mark("DeadLetterSinkResolved", "True", *(() if sink else NO_DEAD_LETTER_SINK))
    draft.mark("OIDCIdentityCreated", "True", NO_IDENTITY)
    draft.mark("SubscriptionReady")


def _put_subscriber(draft: Draft, uri: str, view: Trigger) -> None:
    draft.put("subscriberUri", uri)
    draft.put("subscriberCACerts", uri and view.subscriber.ca_certs)
    draft.put("subscriberAudience", uri and view.subscriber.audience)
