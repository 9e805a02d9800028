"""What channels of every kind share: fields, defaults, rules and the view of who subscribes.

Source: Knative's ChannelableSpec and SubscribableSpec (apis/duck/v1), and the rules of its InMemoryChannel. Pure.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from dispatcher.fault import FieldError, at, shown
from eventing.resources.broker_default import SYSTEM_NAMESPACE
from eventing.resources.delivery import DELIVERY, DeliverySpec, default_delivery, validate_delivery
from eventing.resources.duck import ACCOUNTS, ADDRESS, DEAD_LETTER_SINK_STATUS, POLICIES, REFERENCE, STATUS
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.kind import AGE_COLUMN, READY_COLUMNS, URL_COLUMN, Context, Kind, Validation
from eventing.resources.retention import Retention, parse_retention
from eventing.resources.schema import INT64, MISSING, Node, array, record, string

SUBSCRIBABLE_ANNOTATION: Final = "messaging.knative.dev/subscribable"
SCOPE_ANNOTATION: Final = "eventing.knative.dev/scope"
CONTROLLER: Final = f"system:serviceaccount:{SYSTEM_NAMESPACE}:eventing-controller"
"""The user that alone may change who subscribes to a channel."""
CONDITIONS: Final = ("Addressable", "DeadLetterSinkResolved", "EventPoliciesReady")
"""What Ready depends on for a channel that is nothing but part of this server."""
CHANNEL_CATEGORIES: Final = ("all", "knative", "messaging", "channel")
CHANNEL_LABELS: Final = {"messaging.knative.dev/subscribable": "true", "duck.knative.dev/addressable": "true"}
_SUBSCRIBER: Final = record(
    {
        "uid": string("The Subscription's uid."),
        "generation": INT64.described("The generation of the Subscription that this is from."),
        "name": string("The Subscription's name."),
        "namespace": string("The Subscription's namespace."),
        "subscriberUri": string("Where events are sent."),
        "subscriberCACerts": string("Certificates to trust there, in PEM."),
        "subscriberAudience": string("The audience of tokens for it."),
        "replyUri": string("Where its replies are sent."),
        "replyCACerts": string("Certificates to trust there, in PEM."),
        "replyAudience": string("The audience of tokens for replies."),
        "delivery": DELIVERY.described("How often events are tried, and where they go in the end."),
        "auth": ACCOUNTS,
    },
    "One Subscription, resolved.",
)
SUBSCRIBABLE: Final[dict[str, Node]] = {
    "delivery": DELIVERY.described(
        "How often events are tried, and where they go in the end, unless a Subscription says otherwise."
    ),
    "subscribers": array(_SUBSCRIBER, "Who gets the events. The controller of Subscriptions alone may write here."),
}
"""The spec of a channel."""
_SUBSCRIBER_STATUS: Final = record(
    {
        "uid": string("The Subscription's uid."),
        "observedGeneration": INT64.described("The generation of the Subscription that is at work."),
        "ready": string("True where events are delivered to it."),
        "message": string("Why they are not."),
        "auth": ACCOUNTS,
    },
    "How a subscriber is served.",
)
SUBSCRIBABLE_STATUS: Final[dict[str, Node]] = {
    **STATUS,
    **DEAD_LETTER_SINK_STATUS,
    "address": ADDRESS.described("Where events are sent to."),
    "addresses": array(ADDRESS, "All such addresses."),
    "policies": POLICIES,
    "deadLetterChannel": REFERENCE.described("A channel that takes dead letters. Nobody writes it."),
    "subscribers": array(_SUBSCRIBER_STATUS, "How each subscriber is served."),
}
"""The status of a channel."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A resolved Subscription, as its channel knows it. `delivery` is its own."""

    uid: str
    generation: int
    name: str
    uri: str | None
    reply_uri: str | None
    delivery: DeliverySpec

    @classmethod
    def of(cls, subscriber: Object, namespace: str) -> Self:
        """The view of an entry of `spec.subscribers`."""
        return cls(
            subscriber.get("uid", ""),
            subscriber.get("generation", 0),
            subscriber.get("name", ""),
            subscriber.get("subscriberUri"),
            subscriber.get("replyUri"),
            DeliverySpec.of(subscriber.get("delivery"), namespace),
        )


