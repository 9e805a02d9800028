"""Who shares a connection, and how long it lives."""

import asyncio

import pytest

from eventing.backend import pool as pool_module
from eventing.backend.kafka_cluster import KafkaBackend
from eventing.backend.pool import BackendPool
from eventing.backend.redis_server import RedisBackend
from eventing.resources.engine import Kafka, Redis, ServerKey, Topic, engine_for
from eventing.resources.identity import Key
from eventing.resources.login import Login
from tests.eventing.backend.small_backend import SmallBackend, SmallServer, SmallWorld
from tests.eventing.stage import eventually

SECRET = Key("", "Secret", "default", "s")
FIRST, SECOND = Key("g", "Broker", "default", "a"), Key("g", "Broker", "default", "b")


def redis(address: str = "redis://r", secret: Key | None = None, login: Login | None = None) -> Redis:
    return Redis(ServerKey("redis", address, secret), login)


async def test_one_server_and_secret_are_one_connection() -> None:
    """Another address or another Secret is another one; the last user closes it."""
    world = SmallWorld()
    pool = BackendPool(world.create)
    first = await pool.use(redis(), FIRST)
    assert await pool.use(redis(), SECOND) is first
    assert await pool.use(redis(secret=SECRET), SECOND) is not first
    assert await pool.use(redis("redis://other"), SECOND) is not first
    connections = world.server("redis://r").connections
    assert [True, True] == [one.is_open for one in connections]
    await pool.leave(redis().server, FIRST)
    assert connections[0].is_open
    assert pool.find(redis().server) is first
    await pool.leave(redis().server, SECOND)
    assert [False, True] == [one.is_open for one in connections]
    assert pool.find(redis().server) is None
    await pool.leave(redis().server, SECOND)
    await pool.close()
    assert [False, False] == [one.is_open for one in connections]


async def test_a_server_has_one_store_of_dead_letters_whoever_logs_in() -> None:
    """And none before somebody did."""
    pool = BackendPool(SmallWorld().create)
    assert {} == pool.dead_letters
    first = await pool.use(redis(), FIRST)
    await pool.use(redis(secret=SECRET), SECOND)
    assert {"redis redis://r": first.dead_letters} == pool.dead_letters
    await pool.close()


@pytest.mark.parametrize(
    ("addresses", "name"),
    [
        (("redis://Host", "redis://host:6379", "redis://host:6379/0", "redis://host/"), "redis host:6379/0"),
        (("redis://host/1", "rediss://host:6379/1"), "redis host:6379/1"),
        (("redis+sentinel://a,b/service",), "redis a:26379,b:26379 (service)/0"),
    ],
)
async def test_a_redis_server_has_one_store_however_its_address_is_written(
    addresses: tuple[str, ...], name: str
) -> None:
    """A database of it is another one."""
    pool = BackendPool(
        lambda one: RedisBackend(
            one.server, None, events_max=1, size_max_bytes=1, dead_letter_events_max=9, lease_s=9.0
        )
    )
    for number, address in enumerate(addresses):
        await pool.use(redis(address), Key("g", "Broker", "default", str(number)))
    assert [name] == [*pool.dead_letters]
    await pool.close()


async def test_a_redis_cluster_has_a_store_for_each_channel() -> None:
    """Which rests in the channel's slot."""
    pool = BackendPool(
        lambda one: RedisBackend(
            one.server, None, events_max=1, size_max_bytes=1, dead_letter_events_max=9, lease_s=9.0
        )
    )
    for channel in ("default/a", "default/b"):
        await pool.use(engine_for(redis("redis+cluster://h,i:1"), channel), FIRST)
    where = "redis h:6379,i:1 (cluster)/0"
    assert [f"{where} default/a", f"{where} default/b"] == [*pool.dead_letters]
    await pool.close()


async def test_a_kafka_cluster_has_one_store_in_whatever_order_its_servers_are_named() -> None:
    """Names are those of hosts: upper case is lower case."""
    pool = BackendPool(
        lambda one: KafkaBackend(
            one.server, None, events_max=9, size_max_bytes=9, dead_letter_events_max=9, lease_s=9.0
        )
    )
    for name, address in (("a", "one:9092,two:9092"), ("b", "Two:9092, one:9092"), ("c", "two:9092,one:9092,one:9092")):
        engine = Kafka(ServerKey("kafka", address), Topic(name, 1, 1))
        await pool.use(engine, Key("g", "Broker", "default", name))
    assert ["kafka one:9092,two:9092"] == [*pool.dead_letters]
    await pool.close()


async def test_two_addresses_of_one_server_have_one_store_once_both_were_heard() -> None:
    """Its name is the first of them in the alphabet, whoever came first; a server of its own keeps its own."""
    pool = BackendPool(SmallWorld().create)
    addresses = ("redis://c", "redis://b", "redis://b", "redis://a")
    secrets = (None, SECRET, None, None)
    far, guest, near, other = [
        await pool.use(redis(address, secret), FIRST) for address, secret in zip(addresses, secrets, strict=True)
    ]
    assert 3 == len(pool.dead_letters)
    far.identity, other.identity = "1", "2"
    assert 3 == len(pool.dead_letters)
    near.identity = "1"
    assert {"redis redis://a": other.dead_letters, "redis redis://b": guest.dead_letters} == pool.dead_letters
    await pool.leave(redis("redis://b", SECRET).server, FIRST)
    assert far.dead_letters is pool.dead_letters["redis redis://b"]
    await pool.close()


async def test_the_store_of_a_server_is_that_of_a_connection_that_works() -> None:
    """A login that is let in no more hides nothing from who has another; and who speaks for a server goes on to."""
    pool = BackendPool(SmallWorld().create)
    first, second = await pool.use(redis(), FIRST), await pool.use(redis(secret=SECRET), SECOND)
    assert isinstance(first, SmallBackend)
    assert isinstance(second, SmallBackend)

    def speaker() -> object:
        (store,) = pool.dead_letters.values()
        return {first.dead_letters: first, second.dead_letters: second}[store]

    assert first is speaker()
    first.refusal = "WRONGPASS"
    assert second is speaker()
    second.refusal = "WRONGPASS"
    assert second is speaker()
    first.refusal = second.refusal = ""
    assert second is speaker()
    await pool.leave(redis(secret=SECRET).server, SECOND)
    assert first is speaker()
    await pool.close()


async def test_a_changed_login_is_handed_to_the_connection_once() -> None:
    """By the next user, or by who noticed; one that is not used any more needs none."""
    world, old, new = SmallWorld(), Login(user="u", password="1"), Login(user="u", password="2")
    pool = BackendPool(world.create)
    await pool.use(redis(secret=SECRET, login=old), FIRST)
    (connection,) = world.server("redis://r").connections
    for _ in range(2):
        pool.renew(redis(secret=SECRET, login=new))
        await eventually(lambda: connection.logins == [old, new])
    await pool.use(redis(secret=SECRET, login=old), SECOND)
    assert [old, new, old] == connection.logins
    await pool.close()
    pool.renew(redis(secret=SECRET, login=new))
    await asyncio.sleep(0)
    assert [old, new, old] == connection.logins


async def test_a_connection_that_does_not_end_is_waited_for_no_longer_than_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its server may be away."""
    monkeypatch.setattr(pool_module, "CLOSE_TIMEOUT_S", 0.01)
    pool = BackendPool(lambda _: HangingBackend(SmallServer(), None))
    await pool.use(redis(), FIRST)
    await pool.leave(redis().server, FIRST)
    assert pool.find(redis().server) is None


class HangingBackend(SmallBackend):
    """It does not end."""

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.Event().wait()
