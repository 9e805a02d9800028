"""A partition that this process has for one group: what was settled of it, and how far it was read."""

from channels.contract import Delivery, Position
from channels.event import Event
from channels.offsets import Offsets


class Lease:
    """Ends with a takeover: what is told of it later does nothing."""

    __slots__ = ("committed", "is_lost", "next", "offsets", "partition")

    def __init__(self, partition: int, offsets: Offsets) -> None:
        self.partition = partition
        self.offsets = offsets
        self.next = offsets.floor
        """The first offset that was not read yet."""
        self.is_lost = False
        self.committed = offsets.mark
        """As of the last commit."""

    @property
    def is_dirty(self) -> bool:
        """Whether something was settled since the last commit."""
        return self.committed != self.offsets.mark


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
