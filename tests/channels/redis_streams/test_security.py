"""Certificates of ours, which a Redis server may want to see."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from channels.errors import ChannelUnavailable
from channels.redis_streams import Credentials, RedisServer
from channels.witness import events_of, receive
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
        with pytest.raises(ChannelUnavailable, match="certificate required"):
            await server.ready()


async def test_who_has_that_of_another_authority_is_told_so(certified: Redis) -> None:
    async with RedisServer(certified.url, credentials=shown(certified, trustme.CA())) as server:
        with pytest.raises(ChannelUnavailable, match="unknown ca"):
            await server.ready()
