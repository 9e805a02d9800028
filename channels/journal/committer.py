"""Group commit: what is owed in one turn of the loop goes to the disk as one transaction, one at a time.

While one is under way the next gathers; so the busier the journal is, the larger its commits. Publishes that a commit
cannot store are refused; everything else is owed, and is tried again until the disk takes it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from channels.errors import ChannelFull, ChannelUnavailable
from channels.journal.batch import Batch
from channels.journal.clock import JournalClock
from channels.journal.disk import WAL_MAX_BYTES, Disk
from channels.journal.errors import translate
from channels.journal.row import ParkedRow

_RESERVE_MIN_BYTES: Final = 2 * WAL_MAX_BYTES
_RESERVE_BYTES: Final = 16 * 2**20
_ROOM_INTERVAL_S: Final = 0.1
"""How old what is known of the file system's room may be."""
_RETRY_MIN_S: Final = 0.1
_RETRY_MAX_S: Final = 1.0
_LOG_INTERVAL_S: Final = 1.0
_LOOK_S: Final = 0.25
_CLOCK_INTERVAL_US: Final = 1_000_000
OWED_MAX_BYTES: Final = 16 * 2**20
"""What may wait for a disk that takes nothing before nothing more is given out: each thing given out may be parked."""
_log = logging.getLogger(__name__)


class Part(Protocol):
    """Who takes part in commits: a channel, or the dead letters."""

    def before(self) -> None:
        """A commit is about to be put together."""

    def put(self, batch: Batch) -> None:
        """Add what was published, and whatever else there is to say."""

    def committed(self) -> None:
        """What was put last is safe."""

    def failed(self, error: Exception) -> None:
        """What was published and put last is refused; the rest of what was put will be in the next commit again."""

    def refuse(self, error: Exception) -> None:
        """What was published and not put yet is refused."""


