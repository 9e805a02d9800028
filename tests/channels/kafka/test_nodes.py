"""Kafka channels on a cluster of three nodes, of which one at a time dies under load."""

import asyncio
import itertools

import pytest

from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.kafka import KafkaCluster
from channels.kafka.channel import KafkaChannel
from channels.witness import in_time
from tests.channels.kafka.stage import QUICK, a_channel
from tests.channels.load import Load
from tests.e2e.process import wait_until
from tests.rig.kafka_cluster import REPLICAS, KafkaNodes

IN_FLIGHT = 64
AWAY_MAX_S = 8.0
"""Within this the two that are left lead all partitions, and are found."""


async def test_a_leader_that_is_killed_costs_seconds(kafka_nodes: KafkaNodes, caplog: pytest.LogCaptureFixture) -> None:
    """Publishing goes on beside the others, nothing that was accepted is lost, and the log stays quiet. Each of them is
    killed in its turn, and comes back: so the group's coordinator and the controller are among them.
    """
    async with (
        KafkaCluster(kafka_nodes.bootstrap_servers, timing=QUICK, timeout_s=3.0) as cluster,
        a_channel(cluster, partitions=REPLICAS, replicas=REPLICAS, events_max=100_000) as channel,
        channel.subscribe("g") as member,
        Load(channel, member, in_flight=IN_FLIGHT) as load,
    ):
        await load.goes_on()
        for number, node in kafka_nodes.nodes.items():
            assert number in await asyncio.to_thread(leaders, kafka_nodes, channel)
            caplog.clear()
            node.kill()
            began_s = asyncio.get_running_loop().time()
            await in_time(everywhere(channel), "some partition has no leader")
            await load.goes_on()
            away_s = asyncio.get_running_loop().time() - began_s
            assert away_s < AWAY_MAX_S
            assert len(caplog.records) <= away_s + 2, [record.getMessage() for record in caplog.records]
            await asyncio.to_thread(node.start)
            await asyncio.to_thread(wait_until, lambda: is_whole(kafka_nodes, channel), "all are in sync")
        await load.all_come()
    assert load.repeats <= REPLICAS * IN_FLIGHT


async def everywhere(channel: KafkaChannel) -> None:
    """Store something in all partitions at once, as soon as that is possible."""
    base = {"specversion": b"1.0", "id": b"key", "source": b"/keys", "type": b"law"}
    events = [Event({**base, "partitionkey": str(key).encode()}, {}, None) for key in range(4 * REPLICAS)]
    while True:
        try:
            positions = await channel.publish(events)
        except ChannelUnavailable:
            await asyncio.sleep(0.05)
        else:
            assert {*range(REPLICAS)} == {position & 0xFFF for position in positions}
            return


def leaders(nodes: KafkaNodes, channel: KafkaChannel) -> set[int]:
    return {nodes.leader(channel.topic.name, partition) for partition in range(REPLICAS)}


def is_whole(nodes: KafkaNodes, channel: KafkaChannel) -> bool:
    """Whether any node could be lost."""
    places = itertools.product((channel.topic.name, channel.topic.state), range(REPLICAS))
    return all({*nodes.nodes} == nodes.in_sync(topic, partition) for topic, partition in places)
