"""Which topic a name stands for: Kafka gives each an id of its own, so one that was made anew has another.

aiokafka's own requests for metadata are of versions that do not tell it. The fields are those of Kafka's
`MetadataRequest.json` and `MetadataResponse.json`, version 10 (Kafka 2.8, KIP-516).
"""

from io import BytesIO
from typing import Any, Final

from aiokafka.errors import IncompatibleBrokerVersion, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

UNKNOWN: Final = b""
"""Of a server that does not tell."""
_NONE: Final = bytes(16)


class _Id(AbstractType):  # type: ignore[misc]
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(len(_NONE))


class _Answer(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", _Id),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition_index", Int32),
                        ("leader_id", Int32),
                        ("leader_epoch", Int32),
                        ("replica_nodes", CompactArray(Int32)),
                        ("isr_nodes", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("topic_authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", _Id), ("name", CompactString("utf-8")), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicIdRequest(Request[_Question]):  # type: ignore[misc]
    """Of one topic, which is not made by asking."""

    API_KEY = 3

    def __init__(self, topic: str) -> None:
        self.topic: Final = topic

    def build(self, request_struct_class: type[_Question]) -> _Question:
        """As it is sent."""
        return request_struct_class([(_NONE, self.topic, {})], False, False, False, {})


async def topic_id(client: Any, node: int, topic: str) -> bytes:
    """As that broker knows it. Raises KafkaError, also where there is no such topic."""
    try:
        answer = await client.send(node, TopicIdRequest(topic))
    except (IncompatibleBrokerVersion, NotImplementedError):
        return UNKNOWN
    ((code, _, found, *_),) = answer.topics
    if code:
        raise for_code(code)
    return UNKNOWN if found == _NONE else bytes(found)
