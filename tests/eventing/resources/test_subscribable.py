"""What channels of every kind share, beyond what `test_recorded` shows."""

import pytest

from eventing.resources.delivery import DeliverySpec
from eventing.resources.identity import Key
from eventing.resources.in_memory_channel import IN_MEMORY_CHANNEL
from eventing.resources.journal_channel import JOURNAL_CHANNEL
from eventing.resources.kafka_channel import KAFKA_CHANNEL
from eventing.resources.kind import Kind
from eventing.resources.redis_stream_channel import REDIS_STREAM_CHANNEL
from eventing.resources.subscribable import SUBSCRIBABLE_ANNOTATION, BackingChannel, Subscriber
from tests.eventing.resources.request import BY_CONTROLLER, admitted, faults, of_kind

CHANNELS = (IN_MEMORY_CHANNEL, JOURNAL_CHANNEL, REDIS_STREAM_CHANNEL, KAFKA_CHANNEL)
each_channel = pytest.mark.parametrize("kind", CHANNELS, ids=lambda kind: kind.name)
SUBSCRIBER = {"uid": "1", "subscriberUri": "http://a/"}


def test_the_view_of_a_channel() -> None:
    """Subscribers are resolved; durations are seconds."""
    spec = {
        "delivery": {"retry": 2},
        "subscribers": [
            {"uid": "1", "generation": 3, "name": "s", "subscriberUri": "http://a/", "replyUri": "http://b/"},
            {"replyUri": "http://c/", "delivery": {"timeout": "PT1S"}},
        ],
    }
    expected = BackingChannel(
        Key("messaging.knative.dev", "InMemoryChannel", "demo", "x"),
        "",
        0,
        (
            Subscriber("1", 3, "s", "http://a/", "http://b/", DeliverySpec()),
            Subscriber("", 0, "", None, "http://c/", DeliverySpec(timeout_s=1.0)),
        ),
        DeliverySpec(retry=2),
    )
    assert expected == BackingChannel.of(admitted(IN_MEMORY_CHANNEL, of_kind(IN_MEMORY_CHANNEL, spec)))


@each_channel
def test_a_channel_says_what_duck_it_is(kind: Kind) -> None:
    """Unless it says so itself."""
    assert admitted(kind, of_kind(kind))["metadata"]["annotations"][SUBSCRIBABLE_ANNOTATION] == "v1"
    own = admitted(kind, of_kind(kind, **{SUBSCRIBABLE_ANNOTATION: "v1beta1"}))
    assert own["metadata"]["annotations"][SUBSCRIBABLE_ANNOTATION] == "v1beta1"


@each_channel
def test_the_controller_alone_changes_who_subscribes(kind: Kind) -> None:
    """Others may change the rest, or bring subscribers with a new channel."""
    old = admitted(kind, of_kind(kind))
    subscribed = of_kind(kind, {"subscribers": [SUBSCRIBER]})
    (fault,) = faults(kind, subscribed, old)
    assert fault.startswith(
        "spec.subscribers: Channel.Spec.Subscribers changed by user admin which was not the system:"
    )
    stored = admitted(kind, subscribed, old, BY_CONTROLLER)
    assert stored["spec"]["subscribers"] == [SUBSCRIBER]
    (fault,) = faults(kind, of_kind(kind), stored)
    assert fault.startswith("spec.subscribers: ")
    changed = of_kind(kind, {"subscribers": [SUBSCRIBER], "delivery": {"retry": 1}})
    assert admitted(kind, changed, stored)["spec"]["delivery"] == {"retry": 1}
    assert admitted(kind, subscribed)["spec"]["subscribers"] == [SUBSCRIBER]


@each_channel
def test_subscribers_and_deliveries_are_valid(kind: Kind) -> None:
    """Each with its path; a subscriber has somewhere to send events or replies."""
    spec = {"delivery": {"retry": -1}, "subscribers": [SUBSCRIBER, {"uid": "2", "delivery": {"timeout": "PT0S"}}]}
    assert [
        "spec.delivery.retry: invalid value: -1",
        "spec.subscribers[1].delivery.timeout: invalid value: PT0S",
        "spec.subscribers[1].replyUri: missing field(s): expected at least one of, got none",
        "spec.subscribers[1].subscriberUri: missing field(s): expected at least one of, got none",
    ] == faults(kind, of_kind(kind, spec))


@each_channel
def test_a_scope_is_one_of_two(kind: Kind) -> None:
    """Though both mean the same here."""
    scope = "eventing.knative.dev/scope"
    for value in ("cluster", "namespace"):
        assert admitted(kind, of_kind(kind, **{scope: value}))["metadata"]["annotations"][scope] == value
    reason = "invalid value: world: expected either 'cluster' or 'namespace'"
    assert faults(kind, of_kind(kind, **{scope: "world"})) == [f"metadata.annotations[{scope}]: {reason}"]
