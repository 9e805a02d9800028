"""Dead letters on a real Redis server obey the laws of their store."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count

import pytest

from channels import bound_conformance, damage_conformance
from channels.damage_conformance import DamageLaw
from channels.dead_letter import EVERYTHING, DeadLetters
from channels.dead_letter_conformance import LAWS, Law
from channels.dead_letter_witness import BILL, deliveries_of, filled, kept, letters_of
from channels.redis_streams import RedisServer
from channels.redis_streams.dead_letter import RedisDeadLetters
from channels.redis_streams.letter import number_of
from tests.rig.redis import HOST, Redis
from tests.rig.redis_cluster import RedisCluster

_numbers = count()


@pytest.fixture
def make(redis_rig: Redis) -> Callable[..., AbstractAsyncContextManager[DeadLetters]]:
    run = next(_numbers)

    @asynccontextmanager
    async def make(*, storage: str = "a") -> AsyncIterator[DeadLetters]:
        async with RedisServer(redis_rig.url, prefix=f"letters{run}{storage}") as server:
            await server.ready()
            yield server.dead_letters

    return make


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_redis_obeys(law: Law, make: Callable[..., AbstractAsyncContextManager[DeadLetters]]) -> None:
    """Every law of the store."""
    await law(make)


@pytest.mark.parametrize("law", bound_conformance.LAWS, ids=lambda law: law.__name__)
async def test_dead_letters_in_redis_are_bounded(law: Law, redis_rig: Redis) -> None:
    prefix = f"letters{next(_numbers)}"

    @asynccontextmanager
    async def make(*, storage: str = "a") -> AsyncIterator[DeadLetters]:
        most = bound_conformance.LETTERS
        async with RedisServer(redis_rig.url, prefix=f"{prefix}{storage}", dead_letter_events_max=most) as server:
            await server.ready()
            yield server.dead_letters

    await law(make)


async def test_a_bound_that_became_smaller_is_reached_step_by_step(redis_rig: Redis) -> None:
    """No step takes long: each letter that comes lets a hundred go at most."""
    prefix = f"letters{next(_numbers)}"
    async with RedisServer(redis_rig.url, prefix=prefix) as server:
        server.dead_letters.extend(BILL, "backlogfull", deliveries_of(1, 250))
        await kept(server.dead_letters, 250)
    async with RedisServer(redis_rig.url, prefix=prefix, dead_letter_events_max=10) as server:
        await server.ready()
        for number, count in ((251, 151), (252, 52), (253, 10), (254, 10)):
            server.dead_letters.extend(BILL, "backlogfull", deliveries_of(number, number))
            await kept(server.dead_letters, count)
        await server.dead_letters.refresh()
        assert 244 == server.dead_letters.evicted


@pytest.mark.parametrize("body", [b"", b"\0\0\0\1\xc1", b"\0\0\0\1\x90damaged"])
@pytest.mark.parametrize("law", damage_conformance.LAWS, ids=lambda law: law.__name__)
async def test_redis_bears_damage(
    law: DamageLaw, body: bytes, make: Callable[..., AbstractAsyncContextManager[DeadLetters]]
) -> None:
    """Of the whole body, of what was tried, and of the event."""

    async def damage(store: DeadLetters, letter_id: str) -> None:
        assert isinstance(store, RedisDeadLetters)
        await store._server.link.call("HSET", f"{store._prefix}body", number_of(letter_id), body)

    await law(make, damage)


@pytest.fixture
def make_at_cluster(redis_cluster: RedisCluster) -> Callable[..., AbstractAsyncContextManager[DeadLetters]]:
    run = next(_numbers)

    @asynccontextmanager
    async def make(*, storage: str = "a") -> AsyncIterator[DeadLetters]:
        async with RedisServer(redis_cluster.url, alone=f"letters/{run}{storage}") as server:
            await server.ready()
            yield server.dead_letters

    return make


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_redis_cluster_obeys(
    law: Law, make_at_cluster: Callable[..., AbstractAsyncContextManager[DeadLetters]]
) -> None:
    """The same, in one slot of a cluster."""
    await law(make_at_cluster)


async def test_a_database_is_known_by_one_name_at_all_its_addresses(redis_rig: Redis) -> None:
    """Over its restarts, for that is where the name is kept; before it was heard it has none."""
    prefix = f"letters{next(_numbers)}"

    async def identity(url: str) -> str:
        async with RedisServer(url, prefix=prefix) as server:
            assert "" == server.identity
            await server.ready()
            return server.identity

    first = await identity(redis_rig.url)
    assert first == await identity(redis_rig.url.replace(HOST, "localhost"))
    assert first == redis_rig.call("GET", f"{prefix}:{{dead-letters}}:identity")
    assert first != await identity(f"{redis_rig.url[:-1]}1")


async def test_a_database_that_takes_no_name_is_used_without_one(redis_rig: Redis) -> None:
    """One that is full, or where that key may not be written."""
    key = f"letters{next(_numbers)}"
    redis_rig.call("LPUSH", f"{key}:{{dead-letters}}:identity", "x")
    async with RedisServer(redis_rig.url, prefix=key) as server:
        await server.ready()
        assert "" == server.identity


async def test_many_are_found_page_by_page(make: Callable[..., AbstractAsyncContextManager[DeadLetters]]) -> None:
    """More than one answer of the server brings."""
    async with make() as store:
        store.extend(BILL, "backlogfull", deliveries_of(1, 1203))
        await kept(store, 1203)
        await filled(store, 1)
        assert [str(number) for number in [*range(1, 1204), 1204]] == [one.event.id for one in await letters_of(store)]
        assert 1204 == sum([one.count for one in await store.tally(EVERYTHING)])
        assert 1200 == (await store.claim(EVERYTHING, rate=None, limit=1200)).total
        assert 1204 == sum((await store.discard(EVERYTHING)).values())
