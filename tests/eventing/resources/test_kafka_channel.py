"""KafkaChannel: what it has beside what channels share. No recordings of it exist."""

import pytest

from eventing.resources.admission import admit
from eventing.resources.kafka_channel import KAFKA_CHANNEL
from eventing.resources.kind import Context, Served
from tests.eventing.resources.request import admitted, faults, of_kind

KIND = KAFKA_CHANNEL
SHIPPED = {"numPartitions": 1, "replicationFactor": 1, "retentionDuration": "PT168H"}


def test_a_topic_has_defaults() -> None:
    """As Knative ships them."""
    assert admitted(KIND, of_kind(KIND))["spec"] == SHIPPED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("numPartitions", 0),
        ("numPartitions", -1),
        ("replicationFactor", 0),
        ("replicationFactor", 32768),
        ("retentionDuration", ""),
        ("retentionDuration", "7d"),
        ("retentionDuration", "-PT1H"),
    ],
)
def test_a_topic_that_cannot_be_is_refused(field: str, value: object) -> None:
    """With the value."""
    assert faults(KIND, of_kind(KIND, {field: value})) == [f"spec.{field}: invalid value: {value}"]


@pytest.mark.parametrize(
    ("field", "value"), [("numPartitions", 2), ("replicationFactor", 2), ("retentionDuration", "PT1H")]
)
def test_a_topic_stays_as_it_was_created(field: str, value: object) -> None:
    """Its delivery may change."""
    old = admitted(KIND, of_kind(KIND))
    (fault,) = faults(KIND, of_kind(KIND, {field: value}), old)
    assert fault.startswith(f"spec.{field}: Immutable fields changed (-old +new): -")
    assert admitted(KIND, of_kind(KIND, {"delivery": {"retry": 1}}), old)["spec"] == {
        **SHIPPED,
        "delivery": {"retry": 1},
    }


def test_a_retention_that_nobody_set_may_be_set() -> None:
    """Older objects have none."""
    old = admitted(KIND, of_kind(KIND))
    del old["spec"]["retentionDuration"]
    assert admitted(KIND, of_kind(KIND, {"retentionDuration": "PT1H"}), old)["spec"]["retentionDuration"] == "PT1H"


def test_both_versions_say_the_same() -> None:
    """Stored as v1beta1."""
    (other,) = KIND.others
    item = {**of_kind(KIND), "apiVersion": "messaging.knative.dev/v1"}
    stored = admit(Served(KIND, other), item, context=Context()).item
    assert admitted(KIND, of_kind(KIND)) == stored
    assert [one.name for one in KIND.versions] == ["v1beta1", "v1"]
