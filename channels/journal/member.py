"""One member of a group: what it holds, and what it says of it."""

from operator import attrgetter
from typing import Final

from channels.contract import Delivery, Watcher
from channels.errors import ChannelUnavailable
from channels.journal.group import Group
from channels.journal.run import Held, HeldParked
from channels.membership import Membership


class Member(Membership[Held | HeldParked]):
    """A Subscription; made by `JournalChannel.subscribe`."""

    def __init__(self, group: Group) -> None:
        super().__init__(group, attrgetter("run.owner"))
        self._group: Final = group

    @property
    def lag(self) -> int:
        """Events of the group that no member has received yet, or that were given back."""
        return self._group.unsettled - self._group.held

    async def receive(self, max_events: int) -> list[Delivery]:
        """Wait for at least one event, return up to `max_events`, oldest first. Raises ChannelUnavailable."""
        group = self._group
        while True:
            if self.has_left or group.is_gone:
                raise ChannelUnavailable("the channel is closed")
            taken = group.take(max_events)
            if taken:
                self.held.update(taken)
                return [*taken]
            if group.is_behind and not group.fresh and not group.channel.journal.committer.is_choked:
                await group.read()
            else:
                await group.waiting.wait()

    def watch(self, watcher: Watcher) -> None:
        """Nobody else has a part in this group."""

    def keep_order(self, *, is_needed: bool) -> None:
        """It is kept."""

    def leave(self) -> None:
        """Return everything, receive nothing more: a receive that waits ends with ChannelUnavailable."""
        self.has_left = True
        self.nack([*self.held])
        self._group.members -= 1
        self._group.waiting.wake_all()
