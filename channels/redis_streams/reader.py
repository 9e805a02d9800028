"""Who brings a group's events: one task, on a connection of its own, for all members that it has in this process."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from channels.errors import ChannelUnavailable
from channels.redis_streams.connection import Connection
from channels.redis_streams.entry import position_of
from channels.redis_streams.errors import DRIVER_ERRORS, FENCED, NO_GROUP, ServerError
from channels.redis_streams.keeper import Keeper
from channels.redis_streams.script import CLAIM

if TYPE_CHECKING:
    from channels.redis_streams.channel import RedisChannel
    from channels.redis_streams.group import Group

_BACKOFF_MIN_S: Final = 0.05
_BACKOFF_MAX_S: Final = 1.0
_STOP_MAX_S: Final = 1.0
_PAUSE_S: Final = 0.01
_PAGE: Final = 1000
_CLAIM_MAX: Final = 256


class Reader:
    """Runs from `start` to `stop`: what the server gave out is in the group's memory then, or its connection over."""

    def __init__(self, channel: "RedisChannel", group: "Group") -> None:
        self.is_paused = False
        """Another process receives in its stead."""
        self._channel: Final = channel
        self._group: Final = group
        self._connection: Connection | None = None
        self._keeper: Keeper | None = None
        self._is_stopping = False
        self._is_asking = False
        self._claiming: Final = asyncio.Lock()

    def start(self) -> None:
        """Begin to read."""
        name = f"the reader of {self._channel.log} for {self._group.name}"
        self._keeper = Keeper(name, self._run, pause_s=_BACKOFF_MAX_S, report=self._channel.server.complain)

    async def stop(self) -> None:
        """Let go. What the server is about to give out is waited for, for a second."""
        self._is_stopping = True
        self._group.room.wake_all()
        await self.unblock()
        if self._keeper is not None:
            await self._keeper.stop(patience_s=_STOP_MAX_S)
        if self._connection is not None:
            self._connection.close()

    async def pause(self) -> None:
        """Read nothing more; on return nothing is about to come."""
        self.is_paused = True
        while self._is_asking:
            await self.unblock()
            await asyncio.sleep(_PAUSE_S)

    def resume(self) -> None:
        """Read again."""
        self.is_paused = False
        self._group.room.wake_all()

    def renew(self) -> None:
        """Read by another connection, after what this one has been asked."""
        if self._connection is not None:
            self._connection.retire()

    async def unblock(self) -> None:
        """End the question that is under way."""
        connection = self._connection
        if connection is not None and (connection.is_open or self._is_asking):
            with suppress(*DRIVER_ERRORS, ChannelUnavailable):
                await self._channel.server.link.call("CLIENT", "UNBLOCK", connection.identity)

    async def claim(self, *, is_chosen: bool = False) -> None:
        """Bring what was given back by others; while it is paused only where it `is_chosen` to go on. Raises
        ServerError, ChannelUnavailable.
        """
        group, server = self._group, self._channel.server
        async with self._claiming:
            while group.has_room and not self._is_stopping and (is_chosen or not self.is_paused):
                keys, me = self._channel.keys, server.me
                try:
                    entries = await server.link.run(CLAIM, keys, me, group.key, min(group.read_events(), _CLAIM_MAX))
                except ChannelUnavailable:
                    self._recover_soon()
                    raise
                if me != server.me or not entries:
                    return
                group.add_returned(entries)

    def _recover_soon(self) -> None:
        """An answer may have been lost: the next connection begins with what the server thinks that we have."""
        if self._connection is not None:
            self._connection.abort()

    async def _run(self) -> None:
        backoff_s = _BACKOFF_MIN_S
        while not self._is_stopping:
            try:
                connection = await self._channel.server.connect()
            except (*DRIVER_ERRORS, ChannelUnavailable) as error:
                self._channel.server.complain(error)
            else:
                self._connection = connection
                try:
                    await self._recover()
                    await self.claim()
                    backoff_s = _BACKOFF_MIN_S
                    await self._read(connection)
                except (*DRIVER_ERRORS, ChannelUnavailable) as error:
                    await self._look_at(error)
                finally:
                    self._is_asking = False
                    connection.close()
            if not self._is_stopping:
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)

    async def _look_at(self, error: Exception) -> None:
        self._channel.server.complain(error)
        if isinstance(error, ServerError) and error.code in (NO_GROUP, FENCED):
            with suppress(*DRIVER_ERRORS, ChannelUnavailable):
                await self._channel.tick()  # it makes the group anew where it should be

    async def _read(self, connection: Connection) -> None:
        group, server = self._group, self._channel.server
        block_ms = int(server.block_s * 1000)
        while connection.is_open and not self._is_stopping:
            if self.is_paused or not group.has_room:
                await group.room.wait()
                continue
            me = server.me
            self._is_asking = True
            answer: Any = await connection.call(
                "XREADGROUP", "GROUP", group.key, me, "COUNT", group.read_events(), "BLOCK", block_ms,
                "STREAMS", self._channel.log, ">", patience_s=server.block_s,
            )  # fmt: skip
            self._is_asking = False
            if answer is not None and me == server.me:
                group.add(answer[0][1])

    async def _recover(self) -> None:
        """An answer may have been lost with a connection: bring what the server thinks that this process has."""
        channel, group = self._channel, self._group
        await channel.debt.flush()
        me, link = channel.server.me, channel.server.link
        known = group.acked
        positions = {*group.memory}
        first = "-"
        while True:
            rows = await link.call("XPENDING", channel.log, group.key, first, "+", _PAGE, me)
            lost = [row[0] for row in rows if row[0] not in known and position_of(row[0]) not in positions]
            if lost and me == channel.server.me:
                group.add_returned(await link.run(CLAIM, channel.keys, me, group.key, 0, *lost))
            if len(rows) < _PAGE:
                break
            first = f"({rows[-1][0].decode()}"
        group.has_unknown = False
