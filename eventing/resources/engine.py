"""What the events of a Broker or Channel rest in, and what must be known to reach it. Pure.

Two that are equal are one place: nothing has to move. Where only the login differs, the place is the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Literal

from eventing.resources.identity import Key
from eventing.resources.login import Login
from eventing.resources.retention import Retention

EngineName = Literal["journal", "memory", "redis", "kafka"]
CHANNEL_TYPES: Final[Mapping[EngineName, tuple[str, str]]] = {
    "memory": ("messaging.knative.dev/v1", "InMemoryChannel"),
    "journal": ("messaging.knative.dev/v1alpha1", "JournalChannel"),
    "redis": ("messaging.knative.dev/v1alpha1", "RedisStreamChannel"),
    "kafka": ("messaging.knative.dev/v1beta1", "KafkaChannel"),
}
"""The apiVersion and kind of a channel of each engine."""
_CLUSTERS: Final = ("redis+cluster:", "rediss+cluster:")


@dataclass(frozen=True, slots=True)
class ServerKey:
    """One connection to one server: Brokers with the same address and Secret share it.

    `address` is `redis://HOST:PORT` or bootstrap servers with commas between; it holds no credentials. Where the server
    is a Redis Cluster, a connection reaches one slot: `channel` names whose it is, and is empty elsewhere.
    """

    engine: EngineName
    address: str
    secret: Key | None = None
    """Where the login stands; None where none is needed."""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """In the memory of this process."""

    name: ClassVar[EngineName] = "memory"


@dataclass(frozen=True, slots=True)
class Journal:
    """In the journal of this process. `retention` is what the channel says of settled events, None for nothing."""

    retention: Retention | None = None
    name: ClassVar[EngineName] = "journal"


@dataclass(frozen=True, slots=True)
class Redis:
    """In a stream of a Redis server."""

    server: ServerKey
    login: Login | None = None
    name: ClassVar[EngineName] = "redis"


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic, as it is made where it is not there. An external one is somebody else's: never made, nor deleted.

    `config` holds Kafka's own settings of a topic, such as `retention.ms`.
    """

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str] = field(default_factory=dict)
    is_external: bool = False


@dataclass(frozen=True, slots=True)
class Kafka:
    """In a topic of a Kafka cluster."""

    server: ServerKey
    topic: Topic
    login: Login | None = None
    name: ClassVar[EngineName] = "kafka"


Engine = Memory | Journal | Redis | Kafka


def address_of(engine: Engine) -> str:
    """Where it is, in words for people: nothing of a login is in it."""
    return engine.server.address if isinstance(engine, Redis | Kafka) else f"the {engine.name}"


def is_same_place(one: Engine, other: Engine) -> bool:
    """True where events of one are found in the other: a login may change, and what a topic is made with."""
    if isinstance(one, Redis) and isinstance(other, Redis):
        return one.server == other.server
    if isinstance(one, Kafka) and isinstance(other, Kafka):
        return (one.server, one.topic.name) == (other.server, other.topic.name)
    return one.name == other.name


def engine_for(engine: Redis | Kafka, channel: str) -> Redis | Kafka:
    """The engine as that channel reaches it: by a connection of its own, where no other could share it."""
    if isinstance(engine, Redis) and engine.server.address.startswith(_CLUSTERS):
        return replace(engine, server=replace(engine.server, channel=channel))
    return engine


@dataclass(frozen=True, slots=True)
class EngineDefaults:
    """What counts where no object says otherwise: the server's own settings.

    `redis` and `kafka` are their servers; of `topic` everything but its name.
    """

    engine: EngineName = "memory"
    redis: ServerKey = ServerKey("redis", "redis://127.0.0.1:6379")
    kafka: ServerKey = ServerKey("kafka", "127.0.0.1:9092")
    topic: Topic = Topic("", 10, 3)

    def named_topic(self, name: str) -> Topic:
        """The default topic, by that name."""
        return replace(self.topic, name=name)
