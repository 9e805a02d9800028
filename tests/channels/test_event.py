"""Events: what arrived stays what it was, the decoded view is the SDK's, a change touches only its attributes."""

import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.v03.event import CloudEvent as CloudEvent03
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from channels.attribute import Value, to_datetime
from channels.errors import MalformedEvent
from channels.event import Event, validate

SMALL: dict[str, Value] = {"id": "1", "source": "/s", "type": "t"}
RAW = {"specversion": b"1.0", "id": b"1", "source": b"/s", "type": b"caf%C3%A9", "datacontenttype": b"text/x; a=%41"}

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
extensions = st.dictionaries(
    st.from_regex(r"\A[a-z0-9]{1,20}\Z").filter(lambda name: name not in {"data", "time", "subject"}),
    st.text(st.characters(exclude_categories=["Cs"])) | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.binary(),
    max_size=4,
)
standard = st.fixed_dictionaries(
    {"id": words, "source": st.sampled_from(["/s", "http://x/y", "urn:x"]), "type": words},
    optional={
        "subject": words,
        "time": st.datetimes(timezones=st.just(UTC)),
        "datacontenttype": st.sampled_from(["application/json", "text/plain; charset=utf-8"]),
    },
)
attribute_maps = st.builds(
    lambda first, second, version: {**first, **second, **version},
    extensions,
    standard,
    st.sampled_from([{}, {"specversion": "1.0"}, {"specversion": "0.3"}]),
)
anything = st.text(max_size=5) | st.booleans() | st.integers() | st.binary(max_size=5)


@given(attribute_maps, st.none() | st.binary() | st.text(st.characters(exclude_categories=["Cs"])))
def test_the_sdk_has_the_same_event(attributes: dict[str, Value | datetime], data: bytes | str | None) -> None:
    """To the SDK and back nothing is lost, nothing is changed and nothing is invented."""
    event = Event.from_attributes(attributes, data)
    made = event.to_sdk()
    assert isinstance(made, CloudEvent03 if attributes.get("specversion") == "0.3" else CloudEvent)
    assert {"specversion": "1.0", **attributes} == made.get_attributes()
    assert (data.encode() if isinstance(data, str) else data) == made.get_data() == event.data
    assert event == Event.from_sdk(made)


@given(st.dictionaries(st.sampled_from([*SMALL, "subject", "time", "x", "data", "X", "a-b", "specversion"]), anything))
def test_what_is_accepted_here_the_sdk_accepts_too(attributes: dict[str, Value]) -> None:
    """Never is something an event that the SDK would refuse."""
    try:
        event = Event.from_attributes(attributes)
    except MalformedEvent:
        return
    assert event.id == event.to_sdk().get_id()


@pytest.mark.parametrize("kind", [CloudEvent, CloudEvent03])
def test_what_the_sdk_invented_is_then_the_events(kind: Callable[[dict[str, object], bytes], BaseCloudEvent]) -> None:
    """An SDK event without id and time has them before it gets here."""
    made = kind({"source": "/s", "type": "t"}, b"x")
    event = Event.from_sdk(made)
    assert (made.get_id(), made.get_specversion()) == (event.id, event.specversion)
    assert made.get_time() == to_datetime(str(event.get("time")))


@pytest.mark.parametrize("name", ["id", "source", "type"])
def test_a_required_attribute_that_is_missing_is_named(name: str) -> None:
    """None counts as missing; the SDK would invent an id."""
    for attributes in ({**SMALL, name: None}, {other: value for other, value in SMALL.items() if other != name}):
        with pytest.raises(MalformedEvent, match="required") as caught:
            Event.from_attributes(attributes)
        assert name == caught.value.path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("id", ""), ("source", "a b"), ("type", " "), ("subject", ""), ("time", "now"), ("specversion", "2.0")),
        *(("datacontenttype", "json"), ("dataschema", "/relative"), ("data", "x"), ("", "x"), ("Upper", "x")),
        *(("a_b", "x"), ("data_base64", "x"), ("n", 2**31), ("n", -(2**31) - 1), ("f", 1.5), ("l", [])),
        *(("x", "\ud800"), ("id", "\udfff"), ("specversion", 1)),
    ],
)
def test_what_the_specification_forbids_is_refused_by_name(name: str, value: Value) -> None:
    """The path is the attribute."""
    with pytest.raises(MalformedEvent) as caught:
        Event.from_attributes({**SMALL, name: value})
    assert name == caught.value.path


