"""What an intake makes of a request: hops, the trace context, paths, and the answers it has words for."""

import json
from collections.abc import Iterator, Mapping

import pytest

from channels.contract import Receipt
from channels.errors import ChannelFull, ChannelUnavailable, MalformedEvent
from channels.event import Event
from channels.witness import Told
from dispatcher.sighting import Sightings
from eventing.ingress.intake import Intake, Route, answer_to_refused, is_larger, path_of, trace_of, value_of
from tests.eventing.ingress.door import LIMITS, KeepingChannel, Place

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
BATCH = b"application/cloudevents-batch+json"


def structured(**changes: object) -> dict[str, object]:
    return {"specversion": "1.0", "id": "1", "source": "/shop", "type": "sold", **changes}


def taken(headers: Mapping[bytes, bytes], body: bytes = b"") -> list[Event]:
    """The events that an intake stored."""
    channel = KeepingChannel()
    told = Told()
    Intake(LIMITS).take(Place(channel), headers, body, told)
    assert [None] == told.answers
    return [event for events in channel.submitted for event in events]


def binary(**more: bytes) -> dict[bytes, bytes]:
    headers = {b"ce-specversion": b"1.0", b"ce-id": b"1", b"ce-source": b"/shop", b"ce-type": b"sold"}
    return {**headers, **{name.replace("_", "-").encode(): value for name, value in more.items()}}


def test_one_event_of_a_batch_at_the_end_of_its_hops_refuses_all() -> None:
    """The path says which."""
    batch = json.dumps([structured(), structured(knativebrokerttl=1)]).encode()
    channel = KeepingChannel()
    with pytest.raises(MalformedEvent) as raised:
        Intake(LIMITS).take(Place(channel), {b"Content-Type": BATCH}, batch, Told())
    assert ("[1].knativebrokerttl", []) == (raised.value.path, channel.submitted)


@pytest.mark.parametrize("name", [b"Expect", b"expect", b"EXPECT"])
def test_the_value_of_a_header_is_found_whatever_its_case(name: bytes) -> None:
    """Without the space around it."""
    headers = {b"Accept": b"*/*", name: b" x\t"}
    assert [b"x", b""] == [value_of(headers, wanted) for wanted in (b"expect", b"prefer")]


@pytest.mark.parametrize("name", [b"traceparent", b"Traceparent", b"TraceParent", b"TRACEPARENT", b"tRaCePaReNt"])
def test_the_trace_context_travels_with_the_event(name: bytes) -> None:
    """Whatever the case of the header."""
    [event] = taken({**binary(), name: PARENT, b"Tracestate": b"a=1, b@c=x y"})
    assert b"traceparent: %b\r\ntracestate: a=1, b@c=x y\r\n" % PARENT == event.trace


def test_every_event_of_a_batch_has_the_trace_context_of_the_request() -> None:
    """There is one request."""
    batch = json.dumps([structured(id="1"), structured(id="2")]).encode()
    events = taken({b"Content-Type": BATCH, b"traceparent": PARENT}, batch)
    assert [b"traceparent: %b\r\n" % PARENT] * 2 == [event.trace for event in events]


def test_an_event_without_a_trace_context_has_none() -> None:
    """A tracestate alone is none."""
    assert [b"", b""] == [taken(headers)[0].trace for headers in (binary(), binary(tracestate=b"a=1"))]


@pytest.mark.parametrize(
    "parent",
    [b"", b"x", PARENT + b"-00", PARENT[:-1], PARENT + b"\r\nx: y", PARENT + b"\n", PARENT.upper(), b"ff" + PARENT[2:],
     b"00-" + b"0" * 32 + PARENT[35:], PARENT[:36] + b"0" * 16 + b"-01"],
)  # fmt: skip
def test_a_malformed_traceparent_is_dropped(parent: bytes) -> None:
    """W3C Trace Context, 3.2: then there is no trace; above all, nothing is injected."""
    assert b"" == trace_of({b"traceparent": parent, b"tracestate": b"a=1"})


@pytest.mark.parametrize(
    "state", [b"", b"a", b"a=", b"=1", b"A=1", b"a=1,", b",a=1", b"a=1\r\nx: y", b"a=1\x00", b"a=\xff", b"a=1=2"]
)  # fmt: skip
def test_a_malformed_tracestate_is_dropped_alone(state: bytes) -> None:
    """Section 3.3: a parent without state is still a trace."""
    assert b"traceparent: %b\r\n" % PARENT == trace_of({b"traceparent": PARENT, b"tracestate": state})


def test_a_tracestate_has_at_most_32_members() -> None:
    """Section 3.3.1.1."""
    states = [b",".join([b"a=1"] * count) for count in (32, 33)]
    assert [True, False] == [b"tracestate" in trace_of({b"traceparent": PARENT, b"tracestate": one}) for one in states]


@pytest.mark.parametrize(
    ("target", "expected"),
    [(b"/a/b", b"/a/b"), (b"/", b"/"), (b"/a/b/?/", b"/a/b"), (b"*", b"*"), (b"http://h/a", b"/a"), (b"", b""),
     (b"//h/a", b"//h/a"), (b"http://[/a", b""), (b"http://h\xff/", b""), (b"/%61", b"/a"), (b"/a%2fb", b"/a%2fb"),
     (b"/%", b"/%")],
)  # fmt: skip
def test_the_path_of_a_target(target: bytes, expected: bytes) -> None:
    """For every form a target may have, and for garbage."""
    assert expected == path_of(target)


