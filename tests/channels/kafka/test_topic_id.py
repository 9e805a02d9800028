"""Which topic a name stands for."""

import asyncio
import uuid
from types import SimpleNamespace

import pytest
from aiokafka.errors import IncompatibleBrokerVersion, UnknownTopicOrPartitionError

from channels.errors import ChannelUnavailable
from channels.kafka import KafkaCluster
from channels.kafka.topic_id import UNKNOWN, topic_id
from tests.rig.kafka import Kafka


async def test_a_topic_that_was_made_anew_has_another_id(kafka: Kafka) -> None:
    """All its partitions say the same; one that is not there is not made by asking."""
    name = f"t-{uuid.uuid4().hex}"
    async with KafkaCluster(kafka.bootstrap_servers, timeout_s=3.0) as cluster:
        seen = []
        for _ in range(2):
            await cluster._create(name, 2, 1, {})
            found = await cluster.link.extents(name, [0, 1])
            assert [(0, 0), (0, 0)] == [(one.first, one.end) for one in found.values()]
            seen += {one.topic_id for one in found.values()}
            await cluster._delete([name])
            while await cluster.link.partitions(name):
                await asyncio.sleep(0.01)
        assert [16, 16, 2] == [*map(len, seen), len({*seen})]
        with pytest.raises(ChannelUnavailable):
            await cluster.link.extents(name, [0])
        assert 0 == await cluster.link.partitions(name)


@pytest.mark.parametrize("error", [NotImplementedError, IncompatibleBrokerVersion])
async def test_a_server_may_be_too_old_to_tell(error: type[Exception]) -> None:
    async def send(*_: object) -> None:
        raise error

    assert UNKNOWN == await topic_id(SimpleNamespace(send=send), 1, "t")


@pytest.mark.parametrize(("code", "found"), [(0, UNKNOWN), (3, None)])
async def test_what_the_server_says_is_understood(code: int, found: bytes | None) -> None:
    """One whose topics have no ids yet, as while it is upgraded; and one that knows no such topic."""

    async def send(*_: object) -> SimpleNamespace:
        return SimpleNamespace(topics=[(code, "t", bytes(16), False, [])])

    client = SimpleNamespace(send=send)
    if found is None:
        with pytest.raises(UnknownTopicOrPartitionError):
            await topic_id(client, 1, "t")
    else:
        assert found == await topic_id(client, 1, "t")
