"""What goes over the wire for which URL, one pool per origin, and a Broker of this process as a sink."""

import gc

import pytest

from channels import codec
from channels.contract import Delivery, Receipt
from channels.errors import ChannelFull
from channels.event import Event
from dispatcher.attempt import Attempt
from dispatcher.pool import Origin
from dispatcher.retry import Policy
from dispatcher.sink import BrokerSink, HttpSink, Pools, origin_of
from tests.dispatcher.peer import EVENT, LIMITS, Wall, Wire, a_peer


def a_sink(uri: str, *, is_structured: bool = False, asks_reply: bool = False) -> HttpSink:
    return HttpSink(uri, Pools(LIMITS).of(uri), namespace="ns", is_structured=is_structured, asks_reply=asks_reply)


async def lines_of(uri: str) -> list[bytes]:
    """The request line and the Host header that a URL leads to."""
    return a_sink(uri).request(EVENT).split(b"\r\n")[:2]


@pytest.mark.parametrize(
    ("uri", "target", "host"),
    [
        ("http://sink", "/", "sink"),
        ("http://sink/", "/", "sink"),
        ("http://sink:80/a/b", "/a/b", "sink"),
        ("https://sink:443/a", "/a", "sink"),
        ("http://sink:443/a", "/a", "sink:443"),
        ("http://sink:8080?x=1&y", "/?x=1&y", "sink:8080"),
        ("http://sink/a%20b?c=%2F", "/a%20b?c=%2F", "sink"),
        ("http://sink/a b/ü?q=ü z", "/a%20b/%C3%BC?q=%C3%BC%20z", "sink"),
        ("http://sink/a;v=1/@b,c", "/a;v=1/@b,c", "sink"),
        ("http://sink/a#fragment", "/a", "sink"),
        ("http://SINK.Example/A", "/A", "sink.example"),
        ("http://sink.ns.svc.cluster.local.:8080/", "/", "sink.ns.svc.cluster.local.:8080"),
        ("http://my_sink/", "/", "my_sink"),
        ("http://127.0.0.1:9000/x", "/x", "127.0.0.1:9000"),
        ("http://[::1]:9000/x", "/x", "[::1]:9000"),
        ("http://[2001:db8::1]/x", "/x", "[2001:db8::1]"),
        ("http://bücher.example/x", "/x", "xn--bcher-kva.example"),
    ],
)
async def test_a_url_becomes_a_target_and_a_host(uri: str, target: str, host: str) -> None:
    """What is escaped stays so, what must be escaped is, and the fragment stays at home (RFC 9110, 7.1)."""
    assert [f"POST {target} HTTP/1.1".encode(), f"Host: {host}".encode()] == await lines_of(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "sink",
        "/path",
        "ftp://sink/",
        "http://",
        "http:///path",
        "http://:80/",
        "http://user@sink/",
        "http://user:secret@sink/",
        "http://sink:0/",
        "http://sink:65536/",
        "http://sink:x/",
        "http://a..b/",
        f"http://{'x' * 64}.example/",
        "http://a b/",
        "http://a\x00b/",
        "http://.example/",
        "http://[::1/",
        "http://[x]/",
        "http://sink%0d%0aX:1/",
    ],
)
async def test_a_url_that_no_request_can_go_to_is_refused(uri: str) -> None:
    """When the sink is made, and not at the first event."""
    with pytest.raises(ValueError, match=r"."):
        Pools(LIMITS).of(uri)


def test_credentials_are_not_repeated_in_the_error() -> None:
    """It is shown in a status that more people read than may know them."""
    with pytest.raises(ValueError, match="user name or password") as caught:
        origin_of("http://user:secret@sink/")
    assert "secret" not in str(caught.value)


async def test_a_binary_request_is_the_head_the_trace_the_attributes_and_the_data() -> None:
    """Byte for byte; `Prefer: reply` asks a subscriber for its reply, and not a dead letter sink."""
    event = EVENT.with_attributes({})
    event.trace = b"traceparent: 00-1-2-01\r\n"
    expected = (
        b"POST / HTTP/1.1\r\nHost: sink\r\nKn-Namespace: ns\r\nPrefer: reply\r\ntraceparent: 00-1-2-01\r\n"
        b"ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /s\r\nce-type: t\r\nContent-Type: text/plain\r\n"
        b"Content-Length: 4\r\n\r\ndata"
    )
    assert expected == a_sink("http://sink", asks_reply=True).request(event)
    assert expected.replace(b"Prefer: reply\r\n", b"") == a_sink("http://sink").request(event)