class Committer:
    """Belongs to one event loop. `batch` is what gathers: whoever adds to it calls `schedule`."""

    def __init__(self, disk: Disk, clock: JournalClock) -> None:
        self.batch = Batch()
        self.error: ChannelFull | ChannelUnavailable | None = None
        """Why publishing is refused, None where it is not."""
        self.commits = 0
        """Those that succeeded."""
        self.owed_bytes = 0
        """Of bodies that are not safe yet, though they may not be refused."""
        self.serial = 1
        """Of the commit that gathers."""
        self.safe = 0
        """The last commit that was done: all that gathered for it, or before it, is safe."""
        self.parts: Final[list[Part]] = []
        self._disk: Final = disk
        self._clock: Final = clock
        self._clock_saved_us = 0
        self._loop: Final = asyncio.get_running_loop()
        self._is_scheduled = False
        self._is_wanted = False
        """Something gathered that the commit under way does not have."""
        self._written: Batch | None = None
        self._written_bytes = 0
        self._waiters: list[asyncio.Future[None]] = []
        self._waiters_written: list[asyncio.Future[None]] = []
        self._retry: asyncio.TimerHandle | None = None
        self._retry_s = _RETRY_MIN_S
        self.is_failing = False
        """The last commit failed: what is owed may not be safe for long."""
        self._look: asyncio.TimerHandle | None = None
        self._looked_at = -_ROOM_INTERVAL_S
        self._logged_at = -_LOG_INTERVAL_S
        self._relieved: list[Callable[[], None]] = []

    @property
    def is_choked(self) -> bool:
        """True while so much is owed that nothing more should be given out."""
        return self.owed_bytes > OWED_MAX_BYTES

    def when_relieved(self, do: Callable[[], None]) -> None:
        """Call that whenever `is_choked` ends."""
        self._relieved.append(do)

    def schedule(self) -> None:
        """See to it that what is gathered when this turn of the loop ends is committed together."""
        if self._written is not None or self._retry is not None:
            self._is_wanted = True
        elif not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._hand_over)

    async def flush(self) -> None:
        """Wait until all that is owed at this moment is safe. Raises ChannelUnavailable where it is closed before."""
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        self.schedule()
        await waiter

    def parked_unsafe(self, queue: int) -> list[ParkedRow]:
        """The runs parked there that are not known to be on the disk."""
        written = [] if self._written is None else self._written.parked
        return [row for row in (*written, *self.batch.parked) if row[1] == queue]

    def close(self) -> None:
        """Nothing is committed any more: after the last flush, or instead of it."""
        for timer in (self._retry, self._look):
            if timer is not None:
                timer.cancel()
        for waiter in (*self._waiters, *self._waiters_written):
            if not waiter.done():
                waiter.set_exception(ChannelUnavailable("the journal is closed"))

    def _hand_over(self) -> None:
        # Whoever takes part may schedule while it says what there is to do: that is in this commit.
        self._is_scheduled = True
        self._is_wanted = False
        self._retry = None
        if self._loop.time() - self._looked_at >= _ROOM_INTERVAL_S:
            self._look_at_room()
        for part in self.parts:
            part.before()
        batch = self.batch
        for part in self.parts:
            part.put(batch)
        self._is_scheduled = False
        if not batch and not self.is_failing:
            waiters, self._waiters = self._waiters, []
            _release(waiters)
            return
        if (now_us := self._clock.now_us()) - self._clock_saved_us >= _CLOCK_INTERVAL_US:
            self._clock_saved_us = now_us
            batch.statements.append(("INSERT OR REPLACE INTO clock VALUES (1, ?)", (now_us,)))
        self.batch = Batch()
        self.serial += 1
        self._written = batch
        self._written_bytes = self.owed_bytes
        self._waiters_written += self._waiters
        self._waiters = []
        self._disk.write(batch, self._done)

    def _done(self, error: Exception | None) -> None:
        batch, self._written = self._written, None
        assert batch is not None
        if error is not None:
            self._keep(batch, error)
            return
        self.safe = self.serial - 1
        self.commits += 1
        was_choked = self.is_choked
        self.owed_bytes -= self._written_bytes
        if self.is_failing:
            self.is_failing = False
            self._retry_s = _RETRY_MIN_S
            self._look_at_room()
        waiters, self._waiters_written = self._waiters_written, []
        for part in [*self.parts]:
            part.committed()
        _release(waiters)
        if was_choked and not self.is_choked:
            for do in self._relieved:
                do()
        if self._is_wanted:
            # Behind those who were told and woken just now: what they do in return is part of the next commit.
            self.schedule()

    def _keep(self, batch: Batch, error: Exception) -> None:
        """Refuse what was published; the rest goes ahead of what gathered meanwhile, into the next try."""
        batch.keep(self.batch)
        self.batch = batch
        self.is_failing = True
        self._retry = self._loop.call_later(self._retry_s, self._hand_over)  # first: the parts ask for a commit at once
        self._retry_s = min(2 * self._retry_s, _RETRY_MAX_S)
        told = translate(error)
        for part in [*self.parts]:
            part.failed(told)
        self._refuse(told)

    def _refuse(self, error: ChannelFull | ChannelUnavailable) -> None:
        if self._loop.time() - self._logged_at >= _LOG_INTERVAL_S:
            self._logged_at = self._loop.time()
            _log.error("publishing is refused: %s", error)
        self.error = error
        for part in [*self.parts]:
            part.refuse(error)

    def _look_at_room(self) -> None:
        """Refuse what is published while the file system is nearly full: what is owed must still find room.

        The reserve is what the write-ahead log may need, and more where the file system is large.
        """
        self._looked_at = self._loop.time()
        self._look = None
        try:
            free, total = self._disk.room()
        except OSError as error:
            self._refuse(translate(error))
            self._look = self._loop.call_later(_LOOK_S, self._look_at_room)
            return
        reserve = max(_RESERVE_MIN_BYTES, min(_RESERVE_BYTES, total // 8))
        if free >= reserve:
            self._heal()
        else:
            self._refuse(ChannelFull(f"{free} bytes are free on the journal's disk, {reserve} are kept in reserve"))
            self._look = self._loop.call_later(_LOOK_S, self._look_at_room)

    def _heal(self) -> None:
        if self.error is not None and not self.is_failing:
            self.error = None
            _log.info("publishing is accepted again")


def _release(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
