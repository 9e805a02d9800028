"""The HTTP answer of a watch: one JSON line per event, as it happens, until somebody has enough."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from datetime import datetime
from typing import Final, Protocol

import orjson
from fastapi import Response
from starlette.types import Receive, Scope, Send

from eventing.apiserver.feed import WatchEvent
from eventing.apiserver.table import TableView, partial_metadata
from eventing.resources.identity import Object

TIMEOUT_S: Final = 3600
"""Of a watch that names no end, and of every watch at most: clients begin anew."""


class Events(Protocol):
    """What is streamed."""

    def events(self) -> AsyncGenerator[WatchEvent, None]:
        """The events, in order."""


class WatchStream(Response):
    """Streams a feed. It ends with the client, after `timeout_s`, when `closing` is set, or after an error of the feed.

    What the client does not read is not read from the store either: nothing is kept here but one event.
    """

    def __init__(
        self,
        feed: Events,
        *,
        transform: Callable[[WatchEvent], Object],
        closing: asyncio.Event,
        timeout_s: float | None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(media_type="application/json")
        del self.headers["content-length"]
        for name, value in headers:
            self.headers.append(name, value)
        self._feed = feed
        self._transform = transform
        self._closing = closing
        self._timeout_s = min(timeout_s or TIMEOUT_S, TIMEOUT_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        streaming = asyncio.ensure_future(self._stream(send))
        ends = [streaming, asyncio.ensure_future(_disconnected(receive)), asyncio.ensure_future(self._closing.wait())]
        try:
            await asyncio.wait(ends, timeout=self._timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ends:
                task.cancel()
            await asyncio.wait(ends)
        if not streaming.cancelled():
            streaming.result()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _stream(self, send: Send) -> None:
        async with aclosing(self._lines()) as lines:
            async for line in lines:
                await send({"type": "http.response.body", "body": line, "more_body": True})

    async def _lines(self) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._feed.events()) as events:
            async for event in events:
                line = {"type": event.type, "object": self._transform(event)}
                yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


class EventTransform:
    """Makes of each event's object what the client asked for: a row of a Table, whose columns come with the first, or
    with `partial`, a group version of `meta.k8s.io`, its metadata.
    """

    def __init__(self, table: TableView | None, *, clock: Callable[[], datetime], partial: str = "") -> None:
        self._table = table
        self._partial = partial
        self._clock = clock
        self._is_first = True

    def __call__(self, event: WatchEvent) -> Object:
        """The object of the event's line. Errors stay Statuses."""
        item = event.item
        if event.type == "ERROR":
            return item
        if self._table is not None:
            metadata = {"resourceVersion": item["metadata"].get("resourceVersion", "")}
            rows = self._table.rows([item], self._clock())
            is_first, self._is_first = self._is_first, False
            return self._table.table(rows, metadata, has_header=is_first)
        return partial_metadata(item, self._partial) if self._partial else item


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
