"""A Redis server, asked. Nothing that is asked leaves a trace: commands are queued in a transaction and discarded."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

from channels.redis_streams.address import Address, parse_address
from channels.redis_streams.slot import Node
from eventing.doctor import redis_judgement as judgement
from eventing.doctor.check import Check
from eventing.doctor.clock_judgement import judge_clock, judge_latency
from eventing.doctor.fault import words_of
from eventing.doctor.finding import Finding, failure, ok, skipped
from eventing.doctor.redis_cluster import NoMaster, find_masters
from eventing.doctor.redis_command import COMMANDS, KEY_PATTERN, WRITES

_PINGS: Final = 5
_CONFIG: Final = ("appendfsync", "save", "stop-writes-on-bgsave-error", "min-replicas-to-write")
_UNREACHED: Final = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """One server, and how to log in. `url` holds no credentials.

    Certificates and the key are PEM; without `ca` those are trusted that the system trusts.
    """

    url: str
    user: str = ""
    password: str = ""
    ca: str = ""
    certificate: str = ""
    key: str = ""
    sentinel_user: str = ""
    sentinel_password: str = ""


async def examine_redis(address: RedisAddress, timeout_s: float) -> AsyncIterator[Finding]:
    """All about it; each answer has that long."""
    try:
        place = parse_address(address.url)
    except ValueError as error:
        yield failure(Check.REDIS_REACHABLE, str(error), "mend its address: redis://HOST:PORT, or rediss:// for TLS")
        return
    try:
        async with _clients(address, place, timeout_s) as (client, others):
            async for finding in _examine(client, is_cluster=place.is_cluster):
                yield finding
            for name, other in others.items():
                for finding in await _examine_other(name, other):
                    yield finding
    except NoMaster as error:
        yield error.finding
    except exceptions.AuthenticationError as error:
        yield _refused(address, error)
    except _UNREACHED as error:
        advice = "start it, or mend its address; look at firewalls, and whether it wants TLS (rediss://)"
        cause = TimeoutError() if isinstance(error, exceptions.TimeoutError) else error
        yield failure(Check.REDIS_REACHABLE, words_of(cause, timeout_s), advice)


def _refused(address: RedisAddress, error: exceptions.AuthenticationError) -> Finding:
    if not address.password:
        return failure(Check.REDIS_LOGIN, "it asks for a password, and none is given", "give one in a Secret")
    advice = f"mend user and password: it was asked as user {address.user or 'default'}"
    return failure(Check.REDIS_LOGIN, str(error), advice)


@asynccontextmanager
async def _clients(
    address: RedisAddress, place: Address, timeout_s: float
) -> AsyncIterator[tuple[Redis, Mapping[str, Redis]]]:
    """One that tries everything once: of the server of that URL, or of the master that its Sentinels name, or of that
    of a cluster which has the keys that are probed; and by their names those of its other masters.
    """
    others: dict[str, Redis] = {}
    async with AsyncExitStack() as stack:
        options: dict[str, Any] = {
            "socket_timeout": timeout_s,
            "socket_connect_timeout": timeout_s,
            "retry": Retry(NoBackoff(), 0),
            "decode_responses": True,
            **_tls(address, Path(stack.enter_context(TemporaryDirectory(prefix="eventing-")))),
        }
        login: dict[str, Any] = {"username": address.user or None, "password": address.password or None}
        if place.is_cluster:

            def client_of(node: Node) -> Redis:
                one = Redis(host=node[0], port=node[1], ssl=place.has_tls, **login, **options)
                stack.push_async_callback(one.aclose)
                return one

            first, *rest = await find_masters(place.hosts, client_of)
            client, others = client_of(first), {f"{host}:{port}": client_of((host, port)) for host, port in rest}
        elif not place.service:
            client = Redis.from_url(address.url, **login, **options)
        else:
            options |= {"ssl": True} if place.has_tls else {}
            theirs = {"username": address.sentinel_user or None, "password": address.sentinel_password or None}
            several: Any = Sentinel(
                place.hosts, sentinel_kwargs={**options, **theirs}, db=place.database, **login, **options
            )  # type: ignore[no-untyped-call]
            for one in several.sentinels:
                stack.push_async_callback(one.aclose)
            client = several.master_for(place.service)
        stack.push_async_callback(client.aclose)
        yield client, others


def _tls(address: RedisAddress, folder: Path) -> Mapping[str, Any]:
    """OpenSSL reads a key from a file alone."""
    if not address.url.startswith("rediss"):
        return {}
    files = {}
    if address.certificate:
        for option, text in (("ssl_certfile", address.certificate), ("ssl_keyfile", address.key)):
            path = folder / option
            path.touch(mode=0o600)
            path.write_text(text)
            files[option] = str(path)
    return {**files, **({"ssl_ca_data": address.ca} if address.ca else {})}


async def _examine(client: Redis, *, is_cluster: bool) -> AsyncIterator[Finding]:
    times_s = await _pings(client)
    yield ok(Check.REDIS_REACHABLE, "it answers")
    user = await _user(client)
    yield ok(Check.REDIS_LOGIN, f"it lets user {user} in")
    info = await _allowed(client.info())
    config: Mapping[str, str] = await _allowed(client.config_get(*_CONFIG)) or {}
    known = None if info is None else await _by_info(client, info, config, is_cluster=is_cluster)
    for finding in judgement.judge_unknown(user) if known is None else known:
        yield finding
    denied, refusal = await _queued(client)
    yield judgement.judge_writes(refusal)
    yield judgement.judge_rights(user, denied, KEY_PATTERN)
    yield judge_latency(Check.REDIS_LATENCY, times_s, judgement.SLOW_S, "no 202 leaves before it has answered")
    yield await _clock(client)


async def _examine_other(name: str, client: Redis) -> list[Finding]:
    """Another master of the cluster: what is wrong with it."""
    try:
        info = await _allowed(client.info())
        config: Mapping[str, str] = await _allowed(client.config_get(*_CONFIG)) or {}
        found = [] if info is None else await _by_info(client, info, config, is_cluster=True)
    except _UNREACHED as error:
        found = [failure(Check.REDIS_REACHABLE, str(error), "start it: the Brokers and channels there cannot work")]
    return [replace(one, words=f"{name}: {one.words}") for one in found if one.verdict != "ok"]


async def _by_info(
    client: Redis, info: Mapping[str, Any], config: Mapping[str, str], *, is_cluster: bool
) -> list[Finding]:
    state = await _allowed(client.cluster("INFO")) if info.get("redis_mode") == "cluster" else None
    return [
        judgement.judge_version(info),
        judgement.judge_mode(info, None if state is None else state.get("cluster_state"), is_cluster=is_cluster),
        judgement.judge_role(info),
        judgement.judge_persistence(info, config),
        *judgement.judge_snapshots(info, config),
        judgement.judge_memory(info),
        judgement.judge_eviction(info),
        judgement.judge_replicas(info, config),
        judgement.judge_clients(info),
    ]


async def _pings(client: Redis) -> list[float]:
    """The first opens the connection, and does not count."""
    times_s = []
    for _ in range(_PINGS + 1):
        began_s = time.perf_counter()
        await client.ping()
        times_s.append(time.perf_counter() - began_s)
    return times_s[1:]


async def _user(client: Redis) -> str:
    found = await _allowed(client.acl_whoami())
    return "(unknown)" if found is None else str(found)


async def _allowed(asked: Any) -> Any:
    """The answer, None where the user may not ask or the server does not know the question."""
    try:
        return await asked
    except exceptions.AuthenticationError:
        raise
    except exceptions.ResponseError:
        return None


async def _queued(client: Redis) -> tuple[list[str], str | None]:
    """Commands that are denied, and why a write would be refused. The server judges both when a command is queued."""
    denied, refusal = [], None
    connection = await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
    try:
        if await _answer(connection, "MULTI") is not None:
            return ["multi"], None
        for name, words in COMMANDS.items():
            error = await _answer(connection, *words)
            if isinstance(error, exceptions.NoPermissionError):
                denied.append(name)
            elif error is not None and name in WRITES:
                refusal = str(error)
        await _answer(connection, "DISCARD")
    finally:
        await client.connection_pool.release(connection)
    return denied, refusal


async def _answer(connection: Any, *words: str) -> exceptions.ResponseError | None:
    """The error that is answered, if one is."""
    await connection.send_command(*words)
    try:
        await connection.read_response()
    except exceptions.ResponseError as error:
        return error
    return None


async def _clock(client: Redis) -> Finding:
    asked_s = time.time()
    told = await _allowed(client.time())
    if told is None:
        return skipped(Check.REDIS_CLOCK, judgement.unseen("TIME"))
    return judge_clock(Check.REDIS_CLOCK, told[0] + told[1] / 1e6, asked_s, time.time())
