import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eventing.doctor.finding import Finding
from eventing.doctor.redis_command import PROBE
from eventing.doctor.redis_server import RedisAddress, examine_redis
from tests.eventing.doctor.seen import findings, unwell, words
from tests.rig.child import free_port
from tests.rig.proxy import Proxy
from tests.rig.redis import Redis, running_redis
from tests.rig.redis_cluster import MASTERS, RedisCluster
from tests.rig.redis_sentinel import SERVICE, running_sentinel

MEMORY = 256 * 1024 * 1024
TIMEOUT_S = 5.0
USERS = (
    "mute on >mutepass ~* &* +@all -xadd",
    "blind on >blindpass ~* &* +@all -info -config -time",
    "stranger on >strangerpass ~other:* &* +@all",
    "caged on >cagedpass ~* &* +@all -multi",
)


@pytest.fixture(scope="module")
def server(redis_server_program: Path) -> Iterator[Redis]:
    """One that is well."""
    with running_redis(redis_server_program, password="secret-word", users=USERS, size_max_bytes=MEMORY) as server:
        yield server


@pytest.fixture(scope="module")
def secure(redis_server_program: Path) -> Iterator[Redis]:
    """One with TLS."""
    with running_redis(redis_server_program, has_tls=True, size_max_bytes=MEMORY) as server:
        yield server


@pytest.fixture
def patient(server: Redis) -> Iterator[Redis]:
    """The one that is well, whose settings are put back afterwards."""
    before = server.call("CONFIG", "GET", "*")
    yield server
    server.call("REPLICAOF", "NO", "ONE")
    for name in ("appendfsync", "maxmemory", "maxmemory-policy", "min-replicas-to-write", "appendonly"):
        server.call("CONFIG", "SET", name, before[name])


async def look(server: Redis, user: str = "", password: str | None = None, port: int = 0) -> list[Finding]:
    """At that server."""
    url = f"redis://127.0.0.1:{port or server.port}"
    address = RedisAddress(url, user, (server.password or "") if password is None else password)
    return await findings(examine_redis(address, TIMEOUT_S))


async def test_a_server_that_is_set_up_well_is_well(server: Redis) -> None:
    """Looking leaves no key behind."""
    found = await look(server)
    assert {} == unwell(found)
    assert 14 == len(found)
    assert [] == server.call("KEYS", "*")


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("appendfsync", "everysec", {"redis-persistence": "warning"}),
        ("appendonly", "no", {"redis-persistence": "warning"}),
        ("maxmemory", "0", {"redis-memory": "warning"}),
        ("maxmemory-policy", "allkeys-lru", {"redis-eviction": "failure"}),
        ("maxmemory-policy", "volatile-lru", {"redis-eviction": "warning"}),
        ("maxmemory", "1", {"redis-memory": "warning", "redis-writes": "failure"}),
        ("min-replicas-to-write", "1", {"redis-replicas": "failure", "redis-writes": "failure"}),
    ],
)
async def test_a_setting_that_is_ill_is_told(
    patient: Redis, setting: str, value: str, expected: dict[str, str]
) -> None:
    """By the server itself, not by what we hope it is."""
    patient.call("CONFIG", "SET", setting, value)
    assert expected == unwell(await look(patient))


async def test_a_replica_is_no_place_for_events(patient: Redis) -> None:
    """It is told whose it is."""
    patient.call("REPLICAOF", "127.0.0.1", "1")
    found = await look(patient)
    assert {"redis-role": "failure", "redis-writes": "failure"} == unwell(found)
    assert "it is a replica of 127.0.0.1:1 (link down): writes fail here" == words(found, "redis-role")


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("mute", "user mute may not use xadd on keys eventing:*"),
        ("caged", "user caged may not use multi on keys eventing:*"),
    ],
)
async def test_a_right_that_is_missing_is_told(server: Redis, user: str, expected: str) -> None:
    """Asked of the server, which queues commands and is told to forget them."""
    found = await look(server, user, f"{user}pass")
    assert {"redis-rights": "failure"} == unwell(found)
    assert expected == words(found, "redis-rights")


