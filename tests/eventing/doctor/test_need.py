import base64
from typing import Any

import pytest

from eventing.doctor.finding import Finding
from eventing.doctor.need import Need, default_need, needs
from eventing.resources.admission import admit
from eventing.resources.catalogue import Catalogue
from eventing.resources.engine import EngineDefaults, Kafka, Redis, ServerKey
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.kind import Context

SECRET = {"user": "eve", "password": "hunter2", "protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}
BROKER = "eventing.knative.dev/v1", "Broker"
REDIS = "messaging.knative.dev/v1alpha1", "RedisStreamChannel"
KAFKA = "messaging.knative.dev/v1", "KafkaChannel"
CHANNEL = "messaging.knative.dev/v1", "Channel"
CLASS = "eventing.knative.dev/broker.class"
SIZE = "eventing.dev/event-size-max-bytes"


def made(kind: tuple[str, str], name: str, namespace: str = "default", **members: Any) -> Object:
    """As it would be stored."""
    annotations = members.pop("annotations", {})
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    served = Catalogue().find(*kind)
    assert served is not None
    return admit(
        served, {"apiVersion": kind[0], "kind": kind[1], "metadata": metadata, **members}, context=Context()
    ).item


def secret(name: str, namespace: str = "default") -> Object:
    """A login."""
    data = {key: base64.b64encode(text.encode()).decode() for key, text in SECRET.items()}
    return made(("v1", "Secret"), name, namespace, data=data)


def config(name: str, namespace: str = "knative-eventing", **data: str) -> Object:
    """A ConfigMap."""
    return made(("v1", "ConfigMap"), name, namespace, data={key.replace("_", "."): text for key, text in data.items()})


def found(*items: Object) -> list[Need | Finding]:
    """All that they need."""
    lookup = {key_of(item): item for item in items}.get
    return [*needs(items, lookup, EngineDefaults(), size_max_bytes=1000)]


def only(*items: Object) -> Need:
    """What one of them needs."""
    (need,) = found(*items)
    assert isinstance(need, Need), need
    return need


def test_what_rests_here_needs_no_server() -> None:
    """The journal, memory, and objects that hold no events."""
    template = {"apiVersion": "messaging.knative.dev/v1", "kind": "InMemoryChannel"}
    assert [] == found(
        made(BROKER, "shop"), made(CHANNEL, "c", spec={"channelTemplate": template}), secret("s"), config("x")
    )


def test_a_redis_channel_needs_its_server_and_its_login() -> None:
    """From the Secret that it names."""
    spec = {"address": "redis://cache:6379", "auth": {"secret": {"ref": {"name": "login"}}}}
    need = only(made(REDIS, "orders", spec=spec), secret("login"))
    assert isinstance(need.engine, Redis)
    assert ("redis://cache:6379", 1000) == (need.engine.server.address, need.size_max_bytes)
    assert need.engine.login is not None
    assert ("eve", "hunter2") == (need.engine.login.user, need.engine.login.password)


def test_a_secret_that_is_not_there_is_a_failure() -> None:
    """As the condition will say."""
    spec = {"address": "redis://cache:6379", "auth": {"secret": {"ref": {"name": "login"}}}}
    (finding,) = found(made(REDIS, "orders", spec=spec))
    assert isinstance(finding, Finding)
    assert ("channels", "failure") == (finding.check, finding.verdict)
    assert finding.words.startswith("RedisStreamChannel default/orders: ")


def test_a_broker_of_class_kafka_needs_its_cluster_and_its_topic() -> None:
    """From the ConfigMap that it names, with the bound of its own events."""
    data = {
        "bootstrap_servers": "a:9092,b:9092",
        "default_topic_partitions": "4",
        "default_topic_replication_factor": "3",
    }
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "mine", "namespace": "knative-eventing"}
    annotations = {CLASS: "Kafka", SIZE: "5000"}
    need = only(made(BROKER, "shop", annotations=annotations, spec={"config": reference}), config("mine", **data))
    assert isinstance(need.engine, Kafka)
    assert ("a:9092,b:9092", 5000) == (need.engine.server.address, need.size_max_bytes)
    assert (4, 3) == (need.engine.topic.partitions, need.engine.topic.replication_factor)


def test_a_channel_needs_what_its_template_needs() -> None:
    """By the name of the channel that will be made for it."""
    template = {"apiVersion": KAFKA[0], "kind": KAFKA[1], "spec": {"numPartitions": 7}}
    need = only(made(CHANNEL, "orders", spec={"channelTemplate": template}))
    assert isinstance(need.engine, Kafka)
    assert ("knative-messaging-kafka.default.orders", 7) == (need.engine.topic.name, need.engine.topic.partitions)


def test_a_template_that_breaks_its_rules_is_a_failure() -> None:
    """Nothing would be made of it."""
    template = {"apiVersion": KAFKA[0], "kind": KAFKA[1], "spec": {"numPartitions": 0}}
    (finding,) = found(made(CHANNEL, "orders", spec={"channelTemplate": template}))
    assert isinstance(finding, Finding)
    assert "numPartitions" in finding.words


@pytest.mark.parametrize("engine", ["redis", "kafka"])
def test_the_default_channel_is_needed_where_it_is_a_servers(engine: Any) -> None:
    """Nobody else names it."""
    need = default_need({}.get, EngineDefaults(engine), size_max_bytes=1000)
    assert isinstance(need, Need)
    assert (engine, None) == (need.engine.name, need.owner)
    assert default_need({}.get, EngineDefaults("journal"), size_max_bytes=1000) is None


def test_the_secret_of_the_default_channel_is_to_be_there() -> None:
    """In the namespace that settings name."""
    server = ServerKey("redis", "redis://cache:6379", Key("", "Secret", "knative-eventing", "login"))
    finding = default_need({}.get, EngineDefaults("redis", redis=server), size_max_bytes=1000)
    assert isinstance(finding, Finding)
    assert "failure" == finding.verdict
