"""Behind Sentinels the master is found, and after a failover the next one."""

import asyncio
from pathlib import Path

from channels.errors import ChannelUnavailable
from channels.redis_streams import RedisServer
from channels.witness import events_of, ids, in_time, receive
from tests.e2e.process import wait_until
from tests.rig.child import Child, free_port
from tests.rig.redis import HOST, running_redis


async def test_a_failover_is_followed(redis_server_program: Path, tmp_path: Path) -> None:
    """What was stored before it, and had reached the replica, goes on there."""
    with running_redis(redis_server_program) as first, running_redis(redis_server_program) as second:
        second.call("REPLICAOF", HOST, first.port)
        wait_until(lambda: second.call("INFO", "replication")["master_link_status"] == "up", "the replica follows")
        port = free_port()
        configuration = tmp_path / "sentinel.conf"
        configuration.write_text(
            f"port {port}\nbind {HOST}\ndir {tmp_path}\nsentinel monitor events {HOST} {first.port} 1\n"
            "sentinel down-after-milliseconds events 300\nsentinel failover-timeout events 2000\n"
        )
        sentinel = Child((str(redis_server_program), str(configuration), "--sentinel"), tmp_path / "log")
        try:
            wait_until(lambda: f"+slave slave {HOST}:{second.port}" in sentinel.log, "the Sentinel knows the replica")
            url = f"redis+sentinel://{HOST}:{port}/events"
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
        finally:
            sentinel.stop()