async def test_rights_on_other_keys_are_none(server: Redis) -> None:
    """All commands, of what is not ours."""
    found = await look(server, "stranger", "strangerpass")
    assert {"redis-rights": "failure"} == unwell(found)
    assert "xadd" in words(found, "redis-rights")


async def test_what_a_user_may_not_ask_is_skipped(server: Redis) -> None:
    """And everything else is looked at."""
    found = await look(server, "blind", "blindpass")
    skipped = {one.check.value for one in found if one.verdict == "skipped"}
    assert {"redis-rights": "failure"} == unwell(found)
    assert {"redis-version", "redis-persistence", "redis-eviction", "redis-clock"} <= skipped


@pytest.mark.parametrize(("password", "expected"), [("wrong", "redis-login"), ("", "none is given")])
async def test_who_is_not_let_in_is_told(server: Redis, password: str, expected: str) -> None:
    """That is another fault than a server that is away."""
    (found,) = await look(server, "", password)
    assert ("redis-login", "failure") == (found.check, found.verdict)
    assert expected in (found.check.value, found.words.rpartition(", and ")[2])


async def test_nothing_that_listens_is_told(server: Redis) -> None:
    """In the system's words."""
    (found,) = await look(server, port=1)
    assert ("redis-reachable", "Connection refused") == (found.check, found.words)


async def test_a_black_hole_costs_no_longer_than_allowed(server: Redis) -> None:
    """Connections that are taken and never answered."""
    async with Proxy(server.port) as proxy:
        proxy.manner = "hole"
        began_s = time.monotonic()
        (found,) = await findings(examine_redis(RedisAddress(f"redis://127.0.0.1:{proxy.port}"), 0.3))
        assert "no answer within 0.3 s" == found.words
        assert time.monotonic() - began_s < 3.0


async def test_a_server_far_away_is_slow(server: Redis) -> None:
    """It works."""
    async with Proxy(server.port) as proxy:
        proxy.delay_s = 0.02
        assert {"redis-latency": "warning"} == unwell(await look(server, port=proxy.port))


async def test_tls_is_told_from_none(secure: Redis) -> None:
    """With the authority it is well; without, or without TLS, it says why not."""
    url = f"rediss://127.0.0.1:{secure.port}"
    assert {} == unwell(await findings(examine_redis(RedisAddress(url, ca=secure.ca.read_text()), TIMEOUT_S)))
    (found,) = await findings(examine_redis(RedisAddress(url), TIMEOUT_S))
    assert "its certificate is not trusted" in found.words
    (found,) = await look(secure)
    assert ("redis-reachable", "failure") == (found.check, found.verdict)


async def test_a_member_of_a_cluster_is_no_single_server(redis_server_program: Path) -> None:
    """Nor is it whole before it has all slots: then it says which address it wants."""
    with running_redis(
        redis_server_program, size_max_bytes=MEMORY, options=("--cluster-enabled", "yes", "--cluster-config-file", "n")
    ) as member:
        url = f"redis+cluster://127.0.0.1:{member.port}"
        assert {"redis-mode": "failure", "redis-writes": "failure"} == unwell(await look(member))
        (found,) = await findings(examine_redis(RedisAddress(url), TIMEOUT_S))
        assert ("redis-mode", True) == (found.check, "at no node" in found.words)
        member.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        while "cluster_state:ok" not in str(member.call("CLUSTER", "INFO")):
            await asyncio.sleep(0.05)
        (fault,) = [one for one in await look(member) if one.verdict != "ok"]
        assert ("redis-mode", True) == (fault.check, "redis+cluster://" in fault.advice)
        assert {} == unwell(await findings(examine_redis(RedisAddress(url), TIMEOUT_S)))


