"""What is parked is named, not stored once more: until it has waited for long."""

import time
import uuid
from functools import partial

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from channels.contract import Subscription
from channels.kafka import KafkaChannel, KafkaCluster
from channels.kafka.copying import Copying
from channels.kafka.link import EARLIEST
from channels.witness import an_event, comes, events_of, ids, receive, take
from tests.channels.kafka.stage import QUICK, a_channel
from tests.rig.kafka import Kafka

FUTURE_US = 2**60
HOUR_US = 3_600_000_000
LARGE_BYTES = 20 * 2**20


async def parked(channel: KafkaChannel, member: Subscription, count: int, *, is_ordered: bool = False) -> None:
    """So many in `q`, the odd ones with an attempt more than the even ones."""
    await channel.publish(events_of(1, count))
    held = await receive(member, count)
    queue = member.queue("q", is_ordered=is_ordered)
    queue.park(held[::2], attempts=1)
    queue.park(held[1::2], attempts=2, note=b"x")
    member.ack(held)


async def truncate(kafka: Kafka, channel: KafkaChannel) -> None:
    """As retention does it: nothing of the log is left."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    ends = dict(enumerate(channel.book.ends))
    await admin.delete_records(
        {TopicPartition(channel.topic.name, one): RecordsToDelete(before_offset=end) for one, end in ends.items()}
    )
    await admin.close()
    link = channel._cluster.link
    assert ends == await link.offsets(channel.topic.name, dict.fromkeys(ends, EARLIEST))


async def test_what_was_copied_outlives_the_log(kafka: Kafka) -> None:
    """For this process and for the next one, in order where that is kept."""
    name = f"t-{uuid.uuid4().hex}"
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster, name=name) as channel,
        channel.subscribe("g") as member,
    ):
        await parked(channel, member, 9, is_ordered=True)
        assert await channel.parking.copy(FUTURE_US, 100)
        assert channel.parking.oldest_us is None
        channel.parking.index.write_out()
        await channel.state_stored()
        await truncate(kafka, channel)
        first = await take(member.queue("q", is_ordered=True), 1)
        assert ["1"] == ids(first)
        member.ack(first)
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster, name=name) as channel,
        channel.subscribe("g") as member,
    ):
        taken = await take(member.queue("q", is_ordered=True), 8)
        assert ["2", "3", "4", "5", "6", "7", "8", "9"] == ids(taken)
        assert [(2, b"x"), (1, b"")] * 4 == [(one.attempts, one.note) for one in taken]
        member.ack(taken)
        assert (0, 0) == (channel.statistics().events, channel.statistics().damaged)


async def test_copying_goes_on_where_it_stopped(kafka: Kafka) -> None:
    """Not too much at once; what somebody has is left alone."""
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster) as channel,
        channel.subscribe("g") as member,
    ):
        await parked(channel, member, 8)
        taken = await take(member.queue("q"), 1)
        assert not await channel.parking.copy(FUTURE_US, 2)
        assert await channel.parking.copy(FUTURE_US, 100)
        assert 8 == member.queue("q").events
        member.ack([*taken, *await take(member.queue("q"), 7)])
        assert 0 == channel.statistics().events


async def test_what_the_log_has_let_go_is_counted(kafka: Kafka) -> None:
    """It is nowhere any more, and holds up nothing."""
    name = f"t-{uuid.uuid4().hex}"
    async with KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster:
        async with a_channel(cluster, name=name) as channel, channel.subscribe("g") as member:
            await parked(channel, member, 4)
        async with a_channel(cluster, name=name) as channel, channel.subscribe("g") as member:
            await comes(4, lambda: member.queue("q").waiting)
            await truncate(kafka, channel)
            assert [] == await member.queue("q").take(9)
            assert (0, 4) == (channel.statistics().events, channel.statistics().damaged)


async def test_what_another_process_settled_stays_settled(kafka: Kafka) -> None:
    """Also for the one that had parked it, when it has its turn again."""
    name = f"t-{uuid.uuid4().hex}"
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as other_cluster,
        a_channel(cluster, name=name) as channel,
        a_channel(other_cluster, name=name) as other,
    ):
        async with channel.subscribe("g") as member:
            await parked(channel, member, 6)
        async with other.subscribe("g") as member:
            await comes(6, lambda: member.queue("q").waiting)
            taken = await take(member.queue("q"), 4)
            member.ack(taken)
        await comes(2, lambda: channel.statistics().events)
        async with channel.subscribe("g") as member:
            assert {"1", "2", "3", "4", "5", "6"}.difference(ids(taken)) == set(ids(await take(member.queue("q"), 2)))
            assert 2 == member.queue("q").events


async def test_a_part_of_the_retention_is_waited_for(kafka: Kafka) -> None:
    """A quarter of Kafka's seven days; what is younger rests in the log alone."""
    now_us = time.time_ns() // 1000
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster) as channel,
        channel.subscribe("g") as member,
    ):
        copying = Copying(channel.parking, partial(cluster.link.settings, channel.topic.name))
        await parked(channel, member, 2)
        await copying.look(now_us + 41 * HOUR_US)
        assert channel.parking.oldest_us is not None
        await copying.look(now_us + 43 * HOUR_US)
        assert channel.parking.oldest_us is None
        assert 2 == member.queue("q").events


@pytest.mark.parametrize("is_allowed", [True, False])
async def test_a_large_event_that_waits_is_not_lost(kafka: Kafka, *, is_allowed: bool) -> None:
    """The topic beside the log takes its copy. Where it does not, and may not be changed, that is a fault; it is kept
    in the log, in this process and the next one.
    """
    name, data = f"t-{uuid.uuid4().hex}", bytes(LARGE_BYTES)
    large = {"config": {"max.message.bytes": str(2 * LARGE_BYTES)}, "name": name, "size_max_bytes": 2**30}
    async with KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster:
        async with a_channel(cluster, **large) as channel, channel.subscribe("g") as member:
            if not is_allowed:
                await cluster.link.change_settings(channel.topic.state, {"max.message.bytes": str(2**20)})
            await channel.publish([an_event("1", data), an_event("2")])
            held = await receive(member, 2)
            member.queue("q").park(held)
            member.ack(held)
            assert await channel.parking.copy(FUTURE_US, 100)
            channel.parking.index.write_out()
            await channel.state_stored()
            if is_allowed:
                await truncate(kafka, channel)
            else:
                await comes(True, lambda: "copies of 1 events" in (channel.fault or ""))
                assert channel.parking.oldest_us is None
        async with a_channel(cluster, **large) as channel, channel.subscribe("g") as member:
            taken = await take(member.queue("q"), 2)
            assert {"1": data, "2": None} == {one.event.id: one.event.data for one in taken}
