"""What a member of a group holds and says of it, where each delivery has an owner: the group's log, or a queue."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar, cast

from channels.contract import Delivery, Parked, Queue
from channels.errors import ChannelUnavailable
from channels.queue_name import QueueGroup, QueueName, QueueNames

_D = TypeVar("_D", bound=Delivery)
_D_contra = TypeVar("_D_contra", bound=Delivery, contravariant=True)


class DeliveryOwner(Protocol[_D_contra]):
    """Whose deliveries they are."""

    def settled(self, deliveries: Sequence[_D_contra]) -> None:
        """These are settled: count them, and see to it that whoever stores them learns of it."""

    def take_back(self, deliveries: Sequence[_D_contra]) -> None:
        """Their holder gave them back."""


class Membership(Generic[_D]):
    """The part of a Subscription that needs no backend. `owner_of` says whose a delivery is."""

    def __init__(self, group: QueueGroup, owner_of: Callable[[_D], DeliveryOwner[_D]]) -> None:
        self.held: Final[set[_D]] = set()
        self.has_left = False
        self._queue_group: Final = group
        self._owner_of: Final = owner_of

    @property
    def queues(self) -> Mapping[str, Queue]:
        """The group's queues that hold something, by name."""
        return QueueNames(self._queue_group, self.queue)

    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        """The queue of that name, made when something is parked in it."""
        return _MemberQueue(self.hold, self._queue_group, name, is_ordered=is_ordered)

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Settle those of them that this member holds."""
        for owner, theirs in self._by_owner(self._give_up(deliveries)):
            owner.settled(theirs)

    def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Return those of them that this member holds. O(log n) each, for they go back to their place."""
        for owner, theirs in self._by_owner(self._give_up(deliveries)):
            owner.take_back(theirs)

    def holds(self, delivery: Delivery) -> bool:
        """Whether it received or took it, and has it still."""
        return delivery in self.held

    def hold(self, taken: Sequence[Parked]) -> None:
        """It holds these as well. Raises ChannelUnavailable where it has left meanwhile; then they are back."""
        ours = cast("Sequence[_D]", taken)  # a queue of this backend gives out nothing else
        if self.has_left:
            for owner, theirs in self._by_owner(ours):
                owner.take_back(theirs)
            raise ChannelUnavailable("the member has left")
        self.held.update(ours)

    def _give_up(self, deliveries: Sequence[Delivery]) -> set[_D]:
        held: set[_D] = self.held.intersection(deliveries)
        self.held.difference_update(held)
        return held

    def _by_owner(self, held: Iterable[_D]) -> list[tuple[DeliveryOwner[_D], list[_D]]]:
        """What belongs to the log, and to each queue, apart."""
        owners: dict[DeliveryOwner[_D], list[_D]] = {}
        owner_of = self._owner_of
        for delivery in held:
            owner = owner_of(delivery)
            theirs = owners.get(owner)
            if theirs is None:
                owners[owner] = [delivery]
            else:
                theirs.append(delivery)
        return [*owners.items()]


class _MemberQueue(QueueName):
    """A queue as a member sees it: what it takes it holds."""

    __slots__ = ("_hold",)

    def __init__(
        self, hold: Callable[[Sequence[Parked]], None], group: QueueGroup, name: str, *, is_ordered: bool
    ) -> None:
        super().__init__(group, name, is_ordered=is_ordered)
        self._hold: Final = hold

    async def take(self, max_events: int) -> list[Parked]:
        """Up to `max_events` of those that are due, perhaps none. Raises ChannelUnavailable."""
        taken = await super().take(max_events)
        self._hold(taken)
        return taken
