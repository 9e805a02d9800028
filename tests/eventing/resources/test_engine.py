"""Engines as values: when two are one place, and what people are told of it."""

from eventing.resources.engine import (
    CHANNEL_TYPES,
    EngineDefaults,
    Journal,
    Kafka,
    Memory,
    Redis,
    ServerKey,
    Topic,
    address_of,
    engine_for,
    is_same_place,
)
from eventing.resources.identity import Key
from eventing.resources.login import Login
from eventing.resources.retention import Retention

REDIS = Redis(ServerKey("redis", "redis://r"))
KAFKA = Kafka(ServerKey("kafka", "k:1"), Topic("t", 1, 1))


def test_a_place_stays_the_same_with_another_login_or_other_settings_of_its_topic() -> None:
    assert is_same_place(REDIS, Redis(REDIS.server, Login(password="p")))
    assert is_same_place(KAFKA, Kafka(KAFKA.server, Topic("t", 2, 2, {"retention.ms": "1"}), Login(user="u")))
    assert is_same_place(Journal(), Journal(Retention(1.0)))
    assert is_same_place(Memory(), Memory())


def test_another_server_secret_topic_or_engine_is_another_place() -> None:
    secret = Key("", "Secret", "ns", "s")
    assert not is_same_place(REDIS, Redis(ServerKey("redis", "redis://other")))
    assert not is_same_place(REDIS, Redis(ServerKey("redis", "redis://r", secret)))
    assert not is_same_place(KAFKA, Kafka(KAFKA.server, Topic("other", 1, 1)))
    assert not is_same_place(KAFKA, Kafka(ServerKey("kafka", "k:2"), KAFKA.topic))
    engines = (Memory(), Journal(), REDIS, KAFKA)
    assert 4 == sum(is_same_place(one, other) for one in engines for other in engines)
    assert [one.name for one in engines] == [*CHANNEL_TYPES]


def test_an_address_is_for_people() -> None:
    assert ["the memory", "the journal", "redis://r", "k:1"] == [
        address_of(one) for one in (Memory(), Journal(), REDIS, KAFKA)
    ]


def test_at_a_redis_cluster_each_channel_has_a_connection_of_its_own() -> None:
    """A connection reaches one slot. It is the same place, and people are told the same of it."""
    for scheme in ("redis+cluster", "rediss+cluster"):
        cluster = Redis(ServerKey("redis", f"{scheme}://a,b"), Login(password="p"))
        reached = engine_for(cluster, "ns/b")
        assert Redis(ServerKey("redis", f"{scheme}://a,b", channel="ns/b"), Login(password="p")) == reached
        assert address_of(cluster) == address_of(reached)
    assert [REDIS, KAFKA] == [engine_for(one, "ns/b") for one in (REDIS, KAFKA)]


def test_a_default_topic_gets_its_name() -> None:
    """And nothing else of it changes."""
    topic = Topic("", 10, 3, {"a": "b"})
    assert Topic("t", 10, 3, {"a": "b"}) == EngineDefaults("kafka", topic=topic).named_topic("t")
