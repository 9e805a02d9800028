"""Behind Sentinels the master is found, and after a failover the next one."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from channels.errors import ChannelUnavailable
from channels.redis_streams import Credentials, RedisServer
from channels.witness import events_of, ids, in_time, receive
from tests.e2e.process import wait_until
from tests.rig.redis import HOST, running_redis
from tests.rig.redis_sentinel import running_sentinel


async def test_a_failover_is_followed(redis_server_program: Path, tmp_path: Path) -> None:
    """What was stored before it, and had reached the replica, goes on there."""
    with running_redis(redis_server_program) as first, running_redis(redis_server_program) as second:
        second.call("REPLICAOF", HOST, first.port)
        wait_until(lambda: second.call("INFO", "replication")["master_link_status"] == "up", "the replica follows")
        times = ("sentinel down-after-milliseconds events 300", "sentinel failover-timeout events 2000")
        with running_sentinel(redis_server_program, tmp_path, first, *times) as (url, sentinel):
            wait_until(lambda: f"+slave slave {HOST}:{second.port}" in sentinel.log, "the Sentinel knows the replica")
            async with (
                RedisServer(url, prefix="behind", timeout_s=0.5) as server,
                server.channel("a/b", events_max=100, size_max_bytes=2**20) as channel,
                channel.subscribe("g") as member,
            ):
                await channel.publish(events_of(1, 2))
                first.call("WAIT", 1, 1000)
                first.kill()

                async def publish() -> None:
                    while True:
                        try:
                            await channel.publish(events_of(3, 3))
                        except ChannelUnavailable:
                            await asyncio.sleep(0.05)
                        else:
                            return

                await in_time(publish(), "publishing did not heal")
                held = await receive(member, 3)
                assert ["1", "2", "3"] == ids(held)
                member.ack(held)
                await server.committer.flush()
                assert 0 == channel.statistics().events


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (("requirepass theirs",), Credentials(sentinel_password="theirs")),
        (
            ("requirepass other", "user eventing on >theirs ~* &* +@all"),
            Credentials(password="own", sentinel_username="eventing", sentinel_password="theirs"),
        ),
    ],
)
async def test_sentinels_have_a_login_of_their_own(
    redis_server_program: Path, tmp_path: Path, words: tuple[str, ...], right: Credentials
) -> None:
    """A password, or a user's. Without it, and with a wrong one, what they answer is told; the right one heals."""
    with (
        running_redis(redis_server_program, password=right.password or None) as server,
        running_sentinel(redis_server_program, tmp_path, server, *words) as (url, _),
    ):
        async with RedisServer(url, credentials=Credentials(password=right.password), timeout_s=1.0) as behind:
            channel = behind.channel("a/b", events_max=100, size_max_bytes=2**20)
            with pytest.raises(ChannelUnavailable, match="NOAUTH"):
                await channel.__aenter__()
            behind.replace_credentials(replace(right, sentinel_password="wrong"))
            with pytest.raises(ChannelUnavailable, match="WRONGPASS"):
                await channel.__aenter__()
            behind.replace_credentials(right)
            async with channel:
                await channel.publish(events_of(1, 1))
