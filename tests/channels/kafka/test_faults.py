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
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
from aiokafka.conn import AIOKafkaConnection
from aiokafka.structs import TopicPartition

from channels.contract import Parked, Subscription
from channels.errors import ChannelUnavailable
from channels.kafka import KafkaChannel, KafkaCluster
from channels.kafka.link import EARLIEST
from channels.witness import Watching, comes, events_of, ids, receive
from tests.channels.kafka.holder import STOPPED_S
from tests.channels.kafka.stage import QUICK, a_channel
from tests.channels.load import Load
from tests.rig.child import Child
from tests.rig.kafka import Kafka

IN_FLIGHT = 64
WATCHED_S = 3.0
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


async def make_anew(cluster: KafkaCluster, topic: str) -> None:
    await cluster._delete([topic])
    while await cluster.link.partitions(topic):
        await asyncio.sleep(0.01)
    await cluster._create(topic, 1, 1, {})


async def publish_all(channel: KafkaChannel, first: int, last: int) -> None:
    """One after the other, each until it is accepted: for some time a broker may not know the topic."""
    for number in range(first, last + 1):
        while True:
            try:
                await channel.publish(events_of(number, number))
            except ChannelUnavailable:
                await asyncio.sleep(0.05)
            else:
                break


async def receive_until(member: Subscription, last: str) -> list[str]:
    """Their ids, acked."""
    found: list[str] = []
    while last not in found:
        held = await member.receive(100)
        member.ack(held)
        found += ids(held)
    return found


@pytest.mark.parametrize("accepted", [3, 30])
async def test_what_is_accepted_after_a_topic_was_made_anew_comes(
    kafka: Kafka, caplog: pytest.LogCaptureFixture, accepted: int
) -> None:
    """Under a group at work, whether it is less or more than was in the one before. The log says so once, the books are
    right, and what the group commits from then on is of this one.
    """
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK, timeout_s=2.0) as cluster,
        a_channel(cluster) as channel,
        channel.subscribe("g") as member,
    ):
        await channel.publish(events_of(1, 10))
        await receive_until(member, "10")
        spent_s, began_s = time.process_time(), time.monotonic()
        await make_anew(cluster, channel.topic.name)
        last = 10 + accepted
        async with asyncio.timeout(20):
            await publish_all(channel, 11, last)
            assert {str(number) for number in range(11, last + 1)}.issubset(await receive_until(member, str(last)))
        await comes((0, accepted, 0), lambda: (channel.statistics().events, channel.statistics().stored, member.lag))
        assert time.process_time() - spent_s < 0.5 * (time.monotonic() - began_s) + 1
        said = [record for record in caplog.records if "made anew" in record.getMessage()]
        assert len(said) <= 1
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster, name=channel.topic.name) as again,
        again.subscribe("g") as member,
    ):
        await again.publish(events_of(99, 99))
        assert ["99"] == await receive_until(member, "99")


async def test_what_is_accepted_in_a_topic_that_was_made_anew_meanwhile_comes(
    kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody was there; an offset of the one before was committed late. What was parked of it is nowhere, and counts as
    damaged: whatever rests at its place is another event.
    """
    name = f"t-{uuid.uuid4().hex}"
    async with KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster:
        async with a_channel(cluster, name=name) as channel, channel.subscribe("g") as member:
            await channel.publish(events_of(1, 10))
            held = await receive(member, 10)
            member.queue("q").park(held[:2], attempts=1)
            member.ack(held)
        await make_anew(cluster, name)
        await cluster.link.commit(channel.topic.group("g"), name, {0: 10})
        async with a_channel(cluster, name=name) as channel:
            await publish_all(channel, 11, 13)
            async with channel.subscribe("g") as member:
                assert ["11", "12", "13"] == await receive_until(member, "13")
                await comes(2, lambda: member.queue("q").waiting)
                assert [] == await member.queue("q").take(9)
                assert (0, 2) == (channel.statistics().events, channel.statistics().damaged)
    assert 1 == len([record for record in caplog.records if "made anew" in record.getMessage()])


async def test_what_is_parked_is_no_other_event_while_its_topic_is_made_anew(kafka: Kafka) -> None:
    """It comes from memory, or counts as damaged; what is accepted then comes as well."""
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK, timeout_s=2.0) as cluster,
        a_channel(cluster) as channel,
        channel.subscribe("g") as member,
    ):
        await channel.publish(events_of(1, 2))
        held = await receive(member, 2)
        member.queue("q").park(held, attempts=1)
        member.ack(held)
        await make_anew(cluster, channel.topic.name)
        async with asyncio.timeout(20):
            await publish_all(channel, 3, 5)
            assert {"3", "4", "5"}.issubset(await receive_until(member, "5"))
        taken: list[Parked] = []
        while member.queue("q").waiting:
            taken += await member.queue("q").take(9)
        assert {"1", "2"}.issuperset(ids(taken))
        assert 2 == len(taken) + channel.statistics().damaged


async def test_what_goes_with_the_retention_under_a_group_is_passed_over(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is behind goes on with what is left."""
    monkeypatch.setattr("channels.kafka.window._EVENTS", 2)
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster) as channel,
        channel.subscribe("g") as member,
    ):
        await channel.publish(events_of(1, 2))
        await comes([2], lambda: [one.next for one in channel._groups["g"]._leases.values()])
        await publish_all(channel, 3, 20)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
        await admin.start()
        await admin.delete_records({TopicPartition(channel.topic.name, 0): RecordsToDelete(before_offset=15)})
        await admin.close()
        async with asyncio.timeout(20):
            came = await receive_until(member, "20")
        assert came[:2] + came[-5:] == ["1", "2", "16", "17", "18", "19", "20"]
        assert len(came) < 20
        await comes(0, lambda: channel.statistics().events)


async def test_a_topic_that_is_gone_costs_nothing(kafka: Kafka) -> None:
    """Whoever reads it looks now and then whether it is back."""
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK, timeout_s=2.0) as cluster,
        a_channel(cluster) as channel,
        channel.subscribe("g"),
    ):
        await cluster.drop(channel.topic)
        await comes(True, lambda: channel.fault is not None)
        spent_s = time.process_time()
        await asyncio.sleep(WATCHED_S)
        assert time.process_time() - spent_s < 0.2 * WATCHED_S
