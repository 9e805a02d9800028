"""Subscription: what the recordings of `test_recorded` do not show."""

from typing import Any

from dispatcher.manner import Manner, Order
from eventing.resources.delivery import DeliverySpec
from eventing.resources.duck import Destination, Reference
from eventing.resources.identity import Key
from eventing.resources.subscription import SUBSCRIPTION, Subscription
from tests.eventing.resources.request import admitted, faults, of_kind

SPEC: dict[str, Any] = {
    "channel": {"apiVersion": "messaging.knative.dev/v1", "kind": "Channel", "name": "c"},
    "subscriber": {"uri": "http://a/"},
}


def test_the_view_of_a_subscription() -> None:
    """Its references point into its namespace."""
    spec = {**SPEC, "reply": {"ref": {"apiVersion": "v1", "kind": "Service", "name": "r"}}, "delivery": {"retry": 1}}
    expected = Subscription(
        Key("messaging.knative.dev", "Subscription", "demo", "x"),
        "",
        0,
        Reference("messaging.knative.dev/v1", "Channel", "demo", "c"),
        Destination(uri="http://a/"),
        Destination(Reference("v1", "Service", "demo", "r")),
        DeliverySpec(retry=1),
        Manner(order=Order("source"), is_paused=True),
        "earliest",
    )
    annotations = {
        "kafka.eventing.knative.dev/delivery.order": "ordered",
        "eventing.knative.dev/delivery.order-by": "source",
        "eventing.dev/paused": "true",
        "eventing.dev/start": "earliest",
    }
    assert expected == Subscription.of(admitted(SUBSCRIPTION, of_kind(SUBSCRIPTION, spec, **annotations)))


def test_no_reply_is_wanted_by_who_names_none() -> None:
    """An empty one says as much as none."""
    for spec in (SPEC, {**SPEC, "reply": {}}):
        assert Subscription.of(admitted(SUBSCRIPTION, of_kind(SUBSCRIPTION, spec))).reply is None


def test_annotations_say_how_as_for_a_trigger() -> None:
    """And are refused by the same words."""
    (fault,) = faults(SUBSCRIPTION, of_kind(SUBSCRIPTION, SPEC, **{"eventing.dev/rate": "0"}))
    assert fault.startswith("metadata.annotations[eventing.dev/rate]: invalid value: 0: expected events per second")


def test_what_it_joins_is_named() -> None:
    """A channel first; a channel's namespace is its own."""
    assert faults(SUBSCRIPTION, of_kind(SUBSCRIPTION)) == [
        "spec.channel: missing field(s): the Subscription must reference a channel"
    ]
    spec = {"channel": {**SPEC["channel"], "namespace": "demo"}, "reply": {"uri": "/x"}}
    (namespace, reply, subscriber) = faults(SUBSCRIPTION, of_kind(SUBSCRIPTION, spec))
    assert namespace.startswith("spec.channel.namespace: must not set the field(s)")
    assert reply.startswith("spec.reply.uri: invalid value: Relative URI is not allowed")
    assert subscriber == "spec.subscriber: missing field(s): the Subscription must reference a subscriber"


def test_a_channel_stays() -> None:
    """Told with both; subscriber, reply and delivery may change."""
    old = admitted(SUBSCRIPTION, of_kind(SUBSCRIPTION, SPEC))
    other = {**SPEC, "channel": {**SPEC["channel"], "name": "d"}}
    (fault,) = faults(SUBSCRIPTION, of_kind(SUBSCRIPTION, other), old)
    assert fault.startswith('spec.channel: Immutable fields changed (-old +new): -{"apiVersion": ')
