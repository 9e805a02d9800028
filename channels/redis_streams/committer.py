"""Group commit: what is owed in one turn of the loop goes to the server as one transaction, one at a time.

While one is under way the next gathers; so the busier the channels are, the larger their commits. What was published
and met a failure is refused, for whether it was stored is unknown; everything else is owed, and the same commit is
tried again until the server takes it. Its serial number tells the server where it was done already.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from hiredis import ReplyError

from channels.errors import ChannelFull, ChannelUnavailable
from channels.redis_streams.connection import Connection, pack
from channels.redis_streams.errors import DRIVER_ERRORS, FENCED, ServerError, translate
from channels.redis_streams.link import Link

_RETRY_MIN_S: Final = 0.05
_RETRY_MAX_S: Final = 1.0
_LOG_INTERVAL_S: Final = 1.0
OWED_MAX_BYTES: Final = 16 * 2**20
"""What may wait for a server that takes nothing before no more is given out: each thing given out may be parked."""
_MULTI: Final = pack(["MULTI"])
_EXEC: Final = pack(["EXEC"])
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Command:
    """One of a commit. `done` is called with its answer, or `refused` with why it was not done; what `is_owed` is never
    refused.
    """

    packed: bytes
    is_owed: bool
    done: Callable[[Any], None]
    refused: Callable[[Exception], None]


class Part(Protocol):
    """Who takes part in commits: a channel, or the dead letters."""

    def before(self) -> None:
        """A commit is about to be put together."""

    def put(self, serial: int) -> Sequence[Command]:
        """What was published, and whatever else there is to say."""

    def refuse(self, error: Exception) -> None:
        """What was published and not put yet is refused."""


class Committer:
    """Belongs to one event loop. Whoever has something for a commit calls `schedule`."""

    def __init__(self, link: Link, fenced: Callable[[], None]) -> None:
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
        self._link: Final = link
        self._fenced: Final = fenced
        self._loop: Final = asyncio.get_running_loop()
        self._is_scheduled = False
        self._is_wanted = False
        """Something gathered that the commit under way does not have."""
        self._written: list[Command] = []
        self._is_under_way = False
        self._written_bytes = 0
        self._waiters: list[asyncio.Future[None]] = []
        self._waiters_written: list[asyncio.Future[None]] = []
        self._retry: asyncio.TimerHandle | None = None
        self._retry_s = _RETRY_MIN_S
        self._connecting: asyncio.Task[None] | None = None
        self._logged_at = -_LOG_INTERVAL_S
        self._relieved: list[Callable[[], None]] = []
        self._is_closed = False

    @property
    def is_choked(self) -> bool:
        """True while so much is owed that nothing more should be given out."""
        return self.owed_bytes > OWED_MAX_BYTES

    @property
    def is_failing(self) -> bool:
        """The last commit failed: what is owed may not be safe for long."""
        return self._retry is not None

    def when_relieved(self, do: Callable[[], None]) -> None:
        """Call that whenever `is_choked` ends."""
        self._relieved.append(do)

    def schedule(self) -> None:
        """See to it that what is gathered when this turn of the loop ends is committed together."""
        if self._is_under_way:
            self._is_wanted = True
        elif not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._hand_over)

    async def flush(self) -> None:
        """Wait until all that is owed at this moment is safe. Raises ChannelUnavailable where the server does not take
        it now; it is owed as before.
        """
        if self.error is not None and self.is_failing:
            raise self.error
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        self.schedule()
        await waiter

    def drop(self) -> None:
        """What is owed by commits that failed is another process's by now."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
            self._written.clear()
            self._is_under_way = False
            self.schedule()

    def close(self) -> None:
        """Nothing is committed any more: after the last flush, or instead of it."""
        self._is_closed = True
        for one in (self._retry, self._connecting):
            if one is not None:
                one.cancel()
        _refuse(self._waiters + self._waiters_written, ChannelUnavailable("the channel is closed"))

    def _hand_over(self) -> None:
        if self._is_closed:
            return
        # Whoever takes part may schedule while it says what there is to do: that is in this commit.
        self._is_scheduled = True
        self._is_wanted = False
        for part in self.parts:
            part.before()
        commands = [command for part in [*self.parts] for command in part.put(self.serial)]
        self._is_scheduled = False
        if not commands:
            waiters, self._waiters = self._waiters, []
            _release(waiters)
            return
        self.serial += 1
        self._written, self._is_under_way = commands, True
        self._written_bytes = self.owed_bytes
        self._waiters_written += self._waiters
        self._waiters = []
        self._write()

    def _write(self) -> None:
        self._retry = None
        connection = self._link.connection
        if connection is None:
            self._connecting = self._loop.create_task(self._connect())
        else:
            self._send(connection)

    async def _connect(self) -> None:
        try:
            connection = await self._link.get()
        except (*DRIVER_ERRORS, ChannelUnavailable) as error:
            self._failed(error)
        else:
            self._send(connection)

    def _send(self, connection: Connection) -> None:
        packed = b"".join([_MULTI, *[command.packed for command in self._written], _EXEC])
        connection.send(packed, len(self._written) + 2).add_done_callback(self._answered)

    def _answered(self, future: "asyncio.Future[list[Any]]") -> None:
        if self._is_closed or future.cancelled():
            return
        error = future.exception()
        if error is not None:
            self._failed(error)
            return
        answers = future.result()
        if isinstance(answers[-1], ReplyError):
            first = next(answer for answer in answers if isinstance(answer, ReplyError))
            self._link.look_at(first)
            self._failed(ServerError(first))
        else:
            self._done(answers[-1])

    def _done(self, answers: Sequence[Any]) -> None:
        commands, self._written = self._written, []
        left: list[Command] = []
        failure: ReplyError | None = None
        full: Exception | None = None
        for command, answer in zip(commands, answers, strict=True):
            if not isinstance(answer, ReplyError):
                command.done(answer)
            elif str(answer).startswith(FENCED):
                self._end_commit()
                self._start_over(commands)
                return
            elif command.is_owed:
                left.append(command)
                failure = answer
            else:
                full = translate(ServerError(answer))
                command.refused(full)
        if failure is not None:
            self._written = left
            self._link.look_at(failure)
            self._failed(ServerError(failure))
            return
        if full is not None:
            self._log_refusal(full)
        self.error = None
        self._retry_s = _RETRY_MIN_S
        self._end_commit()

    def _end_commit(self) -> None:
        self._is_under_way = False
        self.safe = self.serial - 1
        self.commits += 1
        was_choked = self.is_choked
        self.owed_bytes -= self._written_bytes
        waiters, self._waiters_written = self._waiters_written, []
        _release(waiters)
        if was_choked and not self.is_choked:
            for do in self._relieved:
                do()
        if self._is_wanted:
            # Behind those who were told and woken just now: what they do in return is part of the next commit.
            self.schedule()

    def _start_over(self, commands: Sequence[Command]) -> None:
        for command in commands:
            command.refused(ChannelUnavailable("another process has taken over"))
        self._fenced()

    def _failed(self, error: BaseException) -> None:
        """Refuse what was published; the rest is tried again as it is."""
        if self._is_closed:
            return
        told = error if isinstance(error, ChannelUnavailable) else translate(error)
        commands = self._written
        self._written = [command for command in commands if command.is_owed]
        self._retry = self._loop.call_later(self._retry_s, self._try_again)
        self._retry_s = min(2 * self._retry_s, _RETRY_MAX_S)
        self.error = told
        self._log_refusal(told)
        for command in commands:
            if not command.is_owed:
                command.refused(told)
        for part in [*self.parts]:
            part.refuse(told)
        waiters, self._waiters_written, self._waiters = self._waiters_written + self._waiters, [], []
        _refuse(waiters, ChannelUnavailable(str(told)))

    def _try_again(self) -> None:
        if self._written:
            self._write()
            return
        self._retry = None
        self._connecting = self._loop.create_task(self._look())

    async def _look(self) -> None:
        """Nothing is owed: a connection that answers is what there is to find."""
        try:
            await (await self._link.get()).call("PING")
        except (*DRIVER_ERRORS, ChannelUnavailable) as error:
            self._failed(error)
            return
        self.error = None
        self._retry_s = _RETRY_MIN_S
        self._end_commit()

    def _log_refusal(self, error: Exception) -> None:
        if self._loop.time() - self._logged_at >= _LOG_INTERVAL_S:
            self._logged_at = self._loop.time()
            _log.error("publishing is refused: %s", error)


def _release(waiters: Sequence[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)


def _refuse(waiters: Sequence[asyncio.Future[None]], error: Exception) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_exception(error)
