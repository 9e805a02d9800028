"""What sources of every kind share, beyond what `test_recorded` shows."""

import json
from typing import Any

import pytest

from eventing.resources.api_server_source import API_SERVER_SOURCE
from eventing.resources.container_source import CONTAINER_SOURCE
from eventing.resources.duck import Destination, Reference
from eventing.resources.github_source import GITHUB_SOURCE
from eventing.resources.identity import Key
from eventing.resources.kafka_source import KAFKA_SOURCE
from eventing.resources.kind import Kind
from eventing.resources.ping_source import PING_SOURCE
from eventing.resources.sink_binding import SINK_BINDING
from eventing.resources.source import Source, registry, validate_type
from tests.eventing.resources.request import admitted, faults, of_kind

SECRET = {"secretKeyRef": {"name": "s", "key": "k"}}
SPECS: dict[str, dict[str, Any]] = {
    "PingSource": {},
    "ApiServerSource": {"resources": [{"apiVersion": "v1", "kind": "Event"}]},
    "ContainerSource": {"template": {"spec": {"containers": [{"image": "i"}]}}},
    "SinkBinding": {"subject": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}},
    "KafkaSource": {"bootstrapServers": ["b:9092"], "topics": ["t"]},
    "GitHubSource": {"ownerAndRepository": "o/r", "eventTypes": ["push"], "accessToken": SECRET, "secretToken": SECRET},
}
SOURCES = (PING_SOURCE, API_SERVER_SOURCE, CONTAINER_SOURCE, SINK_BINDING, KAFKA_SOURCE, GITHUB_SOURCE)
each_source = pytest.mark.parametrize("kind", SOURCES, ids=lambda kind: kind.name)
REF = {"apiVersion": "v1", "kind": "Service", "name": "s"}


@each_source
def test_the_view_of_a_source(kind: Kind) -> None:
    """Its sink is of its own namespace unless it says otherwise."""
    overrides = {"ceOverrides": {"extensions": {"a": "b"}}}
    item = admitted(kind, of_kind(kind, {**SPECS[kind.name], "sink": {"ref": REF}, **overrides}))
    key = Key("sources.knative.dev", kind.name, "demo", "x")
    sink = Destination(Reference("v1", "Service", "demo", "s"))
    assert Source(key, "", 0, sink, {"a": "b"}) == Source.of(item)
    assert Source.of(admitted(kind, of_kind(kind, {**SPECS[kind.name], "sink": {"ref": REF}}))).extensions == {}


@each_source
def test_a_source_needs_a_sink_and_legal_extensions(kind: Kind) -> None:
    """Each with its path."""
    spec = {**SPECS[kind.name], "ceOverrides": {"extensions": {"A-b": "c", "": "d"}}}
    assert faults(kind, of_kind(kind, spec)) == [
        'spec.ceOverrides.extensions: invalid key name "": keys MUST NOT be empty',
        'spec.ceOverrides.extensions: invalid key name "A-b": keys are expected to be alphanumeric',
        "spec.sink.ref: expected at least one, got none",
        "spec.sink.uri: expected at least one, got none",
    ]


@each_source
def test_a_source_is_found_as_one(kind: Kind) -> None:
    """By its category and the labels of its definition, which `kn source list` asks for."""
    assert "sources" in kind.categories
    assert kind.labels.items() >= {"duck.knative.dev/source": "true", "eventing.knative.dev/source": "true"}.items()


def test_a_type_has_a_kind_and_a_version() -> None:
    """Blanks are no kind; a group has one part."""
    assert [str(one) for one in validate_type({"apiVersion": "a/b/c", "kind": " "}, "x")] == [
        "x.apiVersion: invalid value: a/b/c",
        "x.kind: missing field(s)",
    ]
    assert list(validate_type({"kind": "K"}, "x")) == []


def test_a_definition_lists_its_types() -> None:
    """As JSON in an annotation."""
    (text,) = registry([("a", "of A"), ("b", "")]).values()
    assert json.loads(text) == [{"type": "a", "description": "of A"}, {"type": "b"}]
