"""CustomResourceDefinitions as small as a real API server takes them, to try the sessions and the replay with."""

from collections.abc import Sequence
from typing import Any, Final

import yaml

Column = tuple[str, str, str, int]
_AGE: Final[Column] = ("Age", "date", ".metadata.creationTimestamp", 0)
_READY: Final[tuple[Column, ...]] = (
    ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', 0),
    ("Reason", "string", '.status.conditions[?(@.type=="Ready")].reason', 0),
)
_OPEN: Final = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_TEXT: Final = {"type": "string"}
_DELIVERY: Final = {
    "type": "object",
    "description": "How events are delivered.",
    "properties": {
        "retry": {"type": "integer", "format": "int32", "description": "The attempts after the first."},
        "backoffPolicy": _TEXT,
        "backoffDelay": _TEXT,
        "deadLetterSink": _OPEN,
    },
    "x-kubernetes-preserve-unknown-fields": True,
}
_BROKER: Final = {
    "type": "object",
    "properties": {"config": _OPEN, "delivery": _DELIVERY},
}
_FILTERS: Final = {"type": "array", "description": "All of them must pass.", "items": _OPEN}
_TRIGGER: Final = {
    "type": "object",
    "properties": {
        "broker": {"type": "string", "description": "The Broker's name."},
        "filter": {
            "type": "object",
            "properties": {"attributes": {"type": "object", "additionalProperties": _TEXT}},
        },
        "filters": _FILTERS,
        "subscriber": {"type": "object", "properties": {"uri": _TEXT, "ref": _OPEN}},
        "delivery": _DELIVERY,
    },
    "x-kubernetes-preserve-unknown-fields": True,
}


def definition(
    plural: str,
    group: str,
    kind: str,
    *,
    versions: Sequence[str] = ("v1",),
    spec: dict[str, Any] = _OPEN,
    columns: Sequence[Column] = (),
    categories: Sequence[str] = (),
    short_names: Sequence[str] = (),
    labels: dict[str, str] | None = None,
    scale: bool = False,
) -> dict[str, Any]:
    """One definition; the last version is stored."""
    properties = {"spec": {"description": "What is wanted.", **spec}, "status": _OPEN}
    shown = [
        {"name": name, "type": one_type, "jsonPath": path, "priority": priority}
        for name, one_type, path, priority in (*columns, _AGE, *_READY)
    ]
    replicas = {"specReplicasPath": ".spec.consumers", "statusReplicasPath": ".status.consumers"}
    served = [
        {
            "name": version,
            "served": True,
            "storage": version == versions[-1],
            "schema": {"openAPIV3Schema": {"type": "object", "description": f"A {kind}.", "properties": properties}},
            "subresources": {"status": {}, **({"scale": replicas} if scale else {})},
            "additionalPrinterColumns": shown,
        }
        for version in versions
    ]
    names = {
        "kind": kind,
        "plural": plural,
        "singular": kind.lower(),
        "categories": ["all", "knative", *categories],
        "shortNames": list(short_names),
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "labels": labels or {}},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": served},
    }


def small_definitions() -> str:
    """YAML of the kinds that the sessions use."""
    eventing, messaging, sources = (f"{name}.knative.dev" for name in ("eventing", "messaging", "sources"))
    a_source, a_channel = {"duck.knative.dev/source": "true"}, {"messaging.knative.dev/subscribable": "true"}
    url, uri = ("URL", "string", ".status.address.url", 0), ("Subscriber_URI", "string", ".status.subscriberUri", 0)
    broker = ("Broker", "string", ".spec.broker", 0)
    kinds = [
        definition("brokers", eventing, "Broker", spec=_BROKER, columns=(url,), categories=["eventing"]),
        definition("triggers", eventing, "Trigger", spec=_TRIGGER, columns=(broker, uri), categories=["eventing"]),
        definition("eventtypes", eventing, "EventType", versions=("v1beta3", "v1beta2"), categories=["eventing"]),
        definition("channels", messaging, "Channel", columns=(url,), categories=["messaging"], short_names=["ch"]),
        definition("inmemorychannels", messaging, "InMemoryChannel", short_names=["imc"], labels=a_channel),
        definition("subscriptions", messaging, "Subscription", short_names=["sub"], categories=["messaging"]),
        definition("kafkasources", sources, "KafkaSource", labels=a_source, scale=True),
        definition("integrationsources", sources, "IntegrationSource", versions=("v1alpha1",), labels=a_source),
        *(
            definition(f"{kind.lower()}s", sources, kind, labels=a_source, categories=["sources"])
            for kind in ("PingSource", "ApiServerSource", "SinkBinding", "ContainerSource")
        ),
    ]
    return yaml.safe_dump_all(kinds, sort_keys=False)