def test_versions_differ_in_their_attributes() -> None:
    """`dataschema` is an extension of 0.3, `schemaurl` one of 1.0."""
    validate({**SMALL, "specversion": "0.3", "dataschema": "/relative", "schemaurl": "/x"})
    validate({**SMALL, "specversion": "1.0", "schemaurl": 5, "datacontentencoding": 5})
    with pytest.raises(MalformedEvent, match="datacontentencoding"):
        validate({**SMALL, "specversion": "0.3", "datacontentencoding": 5})


def test_data_of_the_sdk_is_not_serialised() -> None:
    """A dict has many forms as JSON: the caller chooses."""
    with pytest.raises(TypeError, match="not dict"):
        Event.from_sdk(CloudEvent({"source": "/s", "type": "t"}, {"a": 1}))


def test_what_the_sdk_lets_pass_may_still_be_refused() -> None:
    """It does not look at a source's grammar."""
    made = CloudEvent({"source": "not a uri", "type": "t"})
    with pytest.raises(MalformedEvent, match="source"):
        Event.from_sdk(made)


def test_a_leap_second_reaches_the_sdk_as_the_second_before() -> None:
    """While the event itself keeps the text that came."""
    event = Event.from_attributes({**SMALL, "time": "1990-12-31T23:59:60Z"})
    assert datetime(1990, 12, 31, 23, 59, 59, tzinfo=UTC) == event.to_sdk().get_time()
    assert "1990-12-31T23:59:60Z" == event.get("time")


def test_the_sdk_refuses_what_was_spoilt_behind_the_events_back() -> None:
    """The oracle of these tests does say no."""
    with pytest.raises(CloudEventValidationError):
        Event(None, {"specversion": "1.0", "id": "", "source": "/s", "type": "t"}, None).to_sdk()


def test_a_binary_event_is_decoded_on_demand() -> None:
    """By attribute or as a whole; the bytes stay. Content-Type is no `ce-` header: its percents are its own."""
    event = Event(RAW, {}, b"data")
    assert "café" == event.get("type") == event.get_text("type") == event.type
    assert event.get("absent") is event.get_text("absent") is None
    expected = {"specversion": "1.0", "id": "1", "source": "/s", "type": "café", "datacontenttype": "text/x; a=%41"}
    assert expected == event.attributes == event.attributes
    assert ("1.0", "1", "/s", "text/x; a=%41") == (event.specversion, event.id, event.source, event.datacontenttype)
    assert "text/x; a=%41" == Event(RAW, {}, None).datacontenttype
    assert [*RAW] == [*event.names]


def test_an_event_of_values_keeps_their_types() -> None:
    """The canonical string is another question."""
    event = Event.from_attributes({**SMALL, "n": -5, "no": False, "zero": 0, "b": b"\xff"}, "é")
    assert (-5, False, 0, b"\xff") == tuple(event.get(name) for name in ("n", "no", "zero", "b"))
    assert ("-5", "false", "0", "/w==") == tuple(event.get_text(name) for name in ("n", "no", "zero", "b"))
    assert ("é".encode(), None) == (event.data, event.datacontenttype)
    assert {*SMALL, "specversion", "n", "no", "zero", "b"} == {*event.names}


@pytest.mark.parametrize(
    "event", [Event(RAW, {}, b"d", ttl=3), Event.from_attributes({**SMALL, "x": "y"}, b"d").with_ttl(3)]
)
def test_a_change_makes_another_event(event: Event) -> None:
    """Set, replaced, removed; everything else, and the event itself, stays."""
    event.trace = b"traceparent: x\r\n"
    before = dict(event.attributes)
    changed = event.with_attributes({"note": "a b", "n": 5, "type": "é", "x": None, "absent": None})
    expected = {name: value for name, value in before.items() if name != "x"} | {"note": "a b", "n": 5, "type": "é"}
    assert expected == changed.attributes
    assert before == event.attributes
    assert (event.data, 3, event.trace) == (changed.data, changed.ttl, changed.trace)


