"""Where attempts go: an HTTP URL, or a Broker of this process. One request, one Outcome."""

import asyncio
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote, urlsplit

from channels import codec
from channels.errors import ChannelFull, ChannelUnavailable
from channels.event import TTL_MAX, Event
from dispatcher.outcome import Outcome
from dispatcher.pool import Origin, Pool, PoolLimits

if TYPE_CHECKING:
    from dispatcher.attempt import Attempt
    from dispatcher.broker import Broker

_PORTS: Final = {"http": 80, "https": 443}
_PATH_SAFE: Final = "!$%&'()*+,/:;=?@[]~"


class Sink(Protocol):
    """Takes attempts; tells each attempt's lane, once, how it ended."""

    uri: str

    def send(self, attempt: "Attempt") -> None:
        """Begin one request. Its end is `attempt.lane.delivered` or `attempt.lane.finish`, perhaps before this returns."""

    def request(self, event: Event) -> bytes:
        """The bytes of the request, for what is sent over a wire."""


class HttpSink:
    """A URL that events are POSTed to."""

    def __init__(self, uri: str, pool: Pool, *, namespace: str, is_structured: bool, asks_reply: bool) -> None:
        self.uri = uri
        self.send = pool.send
        parts = urlsplit(uri)
        target = quote(parts.path or "/", safe=_PATH_SAFE) + (f"?{quote(parts.query, safe=_PATH_SAFE)}" if parts.query else "")
        lines = [f"POST {target} HTTP/1.1", f"Host: {_host_header(uri)}", f"Kn-Namespace: {namespace}"]
        if asks_reply:
            lines.append("Prefer: reply")
        if is_structured:
            lines.append(f"Content-Type: {codec.STRUCTURED}")
        self._head = "".join(f"{line}\r\n" for line in lines).encode("ascii")
        self.request = self._structured if is_structured else self._binary

    def _binary(self, event: Event) -> bytes:
        data = event.data or b""
        return b"%b%b%bContent-Length: %d\r\n\r\n%b" % (self._head, event.trace, codec.binary_head(event), len(data), data)

    def _structured(self, event: Event) -> bytes:
        text = codec.encode_structured(event)
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (self._head, event.trace, len(text), text)


class BrokerSink:
    """A Broker of this process: published to directly. The hop counts against the event's TTL as it would over HTTP."""

    def __init__(self, uri: str, broker: "Broker") -> None:
        self.uri = uri
        self._broker = broker

    def send(self, attempt: "Attempt") -> None:
        """Publish the event into the Broker."""
        attempt.started_s = asyncio.get_running_loop().time()
        ttl = TTL_MAX if attempt.event.ttl is None else attempt.event.ttl - 1
        if ttl <= 0:
            attempt.lane.exhaust_ttl(attempt)
        elif self._broker.channel is None:
            _Publication(attempt).refused(ChannelUnavailable(self._broker.unready))
        else:
            self._broker.channel.submit((attempt.event.with_ttl(ttl),), _Publication(attempt))

    def request(self, event: Event) -> bytes:
        """Nothing goes over a wire."""
        raise NotImplementedError


class _Publication:
    """The receipt of an attempt at a Broker."""

    __slots__ = ("_attempt",)

    def __init__(self, attempt: "Attempt") -> None:
        self._attempt = attempt

    def stored(self) -> None:
        self._attempt.lane.delivered(self._attempt)

    def refused(self, error: Exception) -> None:
        if not isinstance(error, ChannelFull | ChannelUnavailable):
            raise error
        self._attempt.lane.finish(self._attempt, Outcome(503, {}, b"", str(error), 0.0))


class Pools:
    """One pool per origin, made on demand and shared by all lanes that go there."""

    def __init__(self, limits: PoolLimits) -> None:
        self._limits = limits
        self._pools: dict[Origin, Pool] = {}

    def of(self, uri: str, ca_certs: str = "") -> Pool:
        """The pool for a URL. Raises ValueError for one that is not http or https, or has no host."""
        origin = origin_of(uri, ca_certs)
        if origin not in self._pools:
            self._pools[origin] = Pool(origin, self._limits)
        return self._pools[origin]

    def sweep(self) -> None:
        """Many times a second, for all of them."""
        for pool in self._pools.values():
            pool.sweep(pool.now_s())

    def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.close()


def origin_of(uri: str, ca_certs: str = "") -> Origin:
    """The origin of a URL. Raises ValueError for one that is not http or https, or has no host."""
    parts = urlsplit(uri)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"{uri!r} is no http or https URL")
    return Origin(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], ca_certs if parts.scheme == "https" else "")


def _host_header(uri: str) -> str:
    origin = origin_of(uri)
    host = f"[{origin.host}]" if ":" in origin.host else origin.host.encode("idna").decode("ascii")
    return host if origin.port == _PORTS[origin.scheme] else f"{host}:{origin.port}"
