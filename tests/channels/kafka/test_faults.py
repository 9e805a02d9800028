"""Kafka channels while servers and processes die, stand still and come back; against real ones."""

import asyncio
import gc
import logging
import os
import signal
import sys
import time
import uuid
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.conn import AIOKafkaConnection

from channels.errors import ChannelUnavailable
from channels.kafka import KafkaCluster
from channels.kafka.link import EARLIEST
from channels.witness import Watching, comes, events_of, ids, receive
from tests.channels.kafka.holder import STOPPED_S
from tests.channels.kafka.stage import QUICK, a_channel
from tests.channels.load import Load
from tests.rig.child import Child
from tests.rig.kafka import Kafka

IN_FLIGHT = 64
LATE_S = 0.2
"""Whoever connects after the end, as a commit that is tried again, has done so by then."""


async def test_what_was_accepted_outlives_a_killed_server(kafka_alone: Kafka, caplog: pytest.LogCaptureFixture) -> None:
    """In the middle of a load: nothing of it is lost, what comes twice was on its way, and the log stays quiet."""
    async with (
        KafkaCluster(kafka_alone.bootstrap_servers, timing=QUICK, timeout_s=3.0) as cluster,
        a_channel(cluster, partitions=2, events_max=100_000) as channel,
        channel.subscribe("g") as member,
        Load(channel, member, in_flight=IN_FLIGHT) as load,
    ):
        await load.goes_on()
        caplog.clear()
        kafka_alone.kill()
        began_s = asyncio.get_running_loop().time()
        await asyncio.to_thread(kafka_alone.start)
        await load.goes_on()
        away_s = asyncio.get_running_loop().time() - began_s
        await load.all_come()
    assert load.repeats <= 2 * IN_FLIGHT
    assert len(caplog.records) <= away_s + 2, [record.getMessage() for record in caplog.records]


async def test_what_a_process_held_that_stands_still_moves(kafka: Kafka, tmp_path: Path) -> None:
    """To another one. When it goes on it knows that at once; what it acks of that does nothing, and it parks nothing of
    it to give way.
    """
    topic = f"t-{uuid.uuid4().hex}"
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster, name=topic, partitions=2) as channel,
    ):
        command = (sys.executable, "-m", "tests.channels.kafka.holder", kafka.bootstrap_servers, topic)
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        child = Child(command, tmp_path / "log", environment=environment)
        try:
            await comes(True, lambda: "joined" in child.log)
            for number in range(1, 9):
                await channel.publish(events_of(number, number))
            await comes(True, lambda: "8" in child.log.split())
            child.signal(signal.SIGSTOP)
            async with channel.subscribe("g") as member:
                held = await receive(member, 8)
                await asyncio.sleep(STOPPED_S)
                member.ack(held[:7])
                child.signal(signal.SIGCONT)
                await comes(True, lambda: child.log.endswith(("lost\n", "held\n")))
                assert child.log.endswith("lost\n")
            await comes(False, lambda: child.is_running)
            async with channel.subscribe("g") as member:
                assert ids(held[7:]) == ids(await receive(member, 1))
                assert 1 == channel.statistics().events
        finally:
            child.kill()


async def test_who_stood_still_alone_gets_all_of_it_once_more(kafka: Kafka) -> None:
    """It has nothing at once, as if others had it, and joins again."""
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster, partitions=2) as channel,
        channel.subscribe("g") as member,
    ):
        for number in range(1, 9):
            await channel.publish(events_of(number, number))
        held = await receive(member, 8)
        time.sleep(QUICK.session_s)
        assert [] == [one for one in held if member.holds(one)]
        member.ack(held[:4])
        again = await receive(member, 8)
        assert sorted(ids(held)) == sorted(ids(again))
        member.ack(again)
        await comes(0, lambda: channel.statistics().events)


async def test_partitions_that_are_added_are_read(kafka: Kafka) -> None:
    """From their beginning, by the groups that there are."""
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster) as channel,
        channel.subscribe("g") as member,
    ):
        watcher = Watching()
        member.watch(watcher)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
        await admin.start()
        await admin.create_partitions({channel.topic.name: NewPartitions(total_count=4)})
        await admin.close()
        await comes(4, lambda: channel.partitions)
        for number in range(1, 13):
            await channel.publish(events_of(number, number))
        taken = await receive(member, 12)
        assert {0, 1, 2, 3} == {one.position & 0xFFF for one in taken}
        member.ack(taken)
        await comes(0, lambda: channel.statistics().events)
        assert watcher.changes


async def test_a_topic_that_is_gone_is_a_fault(kafka: Kafka, caplog: pytest.LogCaptureFixture) -> None:
    """The status says so, producers are told, and the log has a line a second at most. No connection stays behind."""
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK, timeout_s=2.0) as cluster,
        a_channel(cluster) as channel,
        channel.subscribe("g"),
    ):
        await channel.publish(events_of(1, 1))
        assert cluster.fault is None
        with caplog.at_level(logging.INFO):
            began_s = asyncio.get_running_loop().time()
            await cluster.drop(channel.topic)
            await comes(True, lambda: cluster.fault is not None and channel.topic.name in cluster.fault)
            with pytest.raises(ChannelUnavailable):
                await channel.publish(events_of(2, 2))
            passed_s = asyncio.get_running_loop().time() - began_s
        assert len(caplog.records) <= passed_s + 2, [record.getMessage() for record in caplog.records]
    await asyncio.sleep(LATE_S)
    assert [] == [one for one in gc.get_objects() if isinstance(one, AIOKafkaConnection) and one.connected()]


async def test_a_topic_that_was_just_made_is_waited_for(kafka: Kafka) -> None:
    """Of several brokers some may not know it yet."""
    topic = f"t-{uuid.uuid4().hex}"
    async with KafkaCluster(kafka.bootstrap_servers) as cluster:
        asking = asyncio.ensure_future(cluster.link.offsets(topic, {0: EARLIEST}))
        await comes(True, lambda: cluster.link.fault is not None)
        await cluster.ensure_compacted(topic, 1, 1)
        assert {0: 0} == await asking


async def test_a_topic_of_others_is_not_made() -> None:
    """Nor is anything else where nobody answers: whoever enters is told."""
    async with KafkaCluster("127.0.0.1:1", timeout_s=0.3) as cluster:
        with pytest.raises(ChannelUnavailable):
            async with a_channel(cluster, is_external=True):
                raise AssertionError
        assert cluster.fault
