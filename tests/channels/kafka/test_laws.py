"""Kafka channels obey every law of the contract, against a real server."""

import uuid
from contextlib import AsyncExitStack

import pytest

from channels.conformance import LAWS, Law
from channels.contract import Channel
from channels.kafka import KafkaCluster
from tests.channels.kafka.stage import QUICK, a_channel
from tests.rig.kafka import Kafka


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_a_kafka_channel_obeys(law: Law, partitions: int, kafka: Kafka) -> None:
    """Ordered where its topic has one partition. Each channel has connections of its own, as another process would."""
    run = uuid.uuid4().hex
    async with AsyncExitStack() as clusters:
        made = [KafkaCluster(kafka.bootstrap_servers, timing=QUICK) for _ in range(8)]
        for cluster in made:
            await clusters.enter_async_context(cluster)

        def make(*, storage: str = "a", events_max: int = 1000, size_max_bytes: int = 2**24) -> Channel:
            cluster = made.pop()
            made.insert(0, cluster)
            return a_channel(
                cluster,
                name=f"law-{run}-{storage}",
                partitions=partitions,
                events_max=events_max,
                size_max_bytes=size_max_bytes,
            )

        await law(make)
