"""Two questions to a Kafka broker that aiokafka does not ask: what may be done here, and how a group is.

Source: Kafka's protocol guide, Metadata version 8 (KIP-430, Kafka 2.3) and DescribeGroups version 3.
"""

from typing import Final, final

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Bytes, Int16, Int32, Schema, String

METADATA_KEY: Final = 3
METADATA_VERSION: Final = 8
_TEXT: Final = String("utf-8")
_BROKER: Final = Array(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT))
_PARTITION: Final = Array(
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", Array(Int32)),
    ("isr", Array(Int32)),
    ("offline_replicas", Array(Int32)),
)
_MEMBER: Final = Array(
    ("member_id", _TEXT),
    ("client_id", _TEXT),
    ("client_host", _TEXT),
    ("member_metadata", Bytes),
    ("member_assignment", Bytes),
)


@final
class RightsResponse(Response):  # type: ignore[misc]
    """Brokers, topics, and what this user may do with the cluster and with each topic: bits, by number of operation."""

    API_KEY = METADATA_KEY
    API_VERSION = METADATA_VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", _BROKER),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", _TEXT),
                ("is_internal", Boolean),
                ("partitions", _PARTITION),
                ("rights", Int32),
            ),
        ),
        ("rights", Int32),
    )


@final
class RightsStruct(RequestStruct):  # type: ignore[misc]
    """As it goes over the wire."""

    API_KEY = METADATA_KEY
    API_VERSION = METADATA_VERSION
    RESPONSE_TYPE = RightsResponse
    SCHEMA = Schema(
        ("topics", Array(_TEXT)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


@final
class RightsRequest(Request[RightsStruct]):  # type: ignore[misc]
    """About these topics, of which none is made by asking."""

    API_KEY = METADATA_KEY

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[RightsStruct]) -> RightsStruct:
        """As aiokafka's connections ask for it."""
        return request_struct_class(self._topics, False, True, True)


@final
class GroupResponse(Response):  # type: ignore[misc]
    """Groups, and what this user may do with each."""

    API_KEY = 15
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "groups",
            Array(
                ("error_code", Int16),
                ("group", _TEXT),
                ("state", _TEXT),
                ("protocol_type", _TEXT),
                ("protocol", _TEXT),
                ("members", _MEMBER),
                ("rights", Int32),
            ),
        ),
    )


@final
class GroupStruct(RequestStruct):  # type: ignore[misc]
    """As it goes over the wire."""

    API_KEY = 15
    API_VERSION = 3
    RESPONSE_TYPE = GroupResponse
    SCHEMA = Schema(("groups", Array(_TEXT)), ("include_authorized_operations", Boolean))


@final
class GroupRequest(Request[GroupStruct]):  # type: ignore[misc]
    """About one group, asked of its coordinator."""

    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[GroupStruct]) -> GroupStruct:
        """As aiokafka's connections ask for it."""
        return request_struct_class([self._group], True)
