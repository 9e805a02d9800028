"""What both doors share: routes, the way of one request from headers and body to a stored event, and the answers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import urlsplit

import orjson

from channels import codec
from channels.contract import Channel, Receipt
from channels.errors import ChannelFull, ChannelUnavailable, MalformedEvent, UnsupportedFormat
from channels.event import Event

RETRY_AFTER_S: Final = 1
ALLOW: Final = "POST, OPTIONS"


class Route(Protocol):
    """Where a path leads: a Broker, as far as the ingress knows one. `channel` is None while it has no working one."""

    channel: Channel | None
    event_size_max_bytes: int
    unready: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request and of all connections."""

    header_count_max: int
    header_size_max_bytes: int
    request_timeout_s: float
    keep_alive_timeout_s: float
    connections_max: int
    ttl_max: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer without its framing. `fault` ends the connection: what follows on it cannot be trusted or is not wanted."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    fault: bool = False


ACCEPTED: Final = Answer(202)
OPTIONS: Final = Answer(200, (("Allow", ALLOW), ("WebHook-Allowed-Origin", "*"), ("WebHook-Allowed-Rate", "*")))
"""The webhook specification's handshake (CloudEvents HTTP 1.1 Web Hooks, section 4)."""


def refusal(
    status: int, message: str, path: str = "", *, fault: bool = False, headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    """An answer that says in JSON what is wrong, and where."""
    body = {"message": message, "path": path} if path else {"message": message}
    return Answer(status, (("Content-Type", "application/json"), *headers), orjson.dumps(body), fault)


class Intake:
    """The state of the ingress: its routes, what it answered, whether it still takes events."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.routes: dict[bytes, Route] = {}
        """Path -> where it leads. Replaced whole when Brokers change."""
        self.is_draining = False
        self.is_ready = False
        self.accepted = 0
        """Requests answered 202."""
        self.answers: Counter[int] = Counter()
        """All other answers, by status."""
        self.connections = 0
        self.accepted_answer = b""
        self.tick()

    def tick(self) -> None:
        """Once a second: the answers carry a Date (RFC 9110, 6.6.1)."""
        self.accepted_answer = b"HTTP/1.1 202 Accepted\r\nDate: %b\r\nContent-Length: 0\r\n\r\n" % _date()

    def find(self, target: bytes) -> Route | None:
        """The route of a request target: query ignored, one trailing slash ignored, absolute form understood."""
        route = self.routes.get(target)
        return route if route is not None else self.routes.get(path_of(target))

    def take(self, route: Route, headers: Mapping[bytes, bytes], body: bytes, receipt: Receipt) -> None:
        """Decode, count the hop, store; the receipt hears of it. Raises MalformedEvent; then nothing was stored."""
        found = codec.decode(headers, body)
        ttl_max = self.limits.ttl_max
        if found.__class__ is Event:
            ttl = found.ttl
            found.ttl = ttl_max if ttl is None else _hop(ttl)
            events: tuple[Event, ...] | list[Event] = (found,)
        else:
            assert isinstance(found, list)
            events = found
            for event in events:
                event.ttl = ttl_max if event.ttl is None else _hop(event.ttl)
        channel = route.channel
        if channel is None:
            receipt.refused(ChannelUnavailable(route.unready))
        elif events:
            channel.submit(events, receipt)
        else:
            receipt.stored()

    def answer_to(self, method: str, target: bytes) -> Answer:
        """The answer to a request that carries no event to a known Broker."""
        path = path_of(target)
        if method == "OPTIONS":
            return OPTIONS
        if method in ("GET", "HEAD") and path in (b"/healthz", b"/readyz"):
            if path == b"/readyz" and (self.is_draining or not self.is_ready):
                return refusal(503, "not ready")
            return Answer(200, (("Content-Type", "text/plain"),), b"ok")
        if method != "POST":
            return refusal(405, "events are POSTed", headers=(("Allow", ALLOW),))
        return refusal(
            404, f"no Broker at {path.decode('utf-8', 'backslashreplace')[:200]}: the path is /NAMESPACE/NAME"
        )


def _hop(ttl: int) -> int:
    if ttl <= 1:
        raise MalformedEvent("knativebrokerttl", "the event has passed too many Brokers: this looks like a loop")
    return ttl - 1


def path_of(target: bytes) -> bytes:
    """The path of a request target, in origin or absolute form, without its query and one trailing slash."""
    if not target.startswith(b"/"):
        try:
            target = urlsplit(target).path
        except ValueError:
            return b""
    path = target.partition(b"?")[0]
    return path[:-1] if len(path) > 1 and path.endswith(b"/") else path


def answer_to_malformed(error: MalformedEvent) -> Answer:
    """400, or 415 for a format that is not spoken."""
    return refusal(415 if isinstance(error, UnsupportedFormat) else 400, error.reason, error.path)


def answer_to_refused(error: Exception) -> Answer:
    """503 with the time after which another try makes sense. Any other error is a bug and raised again."""
    if not isinstance(error, ChannelFull | ChannelUnavailable):
        raise error
    return refusal(503, str(error) or "unavailable", headers=(("Retry-After", str(RETRY_AFTER_S)),))


def answer_too_large(size_max_bytes: int) -> Answer:
    """413."""
    return refusal(413, f"the body is larger than {size_max_bytes} bytes", fault=True)


def answer_draining() -> Answer:
    """503: the server is stopping."""
    return refusal(503, "shutting down", fault=True, headers=(("Retry-After", str(RETRY_AFTER_S)),))


def render(answer: Answer, *, keep_alive: bool, is_head: bool = False) -> bytes:
    """The answer as HTTP/1.1 bytes."""
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}".encode(), b"Date: " + _date()]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in answer.headers]
    lines.append(b"Content-Length: %d" % len(answer.body))
    if not keep_alive:
        lines.append(b"Connection: close")
    return b"\r\n".join((*lines, b"", b"" if is_head else answer.body))


def _date() -> bytes:
    return formatdate(usegmt=True).encode("ascii")
