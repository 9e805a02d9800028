from pathlib import Path

from eventing.doctor.inventory import Inventory
from eventing.resources.identity import Key

BROKER = "{apiVersion: eventing.knative.dev/v1, kind: Broker, metadata: {name: shop}}"


def test_files_hold_objects_as_they_would_be_stored(tmp_path: Path) -> None:
    """With their defaults."""
    (tmp_path / "broker.yaml").write_text(BROKER)
    broker = Inventory.of_files([tmp_path]).find(Key("eventing.knative.dev", "Broker", "default", "shop"))
    assert broker is not None
    assert "MTChannelBasedBroker" == broker["metadata"]["annotations"]["eventing.knative.dev/broker.class"]


def test_defaults_in_the_same_files_count(tmp_path: Path) -> None:
    """`config-br-defaults` says of which class Brokers are."""
    (tmp_path / "broker.yaml").write_text(
        f"""{BROKER}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: config-br-defaults, namespace: knative-eventing}}
data: {{default-br-config: "clusterDefault: {{brokerClass: Kafka}}"}}
"""
    )
    broker = Inventory.of_files([tmp_path]).find(Key("eventing.knative.dev", "Broker", "default", "shop"))
    assert broker is not None
    assert "Kafka" == broker["metadata"]["annotations"]["eventing.knative.dev/broker.class"]


def test_files_at_fault_hold_nothing(tmp_path: Path) -> None:
    """All faults are told."""
    (tmp_path / "a.yaml").write_text(BROKER.replace("}}", "}, spec: {x: 1}}"))
    (tmp_path / "b.yaml").write_text("kind: [")
    found = Inventory.of_files([tmp_path])
    assert ([], 2) == ([*found.items], len(found.faults))


def test_what_is_not_there_is_none() -> None:
    """An empty one holds nothing."""
    assert Inventory().find(Key("", "Secret", "default", "x")) is None
