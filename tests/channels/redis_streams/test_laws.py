"""Channels on a real Redis server obey the laws of the contract."""

from collections.abc import Callable
from itertools import count
from typing import Self

import pytest

from channels.conformance import LAWS, Law
from channels.redis_streams import RedisServer
from channels.redis_streams.channel import RedisChannel
from tests.rig.redis import Redis
from tests.rig.redis_cluster import RedisCluster

_numbers = count()


class OwnServer(RedisChannel):
    """A channel with a connection of its own, as a process has; it ends with it, or vanishes."""

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        return await super().__aenter__()

    async def __aexit__(self, *exc: object) -> None:
        if self.server.link is not None:
            await super().__aexit__(*exc)
            await self.server.__aexit__(None, None, None)

    async def vanish(self) -> None:
        await self.server.abandon()


@pytest.fixture
def make(redis_rig: Redis) -> Callable[..., RedisChannel]:
    run = next(_numbers)

    def make(*, storage: str = "a", events_max: int = 2**40, size_max_bytes: int = 2**30) -> RedisChannel:
        server = RedisServer(redis_rig.url, prefix=f"laws{run}{storage}", lease_s=0.5)
        return OwnServer(server, "default/default", events_max=events_max, size_max_bytes=size_max_bytes)

    return make


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_redis_obeys(law: Law, make: Callable[..., RedisChannel]) -> None:
    """Every law of the contract."""
    await law(make)


@pytest.fixture
def make_at_cluster(redis_cluster: RedisCluster) -> Callable[..., RedisChannel]:
    run = next(_numbers)

    def make(*, storage: str = "a", events_max: int = 2**40, size_max_bytes: int = 2**30) -> RedisChannel:
        name = f"laws/{run}{storage}"
        server = RedisServer(redis_cluster.url, lease_s=0.5, alone=name)
        return OwnServer(server, name, events_max=events_max, size_max_bytes=size_max_bytes)

    return make


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_redis_cluster_obeys(law: Law, make_at_cluster: Callable[..., RedisChannel]) -> None:
    """The same, in one slot of a cluster."""
    await law(make_at_cluster)
