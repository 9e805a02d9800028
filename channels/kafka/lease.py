"""A partition that this process has for one group: what was settled of it, and how far it was read."""

import base64
from typing import Final, NamedTuple

from channels.contract import Delivery, Position
from channels.event import Event
from channels.offsets import Offsets

_BESIDE: Final = "."
"""Between the topic's id and the bitmap: it occurs in neither."""


class Extent(NamedTuple):
    """What a partition has at this moment: of a topic of that id, from the first offset to before the end."""

    topic_id: bytes
    first: int
    end: int


class Lease:
    """Ends with a takeover: what is told of it later does nothing."""

    __slots__ = ("committed", "is_lost", "next", "offsets", "partition", "topic_id")

    def __init__(self, partition: int, offsets: Offsets, topic_id: bytes = b"") -> None:
        self.partition = partition
        self.offsets = offsets
        self.topic_id = topic_id
        """Of the topic that the offsets are of: empty where the server does not tell."""
        self.next = offsets.floor
        """The first offset that was not read yet."""
        self.is_lost = False
        self.committed: tuple[int, int] | None = offsets.mark
        """As of the last commit; None where what was committed is not so."""

    def pass_over(self, first: int) -> None:
        """Whatever was not read yet before that offset will never come."""
        if first > self.next:
            self.offsets.skip(self.next, first)
            self.next = first

    @property
    def is_dirty(self) -> bool:
        """Whether something was settled since the last commit."""
        return self.committed != self.offsets.mark

    @property
    def commit(self) -> tuple[int, str]:
        """The offset to be committed, and what is written beside it."""
        text = self.offsets.metadata()
        return self.offsets.floor, f"{_text_of(self.topic_id)}{_BESIDE}{text}" if self.topic_id else text


class Held(Delivery):
    """A delivery of a lease."""

    __slots__ = ("lease", "offset")

    def __init__(self, event: Event, position: Position, size_bytes: int, lease: Lease, offset: int) -> None:
        super().__init__(event, position, size_bytes)
        self.lease = lease
        self.offset = offset

    def again(self) -> "Held":
        """The same as another object: its former holder may still ack the one it had."""
        return Held(self.event, self.position, self.size_bytes, self.lease, self.offset)


def committed_offsets(floor: int, metadata: str) -> Offsets:
    """What a group has settled, as it was committed."""
    return Offsets.restore(floor, metadata.rpartition(_BESIDE)[2])


def resumed(partition: int, committed: tuple[int, str] | None, extent: Extent) -> tuple[Lease, bool]:
    """A lease that goes on where the group was; whether it begins anew instead, with all that is there.

    What was committed is of another log where it says so, or where it lies beyond the end: the topic was made anew
    meanwhile, or has lost its end. Nobody knows how much of what is there came since then. What lies before the
    beginning went with the retention.
    """
    topic_id, first, end = extent
    if committed is None:
        return Lease(partition, Offsets(first), topic_id), False
    floor, metadata = committed
    offsets, said = committed_offsets(floor, metadata), metadata.rpartition(_BESIDE)[0]
    if offsets.end > end or (said and topic_id and said != _text_of(topic_id)):
        return begun_anew(partition, extent), True
    offsets.skip(floor, first)
    return Lease(partition, offsets, topic_id), False


def begun_anew(partition: int, extent: Extent) -> Lease:
    """A lease of all that is there, to be committed soon: what was before is of no use."""
    lease = Lease(partition, Offsets(extent.first), extent.topic_id)
    lease.committed = None
    return lease


def _text_of(topic_id: bytes) -> str:
    return base64.b85encode(topic_id).decode("ascii")
