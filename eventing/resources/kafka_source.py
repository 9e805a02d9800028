"""KafkaSource: records of Kafka topics as events.

Source: Knative's sources.knative.dev/v1beta1 and v1 KafkaSource. v1 has two fields more, for tokens of a cloud; here
both versions have them, so that neither loses what the other says. Pure.
"""

from collections.abc import Iterator
from typing import Final

from dispatcher.fault import FieldError, at, shown
from eventing.resources.delivery import DELIVERY, default_delivery, validate_delivery
from eventing.resources.identity import Object
from eventing.resources.kind import AGE_COLUMN, READY_COLUMNS, Column, Context, Kind, Scale, Version
from eventing.resources.schema import BOOLEAN, INT32, MISSING, STRING, Node, array, record, string
from eventing.resources.source import SOURCE, SOURCE_LABELS, SOURCE_STATUS, registry, validate_source
from eventing.resources.subscribable import validate_unchanged

CONDITIONS: Final = ("ConsumerGroup", "SinkProvided")
"""What a KafkaSource's Ready depends on."""
KAFKA_EVENT_TYPE: Final = "dev.knative.kafka.event"
_GROUP_PREFIX: Final = "knative-kafka-source-"
_CHOICES: Final = {"initialOffset": ("earliest", "latest"), "ordering": ("ordered", "unordered")}


def _secret(description: str) -> Node:
    key = {
        "name": string("The Secret's name, in the source's namespace."),
        "key": string("The entry of its data."),
        "optional": BOOLEAN.described("Whether it may be absent."),
    }
    return record({"secretKeyRef": record(key, "An entry of a Secret.", required=("key",))}, description)


_NET: Final = record(
    {
        "sasl": record(
            {
                "enable": BOOLEAN.described("Whether to log in by SASL."),
                "type": _secret("The mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."),
                "user": _secret("The user."),
                "password": _secret("The password."),
                "roleARN": _secret("The role to take on, where a cloud gives out tokens."),
                "tokenProvider": _secret("Who gives out tokens."),
            },
            "How the server logs in.",
        ),
        "tls": record(
            {
                "enable": BOOLEAN.described("Whether to speak TLS."),
                "caCert": _secret("Certificates to trust, in PEM."),
                "cert": _secret("The server's own certificate, in PEM."),
                "key": _secret("Its private key, in PEM."),
            },
            "How the connection is secured.",
        ),
    },
    "How the cluster is spoken to.",
)
_FIELDS: Final = {
    "spec": record(
        {
            **SOURCE,
            "bootstrapServers": array(STRING, "Servers of the cluster, `HOST:PORT`."),
            "topics": array(STRING, "The topics that are read."),
            "consumerGroup": string("The consumer group, named at random by default. It cannot be changed."),
            "consumers": INT32.described("How many consumers share the partitions, 1 by default; 0 pauses the source."),
            "initialOffset": string("Where a new group begins: earliest or latest, the default."),
            "ordering": string(
                "Whether a partition's events are sent one after the other: ordered, the default, or unordered."
            ),
            "delivery": DELIVERY.described("How often events are tried, and where they go in the end."),
            "net": _NET,
        },
        "What the user wants.",
        required=("bootstrapServers", "topics"),
    ),
    "status": record(
        {
            **SOURCE_STATUS,
            "consumers": INT32.described("How many consumers there are."),
            "maxAllowedVReplicas": INT32.described("The most consumers there may be."),
            "selector": string("Which pods the consumers are, as the scale subresource tells it."),
            "claims": string("Which partitions are read."),
            "placements": array(
                record(
                    {"podName": string("The pod."), "vreplicas": INT32.described("How many consumers.")},
                    "Consumers of one pod.",
                ),
                "Where the consumers are.",
            ),
        },
        "What there is.",
    ),
}
_COLUMNS: Final = (
    Column("Topics", ".spec.topics"),
    Column("BootstrapServers", ".spec.bootstrapServers"),
    *READY_COLUMNS,
    AGE_COLUMN,
)


def _default(item: Object, context: Context) -> None:
    spec = item.setdefault("spec", {})
    spec.setdefault("consumers", 1)
    for name, value in (("initialOffset", "latest"), ("ordering", "ordered")):
        spec[name] = spec.get(name) or value
    if not spec.get("consumerGroup"):
        spec["consumerGroup"] = f"{_GROUP_PREFIX}{context.draw_uuid()}"
    default_delivery(spec.get("delivery"), item["metadata"]["namespace"])


def _validate(item: Object, old: Object | None, _context: Context) -> list[FieldError]:
    spec = item["spec"]
    return [
        *_validate_spec(spec),
        *validate_delivery(spec.get("delivery", {}), "spec.delivery"),
        *validate_source(spec),
        *validate_unchanged(item, old, ("consumerGroup",)),
    ]


def _validate_spec(spec: Object) -> Iterator[FieldError]:
    for name in ("bootstrapServers", "topics"):
        if not spec.get(name):
            yield FieldError(at("spec", name), MISSING)
    for name, choices in _CHOICES.items():
        if spec[name] not in choices:
            yield FieldError(at("spec", name), f"invalid value: {shown(spec[name])}")
    if spec["consumers"] < 0:
        yield FieldError("spec.consumers", f"invalid value: {spec['consumers']}")


KAFKA_SOURCE: Final = Kind(
    group="sources.knative.dev",
    version="v1beta1",
    name="KafkaSource",
    plural="kafkasources",
    description="Sends the records of Kafka topics as events.",
    others=(Version("v1", _FIELDS, _COLUMNS, default=_default, validate=_validate),),
    order=("v1beta1", "v1"),
    categories=("all", "knative", "eventing", "sources"),
    labels=SOURCE_LABELS,
    annotations=registry([(KAFKA_EVENT_TYPE, "")]),
    columns=_COLUMNS,
    scale=Scale(".spec.consumers", ".status.consumers", ".status.selector"),
    fields=_FIELDS,
    default=_default,
    validate=_validate,
)
