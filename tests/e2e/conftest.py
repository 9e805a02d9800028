"""Servers that end-to-end tests share out to processes by their environment."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.rig.kafka import Kafka
from tests.rig.redis import Redis, running_redis


class Shared(NamedTuple):
    """A server that events rest on, as processes that are started know it."""

    channel: str
    """As `EVENTING_DEFAULT_CHANNEL` has it."""
    names: Callable[[], set[str]]
    """Of the keys or topics that are there."""


@pytest.fixture
def redis_server(redis_server_program: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """An empty Redis, where events of every process that is started rest."""
    with running_redis(redis_server_program) as server:
        monkeypatch.setenv("EVENTING_DEFAULT_CHANNEL", "redis")
        monkeypatch.setenv("EVENTING_REDIS_URL", server.url)
        yield server


@pytest.fixture
def kafka_server(kafka_alone: Kafka, monkeypatch: pytest.MonkeyPatch) -> Kafka:
    """An empty Kafka, where events of every process that is started rest."""
    monkeypatch.setenv("EVENTING_DEFAULT_CHANNEL", "kafka")
    monkeypatch.setenv("EVENTING_KAFKA_BOOTSTRAP_SERVERS", kafka_alone.bootstrap_servers)
    monkeypatch.setenv("EVENTING_KAFKA_PARTITIONS", "4")
    monkeypatch.setenv("EVENTING_KAFKA_REPLICATION_FACTOR", "1")
    return kafka_alone


@pytest.fixture(params=["redis", "kafka"])
def shared(request: pytest.FixtureRequest) -> Shared:
    """Either of them: what several processes do is the same."""
    server = request.getfixturevalue(f"{request.param}_server")
    if isinstance(server, Redis):
        return Shared("redis", lambda: set(server.call("KEYS", "*")))
    assert isinstance(server, Kafka)
    return Shared("kafka", lambda: server.topics)
