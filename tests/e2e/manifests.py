"""Knative YAML for the end-to-end tests."""

from collections.abc import Mapping
from typing import Any

import yaml

Item = dict[str, Any]


def broker(name: str = "b", **delivery: Any) -> Item:
    """A Broker; with a delivery where one is given."""
    spec = {"delivery": delivery} if delivery else {}
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": {"name": name}, "spec": spec}


def trigger(
    name: str,
    subscriber: Any,
    *,
    of: str = "b",
    filters: Any = None,
    annotations: Mapping[str, str] | None = None,
    **delivery: Any,
) -> Item:
    """A Trigger; the subscriber is a URL or a destination."""
    destination = {"uri": subscriber} if isinstance(subscriber, str) else subscriber
    spec = {"broker": of, "subscriber": destination}
    spec |= {"filters": filters} if filters else {}
    spec |= {"delivery": delivery} if delivery else {}
    metadata = {"name": name, "annotations": dict(annotations or {})}
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger", "metadata": metadata, "spec": spec}


def broker_ref(name: str) -> Item:
    """A destination: a Broker by reference."""
    return {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": name}}


def to_yaml(*items: Item) -> str:
    """One file of them."""
    text: str = yaml.dump_all(items, Dumper=yaml.CSafeDumper)
    return text
