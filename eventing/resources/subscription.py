"""Subscription: who gets a channel's events, where the replies go, and how events are delivered.

Source: Knative's messaging.knative.dev/v1 Subscription: its CRD, defaulting, validation and the words of both. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from channels.contract import Start
from dispatcher.fault import FieldError
from dispatcher.manner import Manner
from eventing.resources.delivery import DELIVERY, DeliverySpec, default_delivery, validate_delivery
from eventing.resources.duck import (
    ACCOUNTS,
    DESTINATION,
    REFERENCE,
    STATUS,
    Destination,
    Reference,
    default_destination,
    validate_destination,
    validate_reference,
)
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.kind import AGE_COLUMN, READY_COLUMNS, Context, Kind
from eventing.resources.schema import MISSING, record, string
from eventing.resources.subscribable import validate_unchanged
from eventing.resources.trigger_manner import manner_of, start_of, validate_manner

CONDITIONS: Final = ("ReferencesResolved", "AddedToChannel", "ChannelReady", "OIDCIdentityCreated")
"""What a Subscription's Ready depends on."""
_PHYSICAL: Final = {
    "subscriber": "Where events are sent",
    "reply": "Where replies are sent",
    "deadLetterSink": "Where events go that could not be delivered",
}


@dataclass(frozen=True, slots=True)
class Subscription:
    """The view of a Subscription that was admitted. `delivery` is its own: `effective` joins it with its channel's."""

    key: Key
    uid: str
    generation: int
    channel: Reference
    subscriber: Destination
    reply: Destination | None
    delivery: DeliverySpec
    manner: Manner
    start: Start

    @classmethod
    def of(cls, item: Object) -> Self:
        """The view of that object."""
        key, metadata, spec = key_of(item), item["metadata"], item["spec"]
        reply = spec.get("reply")
        return cls(
            key,
            metadata.get("uid", ""),
            metadata.get("generation", 0),
            Reference.of(spec["channel"], key.namespace),
            Destination.of(spec["subscriber"], key.namespace),
            Destination.of(reply, key.namespace) if reply else None,
            DeliverySpec.of(spec.get("delivery"), key.namespace),
            manner_of(item),
            start_of(item),
        )


def _default(item: Object, _context: Context) -> None:
    namespace, spec = item["metadata"]["namespace"], item.setdefault("spec", {})
    default_destination(spec.get("subscriber"), namespace)
    default_destination(spec.get("reply"), namespace)
    default_delivery(spec.get("delivery"), namespace)


def _validate(item: Object, old: Object | None, _context: Context) -> list[FieldError]:
    spec = item["spec"]
    if not spec.get("channel"):
        return [FieldError("spec.channel", f"{MISSING}: the Subscription must reference a channel")]
    return [
        *_validate_channel(spec["channel"]),
        *_validate_destinations(spec),
        *validate_delivery(spec.get("delivery", {}), "spec.delivery"),
        *validate_manner(item),
        *validate_unchanged(item, old, ("channel",)),
    ]


def _validate_channel(channel: Object) -> Iterator[FieldError]:
    yield from validate_reference(channel, "spec.channel")
    if channel.get("namespace"):
        reason = "must not set the field(s): a Subscription and its channel share a namespace"
        yield FieldError("spec.channel.namespace", reason)


def _validate_destinations(spec: Object) -> Iterator[FieldError]:
    if spec.get("subscriber"):
        yield from validate_destination(spec["subscriber"], "spec.subscriber")
    else:
        yield FieldError("spec.subscriber", f"{MISSING}: the Subscription must reference a subscriber")
    if spec.get("reply"):
        yield from validate_destination(spec["reply"], "spec.reply")


SUBSCRIPTION: Final = Kind(
    group="messaging.knative.dev",
    version="v1",
    name="Subscription",
    plural="subscriptions",
    description="Has a channel's events delivered to a subscriber, and its replies sent on.",
    short_names=("sub",),
    categories=("all", "knative", "messaging"),
    columns=(AGE_COLUMN, *READY_COLUMNS),
    fields={
        "spec": record(
            {
                "channel": REFERENCE.described("The channel, of the same namespace. It cannot be changed."),
                "subscriber": DESTINATION.described("Who gets the events."),
                "reply": DESTINATION.described("Where events go that the subscriber answers with; nowhere without it."),
                "delivery": DELIVERY.described(
                    "How often events are tried, and where they go in the end. What it leaves out, its channel says."
                ),
            },
            "What the user wants.",
        ),
        "status": record(
            {
                **STATUS,
                "auth": ACCOUNTS,
                "physicalSubscription": record(
                    {
                        f"{name}{part}": string(f"{meaning}{detail}.")
                        for name, meaning in _PHYSICAL.items()
                        for part, detail in (
                            ("Uri", ""),
                            ("CACerts", ": certificates to trust there, in PEM"),
                            ("Audience", ": the audience of tokens"),
                        )
                    },
                    "Its references, resolved.",
                ),
            },
            "What there is.",
        ),
    },
    default=_default,
    validate=_validate,
)