def test_a_changed_binary_event_keeps_the_other_bytes() -> None:
    """Only what changed is encoded; a Content-Type goes as it is."""
    changed = Event(RAW, {}, None).with_attributes({"note": "a b", "datacontenttype": 'a/b; c="d"', "id": None})
    expected = {"specversion": b"1.0", "source": b"/s", "type": b"caf%C3%A9"}
    assert expected | {"note": b"a%20b", "datacontenttype": b'a/b; c="d"'} == changed.raw


def test_a_changed_structured_event_has_no_text_any_more() -> None:
    """The JSON text that came would say something else. A TTL is not in it, so it may stay."""
    event = Event(None, {"specversion": "1.0", **SMALL}, b"1", text=b"{...}", json_data=True)
    assert (None, True) == (event.with_attributes({}).text, event.with_attributes({}).json_data)
    assert (b"{...}", True, 7) == (event.with_ttl(7).text, event.with_ttl(7).json_data, event.with_ttl(7).ttl)
    event.without("type")
    assert (None, {"specversion", "id", "source"}) == (event.text, {*event.names})


def test_an_attribute_is_taken_out_of_a_binary_event() -> None:
    """Decoded already or not."""
    event = Event(dict(RAW), {}, None)
    assert "1" == event.id
    event.without("id")
    event.without("absent")
    assert ({*RAW} - {"id"}, None) == ({*event.attributes}, event.get("id"))


def test_events_are_equal_by_attributes_and_data() -> None:
    """However they came; no data is not empty data."""
    binary, made = (
        Event({"specversion": b"1.0", "id": b"1", "source": b"/s", "type": b"t"}, {}, b""),
        Event.from_attributes(SMALL),
    )
    assert binary != made
    assert binary == Event.from_attributes(SMALL, b"")
    assert made != "an event"
    with pytest.raises(TypeError, match="unhashable"):
        hash(made)


def test_it_says_what_it_is() -> None:
    """Without its data, which may be large or secret."""
    assert "<Event t /s 1, no data>" == repr(Event.from_attributes(SMALL))
    assert "<Event t /s 1, 6 bytes>" == repr(Event.from_attributes(SMALL, b"secret"))


def of_headers(number: int) -> Event:
    raw = {f"x{index}": b"value %d of %d" % (number, index) for index in range(20)}
    return Event({**RAW, **raw, "id": b"%d" % number}, {}, bytes(100 + number % 2))


def of_values(number: int) -> Event:
    extra: dict[str, Value] = {f"x{index}": f"value {number} of {index}" for index in range(20)}
    return Event.from_attributes({**SMALL, **extra, "big": "x" * (5000 + number % 2), "n": number})


@pytest.mark.parametrize("make", [of_headers, of_values])
def test_the_size_is_what_an_event_costs_or_somewhat_more(make: Callable[[int], Event]) -> None:
    """A bound in bytes bounds the memory: also of attributes, also once they are decoded."""
    count = 200
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        events = [make(number) for number in range(count)]
        for event in events:
            assert event.attributes
        cost = (tracemalloc.get_traced_memory()[0] - before) / count
    finally:
        tracemalloc.stop()
    sizes = [event.size for event in events]
    assert cost <= sum(sizes) / count <= 3 * cost
    assert sizes == [event.size for event in events]


def test_data_and_text_are_charged_byte_for_byte() -> None:
    """A megabyte costs a megabyte."""
    plain, heavy = (Event(None, {}, data, text=text) for data, text in ((None, None), (bytes(1000), bytes(500))))
    assert 1500 == heavy.size - plain.size


@pytest.mark.parametrize("more", [{"new": b"1", "other": b"two"}, {"id": b"9"}, {}])
def test_header_values_may_be_added(more: dict[str, bytes]) -> None:
    """To another event, which is charged with what it has."""
    event = Event(dict(RAW), {}, b"d", ttl=3)
    event.trace = b"traceparent: 00-1\r\n"
    size = event.size
    changed = event.with_raw(more)
    expected = Event({**RAW, **more}, {}, b"d", ttl=3)
    assert (dict(RAW), size) == (event.raw, event.size)
    assert (expected.attributes, b"d", 3, event.trace) == (changed.attributes, changed.data, changed.ttl, changed.trace)
    assert expected.size == changed.size
    with pytest.raises(ValueError, match="no header values"):
        Event.from_attributes(SMALL).with_raw(more)
