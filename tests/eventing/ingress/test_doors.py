"""What both doors answer, over real sockets: every row of the ingress' table."""

import json

import pytest

from eventing.ingress.host import channel_hosts
from tests.eventing.ingress.door import KINDS, Kind, Place, memory_channel, opened, request

both_doors = pytest.mark.parametrize("kind", KINDS)
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def structured(**changes: object) -> dict[str, object]:
    return {"specversion": "1.0", "id": "1", "source": "/shop", "type": "sold", **changes}


def posted(value: object, media: str = STRUCTURED) -> bytes:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    head = f"POST /default/orders HTTP/1.1\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@both_doors
async def test_an_event_is_stored_before_202(kind: Kind) -> None:
    """202 says stored; the answer has no body."""
    async with opened(kind) as door:
        said = await door.ask(request(b"hello"))
        assert (202, b"") == (said.status, said.body)
        [[event]] = door.place.channel.submitted
        assert ("1", "/shop", "sold", b"hello", 255) == (event.id, event.source, event.type, event.data, event.ttl)
        assert 1 == door.intake.accepted


@both_doors
@pytest.mark.parametrize(
    "path",
    ["/default/orders/", "/default/orders?a=b/c", "/default/orders/?x", "http://any.where:80/default/orders",
     "HTTP://h/default/orders/?q", "/default/%6frders", "/d%65fault/orders"],
)  # fmt: skip
async def test_the_path_is_known_in_every_equal_form(kind: Kind, path: str) -> None:
    """Query and one trailing slash are ignored, escapes resolved, absolute form understood."""
    async with opened(kind) as door:
        assert 202 == (await door.ask(request(path=path))).status


@both_doors
@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/channels/default/orders", "here", 202),
        ("/channels/default/orders/?x", "here", 202),
        ("/", "orders-kn-channel.default.svc.cluster.local", 202),
        ("/?x", "Orders-kn-channel.default.svc.cluster.local:8080", 202),
        ("/", "orders-kn-channel.default.svc", 202),
        ("/", "orders-kn-channel.default", 202),
        ("http://orders-kn-channel.default/", "orders-kn-channel.default", 202),
        ("/", "other-kn-channel.default.svc.cluster.local", 404),
        ("/x", "orders-kn-channel.default.svc.cluster.local", 404),
        ("/channels/default/other", "orders-kn-channel.default", 404),
    ],
)
async def test_a_channel_is_addressed_by_its_path_or_its_host(kind: Kind, path: str, host: str, status: int) -> None:
    """The Host counts only where the path is `/`."""
    async with opened(kind) as door:
        channel = Place(ttl_max=None)
        door.intake.routes = {**door.intake.routes, b"/channels/default/orders": channel}
        door.intake.hosts = dict.fromkeys(channel_hosts("default", "orders", "cluster.local"), channel)
        async with door.producer() as producer:
            data = request(path=path, drop="Host", host=host)
            assert [status] * 2 == [said.status for said in [await producer.ask(data) for _ in range(2)]]
        assert (2 if status == 202 else 0) == len(channel.channel.submitted)
        assert [] == door.place.channel.submitted


@both_doors
async def test_a_broker_wins_over_a_host(kind: Kind) -> None:
    """A path that leads somewhere is what the producer meant."""
    async with opened(kind) as door:
        door.intake.hosts = {b"orders-kn-channel.default": Place()}
        assert 202 == (await door.ask(request(drop="Host", host="orders-kn-channel.default"))).status
        assert 1 == len(door.place.channel.submitted)


@both_doors
async def test_pipelined_requests_go_each_to_its_own_host(kind: Kind) -> None:
    """Also those that wait for the one before."""
    async with opened(kind) as door:
        places = {name: Place() for name in ("a", "b")}
        door.intake.hosts = {f"{name}-kn-channel.ns".encode(): place for name, place in places.items()}
        sent = b"".join(request(path="/", drop="Host", host=f"{name}-kn-channel.ns") for name in "abab")
        async with door.producer() as producer:
            await producer.send(sent)
            assert [202] * 4 == [(await producer.answer()).status for _ in range(4)]
        assert [2, 2] == [len(place.channel.submitted) for place in places.values()]


