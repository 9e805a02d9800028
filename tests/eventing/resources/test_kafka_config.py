"""What ConfigMaps say of Kafka: servers, topics and logins, and what of it is refused."""

import base64
from typing import Any

import pytest

from eventing.errors import ResolutionError
from eventing.resources.admission import admit
from eventing.resources.broker import BROKER, Broker
from eventing.resources.engine import EngineDefaults, Kafka, ServerKey, Topic
from eventing.resources.identity import Key, Object
from eventing.resources.kafka_config import BROKER_CONFIG_KEY, CHANNEL_CONFIG_KEY, broker_engine, channel_engine
from eventing.resources.kind import Context
from eventing.resources.login import Login

OWN = Key("", "ConfigMap", "ns", "mine")
NUMBERS = {"default.topic.partitions": "4", "default.topic.replication.factor": "2"}
DEFAULTS = EngineDefaults("kafka", kafka=ServerKey("kafka", "default:9092"), topic=Topic("", 5, 6))
LOGIN = {"protocol": "SASL_PLAINTEXT", "user": "u", "password": "p"}


def view(config: Object | None = None, **annotations: str) -> Broker:
    metadata = {"name": "b", "namespace": "ns", "annotations": {"eventing.knative.dev/broker.class": "Kafka"}}
    metadata["annotations"] |= annotations
    spec = {"config": {"apiVersion": "v1", "kind": "ConfigMap", **config}} if config else {}
    item = {"apiVersion": BROKER.api_version, "kind": "Broker", "metadata": metadata, "spec": spec}
    return Broker.of(admit(BROKER.served, item, context=Context()).item)


def secret(namespace: str = "ns") -> dict[Key, Object]:
    data = {name: base64.b64encode(text.encode()).decode() for name, text in LOGIN.items()}
    return {Key("", "Secret", namespace, "login"): {"data": data}}


def of_broker(data: dict[str, str], objects: dict[Key, Object] | None = None, **annotations: str) -> Kafka:
    found = {OWN: {"data": data}, **(objects or {})}
    return broker_engine(view({"name": "mine"}, **annotations), found.get, DEFAULTS)


def refused(read: Any) -> str:
    with pytest.raises(ResolutionError) as caught:
        read()
    assert "ConfigInvalid" == caught.value.reason
    return caught.value.message


def test_a_brokers_topic_is_what_its_config_map_says() -> None:
    """Under Knative's name; spaces and empty parts among the servers mean nothing."""
    config = {"default.topic.config.retention.ms": "1", "default.topic.config.": "x", "other": "y"}
    found = of_broker({"bootstrap.servers": " a:1, b:2,,", **NUMBERS, **config})
    assert Kafka(ServerKey("kafka", "a:1,b:2"), Topic("knative-broker-ns-b", 4, 2, {"retention.ms": "1"})) == found


def test_a_login_is_in_the_config_maps_namespace_or_the_one_it_names() -> None:
    data = {"bootstrap.servers": "a:1", **NUMBERS, "auth.secret.ref.name": "login"}
    login = Login("u", "p", mechanism="PLAIN")
    assert (Key("", "Secret", "ns", "login"), login) == _login(of_broker(data, secret()))
    data["auth.secret.ref.namespace"] = "far"
    assert (Key("", "Secret", "far", "login"), login) == _login(of_broker(data, secret("far")))
    with pytest.raises(ResolutionError, match="failed to get secret far/login"):
        of_broker(data)


def _login(engine: Kafka) -> tuple[Key | None, Login | None]:
    return engine.server.secret, engine.login


def test_a_topic_of_somebody_else_is_marked_as_such() -> None:
    """With what it would be made with, if it were ours."""
    external = {"kafka.eventing.knative.dev/external.topic": "theirs"}
    found = of_broker({"bootstrap.servers": "a:1", **NUMBERS}, **external)
    assert Topic("theirs", 4, 2, is_external=True) == found.topic


