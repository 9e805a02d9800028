"""What a Broker gets that says nothing."""

import pytest

from eventing.resources.broker_default import SHIPPED, BrokerDefaults
from eventing.resources.document import MalformedDocument

DEFAULTS = BrokerDefaults.parse(
    """
clusterDefault:
  brokerClass: MTChannelBasedBroker
  apiVersion: v1
  kind: ConfigMap
  name: cluster
  namespace: knative-eventing
  delivery: {retry: 1, timeout: PT3S}
  brokerClasses:
    Kafka: {apiVersion: v1, kind: ConfigMap, name: kafka, namespace: knative-eventing}
namespaceDefaults:
  team:
    brokerClass: Team
    apiVersion: v1
    kind: ConfigMap
    name: team
    disallowDifferentNamespaceConfig: true
    brokerClasses:
      Kafka: {name: team-kafka}
  class-only:
    brokerClass: Kafka
"""
)


@pytest.mark.parametrize(
    ("namespace", "broker_class", "config"),
    [
        ("demo", "MTChannelBasedBroker", "cluster"),
        ("demo", "Kafka", "kafka"),
        ("demo", "Other", "cluster"),
        ("team", "Team", "team"),
        ("team", "Kafka", "team-kafka"),
        ("team", "MTChannelBasedBroker", "cluster"),
        ("class-only", "Kafka", "kafka"),
    ],
)
def test_the_config_is_the_nearest_for_the_class(namespace: str, broker_class: str, config: str) -> None:
    """The namespace's entry for the class, then the cluster's, then the cluster's default."""
    found = DEFAULTS.config(namespace, broker_class)
    assert found is not None
    assert found["name"] == config


def test_the_class_is_the_namespaces_then_the_clusters() -> None:
    """Where nobody names a class it is the one Knative ships."""
    assert [DEFAULTS.class_of(name) for name in ("team", "class-only", "demo")] == [
        "Team",
        "Kafka",
        "MTChannelBasedBroker",
    ]
    assert BrokerDefaults({}).class_of("demo") == "MTChannelBasedBroker"


def test_a_delivery_is_taken_whole_and_as_a_copy() -> None:
    """All its fields; changing it changes no default."""
    delivery = DEFAULTS.delivery("demo", "MTChannelBasedBroker")
    assert delivery == {"retry": 1, "timeout": "PT3S"}
    delivery["retry"] = 2
    assert DEFAULTS.delivery("demo", "MTChannelBasedBroker") == {"retry": 1, "timeout": "PT3S"}
    assert DEFAULTS.delivery("demo", "Kafka") is None


def test_what_is_shipped() -> None:
    """Ten retries, exponential from a fifth of a second, and the ConfigMap that need not exist."""
    delivery = {"retry": 10, "backoffPolicy": "exponential", "backoffDelay": "PT0.2S"}
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "config-br-default-channel",
        "namespace": "knative-eventing",
    }
    assert SHIPPED.delivery("demo", "MTChannelBasedBroker") == delivery
    assert SHIPPED.config("demo", "MTChannelBasedBroker") == config
    assert BrokerDefaults({}).config("demo", "MTChannelBasedBroker") is None


def test_references_abroad_can_be_forbidden() -> None:
    """A namespace's own word counts before the cluster's."""
    forbidding = BrokerDefaults(
        {"disallowDifferentNamespaceConfig": True}, {"free": {"disallowDifferentNamespaceConfig": False}}
    )
    assert [forbidding.forbids_foreign_config(name) for name in ("demo", "free")] == [True, False]
    assert [DEFAULTS.forbids_foreign_config(name) for name in ("demo", "team")] == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "clusterDefault: 1",
        "clusterDefault: {delivery: {retry: many}}",
        "namespaceDefaults: {}",
        "{",
        "clusterDefault: {brokerClasses: []}",
    ],
)
def test_what_is_no_such_text_is_refused(text: str) -> None:
    """Nothing of a wrong shape reaches a Broker."""
    with pytest.raises(MalformedDocument):
        BrokerDefaults.parse(text)
