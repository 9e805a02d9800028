"""Channel: what the recordings of `test_recorded` do not show."""

from typing import Any

from eventing.resources.channel import CHANNEL, Channel
from eventing.resources.channel_default import ChannelDefaults, channel_defaults_of
from eventing.resources.delivery import DeliverySpec
from eventing.resources.identity import Key
from eventing.resources.kind import Context
from tests.eventing.resources.request import admitted, faults, of_kind

TEMPLATE: dict[str, Any] = {
    "apiVersion": "messaging.example.com/v1",
    "kind": "Wide",
    "spec": {"delivery": {"retry": 1}, "width": 2},
}


def test_the_view_of_a_channel() -> None:
    """What is made for it is of the template, by its own name."""
    view = Channel.of(admitted(CHANNEL, of_kind(CHANNEL, {"channelTemplate": TEMPLATE})))
    key = Key("messaging.knative.dev", "Channel", "demo", "x")
    assert Channel(key, "", 0, "messaging.example.com/v1", "Wide", TEMPLATE["spec"], DeliverySpec()) == view
    assert Key("messaging.example.com", "Wide", "demo", "x") == view.backing_key


def test_its_own_delivery_replaces_the_templates() -> None:
    """As a whole."""
    view = Channel.of(
        admitted(CHANNEL, of_kind(CHANNEL, {"channelTemplate": TEMPLATE, "delivery": {"timeout": "PT1S"}}))
    )
    assert {"delivery": {"timeout": "PT1S"}, "width": 2} == view.backing_spec
    assert DeliverySpec(timeout_s=1.0) == view.delivery


def test_a_template_comes_from_the_servers_defaults() -> None:
    """Of whatever kind they name; a view needs no spec in it."""
    stored = admitted(CHANNEL, of_kind(CHANNEL), context=Context(channel_defaults=channel_defaults_of("journal")))
    assert stored["spec"]["channelTemplate"] == {
        "apiVersion": "messaging.knative.dev/v1alpha1",
        "kind": "JournalChannel",
    }
    assert Channel.of(stored).backing_spec == {}


def test_without_any_default_a_template_is_missing() -> None:
    """Somebody must say what holds the events."""
    context = Context(channel_defaults=ChannelDefaults())
    assert faults(CHANNEL, of_kind(CHANNEL), context=context) == ["spec.channelTemplate: missing field(s)"]


def test_a_dead_letter_sink_points_home_whatever_the_template() -> None:
    """Knative fills in the namespace only where it filled in the template."""
    sink = {"ref": {"apiVersion": "v1", "kind": "Service", "name": "s"}}
    stored = admitted(CHANNEL, of_kind(CHANNEL, {"channelTemplate": TEMPLATE, "delivery": {"deadLetterSink": sink}}))
    assert stored["spec"]["delivery"]["deadLetterSink"]["ref"]["namespace"] == "demo"


def test_a_change_is_told_with_both_values() -> None:
    """Template and delivery stay what they were."""
    old = admitted(CHANNEL, of_kind(CHANNEL, {"channelTemplate": TEMPLATE}))
    item = of_kind(CHANNEL, {"channelTemplate": TEMPLATE, "delivery": {"retry": 3}})
    reason = 'Immutable fields changed (-old +new): -null +{"retry": 3}'
    assert faults(CHANNEL, item, old) == [f"spec.delivery: {reason}"]


def test_the_controllers_field_is_not_the_users() -> None:
    """An empty list says nothing."""
    assert admitted(CHANNEL, of_kind(CHANNEL, {"subscribers": []}))["spec"]["subscribers"] == []
    (fault,) = faults(CHANNEL, of_kind(CHANNEL, {"subscribers": [{}]}))
    assert fault.startswith("spec.subscribers: must not set the field(s)")
