"""The topics of one channel: the log, and beside it what is known of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from channels.contract import Position

STATE_SUFFIX: Final = ".eventing"
PARTITION_BITS: Final = 12
"""A position is an offset and, in its lowest bits, the partition: 4,096 partitions at most, and it fits 63 bits."""
PARTITION_MASK: Final = (1 << PARTITION_BITS) - 1
SIZE_SETTING: Final = "max.message.bytes"
SEGMENT_SETTING: Final = "segment.bytes"
"""No batch is larger than a segment of the log."""
_COPY_MAX_BYTES: Final = 16 * 2**20
_SAID_BYTES: Final = 64 * 2**10
_INT_MAX: Final = 2**31 - 1
STATE_CONFIG: Final[Mapping[str, str]] = {
    "cleanup.policy": "compact",
    # Parked deliveries that were settled leave their tombstones; small segments let them go soon.
    SEGMENT_SETTING: str(16 * 2**20),
    "segment.ms": str(3_600_000),
    "min.cleanable.dirty.ratio": "0.3",
    "delete.retention.ms": str(3_600_000),
    # A parked delivery is an event with what is said of it.
    SIZE_SETTING: str(_COPY_MAX_BYTES),
}


@dataclass(frozen=True, slots=True)
class Topic:
    """Where the events of a channel rest.

    An external one belongs to somebody else: it is neither made nor deleted. `config` are Kafka's topic settings.
    """

    name: str
    partitions: int = 10
    """Knative's default, as is the replication factor."""
    replication_factor: int = 3
    config: Mapping[str, str] = field(default_factory=dict)
    is_external: bool = False
    source: str = ""
    """The `source` of events made of records that are none. Empty for the topic's own."""

    @property
    def state(self) -> str:
        """The compacted topic of groups, parked deliveries and what is remembered: always ours."""
        return self.name + STATE_SUFFIX

    @property
    def record_source(self) -> str:
        """What stands in the `source` of an event that was made of a record which is none."""
        return self.source or f"/kafka/{self.name}"

    def group(self, name: str) -> str:
        """Kafka's name of a group of this channel."""
        return f"{self.name}.{name}"


def room_for(message_max_bytes: int) -> int:
    """What a copy of an event takes at most, with what is said of it, where a topic of that bound had the event."""
    return min(_INT_MAX, max(_COPY_MAX_BYTES, message_max_bytes + message_max_bytes // 4 + _SAID_BYTES))


def position_of(partition: int, offset: int) -> Position:
    """Grows with the offset within one partition."""
    return offset << PARTITION_BITS | partition


def place_of(position: Position) -> tuple[int, int]:
    """Partition and offset."""
    return position & PARTITION_MASK, position >> PARTITION_BITS
