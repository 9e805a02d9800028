"""The connection to a server that everything which changes something goes through, made anew where it was lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hiredis import ReplyError

from channels.errors import ChannelUnavailable
from channels.redis_streams.connection import Connection, Word, pack
from channels.redis_streams.errors import DRIVER_ERRORS, RECONNECT, ServerError, translate
from channels.redis_streams.script import Script

Open = Callable[[], Awaitable[Connection]]


class Link:
    """`open_` makes a connection, and `introduce` does with it what must come first. Raises DRIVER_ERRORS both."""

    def __init__(self, open_: Open, introduce: Callable[[Connection], Awaitable[None]]) -> None:
        self._open: Final = open_
        self._introduce: Final = introduce
        self._connecting: Final = asyncio.Lock()
        self._connection: Connection | None = None
        self._retired: Connection | None = None
        self._generation = 0
        self._is_closed = False

    @property
    def connection(self) -> Connection | None:
        """The one that is open, if there is one."""
        connection = self._connection
        return connection if connection is not None and connection.is_open else None

    async def get(self) -> Connection:
        """The one that is open, made where there is none. Raises DRIVER_ERRORS, ChannelUnavailable once closed."""
        async with self._connecting:
            while not self._is_closed:
                connection = self.connection
                if connection is not None:
                    return connection
                await self._connect()
            raise ChannelUnavailable("the channel is closed")

    async def _connect(self) -> None:
        generation = self._generation
        connection = await self._open()
        try:
            await self._introduce(connection)
        except BaseException:
            connection.close()
            raise
        if generation == self._generation and not self._is_closed:
            self._connection = connection
        else:
            connection.close()

    async def call(self, *words: Word) -> Any:
        """The answer to one command. Raises ChannelUnavailable, ServerError."""
        try:
            return await (await self.get()).call(*words)
        except ServerError as error:
            self.look_at(error)
            raise
        except DRIVER_ERRORS as error:
            raise translate(error) from error

    async def run(self, script: Script, keys: tuple[str, str], *words: Word) -> Any:
        """What a script answers. Raises ChannelUnavailable, ServerError."""
        return await self.call("EVALSHA", script.digest, 2, *keys, *words)

    def look_at(self, error: ReplyError | ServerError | None) -> None:
        """After some answers another connection does better."""
        code = str(error).partition(" ")[0]
        if code in RECONNECT:
            self.abort()

    def abort(self) -> None:
        """End the one that is open; the next question makes another."""
        if self._connection is not None:
            self._connection.abort()

    def renew(self) -> None:
        """Make another one for the next question; what was asked is still answered."""
        self._generation += 1
        if self._connection is not None:
            self._retired, self._connection = self._connection, None
            self._retired.retire()

    def close(self) -> None:
        """For good."""
        self._is_closed = True
        for connection in (self._connection, self._retired):
            if connection is not None:
                connection.close()


def pack_script(script: Script, keys: tuple[str, str], words: list[Word]) -> bytes:
    """A call of it, as it goes over the wire."""
    return pack(["EVALSHA", script.digest, 2, *keys, *words])
