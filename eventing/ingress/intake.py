"""What both doors share: routes, the way of one request from headers and body to a stored event, and the answers."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from itertools import product
from typing import Final, Protocol
from urllib.parse import unquote_to_bytes, urlsplit

import orjson

from channels import codec
from channels.contract import Channel, Receipt
from channels.errors import ChannelFull, ChannelUnavailable, MalformedEvent, UnsupportedFormat
from channels.event import TTL_ATTRIBUTE, Event
from dispatcher.sighting import Sightings
from dispatcher.valve import Valve
from eventing.ingress.host import host_name

RETRY_AFTER_S: Final = 1
ALLOW: Final = "POST, OPTIONS"
_NO_PATH: Final = (b"/", b"")

_TRACEPARENT_SPELLINGS: Final = frozenset(map(bytes, product(*zip(b"traceparent", b"TRACEPARENT", strict=True))))
"""All of them, upper and lower case: so one look tells that a request has none, and no name is changed for it."""
_TRACEPARENT: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TRACE_MEMBER: Final = rb"[a-z0-9][a-z0-9_*/@-]{0,255}=[ !-+.-<>-~-]{0,255}[!-+.-<>-~-]"
_TRACESTATE: Final = re.compile(rb"%b(?:[ \t]*,[ \t]*%b){0,31}" % (_TRACE_MEMBER, _TRACE_MEMBER))
"""W3C Trace Context, sections 3.2 and 3.3; empty list members are not let through."""


class Route(Protocol):
    """Where a path leads: a Broker, or a Channel, as far as the ingress knows one. `channel` is None while it has no
    working one; `ttl_max` is None where no hops are counted.
    """

    channel: Channel | None
    event_size_max_bytes: int
    ttl_max: int | None
    sightings: Sightings | None
    unready: str
    entrance: Valve

    def regulate(self) -> None:
        """Close the entrance where what was just stored is more than can be handed on at once."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request and of all connections."""

    header_count_max: int
    header_size_max_bytes: int
    request_timeout_s: float
    keep_alive_timeout_s: float
    connections_max: int
    batch_events_max: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer without its framing.

    `fault` ends the connection: what follows on it cannot be trusted, or is not wanted.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    fault: bool = False


ACCEPTED: Final = Answer(202)
_KEEP_ALIVE: Final = b"Connection: keep-alive\r\n"
"""Said always, as nginx does: clients that speak HTTP/1.0 wait for the end of the connection otherwise."""
OPTIONS: Final = Answer(200, (("Allow", ALLOW), ("WebHook-Allowed-Origin", "*"), ("WebHook-Allowed-Rate", "*")))
"""The webhook specification's handshake (CloudEvents HTTP 1.1 Web Hooks, section 4)."""


