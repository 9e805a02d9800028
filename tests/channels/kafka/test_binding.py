"""Events as records: what any client writes is an event, and what is written here is one for any client."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.errors import MalformedEvent
from channels.event import Event, validate
from channels.kafka.batch import Found
from channels.kafka.binding import TTL, event_of, headers_of, key_of, placed, wrapped
from channels.witness import content

RAW = {"specversion": b"1.0", "id": b"1", "source": b"/%7Ea", "type": b"caf\xc3\xa9 \xff", "datacontenttype": b"a/b"}
REQUIRED = [("ce_specversion", b"1.0"), ("ce_id", b"7"), ("ce_source", b"/s"), ("ce_type", b"t")]


@pytest.mark.parametrize(
    "event",
    [
        Event(RAW, {}, b"\x00\xff", ttl=7),
        Event({**RAW, "note": b'"quoted"'}, {}, None),
        Event(dict(RAW), {}, b""),
        Event.from_attributes({"id": "4", "source": "/s", "type": "t", "n": -5, "b": True, "u": "ÿ😀"}, b"1"),
        Event(None, {"specversion": "1.0", "id": "3", "source": "/s", "type": "t"}, b"[1]", text=b'{"data":[1]}'),
        Event(None, {"specversion": "1.0", "id": "3", "source": "/s", "type": "t"}, None, text=b"{}", json_data=True),
        Event(None, {"specversion": "1.0", "id": "3", "source": "/s", "type": "t"}, b"a\n", text=b'{"data":"a\\n"}'),
    ],
)
def test_what_is_written_is_read_as_it_was(event: Event) -> None:
    """Header bytes, JSON text, types of values, no data and empty data, hops, trace."""
    event.trace = b"traceparent: 00-1\r\ntracestate: a=b\r\n"
    for place in (None, (2, 7)):
        read = event_of(headers_of(event), event.data, place)
        assert content(read) == content(placed(event, place))
        assert read.size == placed(event, place).size
    assert content(event) == content(event_of(headers_of(event), event.data))


def test_other_clients_see_what_the_binding_says() -> None:
    """Attributes as UTF-8 strings, the content type by its own name, the trace by its own."""
    event = Event({**RAW, "note": b"%E2%82%AC"}, {}, b"1")
    event.trace = b"traceparent: 00-1\r\n"
    headers = dict(headers_of(event))
    assert ("€", "a/b", "00-1", "/~a") == tuple(
        headers[name].decode() for name in ("ce_note", "content-type", "traceparent", "ce_source")
    )


def test_a_key_is_the_partitionkey() -> None:
    """And none where there is none."""
    assert None is key_of(Event(RAW, {}, b""))
    assert "é".encode() == key_of(Event({**RAW, "partitionkey": b"%C3%A9"}, {}, b""))
    assert b"5" == key_of(Event.from_attributes({"id": "4", "source": "/s", "type": "t", "partitionkey": 5}))


def test_what_others_write_in_binary_mode_is_an_event() -> None:
    """Percent signs and quotes mean themselves there; the hops that are left are no attribute."""
    extra = [("ce_note", b'100%25 "of" \xe2\x82\xac'), ("content-type", b"text/plain"), ("other", b"ignored")]
    event = event_of([*REQUIRED, *extra, ("ce_knativebrokerttl", b"3"), ("tracestate", b"a=b")], b"data")
    assert ('100%25 "of" €', "text/plain", 3) == (event.get("note"), event.datacontenttype, event.ttl)
    assert (b"data", b"tracestate: a=b\r\n") == (event.data, event.trace)
    assert {"specversion", "id", "source", "type", "note", "datacontenttype"} == set(event.names)


def test_what_others_write_in_structured_mode_is_an_event() -> None:
    """By the record's content type, whatever its parameters."""
    text = b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a": 1},"knativebrokerttl":9}'
    event = event_of([("content-type", b"application/cloudevents+json; charset=UTF-8")], text)
    assert ("1", b'{"a": 1}', 9) == (event.id, event.data, event.ttl)


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([], b"plain"),
        (REQUIRED[:3], b"no type"),
        ([*REQUIRED, ("ce_time", b"yesterday")], b""),
        ([("content-type", b"application/cloudevents+json")], b"no json"),
        ([("content-type", b"application/cloudevents-batch+json")], b"[]"),
        ([*REQUIRED, ("eventing-raw", b"\xc1")], b""),
        ([*REQUIRED, ("eventing-view", b"\xc1")], b""),
        ([*REQUIRED, ("eventing-view", b"\x94\x80\xc2\xc0\xc0")], b""),
    ],
)
def test_what_is_no_event_says_so(headers: list[tuple[str, bytes]], value: bytes) -> None:
    """Also where it pretends to have been written here."""
    with pytest.raises(MalformedEvent):
        event_of(headers, value)


