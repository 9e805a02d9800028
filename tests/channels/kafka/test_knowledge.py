"""What is known of a channel outlives its state topic, and an open that came to nothing."""

import asyncio
import time
import uuid
from collections.abc import Sequence

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from channels.contract import Delivery, Subscription
from channels.dead_letter import EVERYTHING
from channels.dead_letter_witness import BILL
from channels.errors import ChannelUnavailable
from channels.kafka import KafkaChannel, KafkaCluster
from channels.kafka.link import Link
from channels.kafka.producing import Appended, Record
from channels.witness import WAIT_MAX_S, comes, events_of, ids, receive, take
from tests.channels.kafka.stage import QUICK, a_channel
from tests.rig.kafka import Kafka

LEAVE_MAX_S = 3.0
"""A process that stops is not kept from it by a topic."""
REFUSED = ChannelUnavailable("no coordinator")


async def keep_something(channel: KafkaChannel, member: Subscription) -> None:
    """Three events that are parked, and a note."""
    await channel.publish(events_of(1, 3))
    held = await receive(member, 3)
    member.queue("q").park(held, attempts=2)
    member.ack(held)
    channel.remember("n", b"x")
    await channel.state_stored()


async def has_something(channel: KafkaChannel) -> None:
    """All of that is known, and comes."""
    assert {"n": b"x"} == dict(channel.remembered)
    async with channel.subscribe("g", start="earliest") as member:
        taken = await take(member.queue("q"), 3)
        assert (["1", "2", "3"], [2, 2, 2]) == (sorted(ids(taken)), [one.attempts for one in taken])
        assert 3 == channel.statistics().events


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_an_open_that_came_to_nothing_leaves_nothing(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch, *, is_cancelled: bool
) -> None:
    """At its last step, by a fault or because nobody waits any more: the next one knows all."""
    name = f"t-{uuid.uuid4().hex}"
    async with KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster:
        async with a_channel(cluster, name=name) as channel, channel.subscribe("g") as member:
            await keep_something(channel, member)
        is_asked = asyncio.Event()

        async def committed(*_: str) -> dict[int, tuple[int, str]]:
            is_asked.set()
            if is_cancelled:
                await asyncio.Future()
            raise REFUSED

        with monkeypatch.context() as patch:
            patch.setattr(cluster.link, "committed", committed)
            opening = asyncio.ensure_future(a_channel(cluster, name=name).__aenter__())
            await is_asked.wait()
            if is_cancelled:
                opening.cancel()
            with pytest.raises(asyncio.CancelledError if is_cancelled else ChannelUnavailable):
                await opening
        async with a_channel(cluster, name=name) as channel:
            await has_something(channel)


async def test_a_state_topic_that_is_gone_is_made_again(kafka: Kafka, caplog: pytest.LogCaptureFixture) -> None:
    """It is a fault for a moment. What the process knew is there for the next one, and commits go on; another channel's
    dead letters come and go meanwhile.
    """
    name, letters = f"t-{uuid.uuid4().hex}", f"letters-{uuid.uuid4().hex}"
    async with KafkaCluster(kafka.bootstrap_servers, timing=QUICK, dead_letter_topic=letters) as cluster:
        async with a_channel(cluster, name=name, partitions=2) as channel, channel.subscribe("g") as member:
            await keep_something(channel, member)
            await delete(kafka, channel.topic.state)
            cluster.dead_letters.add(BILL, "r", events_of(5, 5)[0], ())
            await found(1, cluster)
            assert {BILL: 1} == await cluster.dead_letters.discard(EVERYTHING)
            await comes(True, lambda: channel.topic.state in (channel.fault or ""))
            await comes(None, lambda: channel.fault)
            member.ack(await publish_and_receive(channel, member))
            await is_committed(channel)
        assert 1 == len([one for one in caplog.records if "with what this process knows" in one.getMessage()])
    async with KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster, a_channel(cluster, name=name) as channel:
        await has_something(channel)


