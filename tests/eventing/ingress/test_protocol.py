"""From bytes to requests: over real sockets and, where every packet matters, over a wire in memory."""

from itertools import pairwise

import pytest
from httptools import HttpParserCallbackError

from eventing.ingress.protocol import DISCARD_MAX_BYTES
from tests.eventing.ingress.door import CHUNKED, opened, request
from tests.eventing.ingress.wire import connected

UPGRADE = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2_Settings": "AAMAAABk"}
EXCHANGES = {
    "binary": request(b"hello"),
    "chunked": CHUNKED + b"3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"5\r\nhello\r\n0\r\nce-late: 1\r\nx: y\r\n\r\n",
    "upgrade": request(b"hello", **UPGRADE),
    "pipeline": request(b"a") + b"GET /healthz HTTP/1.1\r\n\r\n" + request(b"b", ce_id="") + request(b"c"),
    "close": request(b"hello", Connection="close"),
    "old": request(b"hello", version="1.0"),
    "unknown": request(b"hello", path="/un/known"),
    "head": b"HEAD /healthz HTTP/1.1\r\n\r\n",
    "invalid": request(b"hello", ce_time="never"),
    "repeated": request(b"hello", **{"CE-ID": "2", "Ce-Source": "/other"}),
    "connect": b"CONNECT a:80 HTTP/1.1\r\n\r\n\x16\x03\x01",
}


@pytest.mark.parametrize("data", EXCHANGES.values(), ids=EXCHANGES.keys())
async def test_the_packets_of_a_request_do_not_matter(data: bytes) -> None:
    """Cut at every byte, and into single bytes: the same answers, the same events."""
    whole, whole_wire, whole_place = connected()
    whole.data_received(data)
    assert whole_wire.statuses
    cuts = [[data[:cut], data[cut:]] for cut in range(1, len(data))]
    for pieces in [*cuts, [data[i : i + 1] for i in range(len(data))]]:
        connection, wire, place = connected()
        for piece in pieces:
            connection.data_received(piece)
        assert whole_wire.undated == wire.undated
        assert whole_wire.is_ended == wire.is_ended
        assert whole_place.channel.submitted == place.channel.submitted


async def test_trailers_are_no_headers() -> None:
    """RFC 9110, 6.5.1: an attribute comes in the head or not at all; nor do they reach the next request."""
    connection, wire, place = connected()
    connection.data_received(EXCHANGES["trailers"] + EXCHANGES["binary"])
    assert [202, 202] == wire.statuses
    assert [set()] * 2 == [{"late"} & set(events[0].names) for events in place.channel.submitted]


@pytest.mark.parametrize("count", [1, 100])
async def test_the_wish_for_h2c_is_ignored_and_the_event_served(count: int) -> None:
    """RFC 9110, 7.8. Java's client begins with it; the body belongs to the request."""
    connection, wire, place = connected()
    connection.data_received(request(b"hello", **UPGRADE) * count + request(b"next"))
    assert [202] * (count + 1) == wire.statuses
    assert [b"hello"] * count + [b"next"] == [events[0].data for events in place.channel.submitted]
    assert not wire.is_ended


async def test_a_connect_is_405_and_what_follows_is_not_read() -> None:
    """It is no HTTP."""
    connection, wire, place = connected()
    connection.data_received(EXCHANGES["connect"] + request())
    assert ([405], True, []) == (wire.statuses, wire.is_ended, place.channel.submitted)


