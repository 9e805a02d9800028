"""Pausing a Trigger, or a Subscription, by command: an annotation on the resource, and a word in its Broker's channel.

Resources that come from files forget the annotation when the files are read again; the channel remembers, over restarts
where it is durable. An annotation that a file does hold counts for more.
"""

from dataclasses import replace
from typing import TypeVar

from channels.contract import Channel
from eventing.resources.identity import Key, Object
from eventing.resources.subscription import Subscription
from eventing.resources.trigger import Trigger
from eventing.resources.trigger_manner import PAUSED_ANNOTATION
from eventing.store.contract import Store

V = TypeVar("V", Trigger, Subscription)
"""What both views have is the manner."""


async def set_paused(store: Store, channel: Channel | None, key: Key, *, is_paused: bool) -> Object:
    """Have a Trigger paused, or resumed; returns it as stored. Twice is once. Raises NotFound, Conflict."""
    item = await store.get(key)
    annotations = {**item["metadata"].get("annotations", {})}
    annotations.pop(PAUSED_ANNOTATION, None)
    if is_paused:
        annotations[PAUSED_ANNOTATION] = "true"
    stored = await store.update({**item, "metadata": {**item["metadata"], "annotations": annotations}})
    if channel is not None:
        channel.remember(_name(key), b"true" if is_paused else None)
    return stored


def with_pause(view: V, item: Object, channel: Channel | None) -> V:
    """The view as it is served: paused as well where its channel remembers that and the resource is silent."""
    is_silent = PAUSED_ANNOTATION not in item["metadata"].get("annotations", {})
    if is_silent and channel is not None and _name(view.key) in channel.remembered:
        return replace(view, manner=replace(view.manner, is_paused=True))
    return view


def forget_pause(channel: Channel | None, key: Key) -> None:
    """The Trigger is deleted: another one of its name is not paused."""
    if channel is not None and _name(key) in channel.remembered:
        channel.remember(_name(key), None)


def _name(key: Key) -> str:
    return f"paused/{key.name}"