def refusal(
    status: int, message: str, path: str = "", *, fault: bool = False, headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    """An answer that says in JSON what is wrong, and where."""
    body = {"message": message, "path": path} if path else {"message": message}
    return Answer(status, (("Content-Type", "application/json"), *headers), orjson.dumps(body), fault)


class BatchTooLarge(MalformedEvent):
    """The sender must act: more events in one batch than are taken. Answered with 413."""


class Intake:
    """The state of the ingress: its routes, what it answered, whether it still takes events."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.routes: dict[bytes, Route] = {}
        """Path -> where it leads. Replaced whole when Brokers or Channels change."""
        self.hosts: dict[bytes, Route] = {}
        """Name in the Host header -> the Channel that has it; asked where the path is `/`. Replaced whole, too."""
        self.is_draining = False
        self.is_ready = False
        self.fault: Callable[[], str] = str
        """Why nothing can be stored, as a probe is told; empty where it can."""
        self.accepted = 0
        """Requests answered 202."""
        self.answers: Counter[int] = Counter()
        """All other answers, by status."""
        self.connections = 0
        self.accepted_answer = b""
        self.tick()

    def tick(self) -> None:
        """Once a second: the answers carry a Date (RFC 9110, 6.6.1)."""
        self.accepted_answer = b"HTTP/1.1 202 Accepted\r\nDate: %b\r\nContent-Length: 0\r\n%b\r\n" % (
            _date(),
            _KEEP_ALIVE,
        )

    def find(self, target: bytes, headers: Mapping[bytes, bytes]) -> Route | None:
        """The route of a request target: query ignored, one trailing slash ignored, absolute form understood. The Host
        counts where the path names nothing.
        """
        route = self.routes.get(target)
        if route is None:
            path = path_of(target)
            route = self.routes.get(path)
            if route is None and path in _NO_PATH:
                route = self.hosts.get(host_name(value_of(headers, b"host")))
        return route

    def take(self, route: Route, headers: Mapping[bytes, bytes], body: bytes, receipt: Receipt) -> None:
        """Decode, count the hop, store; the receipt hears of it. Raises MalformedEvent; then nothing was stored."""
        found = codec.decode(headers, body)
        if found.__class__ is Event:
            ttl = found.ttl
            found.ttl = route.ttl_max if ttl is None else _hop(ttl, route.ttl_max, TTL_ATTRIBUTE)
            events: tuple[Event, ...] | list[Event] = (found,)
        else:
            assert isinstance(found, list)
            events = self._checked(found, route.ttl_max)
        if not _TRACEPARENT_SPELLINGS.isdisjoint(headers):
            trace = trace_of(headers)
            for event in events:
                event.trace = trace
        channel = route.channel
        if channel is None:
            receipt.refused(ChannelUnavailable(route.unready))
        elif events:
            channel.submit(events, receipt)
            if route.sightings is not None:
                route.sightings.notice(events)
            if len(events) > 1:
                route.regulate()
        else:
            receipt.stored()

    @property
    def takes_events(self) -> bool:
        """The server is up, nobody asked it to stop, and it can store."""
        return self.is_ready and not self.is_draining and not self.fault()

    def answer_to(self, method: str, target: bytes) -> Answer:
        """The answer to a request that carries no event to a known Broker or Channel."""
        path = path_of(target)
        if method == "OPTIONS":
            return OPTIONS
        if method in ("GET", "HEAD") and path in (b"/healthz", b"/readyz"):
            if path == b"/readyz" and not self.takes_events:
                return refusal(503, self.fault() or "not ready")
            return Answer(200, (("Content-Type", "text/plain"),), b"ok")
        if method != "POST":
            return refusal(405, "events are POSTed", headers=(("Allow", ALLOW),))
        place = path.decode("utf-8", "backslashreplace")[:200]
        return refusal(404, f"no Broker or Channel at {place}: the path is /NAMESPACE/NAME or /channels/NAMESPACE/NAME")

    def _checked(self, batch: list[Event], ttl_max: int | None) -> list[Event]:
        if len(batch) > self.limits.batch_events_max:
            raise BatchTooLarge("", f"more than {self.limits.batch_events_max} events in one batch")
        for number, event in enumerate(batch):
            ttl = event.ttl
            event.ttl = ttl_max if ttl is None else _hop(ttl, ttl_max, f"[{number}].{TTL_ATTRIBUTE}")
        return batch


def _hop(ttl: int, ttl_max: int | None, path: str) -> int:
    """The hops that are left."""
    if ttl_max is None:
        return ttl
    if ttl <= 1:
        raise MalformedEvent(path, "the event has passed too many Brokers: this looks like a loop")
    return min(ttl - 1, ttl_max)


def value_of(headers: Mapping[bytes, bytes], name: bytes) -> bytes:
    """The value of a header, whatever the case of its name; empty where there is none."""
    found = headers.get(name)
    if found is None:
        found = next((value for key, value in headers.items() if len(key) == len(name) and key.lower() == name), b"")
    return found.strip(b" \t")


def trace_of(headers: Mapping[bytes, bytes]) -> bytes:
    """The W3C trace context of a request as header lines, each ended by CRLF; nothing where it is not well-formed."""
    parent, state = value_of(headers, b"traceparent"), value_of(headers, b"tracestate")
    if _TRACEPARENT.fullmatch(parent) is None:
        return b""
    if _TRACESTATE.fullmatch(state) is None:
        return b"traceparent: %b\r\n" % parent
    return b"traceparent: %b\r\ntracestate: %b\r\n" % (parent, state)


def path_of(target: bytes) -> bytes:
    """The path of a request target, in origin or absolute form, without its query and one trailing slash.

    Escapes are resolved, but for that of a slash, which is not the same as a slash (RFC 3986, 2.2).
    """
    if not target.startswith(b"/"):
        try:
            target = urlsplit(target).path
        except ValueError:
            return b""
    path = target.partition(b"?")[0]
    if b"%" in path and b"%2f" not in path.lower():
        path = unquote_to_bytes(path)
    return path[:-1] if len(path) > 1 and path.endswith(b"/") else path


def answer_to_malformed(error: MalformedEvent) -> Answer:
    """400, or 415 for a format that is not spoken, or 413 for a batch of too many events."""
    status = 415 if isinstance(error, UnsupportedFormat) else 413 if isinstance(error, BatchTooLarge) else 400
    return refusal(status, error.reason, error.path)


def answer_to_refused(error: Exception) -> Answer:
    """503 with the time after which another try makes sense. Any other error is a bug and raised again."""
    if not isinstance(error, ChannelFull | ChannelUnavailable):
        raise error
    return refusal(503, str(error) or "unavailable", headers=(("Retry-After", str(RETRY_AFTER_S)),))


def is_larger(length: bytes, size_max_bytes: int) -> bool:
    """True for a Content-Length above the bound. Digits are counted first, for int() refuses thousands of them."""
    return length.isdigit() and (len(length) > 19 or int(length) > size_max_bytes)


def answer_too_large(size_max_bytes: int) -> Answer:
    """413."""
    return refusal(413, f"the body is larger than {size_max_bytes} bytes", fault=True)


def answer_large_head(limits: Limits) -> Answer:
    """431."""
    bounds = f"{limits.header_count_max} headers or {limits.header_size_max_bytes} bytes of them"
    return refusal(431, f"more than {bounds}", fault=True)


def answer_draining() -> Answer:
    """503: the server is stopping."""
    return refusal(503, "shutting down", fault=True, headers=(("Retry-After", str(RETRY_AFTER_S)),))


def render(answer: Answer, *, keep_alive: bool, is_head: bool = False) -> bytes:
    """The answer as HTTP/1.1 bytes."""
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}".encode(), b"Date: " + _date()]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in answer.headers]
    lines.append(b"Content-Length: %d" % len(answer.body))
    lines.append(_KEEP_ALIVE[:-2] if keep_alive else b"Connection: close")
    return b"\r\n".join((*lines, b"", b"" if is_head else answer.body))


def _date() -> bytes:
    return formatdate(usegmt=True).encode("ascii")
