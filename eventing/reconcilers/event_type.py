"""EventType: says whether the object exists that its events can be had from."""

from collections.abc import Callable

from eventing.reconcilers.status import Draft
from eventing.reconcilers.turn import Turn
from eventing.resources.duck import Reference
from eventing.resources.identity import Key
from eventing.world import World

CONDITIONS = ("ReferenceExists",)
"""What an EventType's Ready depends on."""


class EventTypeReconciler:
    """One EventType at a time. `forget` hears of those that are gone."""

    def __init__(self, *, world: World, forget: Callable[[Key], None]) -> None:
        self._world = world
        self._forget = forget

    def reconcile(self, key: Key, turn: Turn) -> None:
        """Look for what it refers to, and say whether it is there."""
        item = self._world.get(key)
        if item is None:
            self._world.forget(key)
            self._forget(key)
            return
        lookup, reference = self._world.read_as(key), item["spec"].get("reference")
        draft = Draft(item, CONDITIONS, turn.now)
        if not reference:
            draft.mark("ReferenceExists", "True", "ReferenceNotSet", "spec.reference is not set")
        elif lookup(Reference.of(reference, key.namespace).key) is None:
            message = "Resource in spec.reference does not exist"
            draft.mark("ReferenceExists", "False", "ResourceDoesNotExist", message)
        else:
            draft.mark("ReferenceExists")
        turn.finish(draft)
