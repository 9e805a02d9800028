"""One connection's exchange: which request is under way, which wait for their turn, what is answered, and when it ends.

One request of a connection is under way at a time; later ones of a pipeline wait, parsed, in order. Bounds: time per
request, idle time, connections, and answers that the producer does not read.
"""

import asyncio
from collections import deque
from typing import Any, Final, NamedTuple, cast

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
CONTINUE: Final = Answer(100)
"""Due in its turn like an answer, but to a request whose body is still to come."""


class Request(NamedTuple):
    """A parsed request that waits for the one before it."""

    method: str
    target: bytes
    headers: dict[bytes, bytes]
    body: bytes
    keep_alive: bool


class Exchange(asyncio.Protocol):
    """One connection of a producer: from requests to answers. It is itself the receipt of the request under way."""

    intake: Intake
    """Set on a subclass."""

    def __init__(self, loop: asyncio.AbstractEventLoop, peers: set[Any]) -> None:
        self._loop = loop
        self._peers = peers
        self._transport: asyncio.Transport | None = None
        self._under_way = False
        self._keep_alive = True
        self._queue: deque[Request | Answer] = deque()
        self._is_serving = False
        self._is_held = False
        """The first request of the queue waits for its Broker's entrance."""
        self._request_since = 0.0
        """When a request that is still incomplete began, 0 for none."""
        self._is_deaf = False
        """What still comes is thrown away."""
        self._is_stopping = False
        """The connection closes when nothing is due any more."""
        self._has_ended = False
        """The producer sends no more."""
        self._is_clogged = False
        """The producer does not read its answers."""
        self._is_active = True
        """A request was completed since the last sweep."""
        self._idle_since = loop.time()

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
        self._is_deaf = True
        self._peers.discard(self)
        self._queue.clear()
        self.intake.connections -= 1

    def eof_received(self) -> bool:
        """The producer sends no more. What is under way is still answered where the transport can be half open."""
        self._has_ended = self._is_stopping = True
        return (self._under_way or self._is_held) and self._transport is not None and self._transport.can_write_eof()

    def pause_writing(self) -> None:
        """The producer does not read its answers: stop reading its requests."""
        self._is_clogged = True
        self._regulate()

    def resume_writing(self) -> None:
        """It reads again."""
        self._is_clogged = False
        self._regulate()

    def sweep(self, now: float) -> None:
        """Once a second: end what takes too long. The price of a timer per request is not paid."""
        limits = self.intake.limits
        transport = self._transport
        if transport is None or self._under_way or self._is_held:
            return
        if self._request_since and not self._is_clogged:
            if now - self._request_since > limits.request_timeout_s:
                self._fail(refusal(408, f"the request took longer than {limits.request_timeout_s:g} s"))
        elif self._is_active:
            self._is_active = False
            self._idle_since = now
        elif now - self._idle_since > limits.keep_alive_timeout_s:
            # close() waits until everything is written, for ever if the producer does not read.
            (transport.abort if transport.get_write_buffer_size() else transport.close)()

    # The receipt of the request under way.

    def stored(self) -> None:
        """The events of the request are safe."""
        self._under_way = False
        self.intake.accepted += 1
        if self._keep_alive and not self._is_stopping and self._transport is not None:
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

    def _take(self, route: Route, headers: dict[bytes, bytes], body: bytes) -> None:
        self._under_way = True
        try:
            self.intake.take(route, headers, body, self)
        except MalformedEvent as error:
            self._under_way = False
            self._answer(answer_to_malformed(error))

    # The rest of the way.

    def _enqueue(self, request: Request) -> None:
        if self._is_deaf:
            return
        self._queue.append(request)
        if self._under_way or self._is_held:
            self._regulate()
        else:
            self._serve_next()

    def _serve_next(self) -> None:
        """Serve what waits, in order, until one is under way. A channel may answer from within: the loop goes on."""
        if self._is_serving:
            return
        self._is_serving = True
        while self._queue and not self._under_way and not self._is_held:
            self._serve(self._queue.popleft())
        self._is_serving = False
        self._regulate()

    def _serve(self, request: Request | Answer) -> None:
        if isinstance(request, Answer):
            self._proceed() if request is CONTINUE else self._finish(request)
            return
        route = self.intake.find(request.target, request.headers)
        self._keep_alive = request.keep_alive
        if self.intake.is_draining and request.method == "POST":
            self._finish(answer_draining())
        elif route is None or request.method != "POST":
            self._answer(self.intake.answer_to(request.method, request.target), is_head=request.method == "HEAD")
        elif len(request.body) > route.event_size_max_bytes:
            self._finish(answer_too_large(route.event_size_max_bytes))
        elif route.entrance.is_closed:
            self._queue.appendleft(request)
            self._is_held = True
            route.entrance.wait(self._enter)
        else:
            self._take(route, request.headers, request.body)

    def _enter(self) -> None:
        """The Broker's entrance has opened."""
        self._is_held = False
        self._serve_next()

    def _proceed(self) -> None:
        assert self._transport is not None
        self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _answer(self, answer: Answer, *, is_head: bool = False) -> None:
        self.intake.answers[answer.status] += 1
        self._write(answer, is_head=is_head)

    def _write(self, answer: Answer, *, is_head: bool = False) -> None:
        if self._transport is None:
            return
        if answer.fault or (self._is_stopping and not self._queue):
            self._keep_alive = False
        self._transport.write(render(answer, keep_alive=self._keep_alive, is_head=is_head))
        if not self._keep_alive:
            self._end()

    def _fail(self, answer: Answer) -> None:
        """Give the last answer of this connection, after those that are due before it. Nothing more is read for use."""
        if self._is_deaf:
            return
        self._is_deaf = True
        self._request_since = 0.0
        if self._under_way or self._is_held:
            self._queue.append(answer)
            self._regulate()
        else:
            self._finish(answer)

    def _finish(self, answer: Answer) -> None:
        self._keep_alive = False
        self._answer(answer)

    def _end(self) -> None:
        """The answer goes out, input is thrown away for a while, the connection closes."""
        self._is_deaf = True
        self._is_active = True
        self._request_since = 0.0
        self._queue.clear()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.can_write_eof():
            transport.write_eof()
        self._loop.call_later(0 if self._has_ended else LINGER_S, transport.close)

    def _regulate(self) -> None:
        """Read on only while nothing waits: neither requests for their turn nor answers for the producer."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._queue or self._is_clogged:
            transport.pause_reading()
        else:
            transport.resume_reading()
            if self._request_since:
                self._request_since = self._loop.time()