@pytest.mark.parametrize(
    "data",
    [b"\x00", b"GET\r\n\r\n", b"POST /a b HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\nx y: 1\r\n\r\n",
     b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
     b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", CHUNKED + b"x\r\n",
     b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", b"POST / HTTP/1.1\r\nce-id: 1\r\n 2\r\n\r\n"],
)  # fmt: skip
async def test_what_is_no_http_is_400_and_the_end(data: bytes) -> None:
    """Nothing after it can be trusted, so nothing is read."""
    async with opened("protocol") as door, door.producer() as producer:
        said = await producer.ask(data + request())
        assert (400, "close") == (said.status, said.headers["connection"])
        assert b"" == await producer.rest()
        assert [] == door.place.channel.submitted


async def test_nothing_is_said_after_the_answer_that_ends_a_connection() -> None:
    """Requests behind a Connection: close are not served, nor is it a second answer that they are malformed."""
    connection, wire, place = connected()
    connection.data_received(request(Connection="close") + request())
    connection.data_received(request())
    assert ([202], True, 1) == (wire.statuses, wire.is_ended, len(place.channel.submitted))


async def test_http_1_0_may_keep_its_connection_if_it_asks() -> None:
    """Then the answer has to say so: such clients wait for the end otherwise."""
    async with opened("protocol") as door, door.producer() as producer:
        for _ in range(2):
            said = await producer.ask(request(version="1.0", Connection="keep-alive"))
            assert (202, "keep-alive") == (said.status, said.headers["connection"])


async def test_of_two_equal_headers_the_first_counts() -> None:
    """In one spelling or in two."""
    async with opened("protocol") as door:
        data = request().replace(b"ce-id: 1\r\n", b"ce-id: 1\r\nce-id: 2\r\nCe-Id: 3\r\n")
        assert 202 == (await door.ask(data)).status
        assert ["1"] == door.place.channel.ids


async def test_space_around_a_header_is_no_part_of_its_value() -> None:
    """RFC 9110, 5.5: filters must not see it."""
    async with opened("protocol") as door:
        data = request().replace(b"ce-id: 1", b"ce-id: \t 1 \t ").replace(b"ce-type:", b"ce-ext: e \r\nce-type:")
        assert 202 == (await door.ask(data)).status
        [[event]] = door.place.channel.submitted
        assert ("1", "e") == (event.id, event.get("ext"))


# Bounds.


@pytest.mark.parametrize("cut", [1, 2000, 3800])
async def test_a_head_as_large_as_allowed_is_taken_in_two_packets(cut: int) -> None:
    """No byte is counted twice."""
    data = request(x="y" * 3800)
    connection, wire, _ = connected()
    connection.data_received(data[:cut])
    connection.data_received(data[cut:])
    assert [202] == wire.statuses


@pytest.mark.parametrize(
    ("first", "packet"),
    [
        (b"POST /default/orders HTTP/1.1\r\nce-id: ", b"x" * 100),
        (b"POST /default/orders HTTP/1.1\r\n", b"x: y\r\n" * 17),
        (b"POST /", b"a" * 100),
        (CHUNKED + b"0\r\n", b"x: y\r\n" * 17),
        (CHUNKED + b"0\r\nx: ", b"x" * 100),
        (CHUNKED + b"5;", b"x" * 100),
    ],
    ids=["one line", "repeated header", "target", "repeated trailer", "trailer line", "chunk extension"],
)
async def test_what_never_ends_is_431(first: bytes, packet: bytes) -> None:
    """After hardly more than the bound, and so with bounded memory."""
    connection, wire, place = connected()
    connection.data_received(first)
    sent = 0
    while not wire.statuses and sent < 3 * 4096:
        connection.data_received(packet)
        sent += len(packet)
    assert ([431], True, []) == (wire.statuses, wire.is_ended, place.channel.submitted)
    assert sent <= 4096 + 2 * len(packet)


async def test_a_head_in_one_large_packet_is_measured_too() -> None:
    """Packets may be larger than a head may be."""
    connection, wire, _ = connected()
    connection.data_received(request(x="y" * 50_000))
    assert [431] == wire.statuses


async def test_small_requests_in_one_large_packet_are_served() -> None:
    """The bound is that of a head, not of a packet."""
    connection, wire, _ = connected()
    connection.data_received(request(b"x" * 900) * 100)
    assert [202] * 100 == wire.statuses


async def test_a_body_in_many_packets_is_put_together() -> None:
    """Byte for byte."""
    body = bytes(range(250)) * 4
    connection, wire, place = connected()
    for start, end in pairwise([0, 5, *range(100, 1000, 99), len(request(body))]):
        connection.data_received(request(body)[start:end])
    assert ([202], body) == (wire.statuses, place.channel.submitted[0][0].data)


async def test_a_small_body_that_nobody_wants_is_read_and_the_connection_kept() -> None:
    """It costs less than another connection."""
    connection, wire, _ = connected()
    for packet in (request(b"", path="/un/known", Content_Length="60000"), *[b"x" * 6000] * 10, request()):
        connection.data_received(packet)
    assert ([404, 202], False) == (wire.statuses, wire.is_ended)


@pytest.mark.parametrize("method", ["POST", "HEAD"])
async def test_a_large_body_that_nobody_wants_is_not_read(method: str) -> None:
    """Announced, it is refused at once; chunked, as soon as it grows too large. A HEAD has no body in its answer."""
    connection, wire, _ = connected()
    connection.data_received(request(b"", method=method, path="/un", Content_Length=str(DISCARD_MAX_BYTES + 1)))
    other, other_wire, _ = connected()
    other.data_received(CHUNKED.replace(b"POST /default/orders", f"{method} /un".encode()))
    for _ in range(DISCARD_MAX_BYTES // 4096 + 1):
        other.data_received(b"1000\r\n%b\r\n" % (b"x" * 4096))
    status = {"POST": 404, "HEAD": 405}[method]
    assert ([status], [status], True) == (wire.statuses, other_wire.statuses, other_wire.is_ended)
    assert wire.undated == other_wire.undated
    assert (method == "HEAD") == wire.written.endswith(b"\r\n\r\n")


async def test_a_bug_behind_the_door_is_no_answer() -> None:
    """It propagates to whoever runs the loop, as every bug does."""
    connection, wire, _ = connected(channel=object())
    with pytest.raises(HttpParserCallbackError) as raised:
        connection.data_received(request())
    assert (AttributeError, []) == (type(raised.value.__context__), wire.statuses)