async def test_a_cluster_is_looked_at_by_all_its_masters(redis_cluster: RedisCluster) -> None:
    """Whichever seed answers. What is wrong with another one than that of our probe is told with its name."""
    gone = f"127.0.0.1:{free_port()}"
    address = RedisAddress(f"redis+cluster://{gone},{redis_cluster.hosts}")
    found = await findings(examine_redis(address, TIMEOUT_S))
    assert {"redis-memory": "warning"} == unwell(found)
    assert MASTERS == words(found, "redis-memory").count("there is no maxmemory")
    own = redis_cluster.master(PROBE)
    other = next(node for node in redis_cluster.nodes[:MASTERS] if node is not own)
    other.call("CONFIG", "SET", "appendfsync", "no")
    found = await findings(examine_redis(address, TIMEOUT_S))
    other.call("CONFIG", "SET", "appendfsync", "always")
    assert f"127.0.0.1:{other.port}: append-only, appendfsync no" in words(found, "redis-persistence")
    assert [] == redis_cluster.keys("*doctor*")


async def test_a_right_that_only_a_cluster_needs_is_told(redis_server_program: Path) -> None:
    """Without it nobody finds a slot. And where the seed is no cluster, it says so."""
    users = ("blind on >blindpass ~* &* +@all -cluster|slots",)
    with running_redis(redis_server_program, fsync="none", users=users) as server:
        url = f"redis+cluster://127.0.0.1:{server.port}"
        (found,) = await findings(examine_redis(RedisAddress(url, "blind", "blindpass"), TIMEOUT_S))
        assert ("redis-rights", True) == (found.check, "+cluster|slots" in found.advice)
        (found,) = await findings(examine_redis(RedisAddress(url), TIMEOUT_S))
        assert ("redis-mode", True) == (found.check, "no cluster" in found.words)
        (found,) = await findings(examine_redis(RedisAddress(url, "blind", "wrong"), TIMEOUT_S))
        assert ("redis-login", "failure") == (found.check, found.verdict)


async def test_a_sentinel_is_asked_for_the_master(server: Redis, redis_server_program: Path, tmp_path: Path) -> None:
    """Which is looked at; of a service that it does not know it says so."""
    login = {"password": "secret-word", "sentinel_password": "theirs"}
    lines = (f"sentinel auth-pass {SERVICE} {server.password}", "requirepass theirs")
    with running_sentinel(redis_server_program, tmp_path, server, *lines) as (url, _):
        assert {} == unwell(await findings(examine_redis(RedisAddress(url, **login), 5.0)))
        other = url.replace(SERVICE, "other")
        for wrong in (RedisAddress(other, **login), RedisAddress(url, password="secret-word")):
            (found,) = await findings(examine_redis(wrong, TIMEOUT_S))
            assert ("redis-reachable", "failure") == (found.check, found.verdict)


async def test_an_address_that_is_none_is_told() -> None:
    """As the channel reads it."""
    (found,) = await findings(examine_redis(RedisAddress("redis+sentinel://a:1,b:2"), TIMEOUT_S))
    assert ("redis-reachable", "failure") == (found.check, found.verdict)


async def test_a_server_that_wants_a_certificate_is_told(redis_server_program: Path) -> None:
    """What its alert says, where no reset of the connection overtakes it; with one of its authority all is well."""
    with running_redis(redis_server_program, has_tls=True, wants_certificate=True, size_max_bytes=MEMORY) as server:
        issued = server.authority.issue_cert("eventing")
        chain = b"".join([part.bytes() for part in issued.cert_chain_pems]).decode()
        own = {"certificate": chain, "key": issued.private_key_pem.bytes().decode()}
        address = RedisAddress(f"rediss://127.0.0.1:{server.port}", ca=server.ca.read_text())
        assert {} == unwell(await findings(examine_redis(replace(address, **own), TIMEOUT_S)))
        told = ""
        while "certificate required" not in told:
            (found,) = await findings(examine_redis(address, TIMEOUT_S))
            assert ("redis-reachable", "failure") == (found.check, found.verdict)
            told = found.words
