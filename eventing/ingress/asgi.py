"""The ingress as a plain ASGI application: the same decoder and answers behind any ASGI server.

The server in front owns the connection: time limits on a head, pipelining and 100-continue are its own, and so is the
goodbye to a producer that still sends a body when it is refused: uvicorn's reset may reach it before the answer does.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from channels.errors import MalformedEvent
from dispatcher.valve import Valve
from eventing.ingress.intake import (
    ACCEPTED,
    Answer,
    Intake,
    Route,
    answer_draining,
    answer_large_head,
    answer_to_malformed,
    answer_to_refused,
    answer_too_large,
    is_larger,
    refusal,
)

_Scope = dict[str, Any]
_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]
_ACCEPTED_START: Final[dict[str, Any]] = {
    "type": "http.response.start",
    "status": ACCEPTED.status,
    "headers": [(b"content-length", b"0")],
}
_NO_BODY: Final[dict[str, Any]] = {"type": "http.response.body", "body": b""}


class _Receipt:
    """Turns a receipt into an answer, without a future where the answer is known before submit returned."""

    __slots__ = ("_future", "answer")

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self._future: asyncio.Future[None] | None = None

    def stored(self) -> None:
        self._settle(ACCEPTED)

    def refused(self, error: Exception) -> None:
        self._settle(answer_to_refused(error))

    async def wait(self) -> Answer:
        """The answer, which is not known yet."""
        self._future = asyncio.get_running_loop().create_future()
        await self._future
        assert self.answer is not None
        return self.answer

    def _settle(self, answer: Answer) -> None:
        self.answer = answer
        if self._future is not None and not self._future.done():
            self._future.set_result(None)


class IngressApp:
    """ASGI 3 application over an intake."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Serve one request. What is no HTTP is refused by returning, as ASGI has it."""
        if scope["type"] != "http":
            return
        answer = await self._serve(scope, receive)
        if answer is ACCEPTED:
            self._intake.accepted += 1
            await send(_ACCEPTED_START)
            await send(_NO_BODY)
            return
        self._intake.answers[answer.status] += 1
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers]
        headers.append((b"content-length", b"%d" % len(answer.body)))
        if answer.fault:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _serve(self, scope: _Scope, receive: _Receive) -> Answer:
        intake = self._intake
        headers = self._gather(scope["headers"])
        if isinstance(headers, Answer):
            return headers
        target: bytes = scope.get("raw_path") or scope["path"].encode()
        route = intake.find(target, headers)
        if intake.is_draining and scope["method"] == "POST":
            return answer_draining()
        if route is None or scope["method"] != "POST":
            return intake.answer_to(scope["method"], target)
        if is_larger(headers.get(b"content-length", b""), route.event_size_max_bytes):
            return answer_too_large(route.event_size_max_bytes)
        body = await self._read(receive, route)
        if isinstance(body, Answer):
            return body
        while route.entrance.is_closed:
            await _opened(route.entrance)
        receipt = _Receipt()
        try:
            intake.take(route, headers, body, receipt)
        except MalformedEvent as error:
            return answer_to_malformed(error)
        return receipt.answer or await receipt.wait()

    def _gather(self, pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes] | Answer:
        """The headers by name, the first of equal ones: repetitions are bounded by the server in front."""
        limits = self._intake.limits
        headers = dict(reversed(pairs))
        size = sum(map(len, headers)) + sum(map(len, headers.values())) + 4 * len(headers)
        if len(headers) > limits.header_count_max or size > limits.header_size_max_bytes:
            return answer_large_head(limits)
        return headers

    async def _read(self, receive: _Receive, route: Route) -> bytes | Answer:
        """The body, refused as soon as it is too large or too slow."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        timeout_s = self._intake.limits.request_timeout_s
        is_overdue = False

        def expire() -> None:
            nonlocal is_overdue
            is_overdue = task.cancel()

        # What asyncio.timeout does, at a third of its price: this is paid for every request.
        timer = loop.call_later(timeout_s, expire)
        try:
            return await _body(receive, route.event_size_max_bytes)
        except asyncio.CancelledError:
            if not is_overdue:
                raise
            task.uncancel()
            return refusal(408, f"the request took longer than {timeout_s:g} s", fault=True)
        finally:
            timer.cancel()


async def _body(receive: _Receive, size_max_bytes: int) -> bytes | Answer:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return refusal(400, "the body ended early", fault=True)
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
        if size > size_max_bytes:
            return answer_too_large(size_max_bytes)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _opened(valve: Valve) -> None:
    opened = asyncio.Event()
    valve.wait(opened.set)
    await opened.wait()