@dataclass(frozen=True, slots=True)
class BackingChannel:
    """The view of a channel that was admitted and whose kind holds events itself."""

    key: Key
    uid: str
    generation: int
    subscribers: tuple[Subscriber, ...]
    delivery: DeliverySpec
    retention: Retention | None = None
    """How long settled events are kept; None for the server's own bounds, or where the kind keeps none."""

    @classmethod
    def of(cls, item: Object) -> Self:
        """The view of that object."""
        key, metadata, spec = key_of(item), item["metadata"], item["spec"]
        retention = spec.get("retention")
        return cls(
            key,
            metadata.get("uid", ""),
            metadata.get("generation", 0),
            tuple(Subscriber.of(one, key.namespace) for one in spec.get("subscribers", ())),
            DeliverySpec.of(spec.get("delivery"), key.namespace),
            None if retention is None else parse_retention(retention),
        )


def default_subscribable(item: Object, _context: Context) -> None:
    """Say which version of the duck the channel is, and let its dead letter sink point into its own namespace."""
    metadata, spec = item["metadata"], item.setdefault("spec", {})
    metadata.setdefault("annotations", {}).setdefault(SUBSCRIBABLE_ANNOTATION, "v1")
    default_delivery(spec.get("delivery"), metadata["namespace"])


def validate_subscribable(item: Object, old: Object | None, context: Context) -> list[FieldError]:
    """Everything wrong with what channels share."""
    spec = item["spec"]
    errors = [
        *_validate_scope(item["metadata"].get("annotations", {})),
        *validate_delivery(spec.get("delivery", {}), "spec.delivery"),
    ]
    for index, subscriber in enumerate(spec.get("subscribers", ())):
        errors += _validate_subscriber(subscriber, at("spec.subscribers", index))
    if old is not None and context.user != CONTROLLER and _subscribers(item) != _subscribers(old):
        reason = (
            f"Channel.Spec.Subscribers changed by user {context.user} which was not the {CONTROLLER} service account"
        )
        errors.append(FieldError("spec.subscribers", reason))
    return errors


def own_channel(
    name: str, plural: str, short_name: str, description: str, *, spec: dict[str, Node], validate: Validation
) -> Kind:
    """A kind of channel of this project's own: what its `spec` holds beside subscribers, and rules beside theirs."""
    return Kind(
        group="messaging.knative.dev",
        version="v1alpha1",
        name=name,
        plural=plural,
        description=description,
        short_names=(short_name,),
        categories=CHANNEL_CATEGORIES,
        labels=CHANNEL_LABELS,
        columns=(URL_COLUMN, AGE_COLUMN, *READY_COLUMNS),
        fields={
            "spec": record({**SUBSCRIBABLE, **spec}, "What the user wants."),
            "status": record(SUBSCRIBABLE_STATUS, "What there is."),
        },
        default=default_subscribable,
        validate=validate,
    )


def is_subscribable(kind: Kind) -> bool:
    """True where objects of that kind have subscribers."""
    spec = kind.fields.get("spec")
    return spec is not None and "subscribers" in spec.properties


def validate_unchanged(item: Object, old: Object | None, names: tuple[str, ...]) -> Iterator[FieldError]:
    """Each of these fields of the spec that is another than it was."""
    if old is None:
        return
    for name in names:
        was, now = (one["spec"].get(name) for one in (old, item))
        if was != now:
            reason = f"Immutable fields changed (-old +new): -{json.dumps(was)} +{json.dumps(now)}"
            yield FieldError(at("spec", name), shown(reason))


def _validate_scope(annotations: Object) -> Iterator[FieldError]:
    """The annotation has no effect where one process is all there is, but says the same as in a cluster."""
    scope = annotations.get(SCOPE_ANNOTATION, "cluster")
    if scope not in ("cluster", "namespace"):
        reason = f"invalid value: {shown(scope)}: expected either 'cluster' or 'namespace'"
        yield FieldError(at("metadata.annotations", SCOPE_ANNOTATION), reason)


def _validate_subscriber(subscriber: Object, path: str) -> Iterator[FieldError]:
    names = ("replyUri", "subscriberUri")
    if not any(name in subscriber for name in names):
        yield from (FieldError(at(path, name), f"{MISSING}: expected at least one of, got none") for name in names)
    yield from validate_delivery(subscriber.get("delivery", {}), at(path, "delivery"))


def _subscribers(item: Object) -> list[Object]:
    found: list[Object] = item["spec"].get("subscribers", [])
    return found
