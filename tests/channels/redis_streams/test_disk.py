"""Redis while its disk has no room, under load."""

from pathlib import Path

import pytest

from channels.redis_streams import RedisServer
from channels.witness import comes
from tests.channels.load import Load
from tests.rig.redis import Fsync, running_redis
from tests.rig.volume import small_volume

IN_FLIGHT = 64


@pytest.mark.parametrize("fsync", ["always", "everysec"])
async def test_a_full_disk_costs_no_event(redis_server_program: Path, tmp_path: Path, fsync: Fsync) -> None:
    """Producers are refused; once there is room it goes on with all that was accepted. With `always` Redis ends itself,
    and has to be started again; with `everysec` it waits.
    """
    with (
        small_volume(tmp_path / "disk") as volume,
        running_redis(redis_server_program, folder=volume.folder, fsync=fsync) as own,
    ):
        async with (
            RedisServer(own.url, timeout_s=1.0) as server,
            server.channel("default/orders", events_max=100_000, size_max_bytes=2**30) as channel,
            channel.subscribe("g") as member,
            Load(channel, member, in_flight=IN_FLIGHT) as load,
        ):
            await load.goes_on()
            volume.fill(own.pid)
            await load.is_refused()
            await comes(fsync == "everysec", lambda: own.is_running)
            assert server.fault
            volume.free(own.pid)
            if not own.is_running:
                own.start()
            await load.goes_on()
            assert server.fault is None
            await load.all_come()
    assert load.repeats <= 2 * IN_FLIGHT
