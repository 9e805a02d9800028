"""The resources that sessions write, as users have them in files."""

from typing import Final


def broker(name: str, spec: str = "{}", metadata: str = "") -> str:
    return _one("eventing.knative.dev/v1", "Broker", name, spec, metadata)


def trigger(name: str, event_type: str = "order", metadata: str = "", extra: str = "") -> str:
    subscriber = "subscriber: {uri: 'http://127.0.0.1:9/sink'}"
    spec = f"{{broker: b1, filter: {{attributes: {{type: {event_type}}}}}, {subscriber}{extra}}}"
    return _one("eventing.knative.dev/v1", "Trigger", name, spec, metadata)


def channel(name: str, kind: str) -> str:
    spec = f"{{channelTemplate: {{apiVersion: messaging.knative.dev/v1, kind: {kind}}}}}"
    return _one("messaging.knative.dev/v1", "Channel", name, spec)


def _one(version: str, kind: str, name: str, spec: str, metadata: str = "") -> str:
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}{metadata}}}\nspec: {spec}\n"


KAFKA_SOURCE: Final = _one(
    "sources.knative.dev/v1",
    "KafkaSource",
    "k1",
    "{bootstrapServers: ['127.0.0.1:9'], topics: [orders], consumerGroup: g, consumers: 1, "
    "sink: {uri: 'http://127.0.0.1:9/sink'}}",
)
GENERATED: Final = trigger("x").replace("name: x", "generateName: made-")
SERVICE: Final = (
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: ExternalName, externalName: web.example}\n"
)
EVENT_TYPE: Final = _one(
    "eventing.knative.dev/v1beta2", "EventType", "e1", "{type: order, source: 'http://shop.example', broker: b1}"
)
