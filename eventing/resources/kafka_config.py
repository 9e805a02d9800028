"""What ConfigMaps say of Kafka: `kafka-broker-config` and its kind for Brokers, `kafka-channel-config` for channels.

Source: eventing-kafka-broker: the keys, the words of its errors, and the names of topics. Pure.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from dispatcher.duration import parse_duration
from eventing.errors import ResolutionError
from eventing.resources.broker import Broker
from eventing.resources.broker_default import DEFAULT_CHANNEL_KEY, SYSTEM_NAMESPACE
from eventing.resources.document import MalformedDocument, read_yaml
from eventing.resources.engine import EngineDefaults, Kafka, ServerKey, Topic
from eventing.resources.identity import Key, Lookup, Object
from eventing.resources.login import kafka_login

CONFIG_INVALID: Final = "ConfigInvalid"
BROKER_CONFIG_KEY: Final = Key("", "ConfigMap", SYSTEM_NAMESPACE, "kafka-broker-config")
CHANNEL_CONFIG_KEY: Final = Key("", "ConfigMap", SYSTEM_NAMESPACE, "kafka-channel-config")
CONFIG_KEYS: Final = (
    "bootstrap.servers",
    "default.topic.partitions",
    "default.topic.replication.factor",
    "auth.secret.ref.name",
    "auth.secret.ref.namespace",
)
"""What such a ConfigMap is asked for, beside settings of topics."""
TOPIC_CONFIG_PREFIX: Final = "default.topic.config."
"""What comes after it is Kafka's own setting of a topic."""
_PARTITIONS_MAX: Final = 2**31 - 1
_REPLICATION_MAX: Final = 2**15 - 1


def broker_topic(broker: Broker) -> str:
    """The name of a Broker's topic (Knative's `brokers.topic.template`)."""
    return f"knative-broker-{broker.key.namespace}-{broker.key.name}"


def channel_topic(namespace: str, name: str) -> str:
    """The name of a channel's topic (Knative's `channels.topic.template`)."""
    return f"knative-messaging-kafka.{namespace}.{name}"


def broker_engine(broker: Broker, lookup: Lookup, defaults: EngineDefaults) -> Kafka:
    """The topic of a Broker of class Kafka. Raises ResolutionError with what ConfigParsed shows.

    A Broker that was given no ConfigMap, or that of the other class by default, goes by the one that Knative is
    installed with; where that is not there, by the server's own settings.
    """
    key = BROKER_CONFIG_KEY if broker.config is None else broker.config.key
    if key == DEFAULT_CHANNEL_KEY:
        key = BROKER_CONFIG_KEY
    if broker.config is not None and key.kind.lower() != "configmap":
        raise ResolutionError(CONFIG_INVALID, f"supported config Kind: ConfigMap - got {broker.config.kind}")
    item = lookup(key)
    if item is None and key != BROKER_CONFIG_KEY:
        words = f'failed to get configmap {key.namespace}/{key.name}: configmaps "{key.name}" not found'
        raise ResolutionError(CONFIG_INVALID, words)
    server, topic = defaults.kafka, defaults.named_topic(broker_topic(broker))
    if item is not None:
        data = item.get("data", {})
        server, topic = _server(key, data), _topic(key, data, topic)
    if broker.external_topic:
        topic = replace(topic, name=broker.external_topic, is_external=True)
    return Kafka(server, topic, kafka_login(server.secret, lookup))


def channel_engine(namespace: str, name: str, spec: Object, lookup: Lookup, defaults: EngineDefaults) -> Kafka:
    """The topic of a KafkaChannel with that `spec`. Raises ResolutionError with what ConfigParsed shows."""
    item = lookup(CHANNEL_CONFIG_KEY)
    server = defaults.kafka if item is None else _server(CHANNEL_CONFIG_KEY, _channel_data(item))
    config = {}
    if text := spec.get("retentionDuration"):
        config["retention.ms"] = str(round(parse_duration(text) * 1000))
    topic = Topic(
        channel_topic(namespace, name),
        spec.get("numPartitions", defaults.topic.partitions),
        spec.get("replicationFactor", defaults.topic.replication_factor),
        config,
    )
    return Kafka(server, topic, kafka_login(server.secret, lookup))


def _channel_data(item: Object) -> Mapping[str, str]:
    """The settings of a ConfigMap in the names of Brokers' ones. Older ones say them in camel case, or in YAML under
    `eventing-kafka`.
    """
    data: dict[str, str] = {**item.get("data", {})}
    legacy = {
        "bootstrapServers": "bootstrap.servers",
        "authSecretName": "auth.secret.ref.name",
        "authSecretNamespace": "auth.secret.ref.namespace",
    }
    found = {**_kafka_part(data.get("eventing-kafka", "")), **data}
    for old, name in legacy.items():
        if found.get(old):
            data.setdefault(name, str(found[old]))
    if found.get("brokers"):
        data.setdefault("bootstrap.servers", str(found["brokers"]))
    return data


def _kafka_part(text: str) -> Object:
    """`kafka` in the YAML of `eventing-kafka`, in which the brokers and the Secret are named."""
    try:
        documents = read_yaml(text)
    except MalformedDocument as error:
        words = f"failed to parse config map {CHANNEL_CONFIG_KEY.namespace}/{CHANNEL_CONFIG_KEY.name}: {error}"
        raise ResolutionError(CONFIG_INVALID, words) from error
    value = documents[0].value if documents else None
    kafka = value.get("kafka") if isinstance(value, dict) else None
    return kafka if isinstance(kafka, dict) else {}


def _server(key: Key, data: Mapping[str, str]) -> ServerKey:
    servers = [one for part in data.get("bootstrap.servers", "").split(",") if (one := part.strip())]
    if not servers:
        raise _invalid(key, "invalid configuration bootstrapServers: []")
    secret = data.get("auth.secret.ref.name", "").strip()
    namespace = data.get("auth.secret.ref.namespace", "").strip() or key.namespace
    return ServerKey("kafka", ",".join(servers), Key("", "Secret", namespace, secret) if secret else None)


def _topic(key: Key, data: Mapping[str, str], default: Topic) -> Topic:
    partitions = _number(key, data, "default.topic.partitions", _PARTITIONS_MAX)
    replication = _number(key, data, "default.topic.replication.factor", _REPLICATION_MAX)
    config = {
        name.removeprefix(TOPIC_CONFIG_PREFIX): value
        for name, value in data.items()
        if name.startswith(TOPIC_CONFIG_PREFIX) and name != TOPIC_CONFIG_PREFIX
    }
    return Topic(default.name, partitions, replication, config)


def _number(key: Key, data: Mapping[str, str], name: str, most: int) -> int:
    """Knative needs both numbers; a ConfigMap without one is refused, and not guessed at."""
    text = data.get(name, "0").strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) < len(str(most)) + 1 else -1
    if not 0 < number <= most:
        raise _invalid(key, f"invalid configuration {name}: {text}: expected a number from 1 to {most}")
    return number


def _invalid(key: Key, words: str) -> ResolutionError:
    return ResolutionError(CONFIG_INVALID, f"failed to parse config map {key.namespace}/{key.name}: {words}")
