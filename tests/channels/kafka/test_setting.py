"""Settings of a topic, against a real cluster, and one that forbids it."""

import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import PolicyViolationError, TopicAuthorizationFailedError, UnknownError
from aiokafka.protocol.admin import DescribeConfigsRequest

from channels.kafka import KafkaCluster
from channels.kafka.setting import change
from tests.rig.kafka import Kafka

OWN, INHERITED = ("a", "1", False, 1, False, ()), ("b", "2", False, 5, False, ())

DENIED = TopicAuthorizationFailedError.errno


class Forbidding:
    """A cluster that answers with these codes."""

    def __init__(self, described: int, changed: int) -> None:
        self._described = described
        self._changed = changed
        self.asked: list[Any] = []

    def get_random_node(self) -> int:
        return 0

    async def send(self, _: int, request: Any) -> Any:
        if isinstance(request, DescribeConfigsRequest):
            return SimpleNamespace(resources=[(self._described, "", 2, "t", [OWN, INHERITED])])
        self.asked.append(request._resources)
        return SimpleNamespace(resources=[(self._changed, "", 2, "t")])


async def test_what_was_set_before_stays(kafka: Kafka) -> None:
    """What is not the topic's own goes on following the cluster."""
    name = f"t-{uuid.uuid4().hex}"
    async with KafkaCluster(kafka.bootstrap_servers) as cluster:
        await cluster.ensure_compacted(name, 1, 1)
        before = await cluster.link.settings(name)
        assert await cluster.link.change_settings(name, {"max.message.bytes": "99"})
        assert before is not None
        assert {**before, "max.message.bytes": "99"} == await cluster.link.settings(name)
        assert not await cluster.link.change_settings(name, {"max.message.bytes": "none"})


async def test_only_what_is_the_topics_own_is_told_once_more() -> None:
    """Else it would be its own from then on."""
    client = Forbidding(0, 0)
    assert await change(client, "t", {"c": "3"})
    assert [[(2, "t", [("a", "1"), ("c", "3")])]] == client.asked


@pytest.mark.parametrize(("described", "changed"), [(DENIED, 0), (0, DENIED), (0, PolicyViolationError.errno)])
async def test_who_may_not_is_told_so(described: int, changed: int) -> None:
    """Read them, or set them, or set that."""
    assert not await change(Forbidding(described, changed), "t", {"c": "3"})


async def test_another_fault_is_raised() -> None:
    """It may pass."""
    with pytest.raises(UnknownError):
        await change(Forbidding(0, UnknownError.errno), "t", {"c": "3"})
