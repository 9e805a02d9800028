"""The EventType that is made of a sighting is the one that Knative makes."""

from dataclasses import replace

import pytest

from dispatcher.sighting import Sighting
from eventing.resources.event_type_sighting import NAME_MAX, Owner, event_type_name, event_type_of
from eventing.resources.metadata import is_subdomain

OWNER = Owner("eventing.knative.dev/v1", "Broker", "default", "example", "u-1")
SIGHTING = Sighting("events.type", "events.source", "http://schema.test", "1.0")


def test_the_name_is_the_one_knative_gives() -> None:
    """Knative's own test vector."""
    assert "et-example-eaed2996d719048dfae11b607d68b7ad" == event_type_name(SIGHTING, OWNER)


def test_the_whole_object() -> None:
    """Owner, reference and attributes as in v1beta3; the schema stands under its odd name."""
    owner = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "example"}
    expected = {
        "apiVersion": "eventing.knative.dev/v1beta3",
        "kind": "EventType",
        "metadata": {
            "name": "et-example-eaed2996d719048dfae11b607d68b7ad",
            "namespace": "default",
            "ownerReferences": [{**owner, "uid": "u-1"}],
        },
        "spec": {
            "reference": {**owner, "namespace": "default"},
            "description": "Event Type auto-created by controller",
            "attributes": [
                {"name": "type", "value": "events.type", "required": True},
                {"name": "source", "value": "events.source", "required": True},
                {"name": "schemadata", "value": "http://schema.test", "required": True},
                {"name": "specversion", "value": "1.0", "required": True},
                {"name": "id", "required": True},
            ],
        },
    }
    assert expected == event_type_of(SIGHTING, OWNER)


def test_another_type_source_namespace_or_owner_is_another_name() -> None:
    """And nothing else is: a second schema makes no second EventType."""
    others = {
        event_type_name(replace(SIGHTING, type="t"), OWNER),
        event_type_name(replace(SIGHTING, source="s"), OWNER),
        event_type_name(SIGHTING, replace(OWNER, namespace="n")),
        event_type_name(SIGHTING, replace(OWNER, name="o")),
        event_type_name(SIGHTING, OWNER),
    }
    assert 5 == len(others)
    same = replace(SIGHTING, dataschema="", specversion="0.3")
    assert event_type_name(SIGHTING, OWNER) == event_type_name(same, replace(OWNER, kind="Channel", uid="u-2"))


@pytest.mark.parametrize("name", ["b" * 253, "b" * 216 + ".c" * 18, "b" * 217, "b" * 218])
def test_a_long_owner_still_makes_a_legal_name_that_tells_types_apart(name: str) -> None:
    """What is cut off is the owner's name."""
    owner = replace(OWNER, name=name)
    names = {event_type_name(SIGHTING, owner), event_type_name(replace(SIGHTING, type="t"), owner)}
    assert 2 == len(names)
    assert all(len(one) <= NAME_MAX and is_subdomain(one) for one in names)
