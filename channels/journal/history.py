"""What a channel does about its past: groups that begin there, or are forgotten while behind, and what is not kept."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import apsw

from channels.contract import Position
from channels.errors import ChannelFull, ChannelUnavailable
from channels.journal.counting import NOTHING, Count, View, count, first_since
from channels.journal.group import Group
from channels.journal.state import GroupState

if TYPE_CHECKING:
    from channels.journal.channel import JournalChannel

PRUNE_INTERVAL_US: Final = 1_000_000
DELETED_PER_COMMIT: Final = 250
_PATIENCE_S: Final = 0.2
T = TypeVar("T")
_log = logging.getLogger(__name__)
_Pruned = list[tuple[int, int, int, int]]


class History:
    """Belongs to one channel. What it does takes a while, so it does it in tasks that end with the channel."""

    def __init__(self, channel: "JournalChannel") -> None:
        self._channel: Final = channel
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._unfinished = 0
        """Countings that are under way, or could not be finished."""
        self._pruned_us = 0
        self._may_prune = False
        self._is_closed = False

    async def close(self) -> None:
        """End what is under way; the next process that opens the channel counts anew."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Beginning in the past

    async def begin(self, name: str, start: Literal["earliest"] | datetime | Position) -> Group:
        """The group of that name, made to begin there where there is none. Raises ChannelUnavailable.

        It is there from the first moment, so that nothing of what it begins with is deleted while the disk is asked.
        """
        channel = self._channel
        if name not in channel.groups:
            last = channel.publishing.put_position
            floor = max(0, min(start - 1, channel.publishing.position)) if isinstance(start, int) else 0
            others = [group.view() for group in channel.groups.values()]
            group = channel.add_group(GroupState(channel.journal.new_id(), name, floor, 0))
            self._begin_counting()
            group.beginning = self._spawn(lambda: self._begin(group, start, last, others))
        group = channel.groups[name]
        if group.beginning is not None:
            await asyncio.shield(group.beginning)
        if group.is_gone:
            raise ChannelUnavailable("the channel is closed")
        return group

    async def _begin(
        self, group: Group, start: Literal["earliest"] | datetime | Position, last: Position, others: Sequence[View]
    ) -> None:
        """Count what the group begins with, however long the disk takes."""
        if isinstance(start, datetime):
            await self._skip(group, await self._patiently(lambda: self._before(start, last)), others)
        found = await self._patiently(lambda: self._count(group.cursor + 1, last, group.view(), others))
        if not group.is_gone:
            group.unsettled += found.unsettled
            self._channel.count(found.alone, found.alone_size_bytes)
        group.beginning = None
        self._end_counting()

    async def _before(self, start: datetime, last: Position) -> Position:
        """The position before the first one that was stored then or later; `last` where there is none."""
        base, time_us = self._channel.key, int(start.timestamp() * 1_000_000)
        key = await self._channel.journal.ask(lambda connection: first_since(connection, base, base + last, time_us))
        return last if key is None else key - base - 1

    async def _skip(self, group: Group, floor: Position, others: Sequence[View]) -> None:
        """The group wants nothing up to there. What the others settled meanwhile they left to it: it goes now."""
        group.cursor = floor
        now = [other.view() for other in self._channel.groups.values() if other is not group]
        held = await self._patiently(lambda: self._count(0, floor, NOTHING, others))
        left = await self._patiently(lambda: self._count(0, floor, NOTHING, now))
        alone, size_bytes = left.alone - held.alone, left.alone_size_bytes - held.alone_size_bytes
        self._channel.count(-alone, -size_bytes)
        await self._delete(left)

    async def _patiently(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Ask until the disk answers."""
        while True:
            try:
                return await ask()
            except ChannelUnavailable:
                await asyncio.sleep(_PATIENCE_S)

    async def _count(self, first: Position, last: Position, subject: View, others: Sequence[View]) -> Count:
        channel = self._channel
        await channel.journal.committer.flush()  # what was put is there, and what was deleted is not
        key = channel.key
        # The run that holds the first position may begin before it.
        return await channel.journal.ask(
            lambda connection: count(connection, _begin_of(connection, key, first), key + last, subject, others)
        )

    def _begin_counting(self) -> None:
        self._unfinished += 1
        self._channel.state.is_counting = True
        self._channel.change()

    def _end_counting(self) -> None:
        self._unfinished -= 1
        self._channel.state.is_counting = self._unfinished > 0
        self._channel.change()

    # Forgetting

    def forget(self, group: Group) -> None:
        """That group is gone, which has settled what it had in memory: nothing on disk is held for it alone either."""
        last = self._channel.publishing.put_position
        if group.cursor < last:
            self._begin_counting()
            others = [other.view() for other in self._channel.groups.values()]
            subject = View(group.cursor, {**group.settled_ahead})
            self._spawn(lambda: self._forget(subject, last, others))

    async def _forget(self, subject: View, last: Position, others: Sequence[View]) -> None:
        channel = self._channel
        found = await self._count(subject.cursor + 1, last, subject, others)
        channel.count(-found.alone, -found.alone_size_bytes)
        self._end_counting()
        await self._delete(found)

    async def _delete(self, found: Count) -> None:
        """What nobody wants, a little in each commit."""
        channel = self._channel
        keys, sizes = found.keys, found.sizes
        while keys and not channel.retention:
            for key in keys[-DELETED_PER_COMMIT:]:
                channel.drop(key - channel.key, channel.journal.committer.batch)
            channel.state.log_size_bytes -= sum(sizes[-DELETED_PER_COMMIT:])
            del keys[-DELETED_PER_COMMIT:], sizes[-DELETED_PER_COMMIT:]
            channel.change()
            await channel.journal.committer.flush()

    # Counting anew

    async def count_anew(self) -> None:
        """Set the totals of a channel that was just opened to what there is. Raises ChannelUnavailable."""
        channel = self._channel
        state = channel.state
        events = size_bytes = 0
        views: list[View] = []
        for group in channel.groups.values():
            view = group.view()
            found = await self._count(0, state.position, view, views)
            group.unsettled = found.unsettled
            events += found.alone
            size_bytes += found.alone_size_bytes
            views.append(view)
        channel.count(events - state.events, size_bytes - state.size_bytes)
        found = await self._count(0, state.position, NOTHING, views)
        state.log_size_bytes = found.size_bytes
        state.is_counting = False
        self._spawn(lambda: self._delete(found))

    # Pruning

    def prune(self) -> None:
        """With a commit, now and then: let go what no retention keeps any longer."""
        now_us = self._channel.journal.clock.now_us()
        if self._may_prune and now_us - self._pruned_us >= PRUNE_INTERVAL_US:
            self._pruned_us = now_us
            self._spawn(self._prune)

    def change_retention(self) -> None:
        """What is kept may be too much."""
        self._may_prune = True
        self._pruned_us = 0

    async def _prune(self) -> None:
        channel = self._channel
        while True:
            rows: _Pruned = await channel.journal.ask(self._oldest)
            went = self._let_go(rows)
            if went < len(rows) or not rows:
                self._may_prune = bool(channel.retention) or bool(rows)
                return
            await channel.journal.committer.flush()

    def _oldest(self, connection: apsw.Connection) -> _Pruned:
        bounds = (self._channel.key, self._channel.key + self._channel.committed_position, DELETED_PER_COMMIT)
        sql = "SELECT key, events, size_bytes, time FROM log WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?"
        return list(connection.execute(sql, bounds))

    def _let_go(self, rows: _Pruned) -> int:
        """Delete the first of these, as far as all groups have settled them and retention does not want them."""
        channel = self._channel
        age_s, size_max_bytes = channel.retention.age_s, channel.retention.size_max_bytes
        floor = min([group.floor for group in channel.groups.values()], default=channel.committed_position)
        since_us = channel.journal.clock.now_us(-age_s)
        went = 0
        for key, events, size_bytes, time_us in rows:
            kept_bytes = channel.state.log_size_bytes - channel.state.size_bytes
            is_old = age_s > 0 and time_us < since_us
            is_beyond = size_max_bytes > 0 and kept_bytes > size_max_bytes
            is_wanted = channel.retention and not (is_old or is_beyond or channel.journal.is_crowded)
            if is_wanted or key + events - 1 - channel.key > floor:
                break
            channel.journal.committer.batch.log_deleted.append(key)
            channel.state.log_size_bytes -= size_bytes
            went += 1
        if went:
            channel.change()
        return went

    def _spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None] | None:
        """Do that in a task, unless the channel is closed."""
        if self._is_closed:
            return None
        task = asyncio.get_running_loop().create_task(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _quietly(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """A disk that does not answer is no news: the next process, or the next time, does it."""
    try:
        await work()
    except (ChannelFull, ChannelUnavailable) as error:
        _log.info("a channel's history could not be tended: %s", error)


def _begin_of(connection: apsw.Connection, base: int, first: Position) -> int:
    """The key of the run that holds that position, or would."""
    row = connection.execute(
        "SELECT key, events FROM log WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1", (base, base + first)
    ).get
    return base + first if row is None or row[0] + row[1] <= base + first else int(row[0])