@pytest.mark.parametrize("is_structured", [False, True])
async def test_a_reply_carries_the_hops_it_has_left(is_structured: bool) -> None:
    """As Knative's attribute, so that a loop over HTTP ends; other requests do not tell of them."""
    pool = Pools(LIMITS).of("http://sink")
    sink = HttpSink(
        "http://sink", pool, namespace="ns", is_structured=is_structured, asks_reply=False, carries_ttl=True
    )
    plain = a_sink("http://sink", is_structured=is_structured)
    assert plain.request(EVENT.with_attributes({"knativebrokerttl": 7})) == sink.request(EVENT.with_ttl(7))
    assert plain.request(EVENT) == sink.request(EVENT)
    assert b"knativebrokerttl" not in plain.request(EVENT.with_ttl(7))


async def test_a_structured_request_is_the_event_as_json() -> None:
    """With the length of the text, and nothing of the event in the headers but the trace."""
    event = EVENT.with_attributes({})
    event.trace = b"traceparent: 00-1-2-01\r\n"
    text = codec.encode_structured(event)
    expected = (
        b"POST / HTTP/1.1\r\nHost: sink\r\nKn-Namespace: ns\r\nContent-Type: application/cloudevents+json\r\n"
        b"traceparent: 00-1-2-01\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)
    )
    assert expected == a_sink("http://sink", is_structured=True).request(event)


async def test_an_event_without_data_has_no_length() -> None:
    """An empty body is still announced: a POST without a length is none."""
    event = Event.from_attributes({"id": "1", "source": "/s", "type": "t"})
    assert a_sink("http://sink").request(event).endswith(b"ce-type: t\r\nContent-Length: 0\r\n\r\n")


async def test_the_sinks_of_one_event_share_its_encoding_and_nothing_else() -> None:
    """Interleaved in any order, each request is that of its own event and its own sink."""
    pools = Pools(LIMITS)
    uris = ["http://one/", "http://two/"]
    sinks = [HttpSink(uri, pools.of(uri), namespace="ns", is_structured=False, asks_reply=False) for uri in uris]
    events = [Event.from_attributes({"id": str(n), "source": "/s", "type": "t"}, b"x" * n) for n in range(3)]
    for order in ([0, 0, 1, 1, 2], [2, 1, 0, 0]):
        for number in order:
            for sink, uri in zip(sinks, uris, strict=True):
                assert a_sink(uri).request(events[number]) == sink.request(events[number])


async def test_a_request_arrives_as_it_was_made() -> None:
    """Over a real socket."""
    async with a_peer() as (wire, peer):
        assert 204 == await wire.status()
        assert [b"".join(request) for request in peer.requests] == [wire.sink.request(EVENT)]


async def test_one_origin_has_one_pool() -> None:
    """Whatever the path; other CA certificates make it another, but only where they are used."""
    pools = Pools(LIMITS)
    pool = pools.of("http://sink/a")
    assert pool is pools.of("http://SINK:80/b?c#d")
    assert pool is pools.of("http://sink", "unused")
    assert pool is not pools.of("http://sink:81/")
    assert pool is not pools.of("http://sink2/")
    assert Origin("https", "sink", 443, "pem") == origin_of("https://sink", "pem")
    assert Origin("http", "sink", 80) == origin_of("http://sink", "pem")


async def test_a_pool_is_gone_with_its_last_sink() -> None:
    """Subscribers come and go; what they leave must not add up."""
    pools = Pools(LIMITS)
    sink = HttpSink("http://a", pools.of("http://a"), namespace="n", is_structured=False, asks_reply=False)
    gc.collect()
    assert 1 == len(pools._pools)
    del sink
    gc.collect()
    assert 0 == len(pools._pools)


