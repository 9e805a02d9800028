"""What slow deliveries live through while processes join and leave a group, or merely publish; on a real server."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from channels.contract import Delivery, Subscription
from channels.kafka import KafkaChannel, KafkaCluster
from channels.kafka.topic import place_of
from channels.witness import Watching, comes, events_of, ids, receive
from tests.channels.kafka.stage import QUICK, a_channel
from tests.channels.load import Load
from tests.rig.kafka import Kafka

PARTITIONS = 4
SLOW = 8
COMINGS = 3


@asynccontextmanager
async def a_process(kafka: Kafka, topic: str) -> AsyncIterator[KafkaChannel]:
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster, name=topic, partitions=PARTITIONS, events_max=100_000) as channel,
    ):
        yield channel


async def some_slow(channel: KafkaChannel, member: Subscription) -> list[Delivery]:
    """Held by the member, of all partitions."""
    for number in range(SLOW):
        await channel.publish(events_of(-number, -number))
    held = await receive(member, SLOW)
    assert PARTITIONS == len({partition_of(one) for one in held})
    return held


def partition_of(delivery: Delivery) -> int:
    return place_of(delivery.position)[0]


async def test_who_only_publishes_disturbs_nobody_who_delivers(kafka: Kafka) -> None:
    """Under load, and however often it comes: nobody is asked to give way, and nothing comes twice."""
    topic = f"t-{uuid.uuid4().hex}"
    async with a_process(kafka, topic) as channel, channel.subscribe("g") as member:
        watcher = Watching()
        member.watch(watcher)
        held = await some_slow(channel, member)
        async with Load(channel, member) as load:
            await load.goes_on()
            for _ in range(COMINGS):
                async with a_process(kafka, topic) as publisher:
                    await publisher.ensure("g")
                    await load.goes_on()
            await load.all_come()
        assert (0, 0) == (watcher.asked, load.repeats)
        assert set(ids(held)).isdisjoint(load.came)
        assert all(member.holds(one) for one in held)


async def test_what_takes_longer_than_a_takeover_waits_comes_again_where_its_partition_moves_alone(
    kafka: Kafka,
) -> None:
    """Who keeps a partition keeps what it holds of it, whatever the others do: it settles that, and gets it once."""
    topic = f"t-{uuid.uuid4().hex}"
    async with a_process(kafka, topic) as channel, channel.subscribe("g") as member:
        held = await some_slow(channel, member)
        began_s = asyncio.get_running_loop().time()
        async with a_process(kafka, topic) as other, other.subscribe("g") as heir:
            first = await receive(heir, SLOW // 2)
            assert asyncio.get_running_loop().time() - began_s > QUICK.patience_s
            moved = {partition_of(one) for one in first}
            stayed = [one for one in held if partition_of(one) not in moved]
            assert PARTITIONS // 2 == len(moved)
            assert sorted(ids(first)) == sorted(one.event.id for one in held if one not in stayed)
            assert stayed == [one for one in held if member.holds(one)]
            member.ack(stayed)
            heir.ack(first)
            for number in range(1, SLOW + 1):
                await channel.publish(events_of(number, number))
            later = await receive(member, SLOW // 2) + await receive(heir, SLOW // 2)
            assert [str(number) for number in range(1, SLOW + 1)] == sorted(ids(later))
            member.ack(later)
            heir.ack(later)
            await comes(0, lambda: channel.statistics().events)


async def test_what_is_held_of_partitions_that_stay_outlives_a_process_that_comes_and_goes(kafka: Kafka) -> None:
    """Only what moved comes again, and of that each once for each time that it moved."""
    topic = f"t-{uuid.uuid4().hex}"
    async with a_process(kafka, topic) as channel, channel.subscribe("g") as member:
        held = await some_slow(channel, member)
        async with a_process(kafka, topic) as other, other.subscribe("g") as heir:
            first = await receive(heir, SLOW // 2)
        moved = {partition_of(one) for one in first}
        again = await receive(member, SLOW // 2)
        assert moved == {partition_of(one) for one in again}
        assert sorted(ids(first)) == sorted(ids(again))
        await channel.publish(events_of(1, 1))
        assert ["1"] == ids(await receive(member, 1))
        assert [partition_of(one) not in moved for one in held] == [member.holds(one) for one in held]
