"""Servers that end-to-end tests share out to processes by their environment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.redis import Redis, running_redis


@pytest.fixture
def redis_server(redis_server_program: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """An empty Redis, which every process that is started knows."""
    with running_redis(redis_server_program) as server:
        monkeypatch.setenv("EVENTING_REDIS_URL", server.url)
        yield server
