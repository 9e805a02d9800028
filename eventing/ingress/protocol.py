"""The ingress as a protocol class, given to uvicorn as `http=`: uvicorn owns sockets and lifespan, this class every request.

httptools parses; nothing here awaits. One request of a connection is under way at a time: later ones of a pipeline wait,
parsed, in order. Bounds: header count and bytes, body bytes (before they are read), time per request, idle time,
connections, answers that the client does not read.
"""

import asyncio
from collections import deque
from typing import Any, Final, NamedTuple, cast

import httptools

from channels.errors import MalformedEvent
from eventing.ingress.intake import (
    ACCEPTED,
    Answer,
    Intake,
    Route,
    answer_draining,
    answer_to_malformed,
    answer_to_refused,
    answer_too_large,
    refusal,
    render,
)

LINGER_S: Final = 2.0
"""How long input is thrown away after a final answer, so that a reset does not destroy it (RFC 9112, 9.6)."""
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Request(NamedTuple):
    """A parsed request that waits for the one before it."""

    method: str
    target: bytes
    headers: dict[bytes, bytes]
    body: bytes
    keep_alive: bool
    fault: Answer | None = None


class IngressProtocol(asyncio.Protocol):
    """One connection of a producer. Its `stored` and `refused` are the receipt of the request under way."""

    intake: Intake
    """Set on the subclass that `bound_to` makes."""

    def __init__(
        self, config: Any, server_state: Any, app_state: Any, _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self._loop = _loop or asyncio.get_running_loop()
        self._peers: set[Any] = server_state.connections
        self._transport: asyncio.Transport | None = None
        self._headers: dict[bytes, bytes] = {}
        self.on_header = self._headers.setdefault  # the first of two equal names counts, as Knative has it
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._route: Route | None = None
        self._body: bytes | bytearray = b""
        self._is_head_done = False
        self._is_body_awaited = False
        self._head_size = 0
        self._is_chunk_large = False
        self._request_since = 0.0
        self._under_way = False
        self._keep_alive = True
        self._queue: deque[_Request] = deque()
        self._is_ending = False
        self._is_active = True
        self._idle_since = self._loop.time()

    @classmethod
    def bound_to(cls, intake: Intake) -> type["IngressProtocol"]:
        """The class for uvicorn, which makes the instances itself: so the intake is an attribute of the class."""
        return type("BoundIngressProtocol", (cls,), {"intake": intake})

    # What the event loop and uvicorn call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A producer connected."""
        self._transport = cast("asyncio.Transport", transport)
        self._peers.add(self)
        self.intake.connections += 1
        if self.intake.connections > self.intake.limits.connections_max:
            self._fail(refusal(503, "too many connections", headers=(("Retry-After", "1"),)))

    def connection_lost(self, exc: Exception | None) -> None:
        """The producer is gone; a store under way goes on, its answer is dropped."""
        self._transport = None
        self._peers.discard(self)
        self._queue.clear()
        self.intake.connections -= 1

    def data_received(self, data: bytes) -> None:
        """Feed the parser, then look at what is still incomplete."""
        if self._is_ending:
            return
        self._is_active = True
        self._is_chunk_large = len(data) > self.intake.limits.header_size_max_bytes
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # No other protocol is spoken here, and RFC 9110 (7.8) lets a server ignore the wish: h2c clients go on in HTTP/1.1.
            self._parser = httptools.HttpRequestParser(self)
            if rest := data[upgrade.args[0] :]:
                self.data_received(rest)
            return
        except httptools.HttpParserError as error:
            if isinstance(error, httptools.HttpParserCallbackError):
                raise
            self._fail(refusal(400, f"malformed HTTP: {error}"))
            return
        if self._target:
            self._look_at_partial(len(data))

    def pause_writing(self) -> None:
        """The producer does not read its answers: stop reading its requests."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        self._resume_reading()

    def shutdown(self) -> None:
        """uvicorn stops: idle connections close, others after the answer that is due."""
        if self._transport is None:
            return
        if self._under_way or self._target:
            self._keep_alive = False
        else:
            self._transport.close()

    def sweep(self, now: float) -> None:
        """Once a second: end what takes too long. The price of a timer per request is not paid."""
        limits = self.intake.limits
        if self._is_ending or self._transport is None or self._under_way:
            return
        if self._request_since and now - self._request_since > limits.request_timeout_s:
            self._fail(refusal(408, f"the request took longer than {limits.request_timeout_s:g} s"))
        elif self._is_active:
            self._is_active = False
            self._idle_since = now
        elif not self._request_since and now - self._idle_since > limits.keep_alive_timeout_s:
            self._transport.close()

    # What httptools calls.

    def on_url(self, url: bytes) -> None:
        """The request target, perhaps in pieces."""
        self._target = self._target + url if self._target else url

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._is_head_done = True
        self._route = self.intake.routes.get(self._target) or self.intake.find(self._target)

    def on_body(self, body: bytes) -> None:
        """Some of the body. For nobody, it is thrown away."""
        if self._route is None:
            return
        if not self._body:
            self._body = body
        elif isinstance(self._body, bytes):
            self._body = bytearray(self._body) + body
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """A request is complete: serve it now, or let it wait for the one before."""
        route, headers, body, target = self._route, self._headers, self._body, self._target
        self._target = self._body = b""
        self._is_head_done = False
        self._request_since = 0.0
        method = self._parser.get_method()
        if (
            route is None
            or method != b"POST"
            or self._under_way
            or self._is_ending
            or self._is_chunk_large
            or len(body) > route.event_size_max_bytes
            or len(headers) > self.intake.limits.header_count_max
        ):
            self._complete_slowly(method.decode("latin-1"), target, bytes(body))
            return
        self._keep_alive = self._parser.should_keep_alive()
        self._take(route, headers, bytes(body))
        headers.clear()

    # The receipt of the request under way.

    def stored(self) -> None:
        """The events of the request are safe."""
        self._under_way = False
        self.intake.accepted += 1
        if self._keep_alive and self._transport is not None:
            self._transport.write(self.intake.accepted_answer)
        else:
            self._write(ACCEPTED)
        if self._queue:
            self._serve_next()

    def refused(self, error: Exception) -> None:
        """None of the events was stored."""
        self._under_way = False
        self._answer(answer_to_refused(error))
        if self._queue:
            self._serve_next()

    # The rest of the way.

    def _take(self, route: Route, headers: dict[bytes, bytes], body: bytes) -> None:
        self._under_way = True
        try:
            self.intake.take(route, headers, body, self)
        except MalformedEvent as error:
            self._under_way = False
            self._answer(answer_to_malformed(error))

    def _complete_slowly(self, method: str, target: bytes, body: bytes) -> None:
        headers = dict(self._headers)
        self._headers.clear()
        if self._is_ending:
            return
        keep_alive = self._parser.should_keep_alive()
        self._queue.append(_Request(method, target, headers, body, keep_alive, self._head_fault(headers)))
        if self._under_way:
            self.pause_writing()
        else:
            self._serve_next()

    def _serve_next(self) -> None:
        """Serve what waits, in order, until one is under way."""
        while self._queue and not self._under_way and not self._is_ending:
            request = self._queue.popleft()
            self._keep_alive = request.keep_alive and self._keep_alive
            self._serve(request)
        if not self._queue:
            self._resume_reading()

    def _serve(self, request: _Request) -> None:
        route = self.intake.find(request.target)
        if request.fault is not None:
            self._fail(request.fault)
        elif self.intake.is_draining and request.method == "POST":
            self._fail(answer_draining())
        elif route is None or request.method != "POST":
            self._answer(self.intake.answer_to(request.method, request.target), is_head=request.method == "HEAD")
        elif len(request.body) > route.event_size_max_bytes:
            self._fail(answer_too_large(route.event_size_max_bytes))
        else:
            self._take(route, request.headers, request.body)

    def _head_fault(self, headers: dict[bytes, bytes]) -> Answer | None:
        limits = self.intake.limits
        size = self._head_size + sum(len(name) + len(value) + 4 for name, value in headers.items())
        if len(headers) > limits.header_count_max or size > limits.header_size_max_bytes:
            return refusal(431, f"more than {limits.header_count_max} headers or {limits.header_size_max_bytes} bytes")
        return None

    def _look_at_partial(self, size: int) -> None:
        """After a read that left a request incomplete: bounds, 100-continue, and the start of its time."""
        if not self._request_since:
            self._request_since = self._loop.time()
            self._head_size = 0
            self._is_body_awaited = False
        elif not self._is_head_done:
            self._head_size += size  # what the parser still holds of a header line is counted as it comes
        fault = self._head_fault(self._headers)
        if fault is None and self._is_head_done and not self._is_body_awaited:
            self._is_body_awaited = True
            fault = self._await_body()
        if fault is None and self._route is not None and len(self._body) > self._route.event_size_max_bytes:
            fault = answer_too_large(self._route.event_size_max_bytes)
        if fault is not None:
            self._fail(fault)

    def _await_body(self) -> Answer | None:
        """The head is known, the body is not there yet: refuse it before it is sent, or ask for it."""
        lower = {name.lower(): value for name, value in self._headers.items()}
        length = lower.get(b"content-length", b"0")
        if self._route is not None and length.isdigit() and int(length) > self._route.event_size_max_bytes:
            return answer_too_large(self._route.event_size_max_bytes)
        if lower.get(b"expect", b"").lower() == b"100-continue":
            method = self._parser.get_method().decode("latin-1")
            if self._route is None or method != "POST":
                return self.intake.answer_to(method, self._target)
            if not self._under_way and self._transport is not None:
                self._transport.write(_CONTINUE)
        return None

    def _answer(self, answer: Answer, *, is_head: bool = False) -> None:
        self.intake.answers[answer.status] += 1
        self._write(answer, is_head=is_head)

    def _write(self, answer: Answer, *, is_head: bool = False) -> None:
        if self._transport is None:
            return
        if answer.fault:
            self._keep_alive = False
        self._transport.write(render(answer, keep_alive=self._keep_alive, is_head=is_head))
        if not self._keep_alive:
            self._end()

    def _fail(self, answer: Answer) -> None:
        """Give the last answer of this connection, after those that are due before it."""
        if self._under_way:
            self._queue.append(_Request("", b"", {}, b"", keep_alive=False, fault=answer))
            self.pause_writing()
            return
        self._keep_alive = False
        self._answer(answer)

    def _end(self) -> None:
        """No more is read for use: the answer goes out, input is thrown away for a while, the connection closes."""
        self._is_ending = True
        self._queue.clear()
        transport = self._transport
        if transport is not None:
            if transport.can_write_eof():
                transport.write_eof()
            self._loop.call_later(LINGER_S, transport.close)

    def _resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing() and not self._queue:
            self._transport.resume_reading()
