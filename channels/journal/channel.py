"""One channel of the journal: what is published gathers here for the next commit, and goes to its groups after it."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

from channels.answer import Answer
from channels.contract import ChannelStatistics, Features, Position, Receipt, Start
from channels.errors import ChannelFull, ChannelUnavailable
from channels.event import Event
from channels.journal.batch import Batch, Statement
from channels.journal.group import Group
from channels.journal.history import History
from channels.journal.loading import Loaded, load
from channels.journal.member import Member
from channels.journal.parking import ParkingQueue
from channels.journal.publishing import Publishing
from channels.journal.run import Held, HeldParked
from channels.journal.schema import POSITION_BITS
from channels.journal.state import ChannelState, GroupState, pack
from channels.retention import NO_RETENTION, Retention

if TYPE_CHECKING:
    from channels.journal.journal import Journal

_SAVE: Final = "UPDATE channel SET state = ?, copy = ? WHERE id = ?"
_log = logging.getLogger(__name__)


class JournalChannel:
    """Made by `Journal.channel`, and entered while the journal is open. `retention` may be set at any time."""

    features: Features = Features(persistent=True, durable=True, ordered=True, replayable=True)

    def __init__(self, journal: "Journal", name: str, retention: Retention = NO_RETENTION) -> None:
        self.journal: Final = journal
        self.name: Final = name
        self._retention = retention
        self.id = 0
        self.key = 0
        """What the keys of its runs begin with."""
        self.groups: Final[dict[str, Group]] = {}
        self.committed_position: Position = 0
        self.damaged = 0
        self.set_aside: Final[set[tuple[str, int]]] = set()
        """Runs of which something was found damaged."""
        self.state = ChannelState(name)
        """Totals, as of this moment; `position` and `groups` are filled in for each commit."""
        self._is_open = False
        self._is_changed = False
        self.publishing: Final = Publishing(self)
        self._gone: Final[list[Group]] = []
        """Forgotten since the last commit."""
        self._history: Final = History(self)
        self._touched: set[ParkingQueue] = set()
        self._hooks: Final[list[Callable[[], None]]] = []
        self._remembered: Final[dict[str, bytes]] = {}

    @property
    def retention(self) -> Retention:
        """How long what is settled is kept."""
        return self._retention

    @retention.setter
    def retention(self, retention: Retention) -> None:
        if retention != self._retention:
            self._retention = retention
            self._history.change_retention()

    async def __aenter__(self) -> Self:
        known = self.journal.id_of(self.name)
        loaded = await self.journal.ask(lambda connection: load(connection, known))
        if loaded is None:
            self.id = self.journal.new_channel_id()
            row = (self.id, pack(self.state), pack(self.state))
            self.journal.committer.batch.statements.append(("INSERT OR REPLACE INTO channel VALUES (?, ?, ?)", row))
        else:
            self._restore(loaded)
        self.key = self.id << POSITION_BITS
        self._is_open = True
        self.journal.attach(self)
        if self.state.is_counting:
            await self._history.count_anew()
        return self

    def _restore(self, loaded: Loaded) -> None:
        self.id = loaded.id
        self.state = state = loaded.state
        self.publishing.position = self.committed_position = state.position
        self.damaged = state.damaged
        self.set_aside.update(loaded.set_aside)
        if state.log_size_bytes > state.size_bytes:
            self._history.change_retention()
        self._remembered.update(loaded.remembered)
        if loaded.unsound:
            _log.error(
                "what %d runs of %s say of their events is damaged: they come again", len(loaded.unsound), self.name
            )
            self.journal.committer.batch.unsettled += loaded.unsound
            state.is_counting = True
        for group_state in state.groups:
            group = Group(self, group_state, loaded.settled.get(group_state.id, {}))
            self.groups[group.name] = group
            for queue in loaded.queues.get(group.id, ()):
                parked = group.queues[queue.name] = ParkingQueue(
                    group, queue.id, queue.name, is_ordered=queue.is_ordered
                )
                parked.events, parked.size_bytes, parked.runs = queue.events, queue.size_bytes, queue.runs
        self.count_queues()

    async def __aexit__(self, *exc: object) -> None:
        """Everything owed is committed; the journal stays open."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            await self._history.close()
            await self.journal.flush()
        finally:
            self.journal.detach(self)
            self.failed(_closed())
            self.refuse(_closed())
            for group in self.groups.values():
                group.close()
            self.groups.clear()

    # What is published

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        """Store all of the events or none, and tell the receipt after the commit that has them."""
        journal = self.journal
        if not self._is_open:
            receipt.refused(_closed())
            return
        if journal.committer.error is not None:
            receipt.refused(journal.committer.error)
            return
        size_bytes = 0
        for event in events:
            size_bytes += event.size
        if not journal.has_room(len(events), size_bytes):
            receipt.refused(ChannelFull(f"the journal holds {journal.events} events of {journal.size_bytes} bytes"))
            return
        self.publishing.submit(events, receipt)
        self.count(len(events), size_bytes)
        self.change()

    async def publish(self, events: Sequence[Event]) -> list[Position]:
        """Store all of the events or none. Raises ChannelFull or ChannelUnavailable."""
        receipt = Answer()
        first = self.publishing.position + 1
        self.submit(events, receipt)
        await receipt.answer
        return [*range(first, first + len(events))]

    # What is settled

    def settled(self, group: Group, deliveries: Sequence[Held | HeldParked]) -> None:
        """One group has settled these of the log: what no other group wants is held no more."""
        if len(self.groups) > 1:
            others = [other for other in self.groups.values() if other is not group]
            deliveries = [
                delivery
                for delivery in deliveries
                if all(other.has_settled(delivery.run.key, delivery.position) for other in others)
            ]
        self.count(-len(deliveries), -sum([delivery.size_bytes for delivery in deliveries]))

    def lose(self, group: Group, first: Position, lost: Sequence[int], size_bytes: int) -> None:
        """A group has found these of a run damaged, of so many bytes each."""
        others = [other for other in self.groups.values() if other is not group]
        events = len([index for index in lost if all(o.has_settled(first, first + index) for o in others)])
        self.count(-events, -events * size_bytes)

    def delete(self, first: Position, last: Position, size_bytes: int, batch: Batch) -> bool:
        """A group has settled all of that run. True where it is deleted, because nobody wants it any more."""
        if self.retention:
            return False
        groups = self.groups.values()
        if not all(group.has_settled_run(first, last) for group in groups):
            return False
        self.drop(first, batch)
        self.state.log_size_bytes -= size_bytes
        return True

    def drop(self, first: Position, batch: Batch) -> None:
        """That run goes, and what is said of it."""
        batch.log_deleted.append(self.key + first)
        for group in self.groups.values():
            if first in group.recorded:
                group.unrecord(first, batch)

    # What is counted

    def count(self, events: int, size_bytes: int) -> None:
        """So much more of the log is held."""
        self.state.events += events
        self.state.size_bytes += size_bytes
        self.journal.count(events, size_bytes)

    def count_parked(self, events: int, size_bytes: int) -> None:
        """So much more is parked."""
        self.state.parked_events += events
        self.state.parked_size_bytes += size_bytes
        self.journal.count(events, size_bytes)

    def queues(self) -> list[ParkingQueue]:
        """Those of all its groups."""
        return [queue for group in self.groups.values() for queue in group.queues.values()]

    def count_queues(self) -> None:
        """So much is parked as the queues say."""
        queues = self.queues()
        events, size_bytes = sum(queue.events for queue in queues), sum(queue.size_bytes for queue in queues)
        self.count_parked(events - self.state.parked_events, size_bytes - self.state.parked_size_bytes)

    def statistics(self) -> ChannelStatistics:
        """What is held at this moment."""
        state = self.state
        put, events, size_bytes = self.publishing.pending()
        return ChannelStatistics(
            events=state.events + state.parked_events - events,
            size_bytes=state.size_bytes + state.parked_size_bytes - size_bytes,
            events_max=self.journal.events_max,
            size_max_bytes=self.journal.size_max_bytes,
            stored=state.stored - put,
            damaged=self.damaged,
        )

    # Groups

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Member]:
        """Join a group for the length of the context. Raises ChannelUnavailable."""
        joined = await self._ensure(group, start)
        member = Member(joined)
        joined.members += 1
        try:
            yield member
        finally:
            member.leave()

    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        """The group is there, begun where `start` says if it was not. Raises ChannelUnavailable."""
        await self._ensure(group, start)

    async def _ensure(self, name: str, start: Start) -> Group:
        if not self._is_open:
            raise _closed()
        group = self.groups.get(name)
        if group is None:
            group = self._begin(name) if start == "latest" else await self._history.begin(name, start)
        return group

    def _begin(self, name: str) -> Group:
        self.publishing.cut()
        return self.add_group(GroupState(self.journal.new_id(), name, self.publishing.position, 0))

    def add_group(self, state: GroupState) -> Group:
        """Of what is put from now on, what is beyond its floor is for it."""
        group = self.groups[state.name] = Group(self, state, {})
        self.change()
        return group

    def forget(self, group: str) -> None:
        """The group is no more, with all its queues."""
        gone = self.groups.get(group)
        if gone is None:
            return
        for queue in [*gone.queues.values()]:
            queue.clear()
        gone.settle_all()
        del self.groups[group]
        self._history.forget(gone)
        gone.close()
        self._gone.append(gone)
        self.change()

    # What is remembered

    def remember(self, name: str, value: bytes | None) -> None:
        """Keep a small value by that name, or none any more."""
        if value is None:
            if self._remembered.pop(name, None) is None:
                return
            statement: Statement = ("DELETE FROM remembered WHERE channel = ? AND name = ?", (self.id, name))
        else:
            self._remembered[name] = value
            statement = ("INSERT OR REPLACE INTO remembered VALUES (?, ?, ?)", (self.id, name, value))
        self.journal.committer.batch.statements.append(statement)
        self.change()

    @property
    def remembered(self) -> Mapping[str, bytes]:
        """What was last remembered, by name."""
        return MappingProxyType(self._remembered)

    def before_commit(self, do: Callable[[], None]) -> None:
        """Call that whenever a commit is put together."""
        self._hooks.append(do)

    # Commits

    def change(self) -> None:
        """The next commit is about this channel too."""
        if not self._is_changed:
            self._is_changed = True
            self.journal.committer.schedule()

    def touch(self, queue: ParkingQueue) -> None:
        """The next commit is about that queue too."""
        self._touched.add(queue)
        self.change()

    def before(self) -> None:
        """A commit is about to be put together."""
        for do in self._hooks:
            do()

    def put(self, batch: Batch) -> None:
        """What was published, what was settled, and the totals."""
        if not self._is_changed:
            return
        self._is_changed = False
        self.publishing.put(batch)
        self._history.prune()
        for group in self.groups.values():
            group.put(batch)
        for gone in self._gone:
            gone.put(batch)
            batch.statements.append(("DELETE FROM settled WHERE member_group = ?", (gone.id,)))
        self._gone.clear()
        for queue in self._touched:
            queue.put(batch)
        self._touched.clear()
        state = self.state
        state.position = self.publishing.position
        state.damaged = self.damaged
        state.groups = [group.state(self.publishing.added(group)) for group in self.groups.values()]
        packed = pack(state)
        batch.statements.append((_SAVE, (packed, packed, self.id)))

    def committed(self) -> None:
        """What was put last is safe."""
        self.publishing.committed()

    def failed(self, error: Exception) -> None:
        """What was published and put last is refused."""
        if self.publishing.failed(error):
            self.change()

    def refuse(self, error: Exception) -> None:
        """What was published and not put yet is refused."""
        if self.publishing.refuse(error):
            self.change()


def _closed() -> ChannelUnavailable:
    return ChannelUnavailable("the channel is closed")
