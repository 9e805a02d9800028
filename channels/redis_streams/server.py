"""One Redis server, and this process's part in what is on it: its name there, its lease, its commits."""

import asyncio
import logging
import secrets
import time
from contextlib import suppress
from typing import Any, Final, Literal, Self

from channels.errors import ChannelFull, ChannelUnavailable
from channels.redis_streams.address import Credentials, parse_address
from channels.redis_streams.channel import RedisChannel
from channels.redis_streams.clock import ServerClock
from channels.redis_streams.cluster import connect_to_slot
from channels.redis_streams.committer import Committer
from channels.redis_streams.connection import Connection, connect
from channels.redis_streams.dead_letter import RedisDeadLetters
from channels.redis_streams.errors import DRIVER_ERRORS, FENCED, ServerError, is_about_keys, translate
from channels.redis_streams.keeper import Keeper
from channels.redis_streams.link import Link
from channels.redis_streams.script import NOBODY, RENEW, SCRIPTS
from channels.redis_streams.slot import Slot
from channels.retention import NO_RETENTION, Retention

Persistence = Literal["always", "everysec", "no", "none", "unknown"]
"""Redis' `appendfsync`; `none` where there is no AOF, `unknown` where one may not ask."""
_TICK_MAX_S: Final = 1.0
_DEAD_LETTER_EVENTS_MAX: Final = 1_000_000
_LOG_INTERVAL_S: Final = 1.0
_CLOCK_LOOKS: Final = 4
_FSYNC: Final[dict[str, Persistence]] = {"always": "always", "everysec": "everysec", "no": "no"}
_log = logging.getLogger(__name__)


