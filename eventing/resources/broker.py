"""Broker: events go in at its address and out through its Triggers.

Source: Knative's eventing.knative.dev/v1 Broker: its CRD, defaulting, validation and the words of both. Pure.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from dispatcher.fault import FieldError, at, shown
from eventing.resources.delivery import DELIVERY, DeliverySpec, default_delivery, validate_delivery
from eventing.resources.duck import (
    ADDRESS,
    DEAD_LETTER_SINK_STATUS,
    POLICIES,
    REFERENCE,
    STATUS,
    Reference,
    validate_reference,
)
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.kind import AGE_COLUMN, READY_COLUMNS, URL_COLUMN, Column, Context, Kind
from eventing.resources.retention import RETENTION_ANNOTATION, Retention, parse_retention
from eventing.resources.schema import MISSING, array, record

CLASS_ANNOTATION: Final = "eventing.knative.dev/broker.class"
KAFKA_CLASS: Final = "Kafka"
EXTERNAL_TOPIC_ANNOTATION: Final = "kafka.eventing.knative.dev/external.topic"
SIZE_ANNOTATION: Final = "eventing.dev/event-size-max-bytes"
_SIZE: Final = re.compile(r"[1-9][0-9]{0,9}")
_TOPIC: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")
"""What Kafka takes for a topic's name."""
CONDITIONS: Final = ("IngressReady", "TriggerChannelReady", "FilterReady", "Addressable", "EventPoliciesReady")
"""What a Broker's Ready depends on; DeadLetterSinkResolved informs only."""
KAFKA_CONDITIONS: Final = (
    "Addressable",
    "DataPlaneAvailable",
    "TopicReady",
    "ConfigMapUpdated",
    "ConfigParsed",
    "ProbeSucceeded",
    "EventPoliciesReady",
)
"""The same of a Broker of class Kafka."""


@dataclass(frozen=True, slots=True)
class Broker:
    """The view of a Broker that was admitted."""

    key: Key
    uid: str
    broker_class: str
    config: Reference | None
    delivery: DeliverySpec
    event_size_max_bytes: int | None = None
    """The largest request body it takes; None for the server's own bound."""
    retention: Retention | None = None
    """How long settled events are kept; None for the server's own bounds."""
    external_topic: str = ""
    """The Kafka topic of somebody else that its events rest in; empty for one of its own."""

    @classmethod
    def of(cls, item: Object) -> Self:
        """The view of that object."""
        key, spec = key_of(item), item["spec"]
        config = spec.get("config")
        return cls(
            key,
            item["metadata"].get("uid", ""),
            class_of(item),
            Reference.of(config, key.namespace) if config else None,
            DeliverySpec.of(spec.get("delivery"), key.namespace),
            _event_size_max_bytes(item),
            _retention(item),
            item["metadata"].get("annotations", {}).get(EXTERNAL_TOPIC_ANNOTATION, ""),
        )


def class_of(item: Object) -> str:
    """The class in a Broker's annotation, empty where it has none."""
    return str(item["metadata"].get("annotations", {}).get(CLASS_ANNOTATION, ""))


def _event_size_max_bytes(item: Object) -> int | None:
    text = item["metadata"].get("annotations", {}).get(SIZE_ANNOTATION)
    return None if text is None else int(text)


def _retention(item: Object) -> Retention | None:
    text = item["metadata"].get("annotations", {}).get(RETENTION_ANNOTATION)
    return None if text is None else parse_retention(text)


def _default(item: Object, context: Context) -> None:
    namespace, defaults = item["metadata"]["namespace"], context.broker_defaults
    annotations = item["metadata"].setdefault("annotations", {})
    broker_class = annotations.setdefault(CLASS_ANNOTATION, defaults.class_of(namespace))
    spec = item.setdefault("spec", {})
    if "config" not in spec and (config := defaults.config(namespace, broker_class)):
        spec["config"] = config
    if spec.get("config") and not spec["config"].get("namespace"):
        spec["config"]["namespace"] = namespace
    if "delivery" not in spec and (delivery := defaults.delivery(namespace, broker_class)):
        spec["delivery"] = delivery
    default_delivery(spec.get("delivery"), namespace)


