"""KafkaChannel: a channel that is a topic of a Kafka cluster.

Source: Knative's messaging.knative.dev/v1beta1 and v1 KafkaChannel, which say the same. Pure.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from dispatcher.duration import parse_duration
from dispatcher.fault import FieldError, at, shown
from eventing.resources.identity import Object
from eventing.resources.kind import AGE_COLUMN, READY_COLUMNS, URL_COLUMN, Context, Kind, Version
from eventing.resources.schema import INT32, Node, record, string
from eventing.resources.subscribable import (
    CHANNEL_CATEGORIES,
    CHANNEL_LABELS,
    SUBSCRIBABLE,
    SUBSCRIBABLE_STATUS,
    default_subscribable,
    validate_subscribable,
    validate_unchanged,
)

CONDITIONS: Final = ("Subscribers", "TopicReady", "ConfigMapUpdated", "ConfigParsed", "ProbeSucceeded")
"""What its Ready depends on. Addressable, DataPlaneAvailable, ChannelServiceReady, EventPoliciesReady inform only."""
_REPLICATION_MAX: Final = 32767
SHIPPED: Final = {"numPartitions": 1, "replicationFactor": 1, "retentionDuration": "PT168H"}
"""What a channel gets that says nothing."""
_FIELDS: Final = {
    "spec": record(
        {
            **SUBSCRIBABLE,
            "numPartitions": replace(INT32, default=1, minimum=1, description="How many partitions the topic gets."),
            "replicationFactor": Node(
                "integer", default=1, minimum=1, description="How many brokers of the cluster hold each of them."
            ),
            "retentionDuration": string("How long Kafka keeps an event: an ISO 8601 duration, `PT168H` by default."),
        },
        "What the user wants. Partitions, replicas and retention cannot be changed.",
    ),
    "status": record(SUBSCRIBABLE_STATUS, "What there is."),
}
_COLUMNS: Final = (*READY_COLUMNS, URL_COLUMN, AGE_COLUMN)


def _default(item: Object, context: Context) -> None:
    default_subscribable(item, context)
    for name, value in SHIPPED.items():
        item["spec"].setdefault(name, value)


def _validate(item: Object, old: Object | None, context: Context) -> list[FieldError]:
    errors = [
        *validate_subscribable(item, old, context),
        *_validate_topic(item["spec"]),
        *validate_unchanged(item, old, ("numPartitions", "replicationFactor")),
    ]
    if old is not None and old["spec"].get("retentionDuration"):
        errors += validate_unchanged(item, old, ("retentionDuration",))
    return errors


def _validate_topic(spec: Object) -> Iterator[FieldError]:
    for name in ("numPartitions", "replicationFactor"):
        if spec[name] < 1 or (name == "replicationFactor" and spec[name] > _REPLICATION_MAX):
            yield FieldError(at("spec", name), f"invalid value: {spec[name]}")
    try:
        parse_duration(spec["retentionDuration"])
    except ValueError:
        yield FieldError("spec.retentionDuration", f"invalid value: {shown(spec['retentionDuration'])}")


KAFKA_CHANNEL: Final = Kind(
    group="messaging.knative.dev",
    version="v1beta1",
    name="KafkaChannel",
    plural="kafkachannels",
    description="A channel that is a topic of a Kafka cluster, which several servers can share.",
    others=(Version("v1", _FIELDS, _COLUMNS, default=_default, validate=_validate),),
    order=("v1beta1", "v1"),
    short_names=("kc",),
    categories=CHANNEL_CATEGORIES,
    labels=CHANNEL_LABELS,
    columns=_COLUMNS,
    fields=_FIELDS,
    default=_default,
    validate=_validate,
)
