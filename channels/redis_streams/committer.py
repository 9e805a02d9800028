"""Group commit: what is owed in one turn of the loop goes to the server as one step, one at a time, and what was
published behind it.

While one is under way the next gathers; so the busier the channels are, the larger their commits. What was published
and met a failure is refused, for whether it was stored is unknown; everything else is owed, and the same commit is
tried again until the server takes it. Its serial number tells the server how far it came already. Where the server
takes a commit but for what some of them owe, those alone have to bring the rest of it again.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from hiredis import ReplyError

from channels.errors import ChannelFull, ChannelUnavailable
from channels.redis_streams.connection import Connection, Word
from channels.redis_streams.errors import DRIVER_ERRORS, FENCED, ServerError, translate
from channels.redis_streams.link import Link, pack_script
from channels.redis_streams.script import COMMIT

RETRY_MIN_S: Final = 0.05
RETRY_MAX_S: Final = 1.0
"""What is refused is tried again after that long; at first, and at last."""
_LOG_INTERVAL_S: Final = 1.0
OWED_MAX_BYTES: Final = 16 * 2**20
"""What may wait for a server that takes nothing before no more is given out: each thing given out may be parked."""
Name = Callable[[], tuple[tuple[str, str], str]]
"""Keys of the script `commit`, and what this process is called."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Owed:
    """Operations of the script `commit` on keys that begin with `prefix`. `done` is called with the state there, or
    `refused` with how many of its words were done, and why not the next operation.
    """

    prefix: str
    words: list[Word]
    done: Callable[[Any], None]
    refused: Callable[[int, ServerError], None]


@dataclass(slots=True)
class Command:
    """What is published. `done` is called with its answer, or `refused` with why it was not done."""

    packed: bytes
    done: Callable[[Any], None]
    refused: Callable[[Exception], None]


class Part(Protocol):
    """Who takes part in commits: a channel, or the dead letters."""

    def before(self) -> None:
        """A commit is about to be put together."""

    def put(self) -> tuple[list[Owed], list[Command]]:
        """Whatever there is to say, and what was published."""

    def refuse(self, error: Exception) -> None:
        """What was published and not put yet is refused."""


