"""Producers: each sends one request, writes down the answer, and only then sends the next."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Final, Self, cast
from urllib.parse import urlsplit

from tests.ledger.record import NO_ANSWER, Sent, body, event_id

_REFUSED_PAUSE_S: Final = 0.01
_BEHIND_MAX_S: Final = 0.1
"""How much of a pause is made up for afterwards."""
_TURNED_DOWN_PAUSE_S: Final = 0.005
"""After a connection that could not be made."""


class Producers:
    """A pool of `count` producers that send to `url` while there is one; a context manager.

    `events_per_s` bounds them all together. Every `batch_every`-th producer sends batches of `batch_events`.
    """

    def __init__(
        self,
        record: Callable[[Sent], None],
        *,
        count: int,
        routes: Sequence[str],
        keys: int,
        rng: random.Random,
        events_per_s: float = float("inf"),
        batch_every: int = 8,
        batch_events: int = 10,
    ) -> None:
        self._record = record
        self._routes, self._keys, self._rng = routes, keys, rng
        self._count, self._batch_every, self._batch_events = count, batch_every, batch_events
        self._interval_s = count / events_per_s
        self._open = asyncio.Event()
        self._address: tuple[str, int, str] = ("", 0, "")
        self._tasks: list[asyncio.Task[None]] = []
        self.unsettled = 0
        """Requests under way."""
        self.stored = 0
        """Events acknowledged so far."""
        self.refused = 0
        """Requests answered otherwise."""

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._run(number)) for number in range(self._count)]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._open.set()
        for task in self._tasks:
            task.cancel()
        done = await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in done:
            if isinstance(end, Exception):
                raise end

    def start(self, url: str) -> None:
        """Send to that address from now on."""
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80, parts.path)
        self._open.set()

    def pause(self) -> None:
        """Begin no further send."""
        self._open.clear()

    async def wait_idle(self) -> None:
        """Until every send that was begun has its answer, or lost its connection."""
        while self.unsettled:
            await asyncio.sleep(0.001)

    async def _run(self, number: int) -> None:
        seq = 0
        rng = random.Random(self._rng.random())
        size = self._batch_events if number % self._batch_every == self._batch_every - 1 else 1
        loop = asyncio.get_running_loop()
        connection: _Connection | None = None
        due_s = loop.time()
        try:
            while True:
                await self._open.wait()
                if connection is None or connection.is_lost:
                    connection = await _connect(self._address)
                if connection is None:
                    continue
                events = [(seq + at, f"k{rng.randrange(self._keys)}", rng.choice(self._routes)) for at in range(size)]
                seq += size
                await self._send(connection, number, events)
                due_s = max(due_s + self._interval_s * size, loop.time() - _BEHIND_MAX_S)
                if (pause_s := due_s - loop.time()) > 0:
                    await asyncio.sleep(pause_s)
        finally:
            if connection is not None:
                connection.close()

    async def _send(self, connection: "_Connection", number: int, events: Sequence[tuple[int, str, str]]) -> None:
        """Send one request and write down how it ended, also where the pool is left meanwhile."""
        status = NO_ANSWER
        self.unsettled += 1
        try:
            status = await connection.ask(_request(self._address, number, events))
        finally:
            self.unsettled -= 1
            for seq, key, route in events:
                self._record(Sent(number, seq, key, route, status))
            self.stored += len(events) if 200 <= status < 300 else 0
        if status >= 300:
            self.refused += 1
            await asyncio.sleep(_REFUSED_PAUSE_S)


class _Connection(asyncio.Protocol):
    """One connection to the ingress, with one request under way at most."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its class

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        self._end(NO_ANSWER)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def ask(self, request: bytes) -> int:
        """The answer's status; NO_ANSWER where the connection is lost before it came."""
        if self.is_lost or self._transport is None:
            return NO_ANSWER
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = next((line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b"0")
        if len(rest) < int(length):
            return
        self._buffer = b""
        if b"connection: close" in head.lower():
            self.is_lost = True
            self.close()
        self._end(int(head[9:12]))

    def _end(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)


async def _connect(address: tuple[str, int, str]) -> _Connection | None:
    """A connection, None where nobody listens."""
    host, port, _ = address
    try:
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, host, port)
    except OSError:
        await asyncio.sleep(_TURNED_DOWN_PAUSE_S)
        return None
    return connection


def _request(address: tuple[str, int, str], producer: int, events: Sequence[tuple[int, str, str]]) -> bytes:
    host, port, path = address
    if len(events) > 1:
        content = b"[" + b",".join(_structured(producer, *event) for event in events) + b"]"
        head = "Content-Type: application/cloudevents-batch+json\r\n"
    else:
        ((seq, key, route),) = events
        content = body(producer, seq)
        head = (
            f"ce-specversion: 1.0\r\nce-id: {event_id(producer, seq)}\r\nce-source: /producer/{producer}\r\n"
            f"ce-type: {route}\r\nce-partitionkey: {key}\r\nContent-Type: application/json\r\n"
        )
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{head}Content-Length: {len(content)}\r\n\r\n".encode()
        + content
    )


def _structured(producer: int, seq: int, key: str, route: str) -> bytes:
    head = (
        f'{{"specversion":"1.0","id":"{event_id(producer, seq)}","source":"/producer/{producer}",'
        f'"type":"{route}","partitionkey":"{key}","datacontenttype":"application/json","data":'
    )
    return head.encode() + body(producer, seq) + b"}"
