"""Certificates of ours, which a Redis server may want to see, and logins that change."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from channels.errors import ChannelUnavailable
from channels.redis_streams import Credentials, RedisServer
from channels.redis_streams.channel import RedisChannel
from channels.redis_streams.member import Member
from channels.witness import comes, events_of, ids, in_time, receive
from tests.rig.redis import Redis, running_redis


@pytest.fixture
async def certified(redis_server_program: Path) -> AsyncIterator[Redis]:
    with running_redis(redis_server_program, has_tls=True, wants_certificate=True) as server:
        yield server


def shown(server: Redis, authority: trustme.CA) -> Credentials:
    """Of somebody whose certificate is of that authority."""
    issued = authority.issue_cert("eventing")
    chain = b"".join([part.bytes() for part in issued.cert_chain_pems])
    return Credentials(
        ca_pem=server.ca.read_text(),
        certificate_pem=chain.decode(),
        key_pem=issued.private_key_pem.bytes().decode(),
    )


async def is_told(server: RedisServer, words: str) -> None:
    """It is refused each time, in these words where no reset of the connection has overtaken the server's alert."""

    async def ask() -> None:
        told = ""
        while words not in told:
            with pytest.raises(ChannelUnavailable) as caught:
                await server.ready()
            told = str(caught.value)

    await in_time(ask(), f"it was never told {words!r}")


async def test_who_has_a_certificate_comes_in(certified: Redis) -> None:
    """By all connections that a channel has."""
    async with (
        RedisServer(certified.url, credentials=shown(certified, certified.authority)) as server,
        server.channel("ns/b", events_max=9, size_max_bytes=2**20) as channel,
        channel.subscribe("g") as member,
    ):
        await channel.publish(events_of(1, 1))
        member.ack(await receive(member, 1))
        await channel.debt.flush()
        assert "1" == certified.call("HGET", "eventing:{ns/b}:state", "stored")


async def test_who_has_none_is_told_so(certified: Redis) -> None:
    async with RedisServer(certified.url, credentials=Credentials(ca_pem=certified.ca.read_text())) as server:
        await is_told(server, "certificate required")


async def test_who_has_that_of_another_authority_is_told_so(certified: Redis) -> None:
    async with RedisServer(certified.url, credentials=shown(certified, trustme.CA())) as server:
        await is_told(server, "unknown ca")


class Users:
    """Those that a test makes on the server of all, and who is connected as one of them."""

    def __init__(self, server: Redis, prefix: str) -> None:
        self._server = server
        self._prefix = prefix

    def login(self, name: str) -> Credentials:
        """Of a user who may do all, made for it."""
        self._server.call("ACL", "SETUSER", self._prefix + name, "on", f">{name}", "~*", "+@all")
        return Credentials(self._prefix + name, name)

    def delete(self, name: str) -> None:
        """The server ends its connections."""
        self._server.call("ACL", "DELUSER", self._prefix + name)

    def connected(self) -> list[str]:
        """Each connection's user."""
        return sorted(re.findall(rf" user={self._prefix}(\S+)", self._server.call("CLIENT", "LIST")))


@asynccontextmanager
async def rotating(server: Redis, users: Users, prefix: str) -> AsyncIterator[tuple[RedisServer, RedisChannel, Member]]:
    async with (
        RedisServer(server.url, credentials=users.login("old"), prefix=prefix) as redis,
        redis.channel("ns/b", events_max=99, size_max_bytes=2**20) as channel,
        channel.subscribe("g") as member,
    ):
        await comes(["old", "old"], users.connected)
        yield redis, channel, member


async def test_another_login_reaches_every_connection(redis_rig: Redis, caplog: pytest.LogCaptureFixture) -> None:
    """Soon, without a word in the log, and without a publish that fails."""
    users = Users(redis_rig, "rotated-")
    async with rotating(redis_rig, users, "rotated") as (server, channel, member):
        publishing = asyncio.ensure_future(channel.publish(events_of(1, 1)))
        await asyncio.sleep(0)
        server.replace_credentials(users.login("new"))
        await publishing
        await channel.publish(events_of(2, 2))
        await comes(["new", "new"], users.connected)
        users.delete("old")
        await channel.publish(events_of(3, 3))
        assert ["1", "2", "3"] == ids(await receive(member, 3))
        assert [] == caplog.messages
    users.delete("new")


async def test_a_login_that_comes_after_its_forerunner_has_gone_heals(
    redis_rig: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Meanwhile nothing fills the log."""
    users = Users(redis_rig, "gone-")
    async with rotating(redis_rig, users, "gone") as (server, channel, member):
        users.delete("old")
        await comes(True, lambda: "WRONGPASS" in str(server.fault))
        server.replace_credentials(users.login("new"))
        await comes(None, lambda: server.fault)
        await comes(["new", "new"], users.connected)
        await channel.publish(events_of(1, 1))
        assert ["1"] == ids(await receive(member, 1))
        assert len(caplog.messages) <= 6
    users.delete("new")


async def test_a_login_that_comes_while_one_connects_is_the_one_that_counts(redis_rig: Redis) -> None:
    """Whatever step it meets."""
    users = Users(redis_rig, "late-")
    for turns in range(0, 40, 3):
        name = f"new{turns}"
        async with RedisServer(redis_rig.url, credentials=users.login("old"), prefix="late") as server:
            connecting = asyncio.ensure_future(server.ready())
            for _ in range(turns):
                await asyncio.sleep(0)
            server.replace_credentials(users.login(name))
            await connecting
            await server.ready()
            await comes([name], users.connected)
        await comes(0, lambda: len(users.connected()))
        users.delete(name)
    users.delete("old")
