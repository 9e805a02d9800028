"""The ingress as a protocol class, given to uvicorn as `http=`: uvicorn owns sockets, this class every request on them.

httptools parses; nothing here awaits. Bounds: header count and bytes, body bytes (before they are read), what surrounds
the chunks of a body; those of time and of connections are in `exchange`.
"""

import asyncio
from dataclasses import replace
from typing import Any, Final

import httptools

from eventing.ingress.exchange import CONTINUE, Exchange, Request
from eventing.ingress.intake import (
    Intake,
    Route,
    answer_draining,
    answer_large_head,
    answer_too_large,
    is_larger,
    refusal,
    value_of,
)

DISCARD_MAX_BYTES: Final = 256 * 1024
"""How much of a body that nobody wants is read to keep the connection. Go's net/http reads as much."""


class IngressProtocol(Exchange):
    """One connection of a producer: from bytes to requests."""

    def __init__(
        self, config: Any, server_state: Any, app_state: Any, _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        super().__init__(_loop or asyncio.get_running_loop(), server_state.connections)
        self._headers: dict[bytes, bytes] = {}
        self.on_header = self._headers.setdefault  # the first of two equal names counts, as Knative has it
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._route: Route | None = None
        self._body: bytes | bytearray = b""
        self._is_head_done = False
        self._header_count = 0
        # Looked at only if it comes in several pieces.
        self._is_body_awaited = False
        self._discarded_bytes = 0
        self._progress_bytes = 0
        self._overhead_bytes = 0

    @classmethod
    def bound_to(cls, intake: Intake) -> type["IngressProtocol"]:
        """The class for uvicorn, which makes the instances itself: so the intake is an attribute of the class."""
        return type("BoundIngressProtocol", (cls,), {"intake": intake})

    # What the event loop and uvicorn call.

    def data_received(self, data: bytes) -> None:
        """Feed the parser, then look at what is still incomplete."""
        size_max = self.intake.limits.header_size_max_bytes
        while data and not self._is_deaf:
            # A head within one piece is thereby within its bound, and need not be measured.
            piece, data = data[:size_max], data[size_max:]
            try:
                self._parser.feed_data(piece)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade() + piece[upgrade.args[0] :] + data
                continue
            except httptools.HttpParserCallbackError:
                raise
            except httptools.HttpParserError as error:
                self._fail(refusal(400, f"malformed HTTP: {error}"))
            if self._target and not self._is_deaf:
                self._look_at_partial(len(piece))

    def shutdown(self) -> None:
        """uvicorn stops: idle connections close, others after the answers that are due."""
        if self._under_way or self._is_held or self._target:
            self._is_stopping = True
        elif self._transport is not None:
            self._transport.close()

    # What httptools calls.

    def on_url(self, url: bytes) -> None:
        """The request target, perhaps in pieces."""
        self._target += url

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._is_head_done = True
        self._route = self.intake.routes.get(self._target) or self.intake.find(self._target, self._headers)
        if self._request_since or len(self._headers) > self.intake.limits.header_count_max:
            self._measure_head()

    def on_chunk_header(self) -> None:
        """Only in chunked bodies: here the head surely is over, so headers to come are trailers."""
        self._header_count = len(self._headers)

    def on_chunk_complete(self) -> None:
        """Trailers are no headers (RFC 9110, 6.5.1): forget those that came."""
        while len(self._headers) > self._header_count:
            self._headers.popitem()

    def on_body(self, body: bytes) -> None:
        """Some of the body. For nobody, it is thrown away."""
        if self._route is None:
            self._discarded_bytes += len(body)
        elif not self._body:
            self._body = body
        elif isinstance(self._body, bytes):
            self._body = bytearray(self._body) + body
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """A request is complete: serve it now, or let it wait for the one before."""
        parser = self._parser
        if parser.should_upgrade():
            return
        route, headers, body, target = self._route, self._headers, self._body, self._target
        self._target = self._body = b""
        self._is_head_done = False
        self._request_since = 0.0
        self._is_active = True
        method = parser.get_method()
        if (
            route is None
            or method != b"POST"
            or self._under_way
            or self._is_deaf
            or self.intake.is_draining
            or route.entrance.is_closed
            or len(body) > route.event_size_max_bytes
        ):
            self._complete_slowly(method.decode("latin-1"), target, bytes(body))
            return
        self._keep_alive = parser.should_keep_alive()
        self._take(route, headers, bytes(body))
        headers.clear()

    # The rest of the way.

    def _complete_slowly(self, method: str, target: bytes, body: bytes) -> None:
        request = Request(method, target, dict(self._headers), body, self._parser.should_keep_alive())
        self._headers.clear()
        self._discarded_bytes = 0
        self._enqueue(request)

    def _measure_head(self) -> None:
        """Bytes are counted as they are kept: without repeated headers, which the bytes of whole pieces bound."""
        limits = self.intake.limits
        size = len(self._target) + sum(len(name) + len(value) + 4 for name, value in self._headers.items())
        if len(self._headers) > limits.header_count_max or size > limits.header_size_max_bytes:
            self._fail(answer_large_head(limits))

    def _look_at_partial(self, size: int) -> None:
        """After a piece that left a request incomplete: bounds, 100-continue, and the start of its time."""
        progress = len(self._body) + self._discarded_bytes
        if not self._request_since:
            self._request_since = self._loop.time()
            self._is_body_awaited = False
            self._overhead_bytes = 0
        elif progress == self._progress_bytes:
            self._overhead_bytes += size  # a head, or what may surround chunks: the parser keeps a line until it ends
        self._progress_bytes = progress
        limits = self.intake.limits
        route = self._route if self._is_head_done else None
        if self._overhead_bytes > limits.header_size_max_bytes or len(self._headers) > limits.header_count_max:
            self._fail(answer_large_head(limits))
        elif route is not None and len(self._body) > route.event_size_max_bytes:
            self._fail(answer_too_large(route.event_size_max_bytes))
        elif self._is_head_done and (not self._is_body_awaited or self._discarded_bytes > DISCARD_MAX_BYTES):
            self._is_body_awaited = True
            self._await_body()

    def _await_body(self) -> None:
        """The head is known, the body is not there yet: refuse it before it is sent, or ask for it."""
        intake, route = self.intake, self._route
        method = self._parser.get_method().decode("latin-1")
        length = value_of(self._headers, b"content-length")
        is_asked = value_of(self._headers, b"expect").lower() == b"100-continue"
        if route is None or method != "POST":
            size_max = DISCARD_MAX_BYTES
            if is_asked or is_larger(length, size_max) or self._discarded_bytes > size_max:
                answer = intake.answer_to(method, self._target)
                self._fail(replace(answer, body=b"") if method == "HEAD" else answer)
        elif is_larger(length, route.event_size_max_bytes):
            self._fail(answer_too_large(route.event_size_max_bytes))
        elif is_asked and intake.is_draining:
            self._fail(answer_draining())
        elif is_asked and self._under_way:
            self._queue.append(CONTINUE)
        elif is_asked:
            self._proceed()

    def _without_upgrade(self) -> bytes:
        """The head once more, without the wish for another protocol, which RFC 9110 (7.8) lets a server ignore.

        So clients that begin with h2c, such as Java's, go on in HTTP/1.1. What follows a CONNECT is not HTTP.
        """
        method, version = self._parser.get_method(), self._parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self._target, version)]
        lines += [b"%b: %b" % header for header in self._headers.items() if header[0].lower() != b"upgrade"]
        if method == b"CONNECT":
            self._fail(self.intake.answer_to("CONNECT", self._target))
        self._parser = httptools.HttpRequestParser(self)
        self._headers.clear()
        self._target = b""
        self._is_head_done = False
        return b"\r\n".join((*lines, b"", b""))
