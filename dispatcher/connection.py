"""One HTTP/1.1 connection to a sink: one request at a time, one Outcome each, no task and no timer per request.

httptools parses the answers. An answer that lies about its length, trickles, breaks off, is preceded by 1xx, or never ends
is an Outcome like any other; what an answer may occupy is bounded.
"""

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

import httptools

from dispatcher.outcome import Outcome

if TYPE_CHECKING:
    from dispatcher.attempt import Attempt
    from dispatcher.pool import Pool

_HEAD_MAX_BYTES: Final = 65_536
"""An answer's head, with all 1xx before it (curl gives up at 300 KB, nginx at 8 KB)."""
_PLAIN_MAX_BYTES: Final = 1024
_PLAIN_COUNT_MAX: Final = 64


class Connection(asyncio.Protocol):
    """A connection of a pool. Made by the pool, which is told of everything that ends."""

    def __init__(self, pool: "Pool", now_s: float) -> None:
        self.pool = pool
        self.attempt: Attempt | None = None
        """What is on its way here; None while the connection is idle."""
        self.opened_s = now_s
        self.is_retired = False
        """Not to be used again: too old, or its peer said so."""
        self._is_reused = False
        self._transport: asyncio.Transport | None = None
        self._plain = pool.plain_answers
        self._is_clean = True
        self._reset()

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self.on_header = self._headers.setdefault
        self._body = bytearray()
        self._is_head_done = False
        self._is_complete = False
        self._may_keep_alive = False
        self._is_truncated = False
        self._received = 0
        self._status = 0

    def send(self, attempt: "Attempt", request: bytes) -> None:
        """Put a request on the wire. The outcome goes to the attempt's lane."""
        self.attempt = attempt
        cast("asyncio.Transport", self._transport).write(request)

    def abandon(self, error: str) -> None:
        """Give up on the request under way, and on the connection."""
        self._is_head_done = False  # an answer that broke off is none
        self._finish(self._outcome(error))
        self.close()

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

    def data_received(self, data: bytes) -> None:
        """Some of an answer. One that was parsed before, byte for byte, and was plain success is known by heart."""
        attempt = self.attempt
        if attempt is None:
            self.close()  # bytes that nobody asked for
        elif self._is_clean and data in self._plain:
            self.attempt = None
            self._is_reused = True
            self.pool.release(self)
            attempt.lane.delivered(attempt)
        else:
            self._parse(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended: for an answer without a length that is its end, for a request under way a failure."""
        self._transport = None
        self.is_retired = True
        self.pool.forget(self)
        attempt = self.attempt
        if attempt is None:
            return
        if self._is_head_done and self._ends_with_connection():
            self._conclude()
        elif self._is_clean and self._is_reused and not attempt.is_resent:
            # The peer closed an idle connection while the request was on its way: it has seen nothing of it.
            attempt.is_resent = True
            self.attempt = None
            self.pool.send(attempt)
        else:
            self._finish(self._outcome(str(exc) if exc else "the sink closed the connection before its answer was complete"))

    # What httptools calls.

    def on_headers_complete(self) -> None:
        """The head of an answer, perhaps of a 1xx, perhaps of one too many."""
        if self._is_complete:
            self.is_retired = True
        else:
            self._status = self._parser.get_status_code()
            self._is_head_done = self._status >= 200

    def on_body(self, body: bytes) -> None:
        """Some of the body: kept up to the bound."""
        if self._is_complete:
            return
        room = self.pool.reply_size_max_bytes - len(self._body)
        self._is_truncated = self._is_truncated or len(body) > room
        if room > 0:
            self._body += body[:room]

    def on_message_complete(self) -> None:
        """An answer is complete; a 1xx only announces another."""
        if self._status < 200:
            self._headers.clear()
        elif not self._is_complete:
            self._is_complete = True
            self._may_keep_alive = self._parser.should_keep_alive()  # the parser forgets it with the message

    def _parse(self, data: bytes) -> None:
        was_clean = self._is_clean
        self._is_clean = False
        if not self._is_head_done:
            self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.is_retired = True
            self._finish(self._outcome("the sink switched protocols"))
        except httptools.HttpParserError as error:
            if not self._is_complete:
                self._finish(self._outcome(f"malformed HTTP answer: {error}"))
            self.is_retired = True
        if self._is_complete:
            self._learn(data if was_clean else None)
            self._conclude()
        elif self._is_truncated:
            self._finish(self._outcome(None))
            self.close()
        elif self._received > _HEAD_MAX_BYTES:
            self._finish(self._outcome("the head of the answer is too large"))
            self.close()
        elif self.attempt is None:
            self.close()

    def _learn(self, data: bytes | None) -> None:
        """Remember an answer that came in one piece and means nothing but success: no body, no event, keep alive."""
        if data is None or len(data) > _PLAIN_MAX_BYTES or self._body or self._status >= 300:
            return
        if not self._may_keep_alive or self.is_retired:
            return
        for name in self._headers:
            lower = name.lower()
            if lower == b"ce-specversion" or (lower == b"content-type" and b"cloudevents" in self._headers[name].lower()):
                return
        if len(self._plain) >= _PLAIN_COUNT_MAX:
            self._plain.clear()
        self._plain.add(data)

    def _ends_with_connection(self) -> bool:
        lower = {name.lower() for name in self._headers}
        return not lower & {b"content-length", b"transfer-encoding"}

    def _conclude(self) -> None:
        """Hand over a complete answer; the connection serves on if both sides may use it again."""
        outcome = self._outcome(None)
        if self._transport is None or self.is_retired or not self._is_complete or not self._may_keep_alive:
            self._finish(outcome)
            self.close()
            return
        attempt, self.attempt = self.attempt, None
        self._reset()
        self._is_clean = self._is_reused = True
        self.pool.release(self)
        if attempt is not None:
            attempt.lane.finish(attempt, outcome)

    def _outcome(self, error: str | None) -> Outcome:
        status = self._status if self._is_head_done else None
        headers = {name.lower(): value for name, value in reversed(self._headers.items())}
        latency_s = 0.0 if self.attempt is None else self.pool.now_s() - self.attempt.started_s
        return Outcome(status, headers, bytes(self._body), error, latency_s, self._is_truncated)

    def _finish(self, outcome: Outcome) -> None:
        attempt, self.attempt = self.attempt, None
        if attempt is not None:
            attempt.lane.finish(attempt, outcome)
