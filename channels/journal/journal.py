"""The journal of a process: one file, one committer, and everything that rests in it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import apsw

from channels.errors import ChannelUnavailable
from channels.journal.batch import Value
from channels.journal.channel import JournalChannel
from channels.journal.clock import JournalClock
from channels.journal.committer import Committer
from channels.journal.dead_letter import JournalDeadLetters
from channels.journal.disk import FILE_NAME, Disk, ThreadDisk
from channels.journal.errors import DRIVER_ERRORS
from channels.journal.opening import Refuse, find_refuse, look
from channels.journal.schema import POSITION_BITS
from channels.journal.sweeping import Sweeper
from channels.retention import NO_RETENTION, Retention

EVENTS_MAX: Final = 2**40
_CLOSE_MAX_S: Final = 5.0
"""How long closing waits for a disk that takes nothing; what is owed then is lost, as in a crash."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class JournalStatistics:
    """What is held at this moment, in all channels: events that are not settled, parked ones, dead letters."""

    events: int
    size_bytes: int
    size_max_bytes: int
    owed_bytes: int
    """Of what may not be refused and is not safe yet."""
    file_size_bytes: int
    """Of the file: as large as it ever had to be, for room in it is used again and not given back."""
    commits: int
    """Since the file was opened."""
    damaged: int
    """Records that were found unreadable and set aside, ever."""


