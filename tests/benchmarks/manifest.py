"""The Knative YAML of the scenarios: one Broker in memory, and its Triggers."""

from pathlib import Path
from typing import Any, Final

import yaml

BROKER: Final = "bench"
NAMESPACE: Final = "default"
PATH: Final = f"/{NAMESPACE}/{BROKER}"
MATCHING_TYPE: Final = "com.example.order.created"
"""The type of every event that is offered; `load.lua` knows it too."""

Document = dict[str, Any]


def exact(event_type: str) -> Document:
    """A filter: the type is this one."""
    return {"exact": {"type": event_type}}


def cesql(event_type: str) -> Document:
    """A CESQL filter with an equality clause, under which an index may enter it, and a rest that must be evaluated."""
    return {"cesql": f"type = '{event_type}' AND source LIKE '/shop/%' AND EXISTS tenant"}


def trigger(name: str, filter_: Document, port: int, *, structured: bool = False) -> Document:
    """A Trigger of the Broker whose subscriber listens on that port of this machine."""
    spec: Document = {"broker": BROKER, "filters": [filter_], "subscriber": {"uri": f"http://127.0.0.1:{port}/"}}
    if structured:
        spec["delivery"] = {"format": "json"}
    return {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }


def one(port: int, *, structured: bool = False) -> list[Document]:
    """One exact Trigger, which matches."""
    return [trigger("matching-0", exact(MATCHING_TYPE), port, structured=structured)]


def matching(count: int, port: int) -> list[Document]:
    """So many exact Triggers, which all match."""
    return [trigger(f"matching-{number}", exact(MATCHING_TYPE), port) for number in range(count)]


def one_of(count: int, port: int, *, is_cesql: bool = False) -> list[Document]:
    """So many Triggers of which one matches, neither the first nor the last."""
    filter_of = cesql if is_cesql else exact
    types = [f"com.example.other.{number}" for number in range(count)]
    types[count // 2] = MATCHING_TYPE
    return [trigger(f"trigger-{number}", filter_of(event_type), port) for number, event_type in enumerate(types)]


def write(path: Path, triggers: list[Document]) -> None:
    """Write the Broker and the Triggers as one file of many documents."""
    metadata = {"name": BROKER, "namespace": NAMESPACE}
    broker = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": metadata}
    with path.open("w") as file:
        yaml.dump_all([broker, *triggers], file, Dumper=yaml.CSafeDumper)
