"""Where attempts go: an HTTP URL, or a Broker or Channel of this process. One request, one Outcome."""

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import SplitResult, quote, urlsplit
from weakref import WeakValueDictionary

from channels import codec
from channels.event import TTL_ATTRIBUTE, Event
from dispatcher.outcome import Outcome
from dispatcher.pool import LastHead, Origin, Pool, PoolLimits

if TYPE_CHECKING:
    from dispatcher.attempt import Attempt
    from dispatcher.broker import Broker

_PORTS: Final = {"http": 80, "https": 443}
_PATH_SAFE: Final = "!$%&'()*+,/:;=?@[]~"
_HOST: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*|[0-9A-Fa-f:.]+")
"""A name or an IPv4 address, or an IPv6 address without its brackets."""


class Sink(Protocol):
    """Takes attempts; tells each attempt's lane, once, how it ended."""

    uri: str

    def send(self, attempt: "Attempt") -> None:
        """Begin one request. It ends with the lane's `delivered`, `finish` or `exhaust_ttl`, perhaps at once."""

    def request(self, event: Event) -> bytes:
        """The bytes of the request, for what is sent over a wire."""


class HttpSink:
    """A URL that events are POSTed to. Raises ValueError for one that no request can go to.

    With `carries_ttl` the hops that an event has left go with it, which only a Broker is to know of: for replies.
    """

    def __init__(
        self,
        uri: str,
        pool: Pool,
        *,
        namespace: str,
        is_structured: bool,
        asks_reply: bool,
        carries_ttl: bool = False,
    ) -> None:
        self.uri = uri
        self.send = pool.send
        self._last = pool.last_head
        parts = urlsplit(uri)
        target = quote(parts.path or "/", safe=_PATH_SAFE)
        if parts.query:
            target += f"?{quote(parts.query, safe=_PATH_SAFE)}"
        lines = [f"POST {target} HTTP/1.1", f"Host: {_host_header(origin_of(uri))}", f"Kn-Namespace: {namespace}"]
        if asks_reply:
            lines.append("Prefer: reply")
        self._head = "".join(f"{line}\r\n" for line in lines).encode("ascii")
        self._structured_head = self._head + f"Content-Type: {codec.STRUCTURED}\r\n".encode("ascii")
        self.request = self._structured if is_structured else self._binary
        if carries_ttl:
            self.request = partial(_with_ttl, self.request)

    def _binary(self, event: Event) -> bytes:
        if event.raw is None and codec.carries_event(event):
            return self._structured(event)
        last = self._last
        if last.event is not event:
            last.event = event
            head = codec.binary_head(event)
            last.head = b"%b%bContent-Length: %d\r\n\r\n" % (event.trace, head, len(event.data or b""))
        return b"%b%b%b" % (self._head, last.head, event.data or b"")

    def _structured(self, event: Event) -> bytes:
        text = codec.encode_structured(event)
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (self._structured_head, event.trace, len(text), text)


class BrokerSink:
    """A Broker or a Channel of this process: published to directly. The hop counts against the event's TTL as it would
    over HTTP: in a Broker it does, in a Channel not.
    """

    def __init__(self, uri: str, broker: "Broker") -> None:
        self.uri = uri
        self._broker = broker

    def send(self, attempt: "Attempt") -> None:
        """Publish the event into it."""
        attempt.started_s = asyncio.get_running_loop().time()
        event, ttl_max = attempt.event, self._broker.ttl_max
        if ttl_max is not None:
            ttl = ttl_max if event.ttl is None else event.ttl - 1
            if ttl <= 0:
                attempt.lane.exhaust_ttl(attempt)
                return
            event = event.with_ttl(ttl)
        self._broker.submit((event,), _Publication(attempt))

    def request(self, event: Event) -> bytes:
        """Nothing goes over a wire."""
        raise NotImplementedError


def _with_ttl(request: Callable[[Event], bytes], event: Event) -> bytes:
    return request(event if event.ttl is None else event.with_attributes({TTL_ATTRIBUTE: event.ttl}))


class _Publication:
    """The receipt of an attempt at a Broker."""

    __slots__ = ("_attempt",)

    def __init__(self, attempt: "Attempt") -> None:
        self._attempt = attempt

    def stored(self) -> None:
        self._attempt.lane.delivered(self._attempt)

    def refused(self, error: Exception) -> None:
        self._attempt.lane.finish(self._attempt, Outcome(503, {}, b"", str(error), 0.0))


class Pools:
    """One pool per origin, made on demand, shared by all sinks that go there, gone with the last of them."""

    def __init__(self, limits: PoolLimits) -> None:
        self._limits = limits
        self._last_head = LastHead()
        self._pools: WeakValueDictionary[Origin, Pool] = WeakValueDictionary()

    def of(self, uri: str, ca_certs: str = "") -> Pool:
        """The pool for a URL. Raises ValueError as `origin_of` does, and for CA certificates that are none."""
        origin = origin_of(uri, ca_certs)
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = Pool(origin, self._limits, self._last_head)
        return pool

    def sweep(self) -> None:
        """Many times a second, for all of them."""
        for pool in list(self._pools.values()):
            pool.sweep(pool.now_s())

    def close(self) -> None:
        """Close all connections; what is under way fails."""
        for pool in list(self._pools.values()):
            pool.close()


def origin_of(uri: str, ca_certs: str = "") -> Origin:
    """The origin of a URL. Raises ValueError for one that is not http or https, has no host, or credentials."""
    parts = urlsplit(uri)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"{uri!r} is no http or https URL")
    if parts.username is not None:
        raise ValueError("a sink's URL must not hold a user name or password: they would be shown wherever the URL is")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    if port == 0:
        raise ValueError(f"{uri!r}: there is no port 0")
    return Origin(parts.scheme, _host(parts), port, ca_certs if parts.scheme == "https" else "")


def _host(parts: SplitResult) -> str:
    """The host as ASCII: an international name in its IDNA form."""
    name = parts.hostname or ""
    try:
        host = name if ":" in name else name.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ValueError(f"{name!r} is no host name: {error}") from error
    if not _HOST.fullmatch(host):
        raise ValueError(f"{name!r} is no host name")
    return host


def _host_header(origin: Origin) -> str:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return host if origin.port == _PORTS[origin.scheme] else f"{host}:{origin.port}"
