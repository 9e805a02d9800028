"""The Knative YAML of the scenarios: one Broker, and its Triggers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

BROKER: Final = "bench"
NAMESPACE: Final = "default"
PATH: Final = f"/{NAMESPACE}/{BROKER}"
MATCHING_TYPE: Final = "com.example.order.created"
"""The type of every event that is offered; `load.lua` knows it too."""

ORDERED: Final = {"kafka.eventing.knative.dev/delivery.order": "ordered"}
PAUSED: Final = {"eventing.dev/paused": "true"}
_IN_MEMORY: Final = "apiVersion: messaging.knative.dev/v1\nkind: InMemoryChannel\n"
_REDIS: Final = "apiVersion: messaging.knative.dev/v1alpha1\nkind: RedisStreamChannel\nspec:\n  address: {url}\n"
_CHANNEL: Final = "channel"
_KAFKA: Final = {"name": "kafka-broker-config", "namespace": "knative-eventing"}
PARTITIONS: Final = 10
"""Knative's own number for a Broker's topic."""

Document = dict[str, Any]


def in_memory(triggers: list[Document]) -> list[Document]:
    """The Broker with an in-memory channel, and these Triggers of it."""
    return [*_templated(_IN_MEMORY), *triggers]


def journalled(triggers: list[Document]) -> list[Document]:
    """The Broker with the channel that the server takes by itself, and these Triggers of it."""
    return [_broker(), *triggers]


def on_redis(url: str, triggers: list[Document]) -> list[Document]:
    """The Broker with a stream of that Redis server, and these Triggers of it."""
    return [*_templated(_REDIS.format(url=url)), *triggers]


def on_kafka(bootstrap_servers: str, triggers: list[Document]) -> list[Document]:
    """The Broker with a topic of that Kafka cluster, and these Triggers of it."""
    data = {
        "bootstrap.servers": bootstrap_servers,
        "default.topic.partitions": str(PARTITIONS),
        "default.topic.replication.factor": "1",
    }
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _KAFKA, "data": data}
    broker = _broker()
    broker["metadata"]["annotations"] = {"eventing.knative.dev/broker.class": "Kafka"}
    return [config, {**broker, "spec": {"config": _reference(**_KAFKA)}}, *triggers]


def _templated(template: str) -> list[Document]:
    """The Broker with a channel of that template."""
    name = {"name": _CHANNEL, "namespace": NAMESPACE}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "data": {"channel-template-spec": template}}
    return [config, {**_broker(), "spec": {"config": _reference(**name)}}]


def _reference(name: str, namespace: str) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "namespace": namespace}


def _broker() -> Document:
    metadata = {"name": BROKER, "namespace": NAMESPACE}
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": metadata}


def exact(event_type: str) -> Document:
    """A filter: the type is this one."""
    return {"exact": {"type": event_type}}


def cesql(event_type: str) -> Document:
    """A CESQL filter with an equality clause, under which an index may enter it, and a rest that must be evaluated."""
    return {"cesql": f"type = '{event_type}' AND source LIKE '/shop/%' AND EXISTS tenant"}


def trigger(
    name: str,
    filter_: Document,
    port: int,
    *,
    structured: bool = False,
    path: str = "",
    annotations: Mapping[str, str] = {},
) -> Document:
    """A Trigger of the Broker whose subscriber listens on that port of this machine."""
    subscriber = {"uri": f"http://127.0.0.1:{port}/{path}"}
    spec: Document = {"broker": BROKER, "filters": [filter_], "subscriber": subscriber}
    if structured:
        spec["delivery"] = {"format": "json"}
    return {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": {**annotations}},
        "spec": spec,
    }


def one(port: int, *, structured: bool = False, annotations: Mapping[str, str] = {}) -> list[Document]:
    """One exact Trigger, which matches."""
    return [trigger("matching-0", exact(MATCHING_TYPE), port, structured=structured, annotations=annotations)]


def none() -> list[Document]:
    """One exact Trigger, which matches nothing: its sink is never asked."""
    return [trigger("other-0", exact("com.example.other"), 1)]


def matching(count: int, port: int) -> list[Document]:
    """So many exact Triggers, which all match."""
    return [trigger(f"matching-{number}", exact(MATCHING_TYPE), port) for number in range(count)]


def one_of(count: int, port: int, *, is_cesql: bool = False) -> list[Document]:
    """So many Triggers of which one matches, neither the first nor the last."""
    filter_of = cesql if is_cesql else exact
    types = [f"com.example.other.{number}" for number in range(count)]
    types[count // 2] = MATCHING_TYPE
    return [trigger(f"trigger-{number}", filter_of(event_type), port) for number, event_type in enumerate(types)]


def write(path: Path, documents: list[Document]) -> None:
    """Write them as one file."""
    with path.open("w") as file:
        yaml.dump_all(documents, file, Dumper=yaml.CSafeDumper)
