"""Connections to one origin: reused, limited, retired with age so that a changed address is followed."""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from channels.event import Event
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


class LastHead:
    """The part of a binary request that depends on its event alone, of the event encoded last.

    The lanes that want an event are offered it one after the other: what the first has encoded serves them all.
    """

    __slots__ = ("event", "head")

    def __init__(self) -> None:
        self.event: Event | None = None
        self.head = b""


class Pool:
    """The connections to one origin, and the attempts that wait for one. Everything here belongs to one event loop.

    Every attempt that is sent ends once, with its lane's `delivered` or `finish`. Raises ValueError for CA certificates
    that are none.
    """

    def __init__(self, origin: Origin, limits: PoolLimits, last_head: LastHead) -> None:
        self.last_head = last_head
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
        self._is_closed = False

    def send(self, attempt: "Attempt") -> None:
        """Send the attempt's request on an idle connection, or on the next one to come."""
        attempt.started_s = self.now_s()
        if self._idle:
            self._idle.pop().send(attempt, attempt.sink.request(attempt.event))
        elif self._is_closed:
            self._fail(attempt, "the server stops")
        else:
            self._queue.append(attempt)
            self._connect()

    def resend(self, attempt: "Attempt") -> None:
        """Send a request again that was lost with an idle connection: before all others, on none of the idle."""
        attempt.is_resent = True
        self._queue.appendleft(attempt)
        self._connect()

    def release(self, connection: Connection) -> None:
        """The connection is free: it takes what waits, or rests."""
        if connection.is_retired:
            connection.close()
        elif self._queue:
            attempt = self._queue.popleft()
            connection.send(attempt, attempt.sink.request(attempt.event))
        else:
            self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._connect()

    def sweep(self, now_s: float) -> None:
        """Many times a second: end requests over their time, and connections over their age."""
        late = [attempt for attempt in self._queue if _is_late(attempt, now_s)]
        if late:
            self._queue = deque(attempt for attempt in self._queue if not _is_late(attempt, now_s))
        for attempt in late:
            self._fail(attempt, f"no connection was free within {attempt.lane.policy.timeout_s:g} s")
        for connection in [*self._connections]:
            under_way = connection.attempt
            if under_way is not None and _is_late(under_way, now_s):
                connection.abandon(f"no answer within {under_way.lane.policy.timeout_s:g} s")
            elif now_s - connection.opened_s > self._limits.connection_age_max_s:
                connection.is_retired = True
                if under_way is None:
                    connection.close()

    def close(self) -> None:
        """Close all connections; what was under way, and what is sent from now on, fails."""
        self._is_closed = True
        for task in self._connecting:
            task.cancel()
        self._connecting.clear()
        for connection in [*self._connections]:
            connection.abandon("the server stops")
        while self._queue:
            self._fail(self._queue.popleft(), "the server stops")

    def _connect(self) -> None:
        """Have as many connections on their way as attempts wait for one, within the limit."""
        wanted = min(len(self._queue), self._limits.connections_max - len(self._connections))
        while len(self._connecting) < wanted and not self._is_closed:
            self._connecting.add(self._loop.create_task(self._open()))

    async def _open(self) -> None:
        """One more connection, for the attempt that has waited longest; if it cannot be had, that attempt failed."""
        limits, origin = self._limits, self._origin
        error = "the sink closed the connection at once"
        connection: Connection | None = None
        try:
            async with asyncio.timeout(limits.connect_timeout_s):
                _, connection = await self._loop.create_connection(
                    lambda: Connection(self),
                    origin.host,
                    origin.port,
                    ssl=self._tls,
                    server_hostname=origin.host if self._tls else None,
                )
        except TimeoutError as timeout:
            error = str(timeout) or f"no connection within {limits.connect_timeout_s:g} s"
        except (OSError, ValueError) as failure:  # a ValueError for names that nobody can have
            error = f"{type(failure).__name__}: {failure}"
        finally:
            # Not by a done callback, which would come too late: whoever is told below may want a connection at once.
            self._connecting.discard(asyncio.current_task())
        if connection is not None and not connection.is_retired:
            self._connections.add(connection)
            self.release(connection)
        elif self._queue:
            self._fail(self._queue.popleft(), error)
            self._connect()

    def _fail(self, attempt: "Attempt", error: str) -> None:
        attempt.lane.finish(attempt, Outcome(None, {}, b"", error, self.now_s() - attempt.started_s))


def _is_late(attempt: "Attempt", now_s: float) -> bool:
    return now_s - attempt.started_s > attempt.lane.policy.timeout_s


def _tls_of(origin: Origin) -> ssl.SSLContext | None:
    if origin.scheme != "https":
        return None
    context = ssl.create_default_context()
    if origin.ca_certs:
        try:
            context.load_verify_locations(cadata=origin.ca_certs)
        except ssl.SSLError as error:
            raise ValueError(f"the CA certificates are no PEM text: {error}") from error
    return context