@both_doors
@pytest.mark.parametrize(
    "path",
    ["/", "/default", "/default/orders//", "//default/orders", "/default%2Forders", "/default/orders/x",
     "/Default/orders", "/default/order", "/default/orders;x", "/default/orders%00", "/a" * 500, "/default/%zz"],
)  # fmt: skip
async def test_an_unknown_path_is_404(kind: Kind, path: str) -> None:
    """Nothing is stored, and the answer says what a path looks like."""
    async with opened(kind) as door:
        said = await door.ask(request(path=path))
        assert (404, "application/json") == (said.status, said.headers["content-type"])
        assert "/NAMESPACE/NAME" in said.fault["message"]
        assert [] == door.place.channel.submitted


@both_doors
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "TRACE"])
async def test_any_other_method_is_405_and_says_which_are_allowed(kind: Kind, method: str) -> None:
    """RFC 9110, 15.5.6. HEAD has no body."""
    async with opened(kind) as door:
        said = await door.ask(request(b"", method=method), is_head=method == "HEAD")
        assert (405, "POST, OPTIONS") == (said.status, said.headers["allow"])
        assert [] == door.place.channel.submitted


@both_doors
@pytest.mark.parametrize("path", ["/default/orders", "/un/known"])
async def test_options_is_the_handshake_of_the_webhook_specification(kind: Kind, path: str) -> None:
    """Section 4 of it; asked of any path."""
    async with opened(kind) as door:
        said = await door.ask(request(b"", method="OPTIONS", path=path, WebHook_Request_Origin="example.org"))
        headers = {name: said.headers[name] for name in ("allow", "webhook-allowed-origin", "webhook-allowed-rate")}
        expected = {"allow": "POST, OPTIONS", "webhook-allowed-origin": "*", "webhook-allowed-rate": "*"}
        assert (200, expected) == (said.status, headers)


@both_doors
async def test_health_and_readiness_are_told(kind: Kind) -> None:
    """Alive always, ready once started and until draining."""
    async with opened(kind) as door:
        assert 200 == (await door.ask(b"GET /healthz HTTP/1.1\r\n\r\n")).status
        assert b"ok" == (await door.ask(b"GET /readyz HTTP/1.1\r\n\r\n")).body
        assert 200 == (await door.ask(b"HEAD /readyz HTTP/1.1\r\n\r\n", is_head=True)).status
        door.intake.is_ready = False
        assert 503 == (await door.ask(b"GET /readyz HTTP/1.1\r\n\r\n")).status
        door.intake.is_ready, door.intake.is_draining = True, True
        assert 503 == (await door.ask(b"GET /readyz HTTP/1.1\r\n\r\n")).status
        assert 200 == (await door.ask(b"GET /healthz HTTP/1.1\r\n\r\n")).status


@both_doors
async def test_a_draining_server_takes_no_events(kind: Kind) -> None:
    """503 with Retry-After, and the connection ends: the producer is to find another server."""
    async with opened(kind) as door, door.producer() as producer:
        door.intake.is_draining = True
        said = await producer.ask(request())
        assert (503, "1", "close") == (said.status, said.headers["retry-after"], said.headers["connection"])
        assert b"" == await producer.rest()
        assert [] == door.place.channel.submitted


@both_doors
async def test_a_full_channel_is_503_and_the_connection_goes_on(kind: Kind) -> None:
    """With Retry-After; and full means full: what was taken before stays."""
    async with memory_channel(events_max=1) as channel, channel.subscribe("g"), opened(kind, channel) as door:
        async with door.producer() as producer:
            said = [await producer.ask(request()) for _ in range(3)]
        assert [202, 503, 503] == [one.status for one in said]
        assert {"1"} == {one.headers["retry-after"] for one in said[1:]}
        assert (1, {503: 2}) == (door.intake.accepted, dict(door.intake.answers))