def test_a_broker_that_was_given_no_config_map_goes_by_the_installed_one_or_by_the_settings() -> None:
    """One that was given one which is not there says so."""
    assert Kafka(DEFAULTS.kafka, Topic("knative-broker-ns-b", 5, 6)) == broker_engine(view(), {}.get, DEFAULTS)
    objects = {BROKER_CONFIG_KEY: {"data": {"bootstrap.servers": "a:1", **NUMBERS}}}
    assert "a:1" == broker_engine(view(), objects.get, DEFAULTS).server.address
    words = refused(lambda: broker_engine(view({"name": "mine"}), {}.get, DEFAULTS))
    assert 'failed to get configmap ns/mine: configmaps "mine" not found' == words


def test_only_a_config_map_configures() -> None:
    broker = view({"kind": "Secret", "name": "x"})
    assert "supported config Kind: ConfigMap - got Secret" == refused(lambda: broker_engine(broker, {}.get, DEFAULTS))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "invalid configuration bootstrapServers: []"),
        ({"bootstrap.servers": " , "}, "invalid configuration bootstrapServers: []"),
        ({"bootstrap.servers": "a:1"}, "invalid configuration default.topic.partitions: 0"),
        ({"bootstrap.servers": "a:1", **NUMBERS, "default.topic.partitions": "x"}, "default.topic.partitions: x"),
        ({"bootstrap.servers": "a:1", **NUMBERS, "default.topic.partitions": "-1"}, "default.topic.partitions: -1"),
        ({"bootstrap.servers": "a:1", **NUMBERS, "default.topic.partitions": "9" * 99}, "default.topic.partitions"),
        ({"bootstrap.servers": "a:1", **NUMBERS, "default.topic.replication.factor": "32768"}, "factor: 32768"),
    ],
)
def test_what_a_config_map_does_not_say_is_not_guessed_at(data: dict[str, str], words: str) -> None:
    told = refused(lambda: of_broker(data))
    assert told.startswith("failed to parse config map ns/mine: ")
    assert words in told


def channel(data: dict[str, str] | None, spec: Object | None = None) -> Kafka:
    objects = (
        {} if data is None else {CHANNEL_CONFIG_KEY: {"data": data}, **secret("far"), **secret("knative-eventing")}
    )
    return channel_engine("ns", "c", spec or {}, objects.get, DEFAULTS)


def test_a_channels_topic_is_what_its_spec_says_on_the_servers_of_the_config_map() -> None:
    """Under Knative's name; without the ConfigMap on the server's own."""
    spec = {"numPartitions": 2, "replicationFactor": 3, "retentionDuration": "PT1.5S"}
    expected = Topic("knative-messaging-kafka.ns.c", 2, 3, {"retention.ms": "1500"})
    assert Kafka(ServerKey("kafka", "a:1"), expected) == channel({"bootstrap.servers": "a:1"}, spec)
    assert Kafka(DEFAULTS.kafka, Topic("knative-messaging-kafka.ns.c", 5, 6)) == channel(None)


@pytest.mark.parametrize(
    "data",
    [
        {"bootstrap.servers": "a:1", "auth.secret.ref.name": "login", "auth.secret.ref.namespace": "far"},
        {"bootstrapServers": "a:1", "authSecretName": "login", "authSecretNamespace": "far"},
        {"eventing-kafka": "kafka: {brokers: 'a:1', authSecretName: login, authSecretNamespace: far}"},
    ],
)
def test_older_config_maps_say_the_same_in_other_names(data: dict[str, str]) -> None:
    assert ServerKey("kafka", "a:1", Key("", "Secret", "far", "login")) == channel(data).server


def test_a_channels_secret_is_in_the_config_maps_namespace_by_default() -> None:
    data = {"bootstrap.servers": "a:1", "auth.secret.ref.name": "login"}
    assert Key("", "Secret", "knative-eventing", "login") == channel(data).server.secret


@pytest.mark.parametrize("text", ["[", "[]", "kafka: 1", ""])
def test_older_text_that_says_nothing_is_told(text: str) -> None:
    words = refused(lambda: channel({"eventing-kafka": text}))
    assert words.startswith("failed to parse config map knative-eventing/kafka-channel-config: ")
