"""One scripted HTTP peer on a real socket, and the wall before it: a lane that writes down how each attempt ended."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import Any, Self

from channels.contract import Delivery
from channels.event import Event
from dispatcher.attempt import Attempt
from dispatcher.outcome import Outcome
from dispatcher.pool import LastHead, Origin, Pool, PoolLimits
from dispatcher.retry import Policy
from dispatcher.sink import HttpSink

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
PLAIN = "delivered"
"""How an attempt ends whose answer is known by heart."""
EVENT = Event.from_attributes({"id": "1", "source": "/s", "type": "t", "datacontenttype": "text/plain"}, b"data")
LIMITS = PoolLimits(connections_max=4, connection_age_max_s=60.0, connect_timeout_s=5.0, reply_size_max_bytes=4096)


class Act(Enum):
    """What a peer may do besides sending bytes and waiting for an asyncio.Event."""

    CLOSE = auto()
    RESET = auto()
    EARLY = auto()
    """As the first step: begin before the body of the request was read."""
    STOP_READING = auto()
    """Send what follows, then neither read nor send on this connection."""


Step = bytes | asyncio.Event | Act
Script = Iterable[tuple[Step, ...]]


def answer(head: str, body: bytes = b"") -> bytes:
    """The bytes of an HTTP/1.1 answer, from its status line and headers without the last line's end."""
    return f"HTTP/1.1 {head}\r\n\r\n".encode() + body


class Peer:
    """Answers the requests of all its connections by the script, one line each; when that is over, always with 204."""

    def __init__(self, script: Script, *, greeting: tuple[Step, ...] = (), tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[bytes, bytes]] = []
        """Head (with its empty line) and body."""
        self.connections = 0
        self.port = 0
        self._script = iter(script)
        self._greeting = greeting
        self._tls = tls
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        self.close_connections()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def close_connections(self) -> None:
        """Close whatever is open, as a server does with idle connections, or that restarts."""
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._perform(writer, self._greeting)
            while not writer.is_closing():
                await self._answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: "))
        steps = next(self._script, (OK,))
        size = int(line.partition(b": ")[2])
        is_early = steps[:1] == (Act.EARLY,)
        body = b"" if is_early else await reader.readexactly(size)
        self.requests.append((head, body))
        await self._perform(writer, steps)
        if is_early:
            await reader.readexactly(size)

    async def _perform(self, writer: asyncio.StreamWriter, steps: Iterable[Step]) -> None:
        for step in steps:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif isinstance(step, asyncio.Event):
                await step.wait()
            elif step is Act.STOP_READING:
                await asyncio.Event().wait()
            elif step is not Act.EARLY:
                if step is Act.RESET:
                    _reset_on_close(writer)
                writer.close()
                return


def _reset_on_close(writer: asyncio.StreamWriter) -> None:
    sock: Any = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Wall:
    """Stands for a lane and for everything behind it: each attempt must end once, and how is written down."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy(timeout_s=30.0)
        self.ends: dict[Attempt, str | Outcome] = {}
        self._waiting: dict[Attempt, asyncio.Future[None]] = {}

    def delivered(self, attempt: Attempt) -> None:
        self._end(attempt, PLAIN)

    def finish(self, attempt: Attempt, outcome: Outcome) -> None:
        self._end(attempt, outcome)

    async def end_of(self, attempt: Attempt) -> str | Outcome:
        if attempt not in self.ends:
            self._waiting[attempt] = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(20.0):
                await self._waiting[attempt]
        return self.ends[attempt]

    def _end(self, attempt: Attempt, end: str | Outcome) -> None:
        assert attempt not in self.ends, f"a second end: {end}, after {self.ends[attempt]}"
        self.ends[attempt] = end
        if (waiting := self._waiting.get(attempt)) is not None:
            waiting.set_result(None)


class Wire:
    """A pool and a sink of its own before one peer."""

    def __init__(self, pool: Pool, uri: str, wall: Wall) -> None:
        self.pool = pool
        self.wall = wall
        self.sink = HttpSink(uri, pool, namespace="ns", is_structured=False, asks_reply=True)

    def begin(self, event: Event = EVENT) -> Attempt:
        """Send one attempt, and do not wait."""
        lane: Any = self.wall
        attempt = Attempt(lane, self.sink, Delivery(event, 1, event.size), event)
        self.pool.send(attempt)
        return attempt

    async def send(self, event: Event = EVENT) -> str | Outcome:
        """Send one attempt, and wait for its end."""
        return await self.wall.end_of(self.begin(event))

    async def fail(self, event: Event = EVENT) -> str:
        """Send one attempt that must end without an answer; the words for it."""
        end = await self.send(event)
        assert isinstance(end, Outcome)
        assert (None, {}, b"") == (end.status, end.headers, end.body)
        return end.error or ""

    async def status(self, event: Event = EVENT) -> int | str | None:
        """Send one attempt: the status it ended with, or that it was plain."""
        end = await self.send(event)
        return end.status if isinstance(end, Outcome) else end


@asynccontextmanager
async def a_wire(
    uri: str, *, limits: PoolLimits = LIMITS, policy: Policy | None = None, ca_certs: str = "", wall: Wall | None = None
) -> AsyncIterator[Wire]:
    """A wire to a URL. An exception in the event loop fails the test."""
    loop = asyncio.get_running_loop()
    errors: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    scheme, _, rest = uri.partition("://")
    host, _, port = rest.partition("/")[0].rpartition(":")
    pool = Pool(Origin(scheme, host, int(port), ca_certs), limits, LastHead())
    wire = Wire(pool, uri, wall or Wall(policy))
    try:
        yield wire
    finally:
        pool.close()
        await settle()
        loop.set_exception_handler(None)
    assert [] == errors
    assert set() == set(pool._connections) | set(pool._connecting) | set(pool._queue)


@asynccontextmanager
async def a_peer(
    *script: tuple[Step, ...],
    greeting: tuple[Step, ...] = (),
    limits: PoolLimits = LIMITS,
    policy: Policy | None = None,
) -> AsyncIterator[tuple[Wire, Peer]]:
    """A wire to a scripted peer, and the peer."""
    async with (
        Peer(script, greeting=greeting) as peer,
        a_wire(f"http://127.0.0.1:{peer.port}/path", limits=limits, policy=policy) as wire,
    ):
        yield wire, peer


async def settle() -> None:
    """Let the event loop run everything that is ready."""
    for _ in range(10):
        await asyncio.sleep(0)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a condition, by real sockets and so by real time; fails after 20 s."""
    async with asyncio.timeout(20.0):
        while not is_so():
            await asyncio.sleep(0.001)


def run(main: Callable[[], Awaitable[None]], factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Run a coroutine in an event loop of its own."""

    async def wrapped() -> None:
        await main()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(wrapped())
