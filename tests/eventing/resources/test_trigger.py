"""Trigger: what the recordings of `test_recorded` do not show."""

import json
from typing import Any

import pytest

from channels.event import Event
from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.delivery import DeliverySpec
from eventing.resources.duck import Destination, Reference
from eventing.resources.identity import Key, Object
from eventing.resources.kind import Context
from eventing.resources.trigger import BROKER_LABEL, DEPENDENCY_ANNOTATION, INJECTION_ANNOTATION, TRIGGER, Trigger

SUBSCRIBER = {"uri": "http://receiver/"}


def trigger(annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    metadata = {"name": "t", "namespace": "demo", "annotations": annotations or {}}
    full = {"broker": "default", "subscriber": SUBSCRIBER, **spec}
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger", "metadata": metadata, "spec": full}


def admitted(item: Object, old: Object | None = None) -> Object:
    return admit(TRIGGER.served, item, old=old, context=Context()).item


def faults(item: Object, old: Object | None = None) -> list[str]:
    with pytest.raises(InvalidResource) as caught:
        admitted(item, old)
    return [str(error) for error in caught.value.errors]


def test_the_view_of_a_trigger() -> None:
    """Broker, subscriber, delivery and the compiled filters; the generation is the store's."""
    ref = {"apiVersion": "v1", "kind": "Service", "name": "s"}
    item = admitted(trigger(subscriber={"ref": ref}, delivery={"timeout": "PT1S"}, filters=[{"exact": {"type": "a"}}]))
    item["metadata"] |= {"uid": "u", "generation": 3}
    view = Trigger.of(item)
    assert (view.key, view.uid, view.generation) == (Key("eventing.knative.dev", "Trigger", "demo", "t"), "u", 3)
    assert (view.broker, view.delivery) == ("default", DeliverySpec(timeout_s=1.0))
    assert view.subscriber == Destination(Reference("v1", "Service", "demo", "s"))
    events = [Event.from_attributes({"id": "1", "source": "/s", "type": kind}) for kind in ("a", "b")]
    assert [view.predicate.matches(event) for event in events] == [True, False]


def test_a_broker_may_be_named_by_reference() -> None:
    """In the Trigger's own namespace, said or not."""
    ref = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "b2", "namespace": "demo"}
    assert Trigger.of(admitted(trigger(broker=None, brokerRef=ref))).broker == "b2"
    abroad = {**ref, "namespace": "other"}
    (fault,) = faults(trigger(broker=None, brokerRef=abroad))
    assert fault.startswith("spec.brokerRef.namespace: must not set the field(s)")


def test_broker_and_reference_exclude_each_other() -> None:
    """Both are named as the fault's place."""
    ref = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "b2"}
    reason = "expected exactly one, got both"
    assert faults(trigger(brokerRef=ref)) == [f"spec.broker: {reason}", f"spec.brokerRef: {reason}"]


def test_a_name_too_long_for_a_label_gets_none() -> None:
    """A Broker's name may have 253 characters, a label's value 63."""
    assert BROKER_LABEL not in admitted(trigger(broker="b" * 64))["metadata"].get("labels", {})
    assert admitted(trigger(broker="b" * 63))["metadata"]["labels"] == {BROKER_LABEL: "b" * 63}


def test_the_broker_stays() -> None:
    """A Trigger cannot move; everything else may change."""
    old = admitted(trigger())
    change = 'Immutable fields changed (-old +new): -"default" +"b2"'
    assert faults(trigger(broker="b2"), old) == [f"spec.broker: {change}"]
    assert admitted(trigger(subscriber={"uri": "http://other/"}), old)["spec"]["subscriber"] == {"uri": "http://other/"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[]", ": expected a map, got list"),
        ('{"kind": 1}', ": kind: expected a string, got number"),
        ("{", ": Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[" * 100_000, ": maximum recursion depth exceeded"),
    ],
)
def test_a_dependency_is_a_reference_in_json(text: str, fault: str) -> None:
    """Anything else is told, and no text makes a crash."""
    (told,) = faults(trigger({DEPENDENCY_ANNOTATION: text}))
    assert told.startswith(f"metadata.annotations[{DEPENDENCY_ANNOTATION}]: The provided annotation was not a corev1.")
    assert fault in told


def test_a_dependency_may_name_its_own_namespace() -> None:
    """Or none: both are taken."""
    dependency = {"apiVersion": "v1", "kind": "Service", "name": "s"}
    for extra in ({}, {"namespace": ""}, {"namespace": "demo"}):
        assert admitted(trigger({DEPENDENCY_ANNOTATION: json.dumps(dependency | extra)}))
    path = f"metadata.annotations[{DEPENDENCY_ANNOTATION}].namespace"
    reason = 'Namespace must be empty or equal to the trigger namespace "demo"'
    assert faults(trigger({DEPENDENCY_ANNOTATION: json.dumps(dependency | {"namespace": "x"})})) == [
        f"{path}: {reason}"
    ]


def test_both_faults_of_an_injection_are_told() -> None:
    """A value nobody knows, for a Broker that is not the default one."""
    second, first = faults(trigger({INJECTION_ANNOTATION: "x"}, broker="b2"))
    assert 'can only be "enabled" or "disabled", not "x"' in first
    assert 'only used for default broker, but non-default broker specified here: "b2"' in second


def test_an_empty_filter_is_kept_and_empty_parts_are_not() -> None:
    """Users find `filter: {}` in what is stored, as in Knative."""
    spec = admitted(trigger(filter={"attributes": {}}, filters=[]))["spec"]
    assert spec == {"broker": "default", "filter": {}, "subscriber": SUBSCRIBER}


def test_all_faults_are_told_at_once() -> None:
    """Those of filters, subscriber, delivery and Broker, by path."""
    item = trigger(broker="", subscriber={}, delivery={"retry": -1}, filters=[{"exact": {"Type": "a"}}])
    paths = [fault.split(":")[0] for fault in faults(item)]
    expected = [
        "spec.broker",
        "spec.delivery.retry",
        "spec.filters[0].exact.Type",
        "spec.subscriber.ref",
        "spec.subscriber.uri",
    ]
    assert paths == expected


def test_an_injection_for_the_default_broker_is_taken() -> None:
    """Either way."""
    for value in ("enabled", "disabled"):
        assert (
            admitted(trigger({INJECTION_ANNOTATION: value}))["metadata"]["annotations"][INJECTION_ANNOTATION] == value
        )


def test_a_trigger_needs_a_broker() -> None:
    """By name or by reference."""
    assert faults(trigger(broker=None)) == ["spec.broker: missing field(s)"]
