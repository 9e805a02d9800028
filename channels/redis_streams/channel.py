"""One channel on a Redis server: what is published gathers for the next commit, groups are read from its stream."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Self

from channels.contract import ChannelStatistics, Features, Position, Receipt, Start
from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.redis_streams.caretaker import Caretaker
from channels.redis_streams.committer import Command, Owed
from channels.redis_streams.connection import Word
from channels.redis_streams.counting import EVENTS, PARKED, PARKED_SIZE, SIZE, Counters
from channels.redis_streams.debt import Debt
from channels.redis_streams.entry import position_of, start_after
from channels.redis_streams.errors import LOST, ServerError, translate
from channels.redis_streams.group import Group
from channels.redis_streams.member import Member
from channels.redis_streams.ordering import Ordering
from channels.redis_streams.parking import adopt
from channels.redis_streams.publishing import PositionedAnswer, Publishing
from channels.redis_streams.reader import Reader
from channels.redis_streams.remembering import Remembering
from channels.redis_streams.script import BEGIN, SURVEY, SURVEYED
from channels.retention import NO_RETENTION, Retention

if TYPE_CHECKING:
    from channels.redis_streams.server import RedisServer

_log = logging.getLogger(__name__)
_STORED: Final = b"stored"
_DAMAGED: Final = b"damaged"


class RedisChannel:
    """Made by `RedisServer.channel`. `retention` may be set at any time."""

    def __init__(
        self, server: "RedisServer", name: str, *, events_max: int, size_max_bytes: int,
        retention: Retention = NO_RETENTION,
    ) -> None:  # fmt: skip
        self.server: Final = server
        self.name: Final = name
        self.retention = retention
        self.groups: Final[dict[str, Group]] = {}
        self.counters: Final = Counters()
        self.publishing: Final = Publishing(self, events_max=events_max, size_max_bytes=size_max_bytes)
        self._prefix: Final = server.prefix_of(name)
        self.log: Final = f"{self._prefix}log"
        self._is_open = False
        self._is_changed = False
        self.debt: Final = Debt(server, self._prefix, changed=self.change, done=self._committed, relieved=self.wake)
        self.problem: str | None = None
        """Why nobody could look after it the last time."""
        self._readers: Final[dict[str, Reader]] = {}
        self._joining: Final = asyncio.Lock()
        self._hooks: Final[list[Callable[[], None]]] = []
        self.ordering: Final = Ordering(self)
        self._caretaker: Final = Caretaker(self)
        self.remembering: Final = Remembering(self, f"{self._prefix}remembered")
        self.has_settled = True
        """Something may be trimmed."""

    @property
    def features(self) -> Features:
        """Durable where the server writes each command to its disk before it answers."""
        is_durable = self.server.persistence == "always"
        return Features(persistent=True, durable=is_durable, ordered=True, replayable=True, shared=True)

    @property
    def is_open(self) -> bool:
        """Entered, and not left."""
        return self._is_open

    @property
    def is_choked(self) -> bool:
        """True while so much is owed that nothing more should be given out."""
        return self.server.committer.is_choked or self.debt.is_choked

    @property
    def fault(self) -> str | None:
        """What is wrong with its keys, though the server is well."""
        return self.problem if self.debt.error is None else str(self.debt.error)

    @property
    def keys(self) -> tuple[str, str]:
        """What each script is given: where the channel's keys are, and this process's fence."""
        return self._prefix, self.server.fence

    async def __aenter__(self) -> Self:
        await self.server.ready()
        await self._begin("", "$")
        self._is_open = True
        self.server.attach(self)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Everything owed is committed, where the server can be reached; what was held is given back."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            await self.ordering.close()
            await asyncio.gather(*[reader.stop() for reader in self._readers.values()])
            with suppress(ChannelUnavailable):  # what is owed to a server that is gone, another process will do again
                await self.debt.flush()
                self.owe(["leave"])
                await self.debt.flush()
        finally:
            self._end()

    def abandon(self) -> None:
        """End without a goodbye: the server is left with what it has."""
        self._is_open = False
        self._end()

    def _end(self) -> None:
        self.server.detach(self)
        self.debt.drop()
        self.refuse(_closed())
        for group in self.groups.values():
            group.close()
        self.groups.clear()
        self._readers.clear()

    # What is published

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        """Store all of the events or none, and tell the receipt after the commit that has them."""
        if not self._is_open:
            receipt.refused(_closed())
            return
        error = self.server.refusal or self.debt.error
        if error is not None:
            receipt.refused(error)
            return
        self.publishing.submit(events, receipt)

    async def publish(self, events: Sequence[Event]) -> list[Position]:
        """Store all of the events or none. Raises ChannelFull or ChannelUnavailable."""
        receipt = PositionedAnswer()
        self.submit(events, receipt)
        await receipt.answer
        return [*range(receipt.first, receipt.first + len(events))]

    # What is settled

    def settled(self, group: Group, positions: Sequence[Position], sizes: Sequence[int]) -> None:
        """One group has settled these: what no other group wants is held no more."""
        self.has_settled = True
        if len(self.groups) > 1:
            others = [other for other in self.groups.values() if other is not group]
            pairs_ = zip(positions, sizes, strict=True)
            sizes = [size for position, size in pairs_ if not any(other.wants(position) for other in others)]
        self.counters.add(EVENTS, -len(sizes))
        self.counters.add(SIZE, -sum(sizes))

    def set_aside(self, body: bytes) -> None:
        """It cannot be read. It is kept apart, for people."""
        self.owe(["damaged", body])

    def statistics(self) -> ChannelStatistics:
        """What is held at this moment, by all processes as far as it is known here."""
        counters = self.counters
        return ChannelStatistics(
            events=max(0, counters[EVENTS] + counters[PARKED]),
            size_bytes=max(0, counters[SIZE] + counters[PARKED_SIZE]),
            events_max=self.publishing.events_max,
            size_max_bytes=self.publishing.size_max_bytes,
            stored=counters[_STORED],
            damaged=counters[_DAMAGED],
        )

    # Groups

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Member]:
        """Join a group for the length of the context. Raises ChannelUnavailable."""
        if not self._is_open:
            raise _closed()
        async with self._joining:
            joined = self.groups.get(group)
            if joined is None or not joined.members:
                joined = await self._join(group, start)
            member = Member(joined)
            joined.members.add(member)
        try:
            yield member
        finally:
            member.leave()
            if not joined.members and self._is_open:
                await asyncio.shield(asyncio.ensure_future(self._leave_group(joined)))

    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        """The group is there, begun where `start` says if it was not. Raises ChannelUnavailable."""
        if not self._is_open:
            raise _closed()
        async with self._joining:
            await self.debt.flush()
            await self._begin(group, start_after(start))

    async def _join(self, name: str, start: Start) -> Group:
        await self.debt.flush()
        moved, is_held = await self._begin(name, start_after(start), joins=True)
        group = self.groups[name]
        adopt(group, moved)
        reader = self._readers[name] = Reader(self, group)
        if is_held:  # another process receives alone: nothing is asked for before the server says so
            reader.is_paused = True
            group.stand_by()
        reader.start()
        return group

    async def _leave_group(self, group: Group) -> None:
        """The last member of this process has left: what is in memory goes to the others."""
        async with self._joining:
            reader = self._readers.pop(group.name, None)
            if reader is not None:
                await reader.stop()
            if group.members or not self._is_open or self.groups.get(group.name) is not group:
                return
            group.release()
            self.owe(["release", group.key])

    async def _begin(self, name: str, after: str, *, joins: bool = False) -> tuple[Sequence[Any], bool]:
        """Have the server know a group, and learn what it knows: which queues came to one who `joins`, and whether
        another process receives its events alone. Raises ChannelUnavailable.
        """
        try:
            told: Sequence[Any] = (b"", 0, 0)
            while len(told) == SURVEYED:
                told = await self.server.link.run(
                    BEGIN, self.keys, self.server.me, name, after, self.server.me, int(joins), *SURVEY, *told
                )
            state, rows, moved, remembered, is_held = told
        except ServerError as error:
            self.server.look_at(error)
            self._caretaker.is_unsure = True
            raise translate(error) from error
        except ChannelUnavailable:
            self._caretaker.is_unsure = True
            raise
        self.counters.learn(state)
        self.remembering.learn(remembered)
        for key, last, pending in rows:
            known = self.groups.get(key.decode())
            if known is None or (joins and known.name == name and not known.members):
                self.groups[key.decode()] = Group(self, key.decode(), position_of(last), pending)
        return (moved if isinstance(moved, list) else []), bool(is_held)

    def forget(self, group: str) -> None:
        """The group is no more, with all its queues."""
        gone = self.groups.get(group)
        if gone is None:
            return
        for queue in [*gone.queues.values()]:
            queue.clear()
        self.counters.add(PARKED, -gone.left[0])
        self.counters.add(PARKED_SIZE, -gone.left[1])
        others = [other for other in self.groups.values() if other is not gone]
        held = max([other.unsettled for other in others], default=0)
        held_bytes = max([other.unsettled_size_bytes for other in others], default=0)
        if len(others) < 2:  # of several the server will tell
            self.counters.add(EVENTS, held - self.counters[EVENTS])
            self.counters.add(SIZE, held_bytes - self.counters[SIZE])
        del self.groups[group]
        gone.close()
        self.owe(["forget", gone.key])

    def keep_order(self, group: Group, *, is_needed: bool) -> None:
        """Whether one process at a time may receive for that group."""
        self.ordering.need(group, is_needed=is_needed)

    def renew(self) -> None:
        """Whoever reads here does so by another connection."""
        for reader in self._readers.values():
            reader.renew()

    def reader_of(self, group: Group) -> Reader | None:
        """Who reads for it here."""
        return self._readers.get(group.name)

    # What is remembered

    def remember(self, name: str, value: bytes | None) -> None:
        """Keep a small value by that name, or none any more."""
        self.remembering.set(name, value)

    @property
    def remembered(self) -> Mapping[str, bytes]:
        """What was last remembered, by name."""
        return self.remembering.values

    def before_commit(self, do: Callable[[], None]) -> None:
        """Call that whenever a commit is put together."""
        self._hooks.append(do)

    # Commits

    def owe(self, words: list[Word], size_bytes: int = 0) -> None:
        """An operation of the script `commit`, for the next one; behind what was settled before. With the bytes of its
        bodies.
        """
        if not self._is_open and words != ["leave"]:
            return
        if words[0] not in ("park", "settle"):
            self._put_acks()
        self.debt.owe(words, size_bytes)
        self.change()

    def change(self) -> None:
        """The next commit is about this channel too."""
        if not self._is_changed:
            self._is_changed = True
            self.server.committer.schedule()

    def change_again(self) -> None:
        """The commit that is put together does not have all of it."""
        self._is_changed = False
        asyncio.get_running_loop().call_soon(self.change)

    def before(self) -> None:
        """A commit is about to be put together."""
        for do in self._hooks:
            do()

    def put(self) -> tuple[list[Owed], list[Command]]:
        """What was settled, parked and remembered, and what was published."""
        if not self._is_changed:
            return [], []
        self._is_changed = False
        self._put_acks()
        owed = self.debt.put()
        if owed:
            self.counters.put()
            self.remembering.put()
            for group in self.groups.values():
                group.put()
        return owed, self.publishing.put()

    def _put_acks(self) -> None:
        for group in self.groups.values():
            group.put_acks(self.debt.words)

    def _committed(self, state: Sequence[bytes]) -> None:
        for group in self.groups.values():
            group.committed()
        self.remembering.committed()
        self.counters.done(state)

    def stored(self, state: Sequence[bytes]) -> None:
        """What was published is stored, and the server says what there is."""
        self.counters.learn(state)

    def refuse(self, error: Exception) -> None:
        """What was published and not put yet is refused."""
        self.publishing.refuse(error)

    # Other processes

    def start_over(self) -> None:
        """Another process has taken over all that this one had."""
        self.debt.drop()
        self.remembering.forget()
        self.counters.forget()
        for group in self.groups.values():
            group.reset()
            group.tell()
            self.ordering.ask(group)

    def refused(self, error: Exception) -> None:
        """Something that was published is. Where the server has lost all, who looks after it does so at once."""
        cause = error.__cause__
        if isinstance(cause, ServerError) and cause.code == LOST:
            self.server.hurry()

    async def begin_anew(self) -> None:
        """The server has lost all: groups begin with what comes, and nothing is held. Raises ChannelUnavailable."""
        _log.error("the channel %s: the Redis server has lost all that it had", self.name)
        self.start_over()
        await self._begin("", "$")
        for group in [*self.groups.values()]:
            await self._begin(group.name, "$", joins=bool(group.members))

    def wake(self) -> None:
        """More may be given out."""
        for group in self.groups.values():
            group.waiting.wake_all()

    async def tick(self) -> None:
        """Take what others left, and learn what there is. Raises ChannelUnavailable."""
        await self._caretaker.tick()


def _closed() -> ChannelUnavailable:
    return ChannelUnavailable("the channel is closed")
