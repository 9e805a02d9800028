"""Pausing a Trigger by command: an annotation on the resource, and a word in its Broker's channel.

Resources that come from files forget the annotation when the files are read again; the channel remembers, over restarts
where it is durable. An annotation that a file does hold counts for more.
"""

from dataclasses import replace

from channels.contract import Channel
from eventing.resources.identity import Key, Object
from eventing.resources.trigger import Trigger
from eventing.resources.trigger_manner import PAUSED_ANNOTATION
from eventing.store.contract import Store


async def set_paused(store: Store, channel: Channel | None, key: Key, *, is_paused: bool) -> None:
    """Pause a Trigger, or resume it, from the next event on. Twice is once. Raises NotFound, Conflict."""
    item = await store.get(key)
    annotations = {**item["metadata"].get("annotations", {})}
    annotations.pop(PAUSED_ANNOTATION, None)
    if is_paused:
        annotations[PAUSED_ANNOTATION] = "true"
    await store.update({**item, "metadata": {**item["metadata"], "annotations": annotations}})
    if channel is not None:
        channel.remember(_name(key), b"true" if is_paused else None)


def with_pause(view: Trigger, item: Object, channel: Channel | None) -> Trigger:
    """The Trigger as it is served: paused as well where its channel remembers that and the resource is silent."""
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
