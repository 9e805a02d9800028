"""A recording sink: one server for all Triggers, whose behaviour is scripted by path and may change at any time."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Self, cast

from tests.ledger.record import NO_ANSWER, Received, body, parsed_id

_REASONS: Final = {202: "Accepted", 400: "Bad Request", 429: "Too Many Requests", 503: "Service Unavailable"}
_TRICKLE_PIECES: Final = 5


@dataclass(frozen=True, slots=True)
class Script:
    """How a path answers. It applies to that share of its requests, and to no more than the first `first_n` of them;
    the others are accepted at once.
    """

    manner: Literal["answer", "hang", "reset", "trickle"] = "answer"
    status: int = 202
    delay_s: float = 0.0
    """Before the answer, or over the whole of one that trickles."""
    share: float = 1.0
    first_n: int | None = None


OK: Final = Script()


class RecordingSink:
    """An HTTP server on a free port; enter it, and set `scripts` by the Triggers' names. Each request is recorded.

    Records go to `record`, in the order in which requests came and answers left.
    """

    def __init__(self, record: Callable[[Received], None], *, rng: random.Random | None = None) -> None:
        self.record = record
        self.rng = rng or random.Random(0)
        self.scripts: dict[str, Script] = {}
        self.scripted: defaultdict[str, int] = defaultdict(int)
        """Requests to which a script applied, by Trigger."""
        self.connections: set[_Connection] = set()
        self.strangers: list[str] = []
        """Requests that carried no event of ours."""
        self._server: asyncio.Server | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.abort()
        await self.wait_quiet()

    async def wait_quiet(self) -> None:
        """Until nobody is connected: all that a server sent that is gone has been recorded."""
        while self.connections:
            await asyncio.sleep(0.001)

    def script(self, trigger: str) -> Script:
        """How to answer the next request for the Trigger."""
        script = self.scripts.get(trigger, OK)
        if script is OK:
            return OK
        if script.share < 1 and self.rng.random() >= script.share:
            return OK
        if script.first_n is not None and self.scripted[trigger] >= script.first_n:
            return OK
        self.scripted[trigger] += 1
        return script


class _Connection(asyncio.Protocol):
    """One connection of the server under test; it sends one request at a time."""

    def __init__(self, sink: RecordingSink) -> None:
        self._sink = sink
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its class
        self._sink.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._sink.connections.discard(self)

    def abort(self) -> None:
        """Reset the connection."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            path, headers = _parsed(head)
            start = end + 4
            stop = start + int(headers.get(b"content-length", b"0"))
            if len(self._buffer) < stop:
                return
            content, self._buffer = self._buffer[start:stop], self._buffer[stop:]
            self._handle(path, headers, content)

    def _handle(self, path: str, headers: dict[bytes, bytes], content: bytes) -> None:
        try:
            producer, seq = parsed_id(headers.get(b"ce-id", b"").decode())
        except ValueError:
            self._sink.strangers.append(f"{path} {headers}")
            self._send(400)
            return
        key = headers.get(b"ce-partitionkey", b"-").decode()
        is_altered = content != body(producer, seq)

        def record(status: int) -> None:
            self._sink.record(Received(path, producer, seq, key, time.monotonic(), status, is_altered))

        self._play(self._sink.script(path), record)

    def _play(self, script: Script, record: Callable[[int], None]) -> None:
        if script.manner == "answer" and not script.delay_s:
            record(script.status)
            self._send(script.status)
            return
        record(NO_ANSWER)
        if script.manner == "reset":
            self.abort()
        elif script.manner == "answer":
            asyncio.get_running_loop().call_later(script.delay_s, self._answer_late, script.status, record)
        elif script.manner == "trickle":
            self._trickle(_answer(script.status), script, record)

    def _answer_late(self, status: int, record: Callable[[int], None]) -> None:
        if self._transport is not None:
            record(status)
            self._send(status)

    def _trickle(self, rest: bytes, script: Script, record: Callable[[int], None]) -> None:
        """The answer, piece by piece."""
        if self._transport is None:
            return
        size = len(_answer(script.status)) // _TRICKLE_PIECES + 1
        if len(rest) <= size:
            record(script.status)
        self._transport.write(rest[:size])
        if len(rest) > size:
            pause_s = script.delay_s / _TRICKLE_PIECES
            asyncio.get_running_loop().call_later(pause_s, self._trickle, rest[size:], script, record)

    def _send(self, status: int) -> None:
        if self._transport is not None:
            self._transport.write(_answer(status))


def _answer(status: int) -> bytes:
    return b"HTTP/1.1 %d %b\r\nContent-Length: 0\r\n\r\n" % (status, _REASONS.get(status, "Other").encode())


def _parsed(head: bytes) -> tuple[str, dict[bytes, bytes]]:
    """The path without its slash, and the headers by lower-case name."""
    first, *lines = head.split(b"\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    return first.split(b" ")[1].decode().removeprefix("/"), headers
