"""One connection to a Redis server: commands go out in one piece, answers come back in their order.

The data's way: a command costs two microseconds here, and nine in redis-py's pipeline.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from hiredis import HiredisError, Reader, ReplyError, pack_command

from channels.redis_streams.address import Address, Credentials, tls_of
from channels.redis_streams.errors import ConnectionLost, ServerError

Word = bytes | str | int | float
_NAME: Final = "eventing"


def pack(words: Sequence[Word]) -> bytes:
    """A command as it goes over the wire."""
    packed: bytes = pack_command(cast("tuple[bytes]", tuple(words)))
    return packed


class _Call:
    """What was asked in one piece, and how many answers it has still to get."""

    __slots__ = ("answers", "deadline_s", "future", "left")

    def __init__(self, future: "asyncio.Future[list[Any]]", count: int, deadline_s: float) -> None:
        self.future = future
        self.left = count
        self.answers: list[Any] = []
        self.deadline_s = deadline_s


class Connection(asyncio.Protocol):
    """`timeout_s` is how long the server may take for an answer; then the connection ends. `lost` is called at its end,
    whoever ended it, unless that was `close`.
    """

    def __init__(self, timeout_s: float, lost: Callable[[], None] | None = None) -> None:
        self.is_open = False
        self.identity = 0
        """What the server calls it."""
        self._timeout_s: Final = timeout_s
        self._lost: Final = lost
        self._loop: Final = asyncio.get_running_loop()
        self._reader: Final = Reader(replyError=ReplyError)
        self._calls: Final[deque[_Call]] = deque()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_closing = False

    # What is asked

    def send(self, commands: bytes, count: int, *, patience_s: float = 0.0) -> "asyncio.Future[list[Any]]":
        """Ask so many commands that were packed; all answers in one list, errors among them. The future fails with
        ConnectionLost. `patience_s` is what the server may wait by itself.
        """
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        if not self.is_open or self._transport is None:
            future.set_exception(ConnectionLost("the connection is closed"))
            return future
        self._calls.append(_Call(future, count, self._loop.time() + self._timeout_s + patience_s))
        self._transport.write(commands)
        if self._timer is None:
            self._set_timer()
        return future

    async def call(self, *words: Word, patience_s: float = 0.0) -> Any:
        """The answer to one command. Raises ServerError, ConnectionLost."""
        [answer] = await self.send(pack(words), 1, patience_s=patience_s)
        if isinstance(answer, ReplyError):
            raise ServerError(answer)
        return answer

    def abort(self) -> None:
        """End it: what was asked fails."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """The same, and nobody is told."""
        self._is_closing = True
        self.abort()

    def retire(self) -> None:
        """Take nothing more, and end once all that was asked is answered. Nobody is told."""
        self.is_open = False
        self._is_closing = True
        if not self._calls:
            self.abort()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It may be used."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """More of the answers."""
        reader, calls = self._reader, self._calls
        reader.feed(data)
        try:
            while (answer := reader.gets()) is not False:
                call = calls[0]
                call.answers.append(answer)
                call.left -= 1
                if not call.left:
                    calls.popleft()
                    if not call.future.done():
                        call.future.set_result(call.answers)
            if self._is_closing and not calls:
                self.abort()
        except (HiredisError, IndexError):  # no Redis at the other end, or one that says more than it was asked
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits is told."""
        self.is_open = False
        if self._timer is not None:
            self._timer.cancel()
        while self._calls:
            future = self._calls.popleft().future
            if not future.done():
                error = ConnectionLost("the connection to Redis was lost" if exc is None else str(exc))
                error.__cause__ = exc
                future.set_exception(error)
                future.exception()  # whoever was cancelled meanwhile does not look
        if self._lost is not None and not self._is_closing:
            self._lost()

    def _set_timer(self) -> None:
        self._timer = self._loop.call_at(self._calls[0].deadline_s, self._look) if self._calls else None

    def _look(self) -> None:
        if self._calls and self._calls[0].deadline_s <= self._loop.time():
            self._timer = None
            self.abort()
        else:
            self._set_timer()


async def connect(
    address: Address,
    credentials: Credentials | None,
    scripts: Sequence[bytes],
    *,
    timeout_s: float,
    lost: Callable[[], None] | None = None,
) -> Connection:
    """A connection that has said who it is, with the scripts loaded. Raises ServerError, ConnectionLost, OSError,
    TimeoutError.
    """
    async with asyncio.timeout(timeout_s):
        tls = tls_of(address, credentials)
        host, port = address.hosts[0]
        if address.service:
            host, port = await _master(address, credentials, tls, timeout_s)
        connection = await open_at(host, port, address, credentials, tls, timeout_s=timeout_s, lost=lost)
        try:
            await load(connection, scripts)
        except BaseException:
            connection.close()
            raise
    return connection


async def open_at(
    host: str,
    port: int,
    address: Address,
    credentials: Credentials | None,
    tls: ssl.SSLContext | None,
    *,
    timeout_s: float,
    lost: Callable[[], None] | None = None,
) -> Connection:
    """A connection to that host that has said who it is, of those that an address leads to. Raises as `connect`."""
    connection = await _open(host, port, tls, timeout_s, lost)
    try:
        await _introduce(connection, address, credentials)
    except BaseException:
        connection.close()
        raise
    return connection


async def load(connection: Connection, scripts: Sequence[bytes]) -> None:
    """Have the server know these scripts. Raises ServerError, ConnectionLost."""
    for script in scripts:
        await connection.call("SCRIPT", "LOAD", script)


async def _open(
    host: str, port: int, tls: ssl.SSLContext | None, timeout_s: float, lost: Callable[[], None] | None
) -> Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(timeout_s, lost), host, port, ssl=tls)
    return connection


async def _introduce(connection: Connection, address: Address, credentials: Credentials | None) -> None:
    username, password = address.username, address.password
    if credentials is not None and (credentials.username or credentials.password):
        username, password = credentials.username, credentials.password
    await _log_in(connection, username, password)
    if address.database:
        await connection.call("SELECT", address.database)
    await connection.call("CLIENT", "SETNAME", _NAME)
    connection.identity = await connection.call("CLIENT", "ID")


async def _log_in(connection: Connection, username: str, password: str) -> None:
    if password:
        await connection.call("AUTH", *([username] if username else []), password)


async def _master(
    address: Address, credentials: Credentials | None, tls: ssl.SSLContext | None, timeout_s: float
) -> tuple[str, int]:
    """Where the first Sentinel that answers says that it is."""
    said = ""
    for host, port in address.hosts:
        try:
            sentinel = await _open(host, port, tls, timeout_s, None)
        except OSError as error:
            said = str(error)
            continue
        try:
            if credentials is not None:
                await _log_in(sentinel, credentials.sentinel_username, credentials.sentinel_password)
            found = await sentinel.call("SENTINEL", "get-master-addr-by-name", address.service)
        except (ServerError, ConnectionLost) as error:
            said = str(error)
            continue
        finally:
            sentinel.close()
        if found is not None:
            return found[0].decode(), int(found[1])
        said = "it is none that they watch"
    raise ConnectionLost(f"no Sentinel knows where the master of {address.service} is: {said}")