class Committer:
    """Belongs to one event loop. Whoever has something for a commit calls `schedule`."""

    def __init__(self, link: Link, name: Name, fenced: Callable[[], None]) -> None:
        self.error: ChannelFull | ChannelUnavailable | None = None
        """Why publishing is refused, None where it is not."""
        self.commits = 0
        """Those that succeeded."""
        self.owed_bytes = 0
        """Of bodies that are not safe yet, though they may not be refused; whoever owes them counts."""
        self.serial = 1
        """Of the commit that gathers."""
        self.safe = 0
        """The last commit that was taken: all that gathered for it, or before it, is safe but for what was refused."""
        self.parts: Final[list[Part]] = []
        self._link: Final = link
        self._name: Final = name
        self._fenced: Final = fenced
        self._loop: Final = asyncio.get_running_loop()
        self._is_scheduled = False
        self._is_wanted = False
        """Something gathered that the commit under way does not have."""
        self._owed: list[Owed] = []
        self._owed_packed = b""
        self._written: list[Command] = []
        self._is_under_way = False
        self._waiters: list[asyncio.Future[None]] = []
        self._waiters_written: list[asyncio.Future[None]] = []
        self._retry: asyncio.TimerHandle | None = None
        self._retry_s = RETRY_MIN_S
        self._connecting: asyncio.Task[None] | None = None
        self._logged_at = -_LOG_INTERVAL_S
        self._relieved: list[Callable[[], None]] = []
        self._is_closed = False
        self._generation = 0
        """Answers to what an earlier one wrote are of no use."""

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
        """Wait until the server has taken what is put together from this moment on. Raises ChannelUnavailable where it
        does not now; it is owed as before.
        """
        if self.error is not None and self.is_failing:
            raise self.error
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        self.schedule()
        await waiter

    def drop(self) -> None:
        """What was put, and may be owed, is another process's by now: forget it, and go on once the server answers."""
        for one in (self._retry, self._connecting):
            if one is not None:
                one.cancel()
        self._retry = None
        self._generation += 1
        self._is_under_way = True
        told = ChannelUnavailable("another process has taken over")
        commands, self._written = self._written, []
        self._owed.clear()
        for command in commands:
            command.refused(told)
        waiters, self._waiters_written, self._waiters = self._waiters_written + self._waiters, [], []
        _refuse(waiters, told)
        self._connecting = self._loop.create_task(self._look())

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
        owed: list[Owed] = []
        commands: list[Command] = []
        for part in [*self.parts]:
            theirs, published = part.put()
            owed += theirs
            commands += published
        self._is_scheduled = False
        if not owed and not commands:
            waiters, self._waiters = self._waiters, []
            _release(waiters)
            return
        self._owed, self._written, self._is_under_way = owed, commands, True
        self._owed_packed = self._pack() if owed else b""
        self.serial += 1
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

    def _pack(self) -> bytes:
        keys, me = self._name()
        words: list[Word] = [me, self.serial]
        for owed in self._owed:
            words += (owed.prefix, len(owed.words), *owed.words)
        return pack_script(COMMIT, keys, words)

    def _send(self, connection: Connection) -> None:
        packed = b"".join([self._owed_packed, *[command.packed for command in self._written]])
        answered = connection.send(packed, len(self._written) + bool(self._owed))
        answered.add_done_callback(partial(self._answered, self._generation))

    def _answered(self, generation: int, future: "asyncio.Future[list[Any]]") -> None:
        error = future.exception()
        if self._is_closed or generation != self._generation:
            return
        if error is not None:
            self._failed(error)
            return
        answers = future.result()
        first = answers.pop(0) if self._owed else None
        if isinstance(first, ReplyError):
            if str(first).startswith(FENCED):
                self._fenced()
                return
        elif first is not None:
            self._settle(first)
        self._told(answers)
        if isinstance(first, ReplyError):
            self._link.look_at(first)
            self._failed(ServerError(first))
            return
        self.error = None
        self._retry_s = RETRY_MIN_S
        self._end_commit()

    def _settle(self, answers: Sequence[Any]) -> None:
        """What is owed was done, or refused: then the answer is not a state, but how far it came and an error."""
        was_choked = self.is_choked
        owed, self._owed = self._owed, []
        for one, answer in zip(owed, answers, strict=True):
            if answer and isinstance(answer[0], int):
                error = ServerError(answer[1].decode())
                self._link.look_at(error)
                one.refused(answer[0], error)
            else:
                one.done(answer)
        if was_choked and not self.is_choked:
            for do in self._relieved:
                self._loop.call_soon(do)

    def _told(self, answers: Sequence[Any]) -> None:
        """What was published is stored, or refused; the latter is nobody else's business."""
        commands, self._written = self._written, []
        for command, answer in zip(commands, answers, strict=True):
            if not isinstance(answer, ReplyError):
                command.done(answer)
                continue
            self._link.look_at(answer)
            error = translate(ServerError(answer))
            self._log_refusal(error)
            command.refused(error)

    def _end_commit(self) -> None:
        self._is_under_way = False
        self.safe = self.serial - 1
        self.commits += 1
        waiters, self._waiters_written = self._waiters_written, []
        _release(waiters)
        if self._is_wanted:
            # Behind those who were told and woken just now: what they do in return is part of the next commit.
            self.schedule()

    def _failed(self, error: BaseException) -> None:
        """Refuse what was published; the rest is tried again as it is."""
        if self._is_closed:
            return
        told = error if isinstance(error, ChannelUnavailable) else translate(error)
        commands, self._written = self._written, []
        self._retry = self._loop.call_later(self._retry_s, self._try_again)
        self._retry_s = min(2 * self._retry_s, RETRY_MAX_S)
        self.error = told
        self._log_refusal(told)
        for command in commands:
            command.refused(told)
        for part in [*self.parts]:
            part.refuse(told)
        waiters, self._waiters_written, self._waiters = self._waiters_written + self._waiters, [], []
        _refuse(waiters, ChannelUnavailable(str(told)))

    def _try_again(self) -> None:
        if self._owed:
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
        self._retry_s = RETRY_MIN_S
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
