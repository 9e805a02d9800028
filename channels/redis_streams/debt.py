"""What a channel owes its server, or the dead letters do: operations in their order, until the server has done them."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from channels.errors import ChannelUnavailable
from channels.redis_streams.committer import OWED_MAX_BYTES, RETRY_MAX_S, RETRY_MIN_S, Committer, Owed
from channels.redis_streams.connection import Word
from channels.redis_streams.errors import ServerError


class Server(Protocol):
    """Whom it is owed."""

    committer: Committer

    def complain(self, error: BaseException) -> None:
        """To the log, but not too often."""


class Debt:
    """On keys that begin with `prefix`. What the server refuses stays owed, from the operation on that failed, and is
    tried again: no other debt waits for it. `changed` is called when a commit is wanted, `done` with the state there
    after one, `relieved` when `is_choked` ends.
    """

    def __init__(
        self, server: Server, prefix: str, *, changed: Callable[[], None], done: Callable[[Any], None],
        relieved: Callable[[], None],
    ) -> None:  # fmt: skip
        self.error: ChannelUnavailable | None = None
        """Why the server refuses it, None where it does not."""
        self.words: list[Word] = []
        """What gathers, behind what was refused."""
        self._server: Final = server
        self._prefix: Final = prefix
        self._changed: Final = changed
        self._told: Final = done
        self._relieved: Final = relieved
        self._gathered_bytes = 0
        self._flying: list[Word] = []
        self._flying_bytes = 0
        self._flight = 0
        """Answers to an earlier one are of no use."""
        self._safe = 0
        """The last commit before the one that was refused."""
        self._retry: asyncio.TimerHandle | None = None
        self._retry_s = RETRY_MIN_S

    @property
    def safe(self) -> int:
        """The last commit for which all that had gathered here is done."""
        return self._server.committer.safe if self.error is None else self._safe

    @property
    def is_choked(self) -> bool:
        """So much is refused that nothing more should be given out."""
        return self.error is not None and self._size_bytes > OWED_MAX_BYTES

    @property
    def _size_bytes(self) -> int:
        return self._gathered_bytes + self._flying_bytes

    def owe(self, words: list[Word], size_bytes: int = 0) -> None:
        """One more operation, for the next commit; `size_bytes` are those of its bodies."""
        self.words += words
        self._gathered_bytes += size_bytes
        if self.error is None:
            self._server.committer.owed_bytes += size_bytes

    async def flush(self) -> None:
        """Wait until all that is owed at this moment is safe. Raises ChannelUnavailable where the server does not take
        it now; it is owed as before.
        """
        await self._server.committer.flush()
        if self.error is not None:
            raise ChannelUnavailable(str(self.error)) from self.error

    def put(self) -> list[Owed]:
        """What the next commit has of it: nothing before it is time to try again."""
        if self._retry is not None or not (self.words or self.error):
            return []
        self._flying, self.words = self.words, []
        self._flying_bytes, self._gathered_bytes = self._gathered_bytes, 0
        self._flight += 1
        done, refused = partial(self._done, self._flight), partial(self._refused, self._flight)
        return [Owed(self._prefix, self._flying, done, refused)]

    def drop(self) -> None:
        """Nothing of it is owed any more."""
        if self.error is None:
            self._server.committer.owed_bytes -= self._size_bytes
        if self._retry is not None:
            self._retry.cancel()
        self.error = self._retry = None
        self.words, self._flying = [], []
        self._gathered_bytes = self._flying_bytes = 0
        self._flight += 1

    def _done(self, flight: int, state: Any) -> None:
        if flight != self._flight:
            return
        was_choked = self.is_choked
        # While it was refused it was no part of what all owe.
        self._server.committer.owed_bytes += -self._flying_bytes if self.error is None else self._gathered_bytes
        self.error, self._flying, self._flying_bytes, self._retry_s = None, [], 0, RETRY_MIN_S
        self._told(state)
        if was_choked:
            self._relieved()

    def _refused(self, flight: int, words_done: int, error: ServerError) -> None:
        if flight != self._flight:
            return
        if self.error is None:
            committer = self._server.committer
            committer.owed_bytes -= self._size_bytes
            self._safe = committer.serial - 2
        self.words, self._flying = self._flying[words_done:] + self.words, []
        self._gathered_bytes, self._flying_bytes = self._size_bytes, 0
        self.error = ChannelUnavailable(f"Redis cannot store under {self._prefix}*: {error}")
        self.error.__cause__ = error
        self._server.complain(self.error)
        self._retry = asyncio.get_running_loop().call_later(self._retry_s, self._try_again)
        self._retry_s = min(2 * self._retry_s, RETRY_MAX_S)

    def _try_again(self) -> None:
        self._retry = None
        self._changed()