async def test_all_pools_are_swept_and_closed() -> None:
    """Attempts over their time end; after closing, so does every other."""
    pools = Pools(LIMITS)
    walls = [Wall(Policy(timeout_s=1.0)), Wall(Policy(timeout_s=2.0))]
    wires = [Wire(pools.of(f"http://{name}.invalid"), "http://x", wall) for name, wall in zip("ab", walls, strict=True)]
    attempts = [wire.begin() for wire in wires]
    for attempt in attempts:
        attempt.started_s -= 1.5
    pools.sweep()
    assert [True, False] == [attempt in wall.ends for attempt, wall in zip(attempts, walls, strict=True)]
    pools.close()
    assert attempts[1] in walls[1].ends


class Ends:
    """A lane that tells which of its ends was called."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def delivered(self, attempt: Attempt) -> None:
        self.told.append("delivered")

    def finish(self, attempt: Attempt, outcome: object) -> None:
        self.told.append(outcome)

    def exhaust_ttl(self, attempt: Attempt) -> None:
        self.told.append("ttl")


class SmallBroker:
    """Takes events, or refuses them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.ttl_max: int | None = 255
        self.events: list[Event] = []
        self._error = error

    def submit(self, events: tuple[Event, ...], receipt: Receipt) -> None:
        if self._error is not None:
            receipt.refused(self._error)
        else:
            self.events += events
            receipt.stored()


async def publish(broker: SmallBroker, ttl: int | None) -> list[object]:
    """Send an event with so many hops left to a Broker; how that ended."""
    ends = Ends()
    sink = BrokerSink("http://self/ns/b", broker)  # type: ignore[arg-type]
    event = EVENT.with_ttl(ttl)
    sink.send(Attempt(ends, sink, Delivery(event, 1, 1), event))  # type: ignore[arg-type]
    return ends.told


@pytest.mark.parametrize(("ttl", "left"), [(None, 255), (255, 254), (2, 1)])
async def test_a_broker_is_published_to_directly(ttl: int | None, left: int) -> None:
    """The hop counts as it would over HTTP, and the event is otherwise the same."""
    broker = SmallBroker()
    assert ["delivered"] == await publish(broker, ttl)
    assert [(EVENT, left)] == [(event, event.ttl) for event in broker.events]


@pytest.mark.parametrize("ttl", [None, 255, 1, 0])
async def test_a_channel_counts_no_hops(ttl: int | None) -> None:
    """It hands on what is left, for the next Broker to count."""
    channel = SmallBroker()
    channel.ttl_max = None
    assert ["delivered"] == await publish(channel, ttl)
    assert [(EVENT, ttl)] == [(event, event.ttl) for event in channel.events]


async def test_a_broker_gives_an_event_the_hops_that_it_is_set_to() -> None:
    """Where it comes without a count."""
    broker = SmallBroker()
    broker.ttl_max = 9
    assert ["delivered"] == await publish(broker, None)
    assert [9] == [event.ttl for event in broker.events]


@pytest.mark.parametrize("ttl", [1, 0])
async def test_a_hop_too_many_is_not_made(ttl: int) -> None:
    """A loop between Brokers ends."""
    broker = SmallBroker()
    assert ["ttl"] == await publish(broker, ttl)
    assert [] == broker.events


async def test_a_broker_that_is_full_answers_as_its_ingress_would() -> None:
    """503: to be tried again."""
    (outcome,) = await publish(SmallBroker(ChannelFull("10 events are held")), 9)
    assert (503, "10 events are held") == (outcome.status, outcome.error)  # type: ignore[attr-defined]


async def test_nothing_goes_over_a_wire_to_a_broker() -> None:
    """It has no request."""
    with pytest.raises(NotImplementedError):
        BrokerSink("http://self/ns/b", SmallBroker()).request(EVENT)  # type: ignore[arg-type]


async def test_an_event_that_carries_an_event_leaves_structured() -> None:
    """In binary its Content-Type would be the message's, and the subscriber would read the event inside."""
    inner = b'{"specversion":"1.0","id":"2","source":"/s","type":"t"}'
    outer = Event.from_attributes(
        {"id": "1", "source": "/s", "type": "t", "datacontenttype": "application/cloudevents+json"}, inner
    )
    head, _, body = a_sink("http://sink").request(outer).partition(b"\r\n\r\n")
    assert b"Content-Type: application/cloudevents+json" in head.split(b"\r\n")
    assert outer == codec.decode_structured(body)