def test_a_record_that_is_none_becomes_one() -> None:
    """As a KafkaSource makes it."""
    headers = [("content-type", b"Text/Plain"), ("X-My_Header", b"\xc3\xa9"), ("é", b"no name"), ("bad", b"\xff")]
    event = wrapped(Found(5, b"key", b"value", headers, 1_000), "/kafka/t", 3)
    assert {
        "specversion": "1.0",
        "id": "partition:3/offset:5",
        "source": "/kafka/t",
        "type": "dev.knative.kafka.event",
        "subject": "partition:3#5",
        "time": "1970-01-01T00:00:01Z",
        "datacontenttype": "text/plain",
        "partitionkey": "key",
        "key": "key",
        "kafkaheaderxmyheader": "é",
        "kafkaheaderbad": "ÿ",
    } == dict(event.attributes)
    assert b"value" == event.data
    bare = wrapped(Found(0, None, None, [("content-type", b"none at all")], -1), "/s", 0)
    assert (None, None, None) == (bare.data, bare.datacontenttype, bare.get("key"))


@pytest.mark.parametrize(
    ("time_ms", "expected"),
    [
        (-1, None),
        (0, "1970-01-01T00:00:00Z"),
        (-1001, "1969-12-31T23:59:58.999000Z"),
        (1_700_000_000_001, "2023-11-14T22:13:20.001000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999000Z"),
        (253_402_300_800_000, None),
        (1_700_000_000_000_000, None),
        (1_700_000_000_000_000_000, None),
        (2**63 - 1, None),
        (-(2**63), None),
    ],
)
def test_a_time_is_said_where_rfc_3339_has_one(time_ms: int, expected: str | None) -> None:
    """Micro- and nanoseconds are years beyond it, and Kafka's -1 is none."""
    event = wrapped(Found(0, None, b"", (), time_ms), "/s", 0)
    assert expected == event.get("time")


@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from(["content-type", "ce_id", "ce_\ufffd", "Ce_Time", "eventing-raw", "eventing-view", TTL, ""])
            | st.text(max_size=5),
            st.none() | st.binary(max_size=8),
        ),
        max_size=6,
    ),
    key=st.none() | st.binary(max_size=4),
    value=st.none() | st.binary(max_size=9),
    time_ms=st.integers(-(2**63), 2**63 - 1),
)
def test_every_record_is_an_event(
    headers: list[tuple[str, bytes | None]], key: bytes | None, value: bytes | None, time_ms: int
) -> None:
    """One that it is, or one that is made of it: its attributes are legal ones."""
    for more in ([], REQUIRED):
        with suppress(MalformedEvent):
            validate(event_of([*more, *headers], value, (1, 2)).attributes)
        validate(wrapped(Found(0, key, value, [*more, *headers], time_ms), "/s", 0).attributes)


def test_where_it_rests_can_be_shown() -> None:
    """As Knative's data plane does."""
    view = Event.from_attributes({"id": "4", "source": "/s", "type": "t"}).with_ttl(4)
    for event in (Event(dict(RAW), {}, b"1", ttl=4), view):
        shown = placed(event, (2, 7))
        places = shown.get_text("knativekafkapartition"), shown.get_text("knativekafkaoffset")
        assert ("2", "7", 4) == (*places, shown.ttl)
        assert event is placed(event, None)


@pytest.mark.parametrize("extra", [(), (("ce_note", b"100%25"),), (("content-type", b"text/plain"),)])
def test_where_it_rests_overwrites_what_the_record_says(extra: tuple[tuple[str, bytes], ...]) -> None:
    """Whether or not all values are plain, and again when such a record was read before."""
    for offset in (7, 8):
        headers = [*REQUIRED, *extra, ("ce_knativekafkaoffset", b"1"), (TTL, b"3"), ("traceparent", b"00-1")]
        event = event_of(headers, b"", (2, offset))
        assert ("2", str(offset)) == (event.get_text("knativekafkapartition"), event.get_text("knativekafkaoffset"))
        assert (3, b"traceparent: 00-1\r\n", b"") == (event.ttl, event.trace, event.data)


def test_a_header_without_a_value_carries_nothing() -> None:
    """Kafka has such headers."""
    headers = [*REQUIRED, ("ce_note", None), (TTL, None), ("traceparent", None)]
    event = event_of(headers, None)
    assert {"specversion", "id", "source", "type"} == set(event.names)
    assert (None, b"", None) == (event.ttl, event.trace, event.data)
