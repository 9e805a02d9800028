"""Connections to one origin: reused, limited, retired with age so that a changed address is followed."""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from dispatcher.connection import Connection
from dispatcher.outcome import Outcome

if TYPE_CHECKING:
    from dispatcher.attempt import Attempt


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Bounds of each pool."""

    connections_max: int
    connection_age_max_s: float
    connect_timeout_s: float
    reply_size_max_bytes: int


class Origin(NamedTuple):
    """Where a pool connects to. `ca_certs` is PEM text that is trusted beside the system's authorities, for https."""

    scheme: str
    host: str
    port: int
    ca_certs: str = ""


class Pool:
    """The connections to one origin, and the attempts that wait for one. Everything here belongs to one event loop."""

    def __init__(self, origin: Origin, limits: PoolLimits) -> None:
        self.reply_size_max_bytes = limits.reply_size_max_bytes
        self.plain_answers: set[bytes] = set()
        """Answers of this origin known to mean nothing but success (see `Connection`)."""
        self._origin = origin
        self._limits = limits
        self._tls = _tls_of(origin)
        self._loop = asyncio.get_running_loop()
        self.now_s = self._loop.time
        self._idle: list[Connection] = []
        self._connections: set[Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._queue: deque[Attempt] = deque()

    def send(self, attempt: "Attempt") -> None:
        """Send the attempt's request on an idle connection, or on the next one to come."""
        if self._idle:
            sink = attempt.lane.sink
            attempt.started_s = self._loop.time()
            self._idle.pop().send(attempt, sink.request(attempt.event))
            return
        self._queue.append(attempt)
        self._connect()

    def release(self, connection: Connection) -> None:
        """An answer is complete: the connection takes what waits, or rests."""
        if connection.is_retired:
            connection.close()
        elif self._queue:
            self._put_to_work(connection)
        else:
            self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if self._queue:
            self._connect()

    def sweep(self, now_s: float) -> None:
        """Many times a second: end requests over their time, and connections over their age."""
        for connection in [*self._connections]:
            attempt = connection.attempt
            if attempt is not None:
                timeout_s = attempt.lane.policy.timeout_s
                if now_s - attempt.started_s > timeout_s:
                    connection.abandon(f"no answer within {timeout_s:g} s")
            if now_s - connection.opened_s > self._limits.connection_age_max_s and not connection.is_retired:
                connection.is_retired = True
                if connection.attempt is None:
                    connection.close()

    def close(self) -> None:
        """Close all connections; what was under way fails."""
        for task in self._connecting:
            task.cancel()
        for connection in [*self._connections]:
            connection.close()

    def _put_to_work(self, connection: Connection) -> None:
        attempt = self._queue.popleft()
        attempt.started_s = self._loop.time()
        connection.send(attempt, attempt.lane.sink.request(attempt.event))

    def _connect(self) -> None:
        wanted = min(len(self._queue), self._limits.connections_max - len(self._connections))
        while len(self._connecting) < wanted:
            task = self._loop.create_task(self._open())
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _open(self) -> None:
        """One more connection, for the attempt that has waited longest; if it cannot be had, that attempt failed."""
        origin = self._origin
        started_s = self._loop.time()
        try:
            async with asyncio.timeout(self._limits.connect_timeout_s):
                _, connection = await self._loop.create_connection(
                    lambda: Connection(self, self._loop.time()),
                    origin.host,
                    origin.port,
                    ssl=self._tls,
                    server_hostname=origin.host if self._tls else None,
                )
        except (OSError, UnicodeError) as error:  # TimeoutError, ssl.SSLError and gaierror are OSErrors
            self._fail_oldest(started_s, _words(error, self._limits))
            return
        if connection.is_retired:
            self._fail_oldest(started_s, "the sink closed the connection at once")
            return
        self._connections.add(connection)
        self.release(connection)

    def _fail_oldest(self, started_s: float, error: str) -> None:
        if self._queue:
            attempt = self._queue.popleft()
            attempt.started_s = started_s
            attempt.lane.finish(attempt, Outcome(None, {}, b"", error, self.now_s() - started_s))


def _words(error: Exception, limits: PoolLimits) -> str:
    if isinstance(error, TimeoutError) and not error.args:
        return f"no connection within {limits.connect_timeout_s:g} s"
    return f"{type(error).__name__}: {error}"


def _tls_of(origin: Origin) -> ssl.SSLContext | None:
    if origin.scheme != "https":
        return None
    context = ssl.create_default_context()
    if origin.ca_certs:
        context.load_verify_locations(cadata=origin.ca_certs)
    return context
