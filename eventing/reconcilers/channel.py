"""Channel: has a channel of its template's kind made, by its own name, and shows what that one is."""

from typing import Final

from eventing.errors import InvalidResource
from eventing.reconcilers.status import NO_DEAD_LETTER_SINK, OIDC_DISABLED, Draft
from eventing.reconcilers.turn import Turn
from eventing.resources.admission import admit
from eventing.resources.catalogue import Catalogue
from eventing.resources.channel import CHANNEL, CONDITIONS, Channel
from eventing.resources.condition import READY, Conditions
from eventing.resources.identity import Key, Object
from eventing.resources.kind import Context
from eventing.resources.subscribable import CONTROLLER, is_subscribable
from eventing.world import World

UNKNOWN_KIND: Final = "UnknownKind"
INVALID_TEMPLATE: Final = "InvalidTemplate"
_MIRRORED: Final = ("deadLetterSinkUri", "subscribers")


class ChannelReconciler:
    """One Channel at a time."""

    def __init__(self, *, world: World, catalogue: Catalogue) -> None:
        self._world = world
        self._catalogue = catalogue

    def reconcile(self, key: Key, turn: Turn) -> None:
        """Have its channel made where it is not there, and mirror it."""
        item = self._world.get(key)
        if item is None:
            self._world.forget(key)
            return
        view, lookup = Channel.of(item), self._world.read_as(key)
        draft = Draft(item, CONDITIONS, turn.now)
        served = self._catalogue.find(view.backing_api_version, view.backing_kind)
        if served is None or served.kind is CHANNEL or not is_subscribable(served.kind):
            message = f"the server has no channel of kind {view.backing_kind} in {view.backing_api_version}"
            draft.mark("BackingChannelReady", "False", UNKNOWN_KIND, message)
            turn.finish(draft)
            return
        backing = lookup(view.backing_key)
        if backing is None:
            try:
                turn.create(item, admit(served, _child(item, view), context=Context(CONTROLLER), is_strict=False).item)
            except InvalidResource as error:
                draft.mark("BackingChannelReady", "False", INVALID_TEMPLATE, str(error))
        else:
            _mirror(draft, view, backing)
        turn.finish(draft, reason=None)  # what is wrong is told of the channel itself


def _child(item: Object, view: Channel) -> Object:
    metadata = item["metadata"]
    owner = {
        "apiVersion": CHANNEL.api_version,
        "kind": CHANNEL.name,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": view.backing_api_version,
        "kind": view.backing_kind,
        "metadata": {"name": view.key.name, "namespace": view.key.namespace, "ownerReferences": [owner]},
        "spec": view.backing_spec,
    }


def _mirror(draft: Draft, view: Channel, backing: Object) -> None:
    status = backing.get("status", {})
    reference = {
        "apiVersion": view.backing_api_version,
        "kind": view.backing_kind,
        "name": view.key.name,
        "namespace": view.key.namespace,
    }
    draft.put("channel", reference)
    for name in _MIRRORED:
        draft.put(name, status.get(name))
    ready = Conditions.of((), status.get("conditions", ())).get(READY)
    if ready is None:
        return  # it was made a moment ago, and nobody has looked at it
    draft.mark("BackingChannelReady", ready.status, ready.reason, ready.message)
    _mark_sink(draft, view, status)
    draft.mark("EventPoliciesReady", "True", *OIDC_DISABLED)
    if url := status.get("address", {}).get("url"):
        draft.address(url)
    else:
        draft.put("address", None)
        draft.mark("Addressable", "False", "EmptyHostname", "hostname is the empty string")


def _mark_sink(draft: Draft, view: Channel, status: Object) -> None:
    if view.delivery.dead_letter_sink is None:
        draft.mark("DeadLetterSinkResolved", "True", *NO_DEAD_LETTER_SINK)
    elif status.get("deadLetterSinkUri"):
        draft.mark("DeadLetterSinkResolved")
    else:
        reason = f"Backing Channel {view.key.name} didn't set status.deadLetterSinkURI"
        draft.mark("DeadLetterSinkResolved", "False", reason)
