"""One HTTP/1.1 connection to a sink: one request at a time, one end each, no task and no timer per request.

httptools parses the answers. An answer that lies about its length, trickles, breaks off, is preceded by 1xx, or never
ends is an Outcome like any other; what an answer may occupy is bounded.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

import httptools

from dispatcher.outcome import Outcome

if TYPE_CHECKING:
    from dispatcher.attempt import Attempt
    from dispatcher.pool import Pool

_HEAD_MAX_BYTES: Final = 65_536
"""An answer's head and trailers, with all 1xx before it (curl gives up at 300 KB, nginx at 8 KB)."""
_FRAMING_BYTES: Final = 8
"""What each byte of a body may bring with it: chunks of a single byte take six."""
_PLAIN_MAX_BYTES: Final = 1024
_PLAIN_COUNT_MAX: Final = 64


class Connection(asyncio.Protocol):
    """A connection of a pool. Made by the pool, which is told of everything that ends."""

    def __init__(self, pool: "Pool") -> None:
        self.pool = pool
        self.attempt: Attempt | None = None
        """What is on its way here; None while the connection is idle."""
        self.opened_s = pool.now_s()
        self.is_retired = False
        """Not to be used again: closed, or too old."""
        self._is_reused = False
        self._is_untouched = True
        """Nothing has come of an answer to the request under way."""
        self._transport: asyncio.Transport | None = None
        self._write: Callable[[bytes], None]
        self._plain = pool.plain_answers
        self._reader = _Reader(pool.reply_size_max_bytes)

    def send(self, attempt: "Attempt", request: bytes) -> None:
        """Put a request on the wire. Its end goes to the attempt's lane."""
        self.attempt = attempt
        self._write(request)

    def abandon(self, error: str) -> None:
        """Close, and end the request under way as one without an answer: one that broke off is none."""
        attempt, self.attempt = self.attempt, None
        self.close()
        if attempt is not None:
            attempt.lane.finish(attempt, Outcome(None, {}, b"", error, self.pool.now_s() - attempt.started_s))

    def close(self) -> None:
        """Close without waiting for anything."""
        self.is_retired = True
        self.pool.forget(self)
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected, and through the TLS handshake where there is one."""
        self._transport = cast("asyncio.Transport", transport)
        self._write = self._transport.write

    def data_received(self, data: bytes) -> None:
        """Some of an answer. One that was parsed before, byte for byte, and was plain success is known by heart."""
        attempt = self.attempt
        if attempt is None:
            self.close()  # bytes that nobody asked for
        elif self._is_untouched and data in self._plain and not self._is_sending():
            self.attempt = None
            self._is_reused = True
            self.pool.release(self)
            attempt.lane.delivered(attempt)
        else:
            self._read(attempt, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended: for an answer without a length that is its end, for a request under way a failure."""
        self._transport = None
        attempt = self.attempt
        if attempt is None:
            self.close()
        elif self._is_untouched and self._is_reused and not attempt.is_resent:
            # The peer closed an idle connection while the request was on its way: it has seen nothing of it.
            self.attempt = None
            self.close()
            self.pool.resend(attempt)
        elif exc is None and self._reader.ends_with_connection:
            self._conclude(attempt)
        else:
            words = "the sink closed the connection before its answer was complete"
            self.abandon(words if exc is None else f"{words}: {exc}")

    def _read(self, attempt: "Attempt", data: bytes) -> None:
        reader = self._reader
        is_whole, self._is_untouched = self._is_untouched, False
        reader.feed(data)
        if reader.is_complete:
            if is_whole and len(data) <= _PLAIN_MAX_BYTES and reader.is_plain and not self._is_sending():
                self._learn(data)
            self._conclude(attempt)
        elif reader.fault is not None:
            self.abandon(reader.fault)
        elif reader.is_truncated:
            self._conclude(attempt)

    def _learn(self, data: bytes) -> None:
        """Remember an answer that came in one piece and means nothing but success."""
        if len(self._plain) >= _PLAIN_COUNT_MAX:
            self._plain.clear()
        self._plain.add(data)

    def _is_sending(self) -> bool:
        """An answer to a request that was not taken whole: its rest, and all after it, would pile up here."""
        return self._transport is not None and self._transport.get_write_buffer_size() > 0

    def _conclude(self, attempt: "Attempt") -> None:
        """Hand over an answer; the connection serves on if both sides may use it again."""
        reader = self._reader
        latency_s = self.pool.now_s() - attempt.started_s
        outcome = Outcome(reader.status, reader.headers, bytes(reader.body), None, latency_s, reader.is_truncated)
        self.attempt = None
        if reader.keeps_alive and self._transport is not None and not self._is_sending():
            reader.begin()
            self._is_untouched = self._is_reused = True
            self.pool.release(self)
        else:
            self.close()
        attempt.lane.finish(attempt, outcome)


