"""The EventTypes of a source are those that Knative makes for it."""

import pytest

from eventing.resources.admission import admit
from eventing.resources.event_type import EVENT_TYPE
from eventing.resources.identity import Object
from eventing.resources.kind import Context, Served
from eventing.resources.metadata import is_subdomain
from eventing.resources.ping_source import PING_EVENT_TYPE, PING_SOURCE
from eventing.resources.source_event_type import source_event_types

ATTRIBUTES = {"type": PING_EVENT_TYPE, "source": "/s"}
REF = {"apiVersion": "v1", "kind": "Service", "name": "receiver"}


def source(sink: Object, uid: str = "u-1") -> Object:
    metadata = {"namespace": "n", "name": "p", "uid": uid}
    return {"apiVersion": PING_SOURCE.api_version, "kind": "PingSource", "metadata": metadata, "spec": {"sink": sink}}


def test_the_whole_object() -> None:
    """Owned, labelled, described by the kind, and referring to the sink."""
    (made,) = source_event_types(PING_SOURCE, source({"ref": REF, "uri": "/in"}), [ATTRIBUTES])
    owner = {"apiVersion": "sources.knative.dev/v1", "kind": "PingSource", "name": "p", "uid": "u-1"}
    assert [{**owner, "controller": True, "blockOwnerDeletion": True}] == made["metadata"]["ownerReferences"]
    assert {"eventing.knative.dev/sourceName": "p"} == made["metadata"]["labels"]
    assert {
        **ATTRIBUTES,
        "description": "Sent by a schedule, always with the same data",
        "reference": {**REF, "namespace": "n"},
    } == made["spec"]


@pytest.mark.parametrize(
    ("sink", "attributes", "expected"),
    [
        ({"uri": "http://a.test"}, ATTRIBUTES, {"type", "source", "description"}),
        ({"ref": {**REF, "namespace": "o"}}, {"type": "other", "source": "/s"}, {"type", "source", "reference"}),
    ],
)
def test_what_there_is_not_is_left_out(sink: Object, attributes: dict[str, str], expected: set[str]) -> None:
    """A sink that is a URI refers to nothing, and a type that the kind does not list has no description."""
    (made,) = source_event_types(PING_SOURCE, source(sink), [attributes])
    assert expected == made["spec"].keys()
    assert sink.get("ref", {}).get("namespace") == made["spec"].get("reference", {}).get("namespace")


def test_another_pair_or_another_source_of_the_name_is_another_object() -> None:
    pairs = [ATTRIBUTES, {**ATTRIBUTES, "source": "/t"}, {**ATTRIBUTES, "type": "t"}]
    names = [
        made["metadata"]["name"]
        for uid in ("u-1", "u-2")
        for made in source_event_types(PING_SOURCE, source({"ref": REF}, uid), pairs)
    ]
    assert 6 == len(set(names))
    assert all(is_subdomain(name) for name in names)


def test_it_is_admitted() -> None:
    version = EVENT_TYPE.find_version("v1beta2")
    assert version is not None
    for made in source_event_types(PING_SOURCE, source({"ref": REF}), [ATTRIBUTES]):
        assert () == admit(Served(EVENT_TYPE, version), made, context=Context()).warnings
