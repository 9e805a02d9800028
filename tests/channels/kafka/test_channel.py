"""What Kafka's own clients write to a channel's topic, and how it comes in."""

import asyncio
import uuid

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.kafka import KafkaCluster, Security, Topic
from channels.kafka.lease import committed_offsets
from channels.witness import an_event, events_of, ids, receive
from tests.channels.kafka.stage import QUICK, a_channel
from tests.rig.kafka import PASSWORD, USER, Kafka

BINARY = [("ce_specversion", b"1.0"), ("ce_id", b"7"), ("ce_source", b"/s"), ("ce_type", b"t")]


async def test_what_any_client_writes_is_an_event(kafka: Kafka) -> None:
    """Binary, structured, or made one; none of them stops those behind it."""
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster) as channel,
        channel.subscribe("g") as member,
        AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers) as producer,
    ):
        name, structured = channel.topic.name, [("content-type", b"application/cloudevents+json")]
        text = b'{"specversion":"1.0","id":"8","source":"/s","type":"t"}'
        await producer.send_and_wait(name, b"data", headers=BINARY)
        await producer.send_and_wait(name, text, headers=structured)
        await producer.send_and_wait(name, b"{", headers=structured)
        await producer.send_and_wait(name, None, key=b"\xff", headers=[("ce_", b""), ("a", b"b")])
        await channel.publish(events_of(9, 9))
        taken = await receive(member, 5)
        assert ["7", "8", "partition:0/offset:2", "partition:0/offset:3", "9"] == ids(taken)
        assert (b"data", None) == (taken[0].event.data, taken[0].event.get("knativekafkaoffset"))
        assert {"/kafka/" + name} == {one.event.source for one in taken[2:4]}
        member.ack(taken)


async def test_what_a_transaction_wrote_comes_once_it_is_committed(kafka: Kafka) -> None:
    """Nothing of one that was aborted, whatever is written between; its marks are settled by themselves."""
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster) as channel,
        AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id=uuid.uuid4().hex) as producer,
    ):
        name = channel.topic.name
        for is_aborted in (True, False, True):
            await channel.publish(events_of(1, 2))
            await producer.begin_transaction()
            await producer.send_and_wait(name, b"%d" % is_aborted, headers=BINARY)
            await channel.publish(events_of(3, 3))
            await (producer.abort_transaction() if is_aborted else producer.commit_transaction())
        async with channel.subscribe("g", start="earliest") as member:
            taken = await receive(member, 10)
            assert ["1", "2", "3", "1", "2", "7", "3", "1", "2", "3"] == ids(taken)
            assert b"0" == taken[5].event.data
            member.ack(taken)
            while committed_offsets(*(await channel.committed("g"))[0]).mark != (15, 0):
                await asyncio.sleep(0.02)
            assert 0 == member.lag


async def test_what_is_published_is_a_cloudevent_for_any_client(kafka: Kafka) -> None:
    """In binary mode, its key the `partitionkey`, and where the same key of any client goes."""
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster, partitions=5) as channel,
        AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers) as producer,
    ):
        raw = {"specversion": b"1.0", "id": b"1", "source": b"/s", "type": b"t", "partitionkey": b"k%C3%A9"}
        (position,) = await channel.publish([Event(raw, {}, b"data")])
        written = await producer.send_and_wait(channel.topic.name, b"", key="ké".encode())
        assert position & 0xFFF == written.partition
        consumer = AIOKafkaConsumer(
            channel.topic.name, bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest"
        )
        async with consumer:
            record = await consumer.getone()
        assert ("ké".encode(), b"data", b"1") == (record.key, record.value, dict(record.headers)["ce_id"])


async def test_what_is_too_large_for_the_topic_is_refused_alone(kafka: Kafka) -> None:
    """What was published beside it is stored."""
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster) as channel,
        channel.subscribe("g") as member,
    ):
        with pytest.raises(ChannelUnavailable):
            await channel.publish([an_event("1", bytes(2 * 2**20))])
        await channel.publish(events_of(2, 2))
        assert ["2"] == ids(await receive(member, 1))


async def test_a_dropped_channel_leaves_nothing(kafka: Kafka) -> None:
    """Its topics and groups are gone; one of its name is new."""
    async with KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster:
        name = f"t-{uuid.uuid4().hex}"
        async with a_channel(cluster, name=name) as channel, channel.subscribe("g"):
            await channel.publish(events_of(1, 1))
        await cluster.drop(Topic(name), ("g",))
        assert [0, 0] == [await cluster.link.partitions(one) for one in (name, Topic(name).state)]


@pytest.mark.parametrize(
    ("protocol", "mechanism"),
    [("SASL_PLAINTEXT", "PLAIN"), ("SASL_SSL", "SCRAM-SHA-256"), ("SASL_PLAINTEXT", "SCRAM-SHA-512"), ("SSL", "")],
)
async def test_who_has_the_secret_comes_in(kafka_secure: Kafka, protocol: str, mechanism: str) -> None:
    """By what a Secret of Knative's says; with other credentials, as soon as they are replaced."""
    data = {"protocol": protocol, "sasl.mechanism": mechanism, "user": USER, "password": PASSWORD}
    data["ca.crt"] = kafka_secure.authority.cert_pem.bytes().decode()
    security = Security.from_secret(data)
    wrong = Security.from_secret({**data, "password": "wrong", "ca.crt": ""})
    async with KafkaCluster(kafka_secure.address(protocol), security=wrong, timing=QUICK, timeout_s=3.0) as cluster:
        name = f"t-{uuid.uuid4().hex}"
        with pytest.raises(ChannelUnavailable):
            async with a_channel(cluster, name=name):
                raise AssertionError
        await cluster.replace_security(security)
        async with a_channel(cluster, name=name) as channel, channel.subscribe("g") as member:
            await channel.publish(events_of(1, 1))
            member.ack(await receive(member, 1))
            await cluster.replace_security(security)
            await channel.publish(events_of(2, 2))
            assert ["2"] == ids(await receive(member, 1))


async def test_partitions_that_several_processes_add_at_once_are_added_once(kafka: Kafka) -> None:
    """Whoever comes second finds what it wanted."""
    name = f"t-{uuid.uuid4().hex}"
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as first,
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as second,
    ):
        await first.ensure_compacted(name, 1, 1)
        await asyncio.gather(*(one.ensure_compacted(name, 3, 1) for one in (first, second)))
        assert 3 == await second.link.partitions(name)