@both_doors
async def test_a_broker_without_a_channel_is_503(kind: Kind) -> None:
    """Known, but not ready: time will help, so the producer should try again."""
    async with opened(kind) as door:
        door.place.channel = None
        said = await door.ask(request())
        assert (503, "1", "the Broker has no channel") == (
            said.status, said.headers["retry-after"], said.fault["message"],
        )  # fmt: skip


@both_doors
@pytest.mark.parametrize(
    ("status", "path", "data"),
    [
        (400, "", b"POST /default/orders HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"),
        (400, "id", request(drop="ce-id")),
        (400, "id", request(ce_id="%20")),
        (400, "type", request(drop="ce-type")),
        (400, "source", request(ce_source="a b")),
        (400, "specversion", request(**{"ce-specversion": "0.2"})),
        (400, "time", request(ce_time="yesterday")),
        (400, "dataschema", request(ce_dataschema="relative")),
        (400, "datacontenttype", request(Content_Type="json")),
        (400, "my-ext", request(**{"ce-my-ext": "1"})),
        (400, "datacontenttype", request(ce_datacontenttype="text/plain")),
        (400, "", posted(b"{")),
        (400, "", posted([])),
        (400, "specversion", posted({})),
        (400, "id", posted(structured(id=5))),
        (400, "time", posted(structured(time=5))),
        (400, "many", posted(structured(many=[1]))),
        (400, "data_base64", posted(structured(data_base64="?"))),
        (400, "", posted(b"{}", BATCH)),
        (400, "[1].source", posted([structured(), structured(source="")], BATCH)),
        (400, "[0]", posted([3], BATCH)),
        (415, "", request(Content_Type="application/cloudevents+xml")),
        (415, "", request(Content_Encoding="gzip")),
    ],
)
async def test_what_is_no_valid_event_is_refused_with_the_place_of_the_fault(
    kind: Kind, status: int, path: str, data: bytes
) -> None:
    """A 4xx whose body says what and where; nothing is stored; the connection serves the next request."""
    async with opened(kind) as door, door.producer() as producer:
        said = await producer.ask(data)
        assert (status, path) == (said.status, said.fault.get("path", ""))
        assert said.fault["message"]
        assert [] == door.place.channel.submitted
        assert 202 == (await producer.ask(request())).status


@both_doors
async def test_a_batch_is_stored_whole_with_one_answer(kind: Kind) -> None:
    """All or nothing; an empty one too."""
    async with opened(kind) as door:
        assert 202 == (await door.ask(posted([structured(id="1"), structured(id="2")], BATCH))).status
        assert 400 == (await door.ask(posted([structured(id="3"), structured(id="")], BATCH))).status
        assert 202 == (await door.ask(posted([], BATCH))).status
        assert [["1", "2"]] == [[event.id for event in events] for events in door.place.channel.submitted]


@both_doors
async def test_a_batch_of_too_many_events_is_413(kind: Kind) -> None:
    """The bound is on events, whatever their bytes."""
    async with opened(kind, batch_events_max=2) as door:
        statuses = [(await door.ask(posted([structured()] * count, BATCH))).status for count in (2, 3)]
        assert [202, 413] == statuses


@both_doors
async def test_an_announced_body_that_is_too_large_is_refused_before_it_is_sent(kind: Kind) -> None:
    """413 from Content-Length alone."""
    async with opened(kind) as door, door.producer() as producer:
        said = await producer.ask(request(b"", Content_Length="1001"))
        assert (413, "close") == (said.status, said.headers["connection"])
        assert [] == door.place.channel.submitted


@both_doors
async def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(kind: Kind) -> None:
    """Its end is never seen."""
    async with opened(kind) as door, door.producer() as producer:
        await producer.send(request(b"", drop="Content-Length", Transfer_Encoding="chunked"))
        said = await producer.ask(b"1f4\r\n%b\r\n" % (b"x" * 500) * 3)
        assert (413, "close") == (said.status, said.headers["connection"])
        assert [] == door.place.channel.submitted


