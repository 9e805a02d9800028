"""Whatever stands in a Broker's topic: nothing of it stops what is behind it."""

import asyncio
import logging
import uuid
from collections.abc import Sequence

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.structs import TopicPartition

from channels.event import Event
from channels.kafka import KafkaChannel, KafkaCluster, Topic
from channels.kafka.batch import Found
from channels.kafka.consumer import Consumer
from channels.kafka.lease import committed_offsets
from channels.kafka.member import Member
from channels.kafka.portion import Portion
from channels.witness import comes, events_of, ids, receive
from tests.channels.kafka.batches import GZIP, LZ4, SNAPPY, ZSTD, a_batch, checked, named_amiss, of_codec
from tests.channels.kafka.stage import QUICK
from tests.rig.kafka import Kafka

ANY_TIME = {"message.timestamp.after.max.ms": str(2**63 - 1), "retention.ms": "-1"}
"""Retention goes by what records say."""
STRUCTURED = ("content-type", b"application/cloudevents+json")
SECONDS, NANOSECONDS = 1_700_000_000, 1_700_000_000_000_000_000


def cloudevent(name: str) -> list[tuple[str, bytes | None]]:
    return [("ce_specversion", b"1.0"), ("ce_id", name.encode()), ("ce_source", b"/s"), ("ce_type", b"t")]


def a_timeless_channel(cluster: KafkaCluster, name: str = "") -> KafkaChannel:
    topic = Topic(name or f"t-{uuid.uuid4().hex}", 1, 1, ANY_TIME)
    return cluster.channel("default/orders", topic=topic)


async def write(kafka: Kafka, topic: str, batches: Sequence[bytes]) -> None:
    """As they are: the broker looks at their checksum and their form."""
    client = AIOKafkaClient(bootstrap_servers=kafka.bootstrap_servers)
    await client.bootstrap()
    try:
        await client.add_topic(topic)
        leader = client.cluster.leader_for_partition(TopicPartition(topic, 0))
        for body in batches:
            answer = await client.send(leader, ProduceRequest(None, -1, 5000, [(topic, [(0, body)])]))
            assert 0 == answer.topics[0][1][0][1]
    finally:
        await client.close()


def overwrite(kafka: Kafka, topic: str, batches: Sequence[bytes]) -> None:
    """Each batch of the log by one of its length, as a disk may: the offset stays."""
    path = kafka.segment(topic)
    body, found = path.read_bytes(), b""
    for batch, other in zip(Portion(0, 0, 0, body).batches(), batches, strict=True):
        assert batch.end - batch.begin == len(other)
        found += body[batch.begin : batch.begin + 8] + other[8:]
    with path.open("r+b") as file:
        file.write(found)


async def all_of(channel: KafkaChannel, member: Member, count: int) -> list[str]:
    """So many are received, and with them all is settled; with the member that joined first."""
    (group,) = channel._groups.values()
    consumer = group._consumer
    taken = await receive(member, count)
    member.ack(taken)
    async with asyncio.timeout(10):
        while committed_offsets(*(await channel.committed("g"))[0]).mark != (channel.book.ends[0], 0):
            await asyncio.sleep(0.02)
    assert consumer is group._consumer
    assert 0 == member.lag
    return ids(taken)


async def test_whatever_a_client_may_write_is_an_event(kafka: Kafka) -> None:
    """Names that are no UTF-8, times of any unit, event formats that nobody here knows."""
    poison = [
        named_amiss(b"1", b"2"),
        named_amiss(b"", headers=cloudevent("named amiss")),
        a_batch(b"", time_ms=SECONDS),
        a_batch(b"", time_ms=NANOSECONDS // 1000),
        a_batch(b"", time_ms=NANOSECONDS),
        a_batch(b"", time_ms=-2),
        a_batch(b"", headers=cloudevent("nanoseconds"), time_ms=NANOSECONDS),
        a_batch(b"\x00", headers=[("content-type", b"application/cloudevents+avro")]),
        a_batch(b"[" * 100_000, headers=[STRUCTURED]),
        a_batch(b"", headers=[("ce_id", b"\xff"), ("ce_id", None), ("", b""), ("eventing-view", b"\xc1")]),
    ]
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_timeless_channel(cluster) as channel,
        channel.subscribe("g") as member,
    ):
        for number, body in enumerate(poison):
            await write(kafka, channel.topic.name, [body])
            await channel.publish(events_of(number, number))
        found = await all_of(channel, member, 21)
        made = [f"partition:0/offset:{at}" for at in range(21)]
        assert [*made[:2], "0", "named amiss", "1", made[5], "2", made[7], "3"] == found[:9]
        assert [made[9], "4", made[11], "5", "nanoseconds", "6", made[15], "7"] == found[9:17]
        assert [made[17], "8", made[19], "9"] == found[17:]
        assert 0 == channel.statistics().damaged


