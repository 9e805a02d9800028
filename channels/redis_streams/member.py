"""One member of a group: what it holds, and what it says of it."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from channels.contract import Delivery, Parked, Watcher
from channels.errors import ChannelUnavailable
from channels.membership import Membership
from channels.redis_streams.entry import Held, HeldParked
from channels.redis_streams.group import Group


class Member(Membership[Held | HeldParked]):
    """A Subscription; made by `RedisChannel.subscribe`."""

    def __init__(self, group: Group) -> None:
        super().__init__(group, attrgetter("owner"))
        self._group: Final = group
        self._watchers: Final[list[Watcher]] = []

    @property
    def lag(self) -> int:
        """Events of the group that no member has received yet, or that were given back."""
        return max(0, self._group.unsettled - self._group.held)

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
            await group.waiting.wait()

    def hold(self, taken: Sequence[Parked]) -> None:
        """As it is, but for what another process has taken over meanwhile."""
        super().hold([one for one in taken if not (isinstance(one, HeldParked) and one.owner.is_gone)])

    def watch(self, watcher: Watcher) -> None:
        """Tell that one of what other processes do."""
        self._watchers.append(watcher)

    def keep_order(self, *, is_needed: bool) -> None:
        """Let one process receive at a time, while it is needed."""
        self._group.channel.keep_order(self._group, is_needed=is_needed)

    def tell(self) -> None:
        """Queues changed, or what is held."""
        for watcher in self._watchers:
            watcher.queues_changed()

    def give_way(self) -> None:
        """Another process will receive in its stead."""
        for watcher in self._watchers:
            watcher.give_way()

    def lose(self) -> None:
        """What it held is another process's."""
        self.held.clear()

    def leave(self) -> None:
        """Return everything, receive nothing more: a receive that waits ends with ChannelUnavailable."""
        self.has_left = True
        self.nack([*self.held])
        self._group.members.discard(self)
        self._group.waiting.wake_all()
