"""Kafka while its disk has no room, under load."""

import asyncio
from pathlib import Path

import pytest

from channels.kafka import KafkaCluster
from channels.witness import comes
from tests.channels.kafka.stage import QUICK, a_channel
from tests.channels.load import Load
from tests.rig.fixture import miss
from tests.rig.kafka import running_kafka
from tests.rig.kafka_jars import has_kafka
from tests.rig.volume import small_volume

IN_FLIGHT = 64


async def test_a_full_disk_costs_no_event(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The broker ends itself, and producers are refused; started again once there is room it goes on with all that was
    accepted.
    """
    if not has_kafka():
        miss("Kafka")
    with small_volume(tmp_path / "disk") as volume, running_kafka(folder=volume.folder) as own:
        async with (
            KafkaCluster(own.bootstrap_servers, timing=QUICK, timeout_s=2.0) as cluster,
            a_channel(cluster, partitions=2, events_max=100_000) as channel,
            channel.subscribe("g") as member,
            Load(channel, member, in_flight=IN_FLIGHT) as load,
        ):
            await load.goes_on()
            caplog.clear()
            began_s = asyncio.get_running_loop().time()
            volume.fill(own.pid)
            await load.is_refused()
            await comes(False, lambda: own.is_running)
            assert cluster.fault
            volume.free(own.pid)
            await asyncio.to_thread(own.start)
            await load.goes_on()
            passed_s = asyncio.get_running_loop().time() - began_s
            await load.all_come()
    assert load.repeats <= 2 * IN_FLIGHT
    assert len(caplog.records) <= passed_s + 2, [record.getMessage() for record in caplog.records]
