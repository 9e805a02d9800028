"""Subscription: a lane of its channel, and what was found on the way to it.

Source: Knative's subscription reconciler: its conditions, its words, and what it writes into the channel.
"""

from collections.abc import Mapping
from typing import Any, Final

from eventing.errors import ResolutionError
from eventing.pause import forget_pause, with_pause
from eventing.reconcilers.plane import Plane
from eventing.reconcilers.served import Readiness, ServedBroker, ServedTrigger
from eventing.reconcilers.status import NO_IDENTITY, Draft
from eventing.reconcilers.turn import Turn
from eventing.resources.catalogue import Catalogue
from eventing.resources.channel import CHANNEL, Channel
from eventing.resources.condition import Status
from eventing.resources.delivery import effective
from eventing.resources.destination import not_found
from eventing.resources.identity import Key, Lookup, Object
from eventing.resources.subscribable import is_subscribable
from eventing.resources.subscription import CONDITIONS, Subscription
from eventing.specification import Specification, Specifier
from eventing.world import World

CHANNEL_FAILED: Final = "ChannelReferenceFailed"
_WORDS: Final = "Failed to get Spec.Channel or backing channel"


class Subscribers:
    """Who subscribes to which channel, as the channels' specs are to say."""

    def __init__(self) -> None:
        self._entries: dict[Key, dict[Key, Object | None]] = {}
        """By channel and Subscription; None while it cannot be resolved."""

    def put(self, channel: Key, subscription: Key, entry: Object | None) -> None:
        """That Subscription is of this channel, and resolved so; where it is not (None), what was counts on."""
        found = self._entries.setdefault(channel, {})
        found[subscription] = entry or found.get(subscription)

    def remove(self, channel: Key, subscription: Key) -> None:
        """It is gone."""
        self._entries.get(channel, {}).pop(subscription, None)

    def forget(self, channel: Key) -> None:
        """The channel is gone."""
        self._entries.pop(channel, None)

    def entries(self, channel: Key, item: Object) -> list[Object]:
        """What is to stand in the channel's `spec.subscribers`: those that are there stay where they are."""
        found = self._entries.get(channel, {})
        before = {one.get("name", ""): one for one in item["spec"].get("subscribers", ())}
        wanted = {key.name: entry or before.get(key.name) for key, entry in found.items()}
        order = [name for name in before if name in wanted] + sorted(wanted.keys() - before.keys())
        return [entry for name in order if (entry := wanted[name]) is not None]