@both_doors
async def test_a_body_as_large_as_allowed_is_taken(kind: Kind) -> None:
    """The bound itself is within it, announced or chunked."""
    async with opened(kind) as door:
        assert 202 == (await door.ask(request(b"x" * 1000))).status
        chunked = request(b"", drop="Content-Length", Transfer_Encoding="chunked")
        assert 202 == (await door.ask(chunked + b"3e8\r\n%b\r\n0\r\n\r\n" % (b"y" * 1000))).status
        assert [b"x" * 1000, b"y" * 1000] == [events[0].data for events in door.place.channel.submitted]


@both_doors
@pytest.mark.parametrize(
    "more", [{f"x{number}": "1" for number in range(40)}, {"x": "y" * 4097}], ids=["count", "bytes"]
)
async def test_too_many_headers_or_too_large_ones_are_431(kind: Kind, more: dict[str, str]) -> None:
    """RFC 6585, 5."""
    async with opened(kind) as door, door.producer() as producer:
        said = await producer.ask(request(**more))
        assert (431, "close") == (said.status, said.headers["connection"])
        assert [] == door.place.channel.submitted


@both_doors
async def test_expect_100_continue_is_answered_before_the_body(kind: Kind) -> None:
    """The producer is asked for the body where it is wanted."""
    async with opened(kind) as door, door.producer() as producer:
        assert 100 == (await producer.ask(request(b"", Content_Length="5", Expect="100-continue"))).status
        assert 202 == (await producer.ask(b"hello")).status
        assert b"hello" == door.place.channel.submitted[0][0].data


@both_doors
@pytest.mark.parametrize(
    ("status", "data"),
    [
        (413, request(b"", Content_Length="1001", Expect="100-continue")),
        (404, request(b"", Content_Length="5", Expect="100-continue", path="/un/known")),
        (405, request(b"", Content_Length="5", Expect="100-continue", method="PUT")),
    ],
)
async def test_expect_100_continue_is_refused_before_the_body(kind: Kind, status: int, data: bytes) -> None:
    """The producer need not send what is not wanted."""
    async with opened(kind) as door, door.producer() as producer:
        assert status == (await producer.ask(data)).status


@both_doors
@pytest.mark.parametrize("data", [request(version="1.0"), request(Connection="close")], ids=["1.0", "close"])
async def test_who_wants_the_connection_closed_gets_it_closed(kind: Kind, data: bytes) -> None:
    """After the answer, which says so."""
    async with opened(kind) as door, door.producer() as producer:
        said = await producer.ask(data)
        assert (202, "close") == (said.status, said.headers["connection"])
        assert b"" == await producer.rest()


@both_doors
@pytest.mark.parametrize(
    ("ttl", "expected"),
    [("2", 1), ("255", 254), ("100000", 255), ("x", 255), ("", 255), ("1.5", 255), ("%32", 1)],
)  # fmt: skip
async def test_a_hop_is_counted_off(kind: Kind, ttl: str, expected: int) -> None:
    """What is no number counts as absent, as Knative has it; no number lets an event live longer than the bound."""
    async with opened(kind) as door:
        assert 202 == (await door.ask(request(ce_knativebrokerttl=ttl))).status
        [[event]] = door.place.channel.submitted
        assert (expected, None) == (event.ttl, event.get("knativebrokerttl"))


@both_doors
@pytest.mark.parametrize("ttl", ["1", "0", "-1"])
async def test_an_event_at_the_end_of_its_hops_is_refused(kind: Kind, ttl: str) -> None:
    """400, so that a loop of Brokers ends."""
    async with opened(kind) as door:
        said = await door.ask(request(ce_knativebrokerttl=ttl))
        assert (400, "knativebrokerttl") == (said.status, said.fault["path"])


@both_doors
async def test_answers_are_counted_by_status(kind: Kind) -> None:
    """Those of events taken apart from all others."""
    async with opened(kind) as door:
        for data in (request(), request(version="1.0"), request(path="/un/known"), request(ce_id=""), posted(b"")):
            await door.ask(data)
        assert (2, {404: 1, 400: 2}) == (door.intake.accepted, dict(door.intake.answers))