class _Reader:
    """Reads one answer after the other. Keeps of a body what the bound allows, of trailers nothing."""

    __slots__ = (
        "_body_max_bytes",
        "_parser",
        "_received",
        "body",
        "fault",
        "headers",
        "is_complete",
        "is_truncated",
        "keeps_alive",
        "status",
    )

    def __init__(self, body_max_bytes: int) -> None:
        self._body_max_bytes = body_max_bytes
        self._parser = httptools.HttpResponseParser(self)
        self.begin()

    def begin(self) -> None:
        """Expect another answer."""
        self._received = 0
        self.status: int | None = None
        """Of the answer whose head is complete; None before."""
        self.headers: dict[bytes, bytes] = {}
        """By lower-case name; of a name that came twice the first value counts."""
        self.body = bytearray()
        self.is_truncated = False
        """The body has more than the bound."""
        self.is_complete = False
        self.keeps_alive = False
        """The answer is complete, nothing came after it, and the connection may serve on."""
        self.fault: str | None = None
        """Words for why the answer is none."""

    @property
    def is_plain(self) -> bool:
        """True for success that says nothing more, on a connection that serves on."""
        if self.status is None or self.status >= 300 or self.body or not self.keeps_alive:
            return False
        media = self.headers.get(b"content-type", b"")
        return b"ce-specversion" not in self.headers and b"cloudevents" not in media.lower()

    @property
    def ends_with_connection(self) -> bool:
        """The head came, and named no other end of the body (RFC 9112, 6.3)."""
        return self.status is not None and not self.headers.keys() & {b"content-length", b"transfer-encoding"}

    def feed(self, data: bytes) -> None:
        """Read on. Never raises; look at `is_complete`, then `fault`, then `is_truncated`."""
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("the sink switched protocols")
        except httptools.HttpParserError as error:
            self._fail(f"malformed HTTP answer: {error}")
        if not self.is_truncated and self._received > _HEAD_MAX_BYTES + _FRAMING_BYTES * len(self.body):
            self._fail("the head of the answer is too large")

    def _fail(self, fault: str) -> None:
        self.fault = self.fault or fault

    # What httptools calls.

    def on_message_begin(self) -> None:
        """An answer, a 1xx before it, or one too many."""
        self.keeps_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or what comes after the body and looks like one."""
        if self.status is None:
            self.headers.setdefault(name.lower(), value)

    def on_headers_complete(self) -> None:
        """The head of an answer; a 1xx is none, but for the one that ends HTTP."""
        status = self._parser.get_status_code()
        if status == 101:
            self._fail("the sink switched protocols")
        elif status < 200:
            self.headers.clear()
        elif self.status is None:
            self.status = status

    def on_body(self, body: bytes) -> None:
        """Some of the body: kept up to the bound."""
        if self.is_complete:
            return
        room = self._body_max_bytes - len(self.body)
        self.is_truncated = self.is_truncated or len(body) > room
        self.body += body[:room]

    def on_message_complete(self) -> None:
        """An answer is complete, or a 1xx, which only announces another."""
        if self.status is not None and not self.is_complete:
            self.is_complete = True
            self.keeps_alive = self._parser.should_keep_alive()