class SubscriptionReconciler:
    """One Subscription at a time. `subscriptions` are those that there are, whether they work or not."""

    def __init__(
        self,
        *,
        world: World,
        plane: Plane,
        specifier: Specifier,
        catalogue: Catalogue,
        subscriptions: dict[Key, ServedTrigger],
        subscribers: Subscribers,
    ) -> None:
        self._world = world
        self._plane = plane
        self._specifier = specifier
        self._catalogue = catalogue
        self._subscriptions = subscriptions
        self._subscribers = subscribers

    def reconcile(self, key: Key, turn: Turn) -> set[Key]:
        """Have its channel deliver to it, and say so. Returns the channels whose subscribers it may have changed."""
        item, old = self._world.get(key), self._subscriptions.pop(key, None)
        view = None if item is None else Subscription.of(item)
        if old is not None and (view is None or view.uid != old.view.uid):
            self._leave(key, old.broker)
        touched = set() if old is None else {old.broker}
        if item is None or view is None:
            self._world.forget(key)
            return touched
        lookup, draft = self._world.read_as(key), Draft(item, CONDITIONS, turn.now)
        draft.mark("OIDCIdentityCreated", "True", NO_IDENTITY)
        channel = self._channel_key(view, lookup)
        found = self._serve(view, item, channel, draft, lookup)
        turn.finish(draft, reason=draft.ready()[1] or CHANNEL_FAILED)
        status, reason, message = draft.ready()
        told = Readiness() if status == "True" else Readiness(ready=False, reason=reason, message=message)
        self._subscriptions[key] = ServedTrigger(view, channel, told, found.subscriber_uri, found.dead_letter_sink_uri)
        if status == "True" and not draft.was_ready:
            name = view.channel.name
            turn.tell(item, "Normal", "SubscriberSync", f'Subscription was synchronized to channel "{name}"')
        return touched | {channel}

    def _leave(self, key: Key, channel: Key) -> None:
        served = self._plane.brokers.get(channel)
        self._subscribers.remove(channel, key)
        if served is not None:
            served.remove(key.name)
            forget_pause(served.broker.channel, key)

    def _channel_key(self, view: Subscription, lookup: Lookup) -> Key:
        """The channel that holds the events: the one it names, or the one that was made for that."""
        item = lookup(view.channel.key)
        if item is None or view.channel.key.group_kind != CHANNEL.group_kind:
            return view.channel.key
        key = Channel.of(item).backing_key
        lookup(key)
        return key

    def _serve(self, view: Subscription, item: Object, channel: Key, draft: Draft, lookup: Lookup) -> Specification:
        try:
            served = self._served(view, channel, lookup)
        except ResolutionError as error:
            status: Status = "False" if error.reason == "UnknownKind" else "Unknown"
            draft.mark("ReferencesResolved", status, CHANNEL_FAILED, f"{_WORDS}: {error.message}")
            return Specification()
        view = with_pause(view, item, served.broker.channel)
        delivery = effective(view.delivery, served.view.delivery)
        found = self._specifier.specify_subscription(view, delivery, lookup)
        if found.fault is not None:
            draft.fail("ReferencesResolved", found.fault)
            self._subscribers.put(channel, view.key, None)
            _put_physical(draft, found, is_whole=False)
            return found
        assert found.spec is not None
        served.place(view.key.name, found.spec)
        self._subscribers.put(channel, view.key, _entry(view, item, found, self._world.get(channel)))
        _put_physical(draft, found, is_whole=True)
        for name in ("ReferencesResolved", "AddedToChannel", "ChannelReady"):
            draft.mark(name)
        return found

    def _served(self, view: Subscription, channel: Key, lookup: Lookup) -> ServedBroker:
        """The channel at work. Raises ResolutionError."""
        ref = view.channel
        served = self._catalogue.find(ref.api_version, ref.kind)
        if served is None or not is_subscribable(served.kind):
            raise ResolutionError("UnknownKind", f"{ref.kind} in {ref.api_version} is no kind of channel here")
        if lookup(ref.key) is None:
            raise ResolutionError("NotFound", not_found(served.kind, ref.name))
        found = self._plane.brokers.get(channel)
        if found is None or not found.readiness.ready:
            raise ResolutionError("NotReady", "channel is not ready.")
        return found


def _put_physical(draft: Draft, found: Specification, *, is_whole: bool) -> None:
    """What was resolved; where something is missing, what was resolved before stays beside it."""
    uris = {
        "subscriberUri": found.subscriber_uri,
        "replyUri": found.reply_uri,
        "deadLetterSinkUri": found.dead_letter_sink_uri,
    }
    resolved = {name: uri for name, uri in uris.items() if uri}
    before: Mapping[str, Any] = {} if is_whole else draft.status.get("physicalSubscription", {})
    draft.put("physicalSubscription", {**before, **resolved})


def _entry(view: Subscription, item: Object, found: Specification, channel: Object | None) -> Object:
    """What stands of it in the channel."""
    inherited = {} if channel is None else channel["spec"].get("delivery", {})
    delivery = {**inherited, **item["spec"].get("delivery", {})}
    if found.dead_letter_sink_uri:
        delivery["deadLetterSink"] = {"uri": found.dead_letter_sink_uri}
    entry = {
        "uid": view.uid,
        "generation": view.generation,
        "name": view.key.name,
        "subscriberUri": found.subscriber_uri,
        "replyUri": found.reply_uri,
        "delivery": delivery,
    }
    return {name: value for name, value in entry.items() if value}
