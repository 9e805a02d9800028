"""Channels that hold events: which engine each kind is, and with what."""

import base64

import pytest

from eventing.errors import ResolutionError
from eventing.resources.channel_engine import KINDS, channel_engine, default_engine
from eventing.resources.engine import (
    CHANNEL_TYPES,
    EngineDefaults,
    EngineName,
    Journal,
    Kafka,
    Memory,
    Redis,
    ServerKey,
    Topic,
)
from eventing.resources.identity import GroupKind, Key, Object, group_of
from eventing.resources.login import Login
from eventing.resources.retention import Retention

OURS, THEIRS = Key("", "Secret", "knative-eventing", "ours"), Key("", "Secret", "ns", "theirs")
DEFAULTS = EngineDefaults(
    redis=ServerKey("redis", "rediss://default", OURS),
    kafka=ServerKey("kafka", "default:9092"),
    topic=Topic("", 5, 6),
)
SECRET = {"data": {"password": base64.b64encode(b"p").decode()}}
OBJECTS: dict[Key, Object] = {OURS: SECRET, THEIRS: SECRET}


def test_every_engine_has_its_kind() -> None:
    expected = {GroupKind(group_of(version), kind): name for name, (version, kind) in CHANNEL_TYPES.items()}
    assert expected == KINDS


def test_local_engines_take_their_spec() -> None:
    assert Memory() == channel_engine("memory", "ns", "c", {}, {}.get, DEFAULTS)
    assert Journal() == channel_engine("journal", "ns", "c", {}, {}.get, DEFAULTS)
    found = channel_engine("journal", "ns", "c", {"retention": "PT5S"}, {}.get, DEFAULTS)
    assert Journal(Retention(5.0)) == found


def redis(spec: Object) -> Redis:
    found = channel_engine("redis", "ns", "c", spec, OBJECTS.get, DEFAULTS)
    assert isinstance(found, Redis)
    return found


def test_a_redis_channel_without_an_address_is_on_the_servers_own() -> None:
    """With its login, unless the channel has one of its own."""
    auth = {"auth": {"secret": {"ref": {"name": "theirs"}}}}
    assert Redis(DEFAULTS.redis, Login(password="p", has_tls=True)) == redis({})
    assert ServerKey("redis", "rediss://default", THEIRS) == redis(auth).server
    assert Redis(ServerKey("redis", "redis://r")) == redis({"address": "redis://r"})
    own = redis({"address": "redis://r", **auth})
    assert Redis(ServerKey("redis", "redis://r", THEIRS), Login(password="p")) == own


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("memory", Memory()),
        ("journal", Journal()),
        ("redis", Redis(DEFAULTS.redis, Login(password="p", has_tls=True))),
        ("kafka", Kafka(DEFAULTS.kafka, Topic("knative-messaging-kafka.ns.c", 5, 6, {"retention.ms": "604800000"}))),
    ],
)
def test_the_servers_default_is_one_of_them(engine: EngineName, expected: object) -> None:
    """With a topic as the settings say."""
    defaults = EngineDefaults(engine, DEFAULTS.redis, DEFAULTS.kafka, DEFAULTS.topic)
    assert expected == default_engine("ns", "c", OBJECTS.get, defaults)


def test_a_login_that_is_missing_is_told() -> None:
    with pytest.raises(ResolutionError, match="failed to get secret knative-eventing/ours"):
        channel_engine("redis", "ns", "c", {}, {}.get, DEFAULTS)