class RedisServer:
    """Entered before any of its channels, and left after them. Entering does not need the server to be there.

    `lease_s` is how long after its last word a process is taken for dead, `timeout_s` how long the server may take for
    an answer. `prefix` begins the names of all keys. At a cluster a server has one channel, and all its keys are in
    that one's slot, its dead letters among them: `alone` is the channel's name, and empty elsewhere. Above
    `dead_letter_events_max` the oldest dead letters make room.
    """

    def __init__(
        self, url: str, *, credentials: Credentials | None = None, prefix: str = "eventing", lease_s: float = 10.0,
        timeout_s: float = 5.0, alone: str = "", dead_letter_events_max: int = _DEAD_LETTER_EVENTS_MAX,
    ) -> None:  # fmt: skip
        self._address: Final = parse_address(url)
        if bool(alone) != self._address.is_cluster:
            raise ValueError("a server at a cluster is one channel's, and another one is not")
        self._root: Final = prefix
        self._alone: Final = alone
        self.prefix: Final = f"{prefix}:server:{{{alone}}}" if alone else prefix
        """What the keys begin with that are of no channel."""
        self.lease_s: Final = lease_s
        self.block_s: Final = lease_s / 4
        """How long a reader's question may rest with the server: less than the lease, so that none is left by then."""
        self.persistence: Persistence = "unknown"
        self.clock = ServerClock(time.monotonic)
        self.me = secrets.token_hex(6)
        """What this process is called there, until another one takes it for dead."""
        self.identity = ""
        """Of the database, kept in it: the same at every address it has. Empty until it was heard."""
        self.connected_s = 0.0
        """When the connection was made that is open, as `time.monotonic` tells it."""
        self._credentials = credentials
        self._slot: Final = Slot(self._address.hosts, f"{self.prefix}:") if alone else None
        self._timeout_s: Final = timeout_s
        self._entries = 0
        self._channels: Final[list[RedisChannel]] = []
        self._hurry: Final = asyncio.Event()
        self._keeper: Keeper
        self._turn = 0
        """Which channel is looked after next."""
        self._problem: str | None = None
        self._logged_at_s = -_LOG_INTERVAL_S
        self.link: Link
        self.committer: Committer
        self.dead_letters: Final = RedisDeadLetters(self, events_max=dead_letter_events_max)

    async def __aenter__(self) -> Self:
        self.link = Link(self.connect, self._introduce)
        self.committer = Committer(self.link, self._name, self.start_over)
        self.committer.when_relieved(self._wake)
        self.committer.parts.append(self.dead_letters)
        name = f"the lease at Redis {self._address.told}"
        self._keeper = Keeper(name, self._beat, pause_s=self._pause_s, report=self._crashed)
        return self

    async def __aexit__(self, *exc: object) -> None:
        with suppress(ChannelUnavailable, *DRIVER_ERRORS):
            if self.link.connection is not None:
                await self.committer.flush()
                await self.link.call("DEL", self._lease)
        await self._end()

    async def abandon(self) -> None:
        """End as a killed process does."""
        for channel in [*self._channels]:
            channel.abandon()
        await self._end()

    async def _end(self) -> None:
        await self._keeper.stop()
        self.dead_letters.debt.drop()
        self.committer.close()
        self.link.close()

    @property
    def place(self) -> str:
        """Where its keys are: one text for one database, however its address was written, and without a login."""
        place = f"{self._address.told}/{self._address.database}"
        return f"{place} {self._alone}" if self._alone else place

    # Channels

    def channel(
        self, name: str, *, events_max: int, size_max_bytes: int, retention: Retention = NO_RETENTION
    ) -> RedisChannel:
        """One more channel, not entered yet."""
        assert not self._alone or name == self._alone, "its slot is another one"
        return RedisChannel(self, name, events_max=events_max, size_max_bytes=size_max_bytes, retention=retention)

    async def drop(self, name: str) -> None:
        """Delete all there is of a channel that no process has entered. Raises ChannelUnavailable."""
        try:
            await _drop(await self.link.get(), self.prefix_of(name))
        except DRIVER_ERRORS as error:
            self.link.look_at(error if isinstance(error, ServerError) else None)
            raise translate(error) from error

    def prefix_of(self, name: str) -> str:
        """What the keys of a channel begin with. The braces keep them in one slot."""
        return f"{self._root}:{{{name}}}:"

    @property
    def fence(self) -> str:
        """The key by which others say that they have taken over what this process had."""
        return f"{self.prefix}:fence:{self.me}"

    @property
    def member_prefixes(self) -> tuple[str, str]:
        """What the leases' and the fences' keys begin with."""
        return f"{self.prefix}:member:", f"{self.prefix}:fence:"

    @property
    def _lease(self) -> str:
        return f"{self.prefix}:member:{self.me}"

    def attach(self, channel: RedisChannel) -> None:
        """It takes part in commits."""
        self._channels.append(channel)
        self.committer.parts.append(channel)

    def detach(self, channel: RedisChannel) -> None:
        """It takes part no more."""
        if channel in self._channels:
            self._channels.remove(channel)
            self.committer.parts.remove(channel)

    def new_entry(self) -> bytes:
        """An id for a parked delivery: greater than any before it of this process, and no other's."""
        self._entries += 1
        return b"%012x%b" % (self._entries, self.me.encode())

    # The server

    @property
    def fault(self) -> str | None:
        """Why it cannot store at this moment, whichever channel it is for."""
        error = self.refusal
        return self._problem if error is None else str(error)

    @property
    def refusal(self) -> ChannelFull | ChannelUnavailable | None:
        """Why publishing is refused, whichever channel it is for. Dead letters are of all."""
        return self.committer.error or self.dead_letters.debt.error

    def replace_credentials(self, credentials: Credentials | None) -> None:
        """From the next connection on; those that are open are made anew, once all that was asked is answered."""
        if credentials != self._credentials:
            self._credentials = credentials
            self.link.renew()
            for channel in self._channels:
                channel.renew()

    async def ready(self) -> None:
        """Return once it answers, and its redrives are known. Raises ChannelUnavailable."""
        try:
            await self.dead_letters.refresh()
        except ServerError as error:
            raise ChannelUnavailable(str(error)) from error

    async def connect(self) -> Connection:
        """One more connection, as whom one is by then. Raises DRIVER_ERRORS."""
        while True:
            credentials = self._credentials
            connection = await self._connect_as(credentials)
            if credentials is self._credentials:
                return connection
            connection.close()

    async def _connect_as(self, credentials: Credentials | None) -> Connection:
        texts = [script.text for script in SCRIPTS]
        if self._slot is not None:
            return await connect_to_slot(self._slot, self._address, credentials, texts, timeout_s=self._timeout_s)
        return await connect(self._address, credentials, texts, timeout_s=self._timeout_s)

    async def _introduce(self, connection: Connection) -> None:
        """What must be known before anything is asked: that this process lives, how late it is, what a 202 is worth."""
        nowhere = f"{self.prefix}:fence:{NOBODY}"  # who was fenced learns it from what it says of its channels
        saved = await connection.call("EVALSHA", RENEW.digest, 2, f"{self.prefix}:", nowhere, *self._life(), "")
        for _ in range(_CLOCK_LOOKS):
            await self._look_at_clock(connection, int(saved))
        self.persistence = await _persistence(connection)
        self.identity = await self._identify(connection)
        self.connected_s = time.monotonic()

    async def _identify(self, connection: Connection) -> str:
        """The first who comes gives it; one that is full is heard of later."""
        key = f"{self.prefix}:{{dead-letters}}:identity"
        try:
            found = await connection.call("GET", key)
            if found is None:
                await connection.call("SET", key, secrets.token_hex(8), "NX")
                found = await connection.call("GET", key)
        except ServerError:
            return self.identity
        return self.identity if found is None else str(found.decode())

    async def _look_at_clock(self, connection: Connection, saved_us: int) -> None:
        asked_s = time.monotonic()
        seconds, microseconds = await connection.call("TIME")
        answered_s = time.monotonic()
        now_us = int(seconds) * 1_000_000 + int(microseconds)
        self.clock.learn(max(now_us, saved_us), asked_s, answered_s)

    def look_at(self, error: ServerError) -> None:
        """A script was refused, perhaps because another process has taken over."""
        if error.code == FENCED:
            self.start_over()

    def start_over(self) -> None:
        """Another process took this one for dead, and has what it had: go on under another name."""
        _log.warning("this process was silent for %.1f s: others have taken over what it held", self.lease_s)
        self.me = secrets.token_hex(6)
        self.committer.drop()
        for channel in [*self._channels]:
            channel.start_over()
        self.dead_letters.start_over()
        self.link.abort()

    def complain(self, error: BaseException) -> None:
        """One line a second at most."""
        now_s = time.monotonic()
        if now_s - self._logged_at_s >= _LOG_INTERVAL_S:
            self._logged_at_s = now_s
            _log.warning("Redis at %s: %s", self._address.told, error or type(error).__name__)

    def hurry(self) -> None:
        """Look after all channels now."""
        self._hurry.set()

    def _wake(self) -> None:
        for channel in self._channels:
            channel.wake()

    async def _beat(self) -> None:
        """Say that this process lives, and look after its channels."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s):
                    await self._hurry.wait()
            self._hurry.clear()
            if not self._channels and self.link.connection is None:
                continue
            try:
                await self._renew()
                await self.dead_letters.refresh()
                await self._look_after_all()
                self._problem = None
            except (ChannelUnavailable, *DRIVER_ERRORS) as error:
                self._problem = str(error) or type(error).__name__
                self.complain(error)

    @property
    def _pause_s(self) -> float:
        return min(_TICK_MAX_S, self.lease_s / 5)

    def _crashed(self, error: BaseException) -> None:
        self._problem = f"eventing failed at it: {error!r}"

    async def _look_after_all(self) -> None:
        channels = [*self._channels]
        for _ in channels:  # one at which this crashes comes last the next time
            self._turn = (self._turn + 1) % len(channels)
            await self._look_after(channels[self._turn])

    async def _look_after(self, channel: RedisChannel) -> None:
        """What is wrong with one channel's keys keeps nobody from looking after the others."""
        try:
            await channel.tick()
            channel.problem = None
        except ChannelUnavailable as error:
            if not is_about_keys(error.__cause__):
                raise
            channel.problem = str(error)
            self.complain(error)

    async def _renew(self) -> None:
        try:
            await self.link.run(RENEW, (f"{self.prefix}:", self.fence), *self._life(), self.clock.now_us())
        except ServerError as error:
            if error.code != FENCED:
                raise
            self.start_over()

    def _name(self) -> tuple[tuple[str, str], str]:
        return (f"{self.prefix}:serial:{self.me}", self.fence), self.me

    def _life(self) -> tuple[str, str, int, str]:
        return self.me, self._lease, int(self.lease_s * 1000), f"{self.prefix}:clock"


async def _drop(connection: Connection, prefix: str) -> None:
    """Delete all keys that begin so. Raises DRIVER_ERRORS."""
    cursor = b"0"
    pattern = "".join([f"\\{sign}" if sign in "*?[]\\" else sign for sign in prefix]) + "*"
    while True:
        cursor, found = await connection.call("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
        if found:
            await connection.call("UNLINK", *found)
        if cursor == b"0":
            # SCAN does not mind where a slot is: had it moved meanwhile, this would be refused.
            await connection.call("EXISTS", prefix)
            return


async def _persistence(connection: Connection) -> Persistence:
    """As far as one may ask."""
    try:
        told = await connection.call("INFO", "persistence")
        if b"aof_enabled:1" not in told.split(b"\r\n"):
            return "none"
        answer: Any = await connection.call("CONFIG", "GET", "appendfsync")
    except ServerError:
        return "unknown"
    found = answer[1].decode() if answer else ""
    return _FSYNC.get(found, "unknown")