class Journal:
    """An async context manager; belongs to the event loop that entered it."""

    def __init__(
        self,
        folder: Path,
        *,
        size_max_bytes: int,
        events_max: int = EVENTS_MAX,
        clock: Callable[[], float] = time.time,
        disk: Disk | None = None,
    ) -> None:
        self.size_max_bytes: Final = size_max_bytes
        self.events_max: Final = events_max
        self.events = 0
        self.size_bytes = 0
        self._wall: Final = clock
        self._folder: Final = folder
        self._disk: Final = ThreadDisk(folder) if disk is None else disk
        self._channels: Final[dict[str, JournalChannel]] = {}
        self._sweeping: asyncio.Task[None] | None = None
        self._is_open = False

    async def __aenter__(self) -> Self:
        """Raises DataDirTaken, NewerJournal, ChannelUnavailable."""
        self._loop = asyncio.get_running_loop()
        try:
            await self._disk.open(self._look)
        except DRIVER_ERRORS as error:
            raise ChannelUnavailable(f"the journal cannot be opened: {error}") from error
        self._begin()
        return self

    def _look(self, connection: apsw.Connection) -> None:
        """On the writer's thread: all there is to know, and what a crash left half done is finished."""
        self._opened = look(connection)
        self.clock = JournalClock(self._loop.time, self._wall(), self._opened.clock_us)
        self.dead_letters = JournalDeadLetters(self)
        self.dead_letters.load(connection)

    def _begin(self) -> None:
        opened = self._opened
        self.committer = Committer(self._disk, self.clock)
        self.committer.when_relieved(self._relieve)
        self._last_id = opened.last_id
        self._last_channel_id = opened.last_channel_id
        self._known = opened.channels
        for _, state in self._known.values():
            self.count(state.events + state.parked_events, state.size_bytes + state.parked_size_bytes)
        self._sweeper = Sweeper(self.committer)
        self.committer.parts.append(self._sweeper)
        self._sweep(opened.refuse)
        self._is_open = True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Everything owed is committed, where the disk takes it; the file is closed."""
        self._is_open = False
        if self._sweeping is not None:
            self._sweeping.cancel()
        try:
            await self.flush()
        finally:
            self.committer.close()
            await self._disk.close()

    @property
    def fault(self) -> str:
        """Why publishing is refused; empty where it is not."""
        return "" if self.committer.error is None else str(self.committer.error)

    @property
    def names(self) -> list[str]:
        """The channels that there are in the file."""
        return [*self._known]

    def statistics(self) -> JournalStatistics:
        """What is held at this moment."""
        path = self._folder / FILE_NAME
        return JournalStatistics(
            events=self.events,
            size_bytes=self.size_bytes + self.dead_letters.size_bytes,
            size_max_bytes=self.size_max_bytes,
            owed_bytes=self.committer.owed_bytes,
            file_size_bytes=path.stat().st_size if path.exists() else 0,
            commits=self.committer.commits,
            damaged=sum(state.damaged for _, state in self._known.values()),
        )

    def channel(self, name: str, *, retention: Retention = NO_RETENTION) -> JournalChannel:
        """The channel of that name, to be entered by one at a time."""
        return JournalChannel(self, name, retention)

    async def flush(self) -> None:
        """Wait until all that is owed is safe; not for ever, where the disk takes nothing."""
        try:
            async with asyncio.timeout(_CLOSE_MAX_S):
                await self.committer.flush()
        except TimeoutError:
            if self.committer.error is None:
                raise

    # For those who rest in it

    async def ask(self, question: Callable[[apsw.Connection], T]) -> T:
        """What the file says. Raises ChannelUnavailable."""
        if not self._is_open:
            raise ChannelUnavailable("the journal is closed")
        try:
            return await self._disk.read(question)
        except DRIVER_ERRORS as error:
            raise ChannelUnavailable(f"the journal cannot be read: {error}") from error

    def owe(self, sql: str, bindings: Sequence[Value]) -> None:
        """Do that in the next commit, after what was owed before."""
        self.committer.batch.statements.append((sql, bindings))
        self.committer.owed_bytes += sum([len(value) for value in bindings if isinstance(value, bytes)])
        self.committer.schedule()

    async def committed(self) -> None:
        """Wait until everything owed so far is done. Raises ChannelUnavailable."""
        await self.committer.flush()

    def now_s(self) -> float:
        """Seconds since the epoch, by the journal's clock."""
        return self.clock.now_us() / 1_000_000

    def _relieve(self) -> None:
        for channel in self._channels.values():
            for group in channel.groups.values():
                group.waiting.wake_all()

    def has_room(self, events: int, size_bytes: int) -> bool:
        """Whether so much more may be published."""
        held_bytes = self.size_bytes + self.dead_letters.size_bytes
        return held_bytes + size_bytes <= self.size_max_bytes and self.events + events <= self.events_max

    @property
    def is_crowded(self) -> bool:
        """True where what is settled and merely kept has to make room."""
        kept_bytes = sum([state.log_size_bytes - state.size_bytes for _, state in self._known.values()])
        return self.size_bytes + self.dead_letters.size_bytes + kept_bytes > self.size_max_bytes

    def count(self, events: int, size_bytes: int) -> None:
        """So much more is held, or less."""
        self.events += events
        self.size_bytes += size_bytes

    def new_id(self) -> int:
        """For a group, a queue or a parked run: greater than any before it."""
        self._last_id += 1
        return self._last_id

    def new_channel_id(self) -> int:
        """For a channel: greater than any before it of which something is left."""
        self._last_channel_id += 1
        return self._last_channel_id

    def id_of(self, name: str) -> int:
        """Of the channel of that name; 0 where there is none."""
        return self._known[name][0] if name in self._known else 0

    def attach(self, channel: JournalChannel) -> None:
        """It takes part in commits. Raises ValueError where another one of its name does."""
        self._channels[channel.name] = channel
        self._known[channel.name] = (channel.id, channel.state)
        self.committer.parts.append(channel)

    def detach(self, channel: JournalChannel) -> None:
        """It takes part no more."""
        del self._channels[channel.name]
        self.committer.parts.remove(channel)

    def sweep_queue(self, queue: int, runs: int) -> None:
        """Delete so many runs that are parked there, by and by: nobody knows that queue any more."""
        self._sweeper.sweep_queue(queue, runs)

    def drop(self, name: str) -> None:
        """Delete a channel that is not entered, with all there is of it; must-do. Without one nothing happens."""
        identity, state = self._known.pop(name, (0, None))
        if state is None:
            return
        owed = self.committer.batch.statements
        for group in state.groups:
            owed.append(("DELETE FROM settled WHERE member_group = ?", (group.id,)))
            owed.append(("DELETE FROM queue WHERE member_group = ?", (group.id,)))
        owed.append(("DELETE FROM remembered WHERE channel = ?", (identity,)))
        owed.append(("DELETE FROM channel WHERE id = ?", (identity,)))
        self.count(-state.events - state.parked_events, -state.size_bytes - state.parked_size_bytes)
        self.committer.schedule()
        self._sweeping = self._loop.create_task(self._sweep_refuse())

    async def _sweep_refuse(self) -> None:
        """What a dropped channel leaves; where it cannot be read, the next process does it."""
        await self.committer.flush()
        channels = {identity for identity, _ in self._known.values()}
        with suppress(ChannelUnavailable):
            self._sweep(await self.ask(lambda connection: find_refuse(connection, channels)))

    def _sweep(self, refuse: Refuse) -> None:
        for queue, runs in refuse.queues.items():
            self._sweeper.sweep_queue(queue, runs)
        for channel, runs in refuse.channels.items():
            self._sweeper.sweep_log(*_keys(channel), runs)


def _keys(channel: int) -> tuple[int, int]:
    """The first and the last key that a run of that channel may have."""
    return channel << POSITION_BITS, ((channel + 1) << POSITION_BITS) - 1
