"""Trigger: which events of a Broker a subscriber gets, and how they are delivered to it.

Source: Knative's eventing.knative.dev/v1 Trigger: its CRD, defaulting, validation and the words of both. Pure.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Self

from channels.contract import Start
from dispatcher.fault import FieldError, at, kind_of, shown
from dispatcher.filters import InvalidFilter, Predicate, parse_filters
from dispatcher.manner import Manner
from eventing.resources.delivery import DELIVERY, DeliverySpec, default_delivery, validate_delivery
from eventing.resources.duck import (
    ACCOUNTS,
    DEAD_LETTER_SINK_STATUS,
    DESTINATION,
    REFERENCE,
    STATUS,
    Destination,
    default_destination,
    validate_destination,
    validate_reference,
)
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.kind import AGE_COLUMN, READY_COLUMNS, Column, Context, Kind
from eventing.resources.metadata import is_label_value
from eventing.resources.schema import MISSING, OPEN, array, record, string
from eventing.resources.trigger_manner import manner_of, start_of, validate_manner

BROKER_LABEL: Final = "eventing.knative.dev/broker"
DEPENDENCY_ANNOTATION: Final = "knative.dev/dependency"
INJECTION_ANNOTATION: Final = "eventing.knative.dev/injection"
CONDITIONS: Final = (
    "BrokerReady",
    "SubscriptionReady",
    "DependencyReady",
    "SubscriberResolved",
    "DeadLetterSinkResolved",
    "OIDCIdentityCreated",
)
"""What a Trigger's Ready depends on."""
SUBSCRIBER_UNRESOLVED: Final = "Unable to get the Subscriber's URI"
DEAD_LETTER_SINK_UNRESOLVED: Final = "Unable to get the dead letter sink's URI"


@dataclass(frozen=True, slots=True)
class Trigger:
    """The view of a Trigger that was admitted. `delivery` is its own: `effective` joins it with its Broker's."""

    key: Key
    uid: str
    generation: int
    broker: str
    subscriber: Destination
    delivery: DeliverySpec
    predicate: Predicate
    manner: Manner
    start: Start

    @classmethod
    def of(cls, item: Object, old: Self | None = None) -> Self:
        """The view of that object. Its filters are compiled here, but not again where `old` is a view of the same
        generation: that grows with all that a view shows except for annotations.
        """
        key, metadata, spec = key_of(item), item["metadata"], item["spec"]
        if old is not None and (old.uid, old.generation) == (metadata["uid"], metadata["generation"]):
            return replace(old, manner=manner_of(item), start=start_of(item))
        return cls(
            key,
            metadata.get("uid", ""),
            metadata.get("generation", 0),
            _broker_of(spec),
            Destination.of(spec["subscriber"], key.namespace),
            DeliverySpec.of(spec.get("delivery"), key.namespace),
            parse_filters(spec.get("filter"), spec.get("filters")),
            manner_of(item),
            start_of(item),
        )


def _broker_of(spec: Object) -> str:
    return str(spec.get("broker") or spec.get("brokerRef", {}).get("name", ""))


def _default(item: Object, _context: Context) -> None:
    metadata, spec = item["metadata"], item.setdefault("spec", {})
    namespace = metadata["namespace"]
    if spec.get("filters") == []:
        del spec["filters"]
    if spec.setdefault("filter", {}).get("attributes") == {}:
        del spec["filter"]["attributes"]
    default_destination(spec.get("subscriber"), namespace)
    default_delivery(spec.get("delivery"), namespace)
    # A Broker's name may be longer than a label's value: without the label the Trigger works all the same.
    if spec.get("broker") and is_label_value(spec["broker"]):
        metadata.setdefault("labels", {})[BROKER_LABEL] = spec["broker"]


def _validate(item: Object, old: Object | None, _context: Context) -> list[FieldError]:
    spec = item["spec"]
    errors = [
        *_validate_broker(spec, item["metadata"]["namespace"]),
        *_validate_filters(spec),
        *validate_destination(spec.get("subscriber", {}), "spec.subscriber"),
        *validate_delivery(spec.get("delivery", {}), "spec.delivery"),
        *_validate_dependency(item["metadata"]),
        *_validate_injection(item["metadata"], spec.get("broker", "")),
        *validate_manner(item),
    ]
    if old is not None and (was := old["spec"].get("broker", "")) != (now := spec.get("broker", "")):
        reason = f"Immutable fields changed (-old +new): -{json.dumps(was)} +{json.dumps(now)}"
        errors.append(FieldError("spec.broker", reason))
    return errors