def _validate(item: Object, old: Object | None, context: Context) -> list[FieldError]:
    errors = [*_validate_spec(item["spec"])]
    if not class_of(item):
        errors.append(FieldError(at("metadata.annotations", CLASS_ANNOTATION), MISSING))
    errors += _validate_annotations(item["metadata"].get("annotations", {}))
    namespace = item["metadata"]["namespace"]
    if context.broker_defaults.forbids_foreign_config(namespace):
        errors += _validate_namespaces(item["spec"], namespace)
    if old is not None:
        errors += _validate_change(item, old)
    return errors


def _validate_annotations(annotations: Object) -> Iterator[FieldError]:
    size = annotations.get(SIZE_ANNOTATION)
    if size is not None and not _SIZE.fullmatch(size):
        yield FieldError(at("metadata.annotations", SIZE_ANNOTATION), f"invalid value: {shown(size)}")
    topic = annotations.get(EXTERNAL_TOPIC_ANNOTATION)
    if topic is not None and not _TOPIC.fullmatch(topic):
        yield FieldError(at("metadata.annotations", EXTERNAL_TOPIC_ANNOTATION), f"invalid value: {shown(topic)}")
    if RETENTION_ANNOTATION in annotations:
        try:
            parse_retention(annotations[RETENTION_ANNOTATION])
        except ValueError as error:
            yield FieldError(at("metadata.annotations", RETENTION_ANNOTATION), f"invalid value: {shown(str(error))}")


def _validate_spec(spec: Object) -> Iterator[FieldError]:
    if "config" in spec:
        yield from validate_reference(spec["config"], "spec.config")
    if "delivery" in spec:
        yield from validate_delivery(spec["delivery"], "spec.delivery")


def _validate_namespaces(spec: Object, namespace: str) -> Iterator[FieldError]:
    references = {
        "spec.config": spec.get("config"),
        "spec.delivery.deadLetterSink.ref": spec.get("delivery", {}).get("deadLetterSink", {}).get("ref"),
    }
    for path, ref in references.items():
        if ref and (other := ref.get("namespace", namespace)) != namespace:
            reason = f'mismatched namespaces: parent namespace: "{namespace}" does not match ref: "{other}"'
            yield FieldError(at(path, "namespace"), reason)


def _validate_change(item: Object, old: Object) -> Iterator[FieldError]:
    """The first of two immutables that changed, as Knative tells no more."""
    config, old_config = item["spec"].get("config"), old["spec"].get("config")
    if config != old_config:
        reason = f"Immutable fields changed (-old +new): -{json.dumps(old_config)} +{json.dumps(config)}"
        yield FieldError("spec.config", reason)
    elif class_of(item) != class_of(old):
        reason = f'Immutable annotations changed (-old +new): -"{class_of(old)}" +"{class_of(item)}"'
        yield FieldError(at("metadata.annotations", CLASS_ANNOTATION), reason)


BROKER: Final = Kind(
    group="eventing.knative.dev",
    version="v1",
    name="Broker",
    plural="brokers",
    description="Takes events at its address and hands each to the Triggers that want it. The annotation "
    "`eventing.knative.dev/broker.class` chooses the engine that holds them.",
    categories=("all", "knative", "eventing"),
    labels={"duck.knative.dev/addressable": "true"},
    columns=(
        URL_COLUMN,
        AGE_COLUMN,
        *READY_COLUMNS,
        Column("Class", r".metadata.annotations.eventing\.knative\.dev/broker\.class", priority=1),
    ),
    fields={
        "spec": record(
            {
                "config": REFERENCE.described(
                    "The object, mostly a ConfigMap, that says which channel holds the events. It cannot be changed."
                ),
                "delivery": DELIVERY.described("How its Triggers deliver, as far as they say nothing themselves."),
            },
            "What the user wants.",
        ),
        "status": record(
            {
                **STATUS,
                **DEAD_LETTER_SINK_STATUS,
                "address": ADDRESS.described("Where events are sent to."),
                "addresses": array(ADDRESS, "All such addresses."),
                "policies": POLICIES,
            },
            "What there is.",
        ),
    },
    default=_default,
    validate=_validate,
)