async def test_who_leaves_is_not_kept_by_a_state_topic_that_is_gone(kafka: Kafka) -> None:
    """Commits wait for it one at a time, and the last of them not for long."""
    async with KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster, a_channel(cluster) as channel:
        async with channel.subscribe("g") as member:
            await keep_something(channel, member)
            channel._knowledge._partitions = 0  # it is not made again
            await delete(kafka, channel.topic.state)
            await comes(0, lambda: len(cluster.link._client.cluster.partitions_for_topic(channel.topic.state) or ()))
            for _ in range(5):
                taken = await publish_and_receive(channel, member)
                member.queue("q").park(taken)
                member.ack(taken)
            began_s = time.monotonic()
        assert time.monotonic() - began_s < LEAVE_MAX_S


async def test_a_state_topic_that_was_made_anew_by_another_process_is_written_by_all(kafka: Kafka) -> None:
    """Each what it has itself: whoever comes after them finds all of it."""
    name = f"t-{uuid.uuid4().hex}"
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as one,
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as other,
        a_channel(one, name=name) as channel,
        a_channel(other, name=name) as beside,
        channel.subscribe("g") as member,
    ):
        await keep_something(channel, member)
        channel._knowledge._partitions = 0  # the other one is quicker
        await delete(kafka, channel.topic.state)
        await comes(True, lambda: channel.topic.state in (beside.fault or ""))
        await comes(None, lambda: beside.fault)
        await comes(True, lambda: not one.tail._seeking)
        await channel.state_stored()
    async with KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster, a_channel(cluster, name=name) as channel:
        await has_something(channel)


class FullLink(Link):
    """To a cluster that stores nothing."""

    async def produce(self, topic: str, partition: int, records: Sequence[Record]) -> Appended:
        raise ChannelUnavailable("too few replicas are in sync")


async def test_nothing_is_committed_whose_dead_letter_is_not_stored(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends then would lose it."""
    letters = f"letters-{uuid.uuid4().hex}"
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK, dead_letter_topic=letters) as cluster,
        a_channel(cluster) as channel,
        channel.subscribe("g") as member,
    ):
        with monkeypatch.context() as patch:
            patch.setattr(cluster.dead_letters._writer, "_link", FullLink("nowhere", {}, timeout_s=1.0))
            taken = await publish_and_receive(channel, member)
            cluster.dead_letters.add(BILL, "r", taken[0].event, ())
            member.ack(taken)
            await comes(True, lambda: "dead letter" in (channel.fault or ""))
            assert "in sync" in (cluster.fault or "")
            assert {0: (0, "")} == await channel.committed("g")
        await is_committed(channel)
        await found(1, cluster)


async def test_a_topic_of_dead_letters_that_is_gone_is_made_again(kafka: Kafka) -> None:
    """What is to be stored there is, and Brokers go on."""
    letters = f"letters-{uuid.uuid4().hex}"
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK, dead_letter_topic=letters) as cluster,
        a_channel(cluster) as channel,
        channel.subscribe("g") as member,
    ):
        await delete(kafka, letters)
        taken = await publish_and_receive(channel, member)
        cluster.dead_letters.add(BILL, "r", taken[0].event, ())
        member.ack(taken)
        await comes(True, lambda: letters in (channel.fault or ""))
        await found(1, cluster)
        await is_committed(channel)
        await comes(None, lambda: channel.fault)


async def delete(kafka: Kafka, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.delete_topics([topic])
    await admin.close()


async def found(count: int, cluster: KafkaCluster) -> None:
    """So many dead letters, before long."""
    async with asyncio.timeout(WAIT_MAX_S):
        while len(await cluster.dead_letters.find(EVERYTHING, limit=count + 1)) != count:
            await asyncio.sleep(0.02)


async def publish_and_receive(channel: KafkaChannel, member: Subscription) -> list[Delivery]:
    await channel.publish(events_of(9, 9))
    return await receive(member, 1)


async def is_committed(channel: KafkaChannel) -> None:
    """All that is in the log."""
    async with asyncio.timeout(WAIT_MAX_S):
        while sum([offset for offset, _ in (await channel.committed("g")).values()]) != sum(channel.book.ends):
            await asyncio.sleep(0.02)
