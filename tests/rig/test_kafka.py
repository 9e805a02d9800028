import asyncio
import uuid

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.rig.kafka import PASSWORD, USER, Kafka

TOPIC = "kept"


async def _write(server: Kafka, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=server.bootstrap_servers, acks="all") as producer:
        await producer.send_and_wait(topic, value)


async def _make_topic(server: Kafka, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=server.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()


async def _read(server: Kafka, topic: str) -> bytes | None:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=server.bootstrap_servers, auto_offset_reset="earliest")
    try:
        await consumer.start()
        return (await asyncio.wait_for(consumer.getone(), 20)).value
    finally:
        await consumer.stop()


async def test_what_was_written_is_read(kafka: Kafka) -> None:
    """Of topics that the test has made: none come to be by asking."""
    topic = f"read-{uuid.uuid4()}"
    await _make_topic(kafka, topic)
    await _write(kafka, topic, b"1")
    assert b"1" == await _read(kafka, topic)


async def test_what_was_acknowledged_outlives_a_kill(kafka_alone: Kafka) -> None:
    """The server starts again on its old port, with its old data. While it stands still nobody answers."""
    await _make_topic(kafka_alone, TOPIC)
    await _write(kafka_alone, TOPIC, b"1")
    kafka_alone.kill()
    await asyncio.to_thread(kafka_alone.start)
    assert b"1" == await _read(kafka_alone, TOPIC)
    kafka_alone.pause()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_read(kafka_alone, TOPIC), 0.5)
    kafka_alone.resume()
    assert b"1" == await _read(kafka_alone, TOPIC)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_who_has_the_password_comes_in(kafka_secure: Kafka, mechanism: str) -> None:
    """By each mechanism, over TLS and without it."""
    async with AIOKafkaProducer(
        bootstrap_servers=kafka_secure.address("SASL_PLAINTEXT"),
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism=mechanism,
        sasl_plain_username=USER,
        sasl_plain_password=PASSWORD,
    ) as producer:
        assert await producer.client.fetch_all_metadata()
