"""Broker: what the recordings of `test_recorded` do not show."""

from typing import Any

import pytest

from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.broker import BROKER, CLASS_ANNOTATION, SIZE_ANNOTATION, Broker
from eventing.resources.broker_default import BrokerDefaults
from eventing.resources.delivery import DeliverySpec
from eventing.resources.duck import Reference
from eventing.resources.identity import Key, Object
from eventing.resources.kind import Context

ABROAD = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "namespace": "other"}


def broker(spec: dict[str, Any] | None = None, **annotations: str) -> Object:
    metadata = {"name": "b", "namespace": "demo", "annotations": annotations}
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": metadata, "spec": spec or {}}


def admitted(item: Object, old: Object | None = None, defaults: BrokerDefaults | None = None) -> Object:
    context = Context(broker_defaults=defaults) if defaults else Context()
    return admit(BROKER.served, item, old=old, context=context).item


def faults(item: Object, old: Object | None = None, defaults: BrokerDefaults | None = None) -> list[str]:
    with pytest.raises(InvalidResource) as caught:
        admitted(item, old, defaults)
    return [str(error) for error in caught.value.errors]


def test_the_view_of_a_default_broker() -> None:
    """Class, config and delivery are filled in; a Broker not yet stored has no uid."""
    config = Reference("v1", "ConfigMap", "knative-eventing", "config-br-default-channel")
    delivery = DeliverySpec(retry=10, backoff_policy="exponential", backoff_delay_s=0.2)
    expected = Broker(Key("eventing.knative.dev", "Broker", "demo", "b"), "", "MTChannelBasedBroker", config, delivery)
    assert Broker.of(admitted(broker())) == expected


def test_a_broker_without_any_default_has_neither_config_nor_delivery() -> None:
    """Defaults may name a class alone."""
    view = Broker.of(admitted(broker(), defaults=BrokerDefaults({"brokerClass": "X"})))
    assert (view.broker_class, view.config, view.delivery) == ("X", None, DeliverySpec())


def test_a_changed_class_is_told_with_both() -> None:
    """Where config changed too, the config alone is told, as Knative does."""
    old = admitted(broker())
    path = f"metadata.annotations[{CLASS_ANNOTATION}]"
    change = 'Immutable annotations changed (-old +new): -"MTChannelBasedBroker" +"Other"'
    assert faults(broker(**{CLASS_ANNOTATION: "Other"}), old) == [f"{path}: {change}"]
    (fault,) = faults(broker({"config": ABROAD}, **{CLASS_ANNOTATION: "Other"}), old)
    assert fault.startswith("spec.config: Immutable fields changed (-old +new): -{")


def test_delivery_may_change() -> None:
    """It is the one mutable part of the spec."""
    assert admitted(broker({"delivery": {"retry": 1}}), admitted(broker()))["spec"]["delivery"] == {"retry": 1}


def test_references_abroad_are_told_where_they_are_forbidden() -> None:
    """Config and dead letter sink, each with its path; at home, and without a reference, all is well."""
    defaults = BrokerDefaults({"disallowDifferentNamespaceConfig": True})
    spec = {"config": ABROAD, "delivery": {"deadLetterSink": {"ref": ABROAD}}}
    reason = 'mismatched namespaces: parent namespace: "demo" does not match ref: "other"'
    paths = ("spec.config.namespace", "spec.delivery.deadLetterSink.ref.namespace")
    assert faults(broker(spec), defaults=defaults) == [f"{path}: {reason}" for path in paths]
    home = {"config": {**ABROAD, "namespace": "demo"}, "delivery": {"deadLetterSink": {"uri": "http://dead/"}}}
    assert admitted(broker(home), defaults=defaults)["spec"] == home


def test_an_empty_class_is_missing() -> None:
    """An annotation without a value names no engine."""
    assert faults(broker(**{CLASS_ANNOTATION: ""})) == [f"metadata.annotations[{CLASS_ANNOTATION}]: missing field(s)"]


def test_references_point_into_the_brokers_namespace() -> None:
    """Where they name none; and they name an object."""
    spec = {"config": {"apiVersion": "v1", "kind": "ConfigMap", "name": "c"}, "delivery": {"retry": -1}}
    assert faults(broker(spec)) == ["spec.delivery.retry: invalid value: -1"]
    assert admitted(broker({"config": spec["config"]}))["spec"]["config"]["namespace"] == "demo"
    assert faults(broker({"config": {"kind": "ConfigMap", "name": "c"}})) == [
        "spec.config.apiVersion: missing field(s)"
    ]


def test_the_size_of_events_is_bound_by_an_annotation() -> None:
    """A whole number of bytes above zero; without it the server's bound holds, and the view says None."""
    assert Broker.of(admitted(broker(**{SIZE_ANNOTATION: "4096"}))).event_size_max_bytes == 4096
    assert Broker.of(admitted(broker())).event_size_max_bytes is None
    for text in ("0", "-1", "1.5", "1Mi", "", "９"):
        assert faults(broker(**{SIZE_ANNOTATION: text})) == [
            f"metadata.annotations[{SIZE_ANNOTATION}]: invalid value: {text}"
        ]
