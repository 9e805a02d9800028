"""Which engine a channel's events rest in that holds events itself, by its kind and what its `spec` says. Pure: its
ConfigMap and Secret are seen through a lookup.
"""

from collections.abc import Callable, Mapping
from typing import Final

from eventing.resources import kafka_config
from eventing.resources.engine import Engine, EngineDefaults, EngineName, Journal, Memory, Redis, ServerKey
from eventing.resources.identity import GroupKind, Key, Lookup, Object
from eventing.resources.in_memory_channel import IN_MEMORY_CHANNEL
from eventing.resources.journal_channel import JOURNAL_CHANNEL
from eventing.resources.kafka_channel import KAFKA_CHANNEL
from eventing.resources.kafka_channel import SHIPPED as KAFKA_SHIPPED
from eventing.resources.login import redis_login
from eventing.resources.redis_stream_channel import REDIS_STREAM_CHANNEL
from eventing.resources.retention import parse_retention

KINDS: Final[Mapping[GroupKind, EngineName]] = {
    IN_MEMORY_CHANNEL.group_kind: "memory",
    JOURNAL_CHANNEL.group_kind: "journal",
    REDIS_STREAM_CHANNEL.group_kind: "redis",
    KAFKA_CHANNEL.group_kind: "kafka",
}
"""The kinds of channels that hold events."""
_Read = Callable[[str, str, Object, Lookup, EngineDefaults], Engine]


def channel_engine(
    name: EngineName, namespace: str, channel: str, spec: Object, lookup: Lookup, defaults: EngineDefaults
) -> Engine:
    """The engine of a channel of that name with that `spec`, admitted. Raises ResolutionError."""
    return _READERS[name](namespace, channel, spec, lookup, defaults)


def default_engine(namespace: str, channel: str, lookup: Lookup, defaults: EngineDefaults) -> Engine:
    """The server's own, for a channel of that name of which nothing is said. Raises ResolutionError."""
    topic = defaults.topic
    kafka_spec = {**KAFKA_SHIPPED, "numPartitions": topic.partitions, "replicationFactor": topic.replication_factor}
    spec = kafka_spec if defaults.engine == "kafka" else {}
    return channel_engine(defaults.engine, namespace, channel, spec, lookup, defaults)


def _memory(*_: object) -> Memory:
    return Memory()


def _journal(_namespace: str, _channel: str, spec: Object, *_: object) -> Journal:
    text = spec.get("retention")
    return Journal(None if text is None else parse_retention(text))


def _redis(namespace: str, _channel: str, spec: Object, lookup: Lookup, defaults: EngineDefaults) -> Redis:
    """The server's own default stands for an address that is not given, and its Secret with it."""
    server, name = defaults.redis, spec.get("auth", {}).get("secret", {}).get("ref", {}).get("name")
    own = Key("", "Secret", namespace, name) if name else None
    if address := spec.get("address"):
        server = ServerKey("redis", address, own)
    elif own is not None:
        server = ServerKey("redis", server.address, own)
    return Redis(server, redis_login(server.secret, lookup, has_tls=server.address.startswith("rediss")))


_READERS: Final[Mapping[EngineName, _Read]] = {
    "memory": _memory,
    "journal": _journal,
    "redis": _redis,
    "kafka": kafka_config.channel_engine,
}
