"""KafkaSource. No recordings of it exist."""

from typing import Any
from uuid import UUID

import pytest

from eventing.resources.admission import admit
from eventing.resources.kafka_source import KAFKA_SOURCE
from eventing.resources.kind import Context, Served
from tests.eventing.resources.request import admitted, faults, of_kind

KIND = KAFKA_SOURCE
SPEC: dict[str, Any] = {"bootstrapServers": ["b:9092"], "topics": ["t"], "sink": {"uri": "http://a/"}}
DICE = Context(draw_uuid=lambda: UUID(int=1))
DEFAULTS = {
    "consumers": 1,
    "consumerGroup": "knative-kafka-source-00000000-0000-0000-0000-000000000001",
    "initialOffset": "latest",
    "ordering": "ordered",
}


def test_defaults_are_those_of_knative() -> None:
    """A consumer group is drawn where none is named; nobody else has it."""
    assert admitted(KIND, of_kind(KIND, SPEC), context=DICE)["spec"] == SPEC | DEFAULTS
    empty = dict.fromkeys(("consumerGroup", "initialOffset", "ordering"), "")
    assert admitted(KIND, of_kind(KIND, SPEC | empty), context=DICE)["spec"] == SPEC | DEFAULTS
    drawn = {admitted(KIND, of_kind(KIND, SPEC))["spec"]["consumerGroup"] for _ in range(2)}
    assert len(drawn) == 2


@pytest.mark.parametrize("name", ["bootstrapServers", "topics"])
def test_a_cluster_and_topics_are_named(name: str) -> None:
    """Neither is defaulted."""
    assert faults(KIND, of_kind(KIND, SPEC | {name: []})) == [f"spec.{name}: missing field(s)"]
    without = {other: value for other, value in SPEC.items() if other != name}
    assert faults(KIND, of_kind(KIND, without)) == [f"spec.{name}: missing field(s)"]
    item = of_kind(KIND)
    del item["spec"]
    assert f"spec.{name}: missing field(s)" in faults(KIND, item)


@pytest.mark.parametrize(("name", "value"), [("initialOffset", "newest"), ("ordering", "Ordered"), ("consumers", -1)])
def test_other_values_are_refused(name: str, value: object) -> None:
    """With the value."""
    assert faults(KIND, of_kind(KIND, SPEC | {name: value})) == [f"spec.{name}: invalid value: {value}"]


def test_a_consumer_group_stays() -> None:
    """Whatever else changes; no consumers pause the source."""
    old = admitted(KIND, of_kind(KIND, SPEC | {"consumerGroup": "g"}))
    (fault,) = faults(KIND, of_kind(KIND, SPEC | {"consumerGroup": "h"}), old)
    assert fault == 'spec.consumerGroup: Immutable fields changed (-old +new): -"g" +"h"'
    paused = SPEC | {"consumerGroup": "g", "consumers": 0, "topics": ["u"]}
    assert admitted(KIND, of_kind(KIND, paused), old)["spec"]["consumers"] == 0


def test_delivery_is_looked_at() -> None:
    """A dead letter sink points home."""
    ref = {"apiVersion": "v1", "kind": "Service", "name": "s"}
    stored = admitted(KIND, of_kind(KIND, SPEC | {"delivery": {"deadLetterSink": {"ref": ref}}}))
    assert stored["spec"]["delivery"]["deadLetterSink"]["ref"] == ref | {"namespace": "demo"}
    assert faults(KIND, of_kind(KIND, SPEC | {"delivery": {"retry": -1}})) == ["spec.delivery.retry: invalid value: -1"]


def test_neither_version_loses_what_the_other_says() -> None:
    """What is written in v1 is read, and written again, in v1beta1."""
    net = {"sasl": {"enable": True, "roleARN": {"secretKeyRef": {"name": "s", "key": "k"}}}}
    (newer,) = KIND.others
    item = {**of_kind(KIND, SPEC | {"net": net}), "apiVersion": "sources.knative.dev/v1"}
    stored = admit(Served(KIND, newer), item, context=DICE).item
    assert stored["apiVersion"] == "sources.knative.dev/v1beta1"
    read = KIND.from_stored(stored, KIND.served.version)
    assert admitted(KIND, read, stored)["spec"]["net"] == net


def test_a_secret_is_named_by_its_entry() -> None:
    """Whichever it is."""
    net = {"tls": {"cert": {"secretKeyRef": {"name": "s"}}}}
    assert faults(KIND, of_kind(KIND, SPEC | {"net": net})) == ["spec.net.tls.cert.secretKeyRef.key: missing field(s)"]
