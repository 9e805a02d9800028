"""The question for the quorum of a Kafka cluster, which aiokafka does not ask: its leader tells the time with it.

Source: Kafka's protocol guide, DescribeQuorum version 1 (KIP-836, Kafka 3.3). The leader of the metadata's log is
caught up with itself at the very moment of the answer, by its own clock.
"""

from typing import Any, Final, final

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

QUORUM_KEY: Final = 55
QUORUM_VERSION: Final = 1
_LOG: Final = "__cluster_metadata"
_TAGS: Final = ("tags", TaggedFields)
_REPLICA: Final = CompactArray(
    ("replica_id", Int32),
    ("log_end_offset", Int64),
    ("last_fetch_timestamp", Int64),
    ("last_caught_up_timestamp", Int64),
    _TAGS,
)
_PARTITION: Final = CompactArray(
    ("partition_index", Int32),
    ("error_code", Int16),
    ("leader_id", Int32),
    ("leader_epoch", Int32),
    ("high_watermark", Int64),
    ("current_voters", _REPLICA),
    ("observers", _REPLICA),
    _TAGS,
)


@final
class QuorumResponse(Response):  # type: ignore[misc]
    """Who votes, who follows, and when each was last caught up, in milliseconds since the epoch."""

    API_KEY = QUORUM_KEY
    API_VERSION = QUORUM_VERSION
    SCHEMA = Schema(
        ("error_code", Int16),
        ("topics", CompactArray(("name", CompactString("utf-8")), ("partitions", _PARTITION), _TAGS)),
        _TAGS,
    )


@final
class QuorumStruct(RequestStruct):  # type: ignore[misc]
    """As it goes over the wire."""

    FLEXIBLE_VERSION = True
    API_KEY = QUORUM_KEY
    API_VERSION = QUORUM_VERSION
    RESPONSE_TYPE = QuorumResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("partitions", CompactArray(("partition_index", Int32), _TAGS)),
                _TAGS,
            ),
        ),
        _TAGS,
    )


@final
class QuorumRequest(Request[QuorumStruct]):  # type: ignore[misc]
    """About the log of the cluster's metadata. Any broker passes it on."""

    API_KEY = QUORUM_KEY

    def build(self, request_struct_class: type[QuorumStruct]) -> QuorumStruct:
        """As aiokafka's connections ask for it."""
        return request_struct_class([(_LOG, [(0, {})], {})], {})


def leader_time_s(answer: Any) -> float | None:
    """The leader's time when it answered, in seconds since the epoch; None where it does not tell."""
    told = answer.to_object()
    for topic in told["topics"]:
        for partition in topic["partitions"]:
            times_ms = {one["replica_id"]: one["last_caught_up_timestamp"] for one in partition["current_voters"]}
            time_ms = times_ms.get(partition["leader_id"], -1)
            if not partition["error_code"] and time_ms > 0:
                return float(time_ms) / 1000
    return None
