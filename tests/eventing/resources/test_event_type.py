"""EventTypes in their three versions, where no recording of Knative shows it."""

import pytest

from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.duck import Reference
from eventing.resources.event_type import EVENT_TYPE, EventType
from eventing.resources.identity import Object
from eventing.resources.kind import Context, Served


def event_type(version: str, **spec: object) -> Object:
    metadata = {"name": "x", "namespace": "demo"}
    return {"apiVersion": f"eventing.knative.dev/{version}", "kind": "EventType", "metadata": metadata, "spec": spec}


def stored(item: Object) -> Object:
    version = EVENT_TYPE.find_version(item["apiVersion"].rpartition("/")[2])
    assert version is not None
    return admit(Served(EVENT_TYPE, version), item, context=Context()).item


def faults(item: Object) -> list[str]:
    with pytest.raises(InvalidResource) as caught:
        stored(item)
    return [str(error) for error in caught.value.errors]


def test_a_view_knows_where_such_events_can_be_had() -> None:
    """By reference, or by a Broker's name; or nowhere."""
    of_broker = Reference("eventing.knative.dev/v1", "Broker", "demo", "default")
    assert EventType.of(stored(event_type("v1beta2", type="a", broker="default"))).reference == of_broker
    ref = {"apiVersion": "v1", "kind": "Service", "name": "s"}
    view = EventType.of(stored(event_type("v1beta2", type="a", source="/s", reference=ref)))
    assert (view.type, view.source, view.reference) == ("a", "/s", Reference("v1", "Service", "demo", "s"))
    assert EventType.of(stored(event_type("v1beta3", attributes=[{"name": "type", "value": "a"}]))).reference is None


def test_the_first_version_makes_a_reference_of_a_broker() -> None:
    """Unless there is one; later versions keep the name."""
    ref = {"apiVersion": "v1", "kind": "Service", "name": "s", "namespace": "demo"}
    broker = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default", "namespace": "demo"}
    assert stored(event_type("v1beta1", type="a", broker="default"))["spec"] == {"type": "a", "reference": broker}
    given = event_type("v1beta1", type="a", broker="default", reference=ref)
    assert stored(given)["spec"] == {"type": "a", "reference": ref}
    assert stored(event_type("v1beta2", type="a", broker="default"))["spec"] == {"type": "a", "broker": "default"}


def test_addresses_are_legal() -> None:
    """No host without its bracket, no control characters; v1beta1 alone refuses empty ones."""
    assert faults(event_type("v1beta2", type="a", source="http://[::1", schema="a\nb")) == [
        "spec.schema: invalid value: a\\nb",
        "spec.source: invalid value: http://[::1",
    ]
    assert faults(event_type("v1beta1", type="a", schema="")) == [
        "spec.schema: invalid value: : schema URI cannot be empty"
    ]


def test_a_type_must_be_given() -> None:
    """In the field of its name, or as an attribute with a value."""
    assert faults(event_type("v1beta2", source="/s")) == ["spec.type: missing field(s)"]
    assert faults(event_type("v1beta3")) == ["spec.attributes: missing field(s): the value of `type`"]


def test_attributes_are_named_once_and_legally() -> None:
    """Each fault is told where it is; nothing has an empty value."""
    wrong = [{"name": "type", "value": "a"}, {"name": "No"}, {"name": "x"}, {"name": "x"}]
    assert faults(event_type("v1beta3", attributes=wrong)) == [
        'spec.attributes[4].name: invalid key name "No"',
        'spec.attributes[6].name: Duplicate value: "x"',
    ]
    assert faults(event_type("v1beta3", attributes=[{"name": "type", "value": ""}])) == [
        "spec.attributes: missing field(s): the value of `type`"
    ]
