"""What a topic's settings are, and how some are changed: Kafka takes all that were set for it, or forgets them."""

from collections.abc import Mapping
from typing import Any, Final

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidConfigurationError,
    PolicyViolationError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.admin import AlterConfigsRequest, DescribeConfigsRequest

_TOPIC: Final = 2
_OF_TOPIC: Final = 1
"""Where a setting comes from: it was set for this topic."""
_REFUSALS: Final = (
    ClusterAuthorizationFailedError,
    InvalidConfigurationError,
    PolicyViolationError,
    TopicAuthorizationFailedError,
)


async def settings(client: Any, topic: str) -> dict[str, str] | None:
    """By Kafka's names; None where this user may not read them. Raises KafkaError."""
    entries = await _entries(client, topic)
    return None if entries is None else {name: value for name, value, *_ in entries if value is not None}


async def change(client: Any, topic: str, values: Mapping[str, str]) -> bool:
    """Set these for that topic. False where that is not this user's to do. Raises KafkaError."""
    entries = await _entries(client, topic)
    if entries is None:
        return False
    own = {one: old for one, old, _, source, *_ in entries if source == _OF_TOPIC and old is not None}
    request = AlterConfigsRequest([(_TOPIC, topic, [*{**own, **values}.items()])])
    ((code, *_),) = (await client.send(client.get_random_node(), request)).resources
    if for_code(code) in _REFUSALS:
        return False
    if code:
        raise for_code(code)(topic)
    return True


async def _entries(client: Any, topic: str) -> list[Any] | None:
    request = DescribeConfigsRequest([(_TOPIC, topic, None)])
    code, _, _, _, entries = (await client.send(client.get_random_node(), request)).resources[0]
    if for_code(code) is TopicAuthorizationFailedError:
        return None
    if code:
        raise for_code(code)(topic)
    return list(entries)
