"""Channel: events go in at its address and out to its Subscriptions, by way of a channel that is made for it.

Source: Knative's messaging.knative.dev/v1 Channel: its CRD, defaulting, validation and the words of both. Pure.
"""

from dataclasses import dataclass
from typing import Final, Self

from dispatcher.fault import FieldError, at
from eventing.resources.channel_default import CHANNEL_TEMPLATE
from eventing.resources.delivery import DeliverySpec, validate_delivery
from eventing.resources.duck import REFERENCE
from eventing.resources.identity import Key, Object, group_of, key_of
from eventing.resources.kind import AGE_COLUMN, READY_COLUMNS, URL_COLUMN, Context, Kind
from eventing.resources.schema import MISSING, record
from eventing.resources.subscribable import (
    CHANNEL_CATEGORIES,
    CHANNEL_LABELS,
    SUBSCRIBABLE,
    SUBSCRIBABLE_STATUS,
    default_subscribable,
    validate_unchanged,
)

CONDITIONS: Final = ("BackingChannelReady", "Addressable", "DeadLetterSinkResolved", "EventPoliciesReady")
"""What a Channel's Ready depends on."""


@dataclass(frozen=True, slots=True)
class Channel:
    """The view of a Channel that was admitted."""

    key: Key
    uid: str
    generation: int
    backing_api_version: str
    backing_kind: str
    backing_spec: Object
    """The `spec` of the channel that is made for it, without subscribers. Its own delivery replaces the template's."""
    delivery: DeliverySpec

    @classmethod
    def of(cls, item: Object) -> Self:
        """The view of that object."""
        key, metadata, spec = key_of(item), item["metadata"], item["spec"]
        template, own = spec["channelTemplate"], {"delivery": spec["delivery"]} if "delivery" in spec else {}
        return cls(
            key,
            metadata.get("uid", ""),
            metadata.get("generation", 0),
            template["apiVersion"],
            template["kind"],
            {**template.get("spec", {}), **own},
            DeliverySpec.of(spec.get("delivery"), key.namespace),
        )

    @property
    def backing_key(self) -> Key:
        """The channel that is made for it: of the template's kind, by the same name."""
        return Key(group_of(self.backing_api_version), self.backing_kind, self.key.namespace, self.key.name)


def _default(item: Object, context: Context) -> None:
    default_subscribable(item, context)
    if "channelTemplate" not in item["spec"]:
        template = context.channel_defaults.template(item["metadata"]["namespace"])
        if template:
            item["spec"]["channelTemplate"] = template


def _validate(item: Object, old: Object | None, _context: Context) -> list[FieldError]:
    spec = item["spec"]
    template = spec.get("channelTemplate")
    errors = [*validate_delivery(spec.get("delivery", {}), "spec.delivery")]
    if template is None:
        errors.append(FieldError("spec.channelTemplate", MISSING))
    else:
        missing = [name for name in ("apiVersion", "kind") if not template.get(name)]
        errors += [FieldError(at("spec.channelTemplate", name), MISSING) for name in missing]
    if spec.get("subscribers"):
        reason = "must not set the field(s): the channel that is made for it has subscribers"
        errors.append(FieldError("spec.subscribers", reason))
    return [*errors, *validate_unchanged(item, old, ("channelTemplate", "delivery"))]


CHANNEL: Final = Kind(
    group="messaging.knative.dev",
    version="v1",
    name="Channel",
    plural="channels",
    description="Takes events at its address and hands each to all of its Subscriptions. It says which kind of channel "
    "holds them; that one is made for it.",
    short_names=("ch",),
    categories=CHANNEL_CATEGORIES,
    labels=CHANNEL_LABELS,
    columns=(URL_COLUMN, AGE_COLUMN, *READY_COLUMNS),
    fields={
        "spec": record({"channelTemplate": CHANNEL_TEMPLATE, **SUBSCRIBABLE}, "What the user wants."),
        "status": record(
            {**SUBSCRIBABLE_STATUS, "channel": REFERENCE.described("The channel that was made for it.")},
            "What there is.",
        ),
    },
    default=_default,
    validate=_validate,
)