def _validate_broker(spec: Object, namespace: str) -> Iterator[FieldError]:
    ref = spec.get("brokerRef")
    if ref is None:
        if not spec.get("broker"):
            yield FieldError("spec.broker", MISSING)
        return
    if spec.get("broker"):
        yield from (FieldError(f"spec.{name}", "expected exactly one, got both") for name in ("broker", "brokerRef"))
    yield from validate_reference(ref, "spec.brokerRef")
    if ref.get("namespace", namespace) != namespace:
        reason = "must not set the field(s): a Trigger and its Broker share a namespace"
        yield FieldError("spec.brokerRef.namespace", reason)


def _validate_filters(spec: Object) -> tuple[FieldError, ...]:
    try:
        parse_filters(spec.get("filter"), spec.get("filters"))
    except InvalidFilter as error:
        return error.errors
    return ()


def _validate_dependency(metadata: Object) -> Iterator[FieldError]:
    text = metadata.get("annotations", {}).get(DEPENDENCY_ANNOTATION)
    if text is None:
        return
    path = at("metadata.annotations", DEPENDENCY_ANNOTATION)
    try:
        dependency = json.loads(text)
        fault = _dependency_fault(dependency)
    except (ValueError, RecursionError) as error:
        fault = shown(str(error))
    if fault:
        reason = f"The provided annotation was not a corev1.ObjectReference: {json.dumps(shown(text))}: {fault}"
        yield FieldError(path, reason)
        return
    yield from validate_reference(dependency, path)
    if dependency.get("namespace") not in (None, "", metadata["namespace"]):
        reason = f'Namespace must be empty or equal to the trigger namespace "{metadata["namespace"]}"'
        yield FieldError(at(path, "namespace"), reason)


def _dependency_fault(dependency: object) -> str:
    if not isinstance(dependency, dict):
        return f"expected a map, got {kind_of(dependency)}"
    wrong = [name for name in REFERENCE.properties if not isinstance(dependency.get(name), str | None)]
    return f"{wrong[0]}: expected a string, got {kind_of(dependency[wrong[0]])}" if wrong else ""


def _validate_injection(metadata: Object, broker: str) -> Iterator[FieldError]:
    value = metadata.get("annotations", {}).get(INJECTION_ANNOTATION)
    if value is None:
        return
    path = at("metadata.annotations", INJECTION_ANNOTATION)
    if value not in ("enabled", "disabled"):
        reason = f'The provided injection annotation value can only be "enabled" or "disabled", not "{shown(value)}"'
        yield FieldError(path, reason)
    if broker != "default":
        rule = (
            "The provided injection annotation is only used for default broker, but non-default broker specified here"
        )
        yield FieldError(path, f'{rule}: "{broker}"')


# A dialect that is misspelt must be refused, not pruned: `parse_filters` looks into each filter, which is open.
_FILTER: Final = record(
    {
        "exact": OPEN.described("Values by attribute: each attribute is there and has its value."),
        "prefix": OPEN.described("Beginnings by attribute: each attribute is there and begins so."),
        "suffix": OPEN.described("Ends by attribute: each attribute is there and ends so."),
        "all": array(OPEN.described("A filter."), "Filters of which every one must pass."),
        "any": array(OPEN.described("A filter."), "Filters of which one must pass."),
        "not": OPEN.described("A filter that must not pass."),
        "cesql": string("An expression of CloudEvents SQL that must be true. An error makes it false."),
    },
    "A filter: one dialect and what it compares with.",
    is_open=True,
)
TRIGGER: Final = Kind(
    group="eventing.knative.dev",
    version="v1",
    name="Trigger",
    plural="triggers",
    description="Hands the events of a Broker that pass its filters to a subscriber. What the subscriber replies goes "
    "into the Broker.",
    categories=("all", "knative", "eventing"),
    columns=(
        Column("Broker", ".spec.broker"),
        Column("Subscriber_URI", ".status.subscriberUri"),
        AGE_COLUMN,
        *READY_COLUMNS,
    ),
    fields={
        "spec": record(
            {
                "broker": string("The Broker, by name, in the Trigger's namespace. It cannot be changed."),
                "brokerRef": REFERENCE.described("The Broker as a reference, in place of `broker`."),
                "filter": record(
                    {"attributes": OPEN.described("Values by attribute. An empty one asks for any value.")},
                    "The older form of filters: all these attributes have these values. `filters` replace it.",
                ),
                "filters": array(_FILTER, "What an event must pass, every one of them. All events pass none."),
                "subscriber": DESTINATION.described("Where the events go. Must be given."),
                "delivery": DELIVERY.described("How they are delivered. What it leaves open is as the Broker says."),
            },
            "What the user wants.",
        ),
        "status": record(
            {
                **STATUS,
                **DEAD_LETTER_SINK_STATUS,
                "auth": ACCOUNTS,
                "subscriberUri": string("Where events are sent."),
                "subscriberCACerts": string("Certificates in PEM to trust there."),
                "subscriberAudience": string("The audience of tokens for it."),
            },
            "What there is.",
        ),
    },
    default=_default,
    validate=_validate,
)
