"""A sink as a raw ASGI application: it decodes, shows and answers."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from channels import codec
from channels.errors import MalformedEvent
from channels.event import Event
from eventing.cli.output import event_text, printable

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Show = Callable[[Event, int, str], str]
Headers = Sequence[tuple[bytes, bytes]]

BODY_MAX_BYTES: Final = 16 * 1024 * 1024
"""Larger requests are answered 413. Far above a Broker's default bound: a sink for trials should not refuse."""
_BODILESS: Final = (204, 205)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a sink answers. `status` None is success; `fail_first` is how many requests get `status`, None all."""

    status: int | None = None
    fail_first: int | None = None
    delay_s: float = 0.0
    reply_type: str | None = None
    reply_source: str = "/eventing/sink"

    def status_of(self, number: int) -> int:
        """The status of the answer to request `number`, counted from 1."""
        if self.status is not None and (self.fail_first is None or number <= self.fail_first):
            return self.status
        return 202 if self.reply_type is None else 200

    def reply_to(self, event: Event, status: int) -> Event | None:
        """The event to answer with: a fresh id, the data that came. None where no reply is asked for, or possible."""
        if self.reply_type is None or status >= 300 or status in _BODILESS:
            return None
        identity = {"id": str(uuid.uuid4()), "source": self.reply_source, "type": self.reply_type}
        return Event.from_attributes({**identity, "datacontenttype": event.datacontenttype}, event.data)


class Receiver:
    """The ASGI application. `show` makes the text of an event, its status and its path, `write` puts it out."""

    def __init__(self, behaviour: Behaviour, *, show: Show, write: Callable[[str], object]) -> None:
        self._behaviour = behaviour
        self._show = show
        self._write = write
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "POST":
            return await _answer(send, 405, [(b"allow", b"POST")], b"only POST is answered\n")
        body = await _read(receive)
        if body is None:
            return await _answer(send, 413, (), b"the body is too large\n")
        try:
            events = codec.decode_request(scope["headers"], body)
        except MalformedEvent as error:
            self._write(printable(f"not a CloudEvent: {error}"))
            return await _answer(send, 400, (), f"not a CloudEvent: {error}\n".encode())
        return await self._accept(events, str(scope["path"]), send)

    async def _accept(self, events: Sequence[Event], path: str, send: Send) -> None:
        self._requests += 1
        status = self._behaviour.status_of(self._requests)
        for event in events:
            self._write(self._show(event, status, path))
        await asyncio.sleep(self._behaviour.delay_s)
        # A batch gets no reply: there is no one event that it would belong to.
        reply = self._behaviour.reply_to(events[0], status) if len(events) == 1 else None
        if reply is None:
            return await _answer(send, status, (), b"")
        return await _answer(send, status, codec.binary_headers(reply), reply.data or b"")


def as_text(event: Event, status: int, path: str) -> str:
    """An event for people."""
    return f"event {printable(event.id)} to {printable(path)} -> {status}\n{event_text(event)}\n"


def as_json(event: Event, status: int, path: str) -> str:
    """One line of JSON: `status`, `path` and the `event` in the CloudEvents JSON format."""
    return json.dumps({"status": status, "path": path, "event": json.loads(codec.encode_structured(event))})


async def _read(receive: Receive) -> bytes | None:
    """The body, None where it is too large or the client went away."""
    body = bytearray()
    while True:
        part = await receive()
        if part["type"] == "http.disconnect":
            return None
        body += part.get("body", b"")
        if len(body) > BODY_MAX_BYTES:
            return None
        if not part.get("more_body", False):
            return bytes(body)


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    framing = [] if status in _BODILESS else [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *framing]})
    await send({"type": "http.response.body", "body": body})