async def test_what_cannot_be_read_is_set_aside_once(kafka: Kafka, caplog: pytest.LogCaptureFixture) -> None:
    """Batches with another checksum, or that do not decompress; of a batch with a record of another form that one
    alone. All others come, in their order.
    """
    good = [a_batch(b"", headers=cloudevent(f"good {number}")) for number in range(5)]
    three = a_batch(b"one", b"two", b"six", headers=cloudevent("of three"))
    checksum = three[:-1] + bytes([three[-1] ^ 1])
    second = three.index(b"two") - 1
    form = checked(three[:second] + b"\xfe" + three[second + 1 :])
    codecs = [of_codec(three, codec) for codec in (GZIP, SNAPPY, LZ4, ZSTD, 7)]
    stored = [good[0], three, good[1], three, good[2], *([three] * 5), good[3]]
    damaged = [good[0], checksum, good[1], form, good[2], *codecs, good[3]]
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_timeless_channel(cluster) as channel,
    ):
        await write(kafka, channel.topic.name, stored)
        overwrite(kafka, channel.topic.name, damaged)
        with caplog.at_level(logging.WARNING):
            async with channel.subscribe("g", start="earliest") as member:
                await write(kafka, channel.topic.name, [good[4]])
                expected = ["good 0", "good 1", "of three", "of three", "good 2", "good 3", "good 4"]
                assert expected == await all_of(channel, member, 7)
                assert None is channel.fault
        assert 3 + 1 + 15 == channel.statistics().damaged
        assert [f"{channel.topic.name}: what cannot be read is set aside"] == [
            line.partition(",")[0] for line in (record.getMessage() for record in caplog.records)
        ]
        async with channel.subscribe("g") as member:
            await channel.publish(events_of(1, 1))
            assert ["1"] == ids(await receive(member, 1))
        assert 19 == channel.statistics().damaged


async def test_one_that_waits_beside_a_damaged_one_comes_again(kafka: Kafka) -> None:
    """It is read where it rests, with what is near it."""
    good = [a_batch(b"v", headers=cloudevent(f"good {number}")) for number in range(2)]
    topic = f"t-{uuid.uuid4().hex}"
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_timeless_channel(cluster, topic) as channel,
    ):
        await write(kafka, topic, [good[0], good[0], good[1]])
        async with channel.subscribe("g", start="earliest") as member:
            taken = await receive(member, 3)
            member.queue("q").park([taken[0], taken[2]], after_s=0.0, attempts=1)
            member.ack(taken)
            await channel.state_stored()
    overwrite(kafka, topic, [good[0], good[0][:-1] + b"x", good[1]])
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_timeless_channel(cluster, topic) as channel,
        channel.subscribe("g") as member,
    ):
        found: list[str] = []
        while len(found) < 2:
            found += ids(await member.queue("q").take(2))
        assert ["good 0", "good 1"] == found


async def test_an_error_that_nobody_foresaw_is_no_storm(
    kafka: Kafka, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again ever more seldom, and said all the while: in the status, and with its trace in the log. Then
    nothing is missing.
    """
    monkeypatch.setattr("channels.kafka.channel._LOOK_S", 0.05)
    joins: list[str] = []
    async with KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster, a_timeless_channel(cluster) as channel:
        event_of, consumer = channel.reading.event_of, channel.consumer

        def fail(partition: int, record: Found) -> Event:
            raise KeyError(record.value)

        def counted(group: str) -> Consumer:
            joins.append(group)
            return consumer(group)

        channel.consumer = counted
        async with channel.subscribe("g") as member:
            channel.reading.event_of = fail
            await write(kafka, channel.topic.name, [a_batch(b"bug")])
            await channel.publish(events_of(1, 1))
            await comes("KeyError: b'bug'", lambda: channel.fault)
            began_s = asyncio.get_running_loop().time()
            while (passed_s := asyncio.get_running_loop().time() - began_s) < 2.0:
                assert "KeyError: b'bug'" == channel.fault
                await asyncio.sleep(0.01)
            assert 2 <= len(joins) <= 6
            lines = [record for record in caplog.records if record.name == "channels.kafka"]
            assert 1 <= len(lines) <= passed_s + 1
            assert all(line.exc_info is not None for line in lines)
            channel.reading.event_of = event_of
            assert ["partition:0/offset:0", "1"] == ids(await receive(member, 2))
            await comes(None, lambda: channel.fault)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
@pytest.mark.parametrize("is_broker_s", [False, True])
async def test_what_was_compressed_is_read(kafka: Kafka, codec: str, *, is_broker_s: bool) -> None:
    """By its producer, or by Java's libraries, where the topic wants it so."""
    topic = Topic(f"t-{uuid.uuid4().hex}", 1, 1, {"compression.type": codec if is_broker_s else "producer"})
    values = [b"%d" % number * 20_000 for number in range(5)]
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        cluster.channel("default/orders", topic=topic) as channel,
        channel.subscribe("g") as member,
        AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap_servers, compression_type=None if is_broker_s else codec, linger_ms=20
        ) as producer,
    ):
        sent = [await producer.send(topic.name, value, headers=cloudevent("x")) for value in values]
        await asyncio.gather(*sent)
        await channel.publish(events_of(1, 1))
        taken = await receive(member, 6)
        assert values == [one.event.data for one in taken[:5]]
        assert "1" == taken[5].event.id
        assert 0 == channel.statistics().damaged
        assert sum(map(len, values)) > kafka.segment(topic.name).stat().st_size
