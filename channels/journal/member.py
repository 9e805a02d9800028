"""One member of a group: what it holds, and what it says of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from channels.contract import Delivery, Parked, Queue, Watcher
from channels.errors import ChannelUnavailable
from channels.journal.group import Group
from channels.journal.run import Held, HeldParked, Owner
from channels.queue_name import QueueName, QueueNames


class Member:
    """A Subscription; made by `JournalChannel.subscribe`."""

    def __init__(self, group: Group) -> None:
        self._group: Final = group
        self._held: Final[set[Held | HeldParked]] = set()
        self._has_left = False

    @property
    def lag(self) -> int:
        """Events of the group that no member has received yet, or that were given back."""
        return self._group.unsettled - self._group.held

    @property
    def queues(self) -> Mapping[str, Queue]:
        """The group's queues that hold something, by name."""
        return QueueNames(self._group, self.queue)

    async def receive(self, max_events: int) -> list[Delivery]:
        """Wait for at least one event, return up to `max_events`, oldest first. Raises ChannelUnavailable."""
        group = self._group
        while True:
            if self._has_left or group.is_gone:
                raise ChannelUnavailable("the channel is closed")
            taken = group.take(max_events)
            if taken:
                self._held.update(taken)
                return [*taken]
            if group.is_behind and not group.fresh and not group.channel.journal.committer.is_choked:
                await group.read()
            else:
                await group.waiting.wait()

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Settle those of them that this member holds."""
        held: set[Held | HeldParked] = self._held.intersection(deliveries)
        self._held.difference_update(held)
        for owner, theirs in _by_owner(held):
            owner.settled(theirs)

    def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Return those of them that this member holds. O(log n) each, for they go back to their place."""
        held: set[Held | HeldParked] = self._held.intersection(deliveries)
        self._held.difference_update(held)
        for owner, theirs in _by_owner(held):
            owner.take_back(theirs)

    def holds(self, delivery: Delivery) -> bool:
        """Whether it received or took it, and has it still."""
        return delivery in self._held

    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        """The queue of that name, made when something is parked in it."""
        return _MemberQueue(self, self._group, name, is_ordered=is_ordered)

    def hold(self, taken: Sequence[Parked]) -> None:
        """It holds these as well. Raises ChannelUnavailable where it has left meanwhile; then they are back."""
        ours = [delivery for delivery in taken if isinstance(delivery, HeldParked)]
        if self._has_left:
            for owner, theirs in _by_owner(ours):
                owner.take_back(theirs)
            raise ChannelUnavailable("the member has left")
        self._held.update(ours)

    def watch(self, watcher: Watcher) -> None:
        """Nobody else has a part in this group."""

    def keep_order(self, *, is_needed: bool) -> None:
        """It is kept."""

    def leave(self) -> None:
        """Return everything, receive nothing more: a receive that waits ends with ChannelUnavailable."""
        self._has_left = True
        self.nack([*self._held])
        self._group.members -= 1
        self._group.waiting.wake_all()


class _MemberQueue(QueueName):
    """A queue as a member sees it: what it takes it holds."""

    __slots__ = ("_member",)

    def __init__(self, member: Member, group: Group, name: str, *, is_ordered: bool) -> None:
        super().__init__(group, name, is_ordered=is_ordered)
        self._member: Final = member

    async def take(self, max_events: int) -> list[Parked]:
        """Up to `max_events` of those that are due, perhaps none. Raises ChannelUnavailable."""
        taken = await super().take(max_events)
        self._member.hold(taken)
        return taken


def _by_owner(held: Iterable[Held | HeldParked]) -> list[tuple[Owner, list[Held | HeldParked]]]:
    """What belongs to the log, and to each queue, apart."""
    owners: dict[Owner, list[Held | HeldParked]] = {}
    for delivery in held:
        owner = delivery.run.owner
        theirs = owners.get(owner)
        if theirs is None:
            owners[owner] = [delivery]
        else:
            theirs.append(delivery)
    return [*owners.items()]