@pytest.mark.parametrize(
    ("length", "expected"),
    [(b"10", False), (b"11", True), (b"", False), (b"-1", False), (b"x", False), (b"9" * 5000, True), (b"007", False)],
)
def test_a_content_length_is_compared_without_trust(length: bytes, expected: bool) -> None:
    """Thousands of digits are no reason to raise."""
    assert expected == is_larger(length, 10)


def test_a_bug_in_a_channel_is_not_taken_for_a_refusal() -> None:
    """Only the channel's own two errors have an answer."""
    assert [503, 503] == [answer_to_refused(error).status for error in (ChannelFull("x"), ChannelUnavailable(""))]
    with pytest.raises(ZeroDivisionError):
        answer_to_refused(ZeroDivisionError())


def test_the_accepted_answer_is_renewed_each_second() -> None:
    """Its Date is that of the tick."""
    intake = Intake(LIMITS)
    intake.accepted_answer = b""
    intake.tick()
    assert intake.accepted_answer.startswith(b"HTTP/1.1 202 Accepted\r\nDate: ")


@pytest.mark.parametrize("ttl", [None, 255, 1, 0])
def test_a_channel_counts_no_hops(ttl: int | None) -> None:
    """What a Broker gave an event is what the next Broker finds, also in a batch."""
    more = {} if ttl is None else {"knativebrokerttl": ttl}
    batch = json.dumps([structured(**more), structured(**more)]).encode()
    for headers, body in (
        ({b"Content-Type": b"application/cloudevents+json"}, json.dumps(structured(**more)).encode()),
        ({b"Content-Type": BATCH}, batch),
    ):
        channel = KeepingChannel()
        Intake(LIMITS).take(Place(channel, ttl_max=None), headers, body, Told())
        assert {ttl} == {event.ttl for events in channel.submitted for event in events}


def test_what_is_offered_to_a_channel_is_sighted() -> None:
    """What is no event, or has no channel to go to, is no type of event that comes here."""
    place = Place(sightings=Sightings(lambda: None))
    intake = Intake(LIMITS)
    batch = json.dumps([structured(), structured(type="bought")]).encode()
    intake.take(place, binary(), b"", Told())
    intake.take(place, {b"Content-Type": BATCH}, batch, Told())
    with pytest.raises(MalformedEvent):
        intake.take(place, {b"Content-Type": BATCH}, json.dumps([structured(type="x", time="y")]).encode(), Told())
    place.channel = None
    intake.take(place, binary(ce_type=b"z"), b"", Told())
    assert place.sightings is not None
    assert ["sold", "bought"] == [one.type for one in place.sightings.drain()]


class Watched(dict[bytes, Route]):
    """Counts how often it is asked."""

    asked = 0

    def get(self, *args: object) -> object:  # type: ignore[override]
        self.asked += 1
        return super().get(*args)  # type: ignore[call-overload]


class NoHeaders(Mapping[bytes, bytes]):
    """Fails whoever looks into it."""

    def __getitem__(self, name: bytes) -> bytes:
        raise AssertionError(name)

    def __iter__(self) -> Iterator[bytes]:
        raise AssertionError

    def __len__(self) -> int:
        raise AssertionError


@pytest.mark.parametrize(("target", "asked"), [(b"/ns/b", 1), (b"/ns/b/", 2), (b"/ns/b?x", 2), (b"/ns/other", 2)])
def test_the_host_is_not_looked_at_where_there_is_a_path(target: bytes, asked: int) -> None:
    """A Broker that is addressed as it is named costs one look into the routes, and nothing else."""
    intake = Intake(LIMITS)
    broker, channel = Place(), Place()
    intake.routes = Watched({b"/ns/b": broker})
    intake.hosts = {b"c-kn-channel.ns": channel}
    assert (None if b"other" in target else broker) is intake.find(target, NoHeaders())
    assert asked == intake.routes.asked


@pytest.mark.parametrize("target", [b"/", b"/?a=b", b"http://c-kn-channel.ns", b"http://c-kn-channel.ns/"])
@pytest.mark.parametrize("name", [b"Host", b"host", b"HOST"])
def test_a_request_without_a_path_goes_where_its_host_says(target: bytes, name: bytes) -> None:
    """With or without its port; nowhere if that is no Channel's, or there is none."""
    intake = Intake(LIMITS)
    channel = Place()
    intake.hosts = {b"c-kn-channel.ns": channel}
    assert channel is intake.find(target, {name: b"C-kn-channel.ns:8080"})
    assert intake.find(target, {name: b"d-kn-channel.ns"}) is None
    assert intake.find(target, {}) is None


def test_the_receipt_of_an_event_without_a_channel_is_told_at_once() -> None:
    """With the Broker's own words."""
    told: Receipt = Told()
    Intake(LIMITS).take(Place(None, unready="not yet"), binary(), b"", told)
    assert isinstance(told, Told)
    assert ["not yet"] == [str(error) for error in told.answers]
