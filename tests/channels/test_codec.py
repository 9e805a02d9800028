"""Events in HTTP messages: round trips, the SDK as an oracle, reading, and every refusal with its path."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings import http as sdk
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from channels import codec
from channels.errors import MalformedEvent, UnsupportedFormat
from channels.event import Event

RAW = {b"ce-specversion": b"1.0", b"ce-id": b"1", b"ce-source": b"/s", b"ce-type": b"t"}
VIEW: dict[str, Any] = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
TIME = "2024-05-01T12:00:00Z"

letters = st.characters(codec="utf-8", exclude_categories=("Cs",))
texts = st.text(letters, min_size=1).filter(str.strip)
names = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True).filter(
    lambda name: name not in {*VIEW, *codec._BLANK_IS_ABSENT, "data", "knativebrokerttl"}
)
typed = st.one_of(st.text(letters), st.booleans(), st.integers(-(2**31), 2**31 - 1))
field_values = st.binary(min_size=1).filter(lambda v: v.strip() == v and not set(v) & {0, 10, 13})
media_types = st.sampled_from(
    ["application/json", "text/plain; charset=utf-8", "a/b+json", "Text/JSON", 'a/b;c="d\\"e"']
)


def header(name: str) -> bytes:
    return b"content-type" if name == "datacontenttype" else b"ce-" + name.encode()


def text_of(**changes: Any) -> bytes:
    return json.dumps({key: value for key, value in {**VIEW, **changes}.items() if value != "ABSENT"}).encode()


def head_of(event: Event) -> dict[bytes, bytes]:
    return dict(codec.binary_headers(event))


def fault_of(message: dict[bytes, bytes] | bytes) -> MalformedEvent:
    with pytest.raises(MalformedEvent) as raised:
        codec.decode_structured(message) if isinstance(message, bytes) else codec.decode(message, b"")
    return raised.value


# Round trips.


@given(st.dictionaries(names, field_values), field_values, st.binary())
def test_binary_to_binary_copies_bytes(extensions: dict[str, bytes], identity: bytes, data: bytes) -> None:
    """Values leave with the very bytes they came with, as does the data; empty data is none."""
    headers = {**RAW, b"ce-id": b"i" + identity, **{header(name): value for name, value in extensions.items()}}
    event = codec.decode(headers, data)
    assert isinstance(event, Event)
    assert headers == head_of(event)
    assert (data or None) == event.data


@given(st.dictionaries(names, typed), texts, media_types, st.binary(min_size=1))
def test_an_event_survives_each_mode(extensions: dict[str, Any], subject: str, media: str, data: bytes) -> None:
    """Through binary all values become their canonical strings; through structured they keep their types.

    Only white space around JSON data may go.
    """
    event = Event.from_attributes({**VIEW, **extensions, "subject": subject, "datacontenttype": media}, data)
    [binary] = codec.decode_request(codec.binary_headers(event), event.data or b"")
    assert {name: event.get_text(name) for name in event.names} == binary.attributes
    assert data == binary.data
    structured = codec.decode_structured(codec.encode_structured(event))
    assert event.attributes == structured.attributes
    assert data.strip() == (structured.data or b"").strip()
    assert structured == codec.decode_structured(codec.encode_structured(structured))


@given(st.text(letters))
def test_text_data_survives_structured_mode_byte_for_byte(data: str) -> None:
    """As a JSON string, empty too; and the text of an unchanged event is the one that came."""
    event = Event.from_attributes({**VIEW, "datacontenttype": "text/plain"}, data)
    text = codec.encode_structured(event)
    assert data == json.loads(text)["data"]
    again = codec.decode_structured(text)
    assert data.encode() == again.data
    assert text is codec.encode_structured(again)
    assert {**VIEW, "datacontenttype": "text/plain", "data": data} == json.loads(
        codec.encode_structured(again.with_attributes({}))
    )


@given(st.lists(st.tuples(texts, st.binary(min_size=1))))
def test_a_batch_is_cut_into_its_events(parts: list[tuple[str, bytes]]) -> None:
    """In order, each with its own text; an empty batch has none."""
    events = [Event.from_attributes({**VIEW, "id": i, "datacontenttype": "x/y"}, data) for i, data in parts]
    body = codec.encode_batch(events)
    found = codec.decode({b"Content-Type": b"application/cloudevents-batch+json; charset=utf-8"}, body)
    assert events == found
    assert json.loads(body) == [json.loads(event.text or b"") for event in found]


@given(st.dictionaries(names, st.text(letters, min_size=1).map(str.strip)), texts)
def test_the_sdk_reads_what_leaves_in_binary(extensions: dict[str, str], subject: str) -> None:
    """The HTTP binding's percent-encoding, by another hand."""
    event = Event.from_attributes({**VIEW, **extensions, "subject": subject, "time": TIME}, "x")
    message = sdk.HTTPMessage({k.decode(): v.decode("ascii") for k, v in codec.binary_headers(event)}, b"x")
    read = sdk.from_binary_event(message).get_attributes()
    assert {**event.attributes, "time": None} == {**read, "time": None}


@given(st.dictionaries(names.filter(lambda name: len(name) <= 20), st.text(letters, min_size=1)), texts)
def test_what_the_sdk_writes_is_read(extensions: dict[str, str], subject: str) -> None:
    """In both modes."""
    event = CloudEvent({**VIEW, **extensions, "subject": subject, "time": datetime(2024, 5, 1, 12, tzinfo=UTC)}, b"x")
    message = sdk.to_binary_event(event)
    [binary] = codec.decode_request(((k.encode(), v.encode()) for k, v in message.headers.items()), message.body)
    structured = codec.decode_structured(sdk.to_structured_event(event).body)
    assert {**VIEW, **extensions, "subject": subject, "time": TIME} == binary.attributes == structured.attributes
    assert b"x" == binary.data == structured.data


@given(st.dictionaries(names, typed), st.text(letters), st.sampled_from(["text/plain", 'a/b; c="d e"', None]))
def test_nothing_can_be_injected_into_a_binary_head(
    extensions: dict[str, Any], subject: str, media: str | None
) -> None:
    """Of a structured event as many lines leave as it has attributes, without CR, LF or NUL within."""
    text = text_of(**extensions, subject="s" + subject, datacontenttype=media)
    event = codec.decode_structured(text)
    lines = codec.binary_head(event).split(b"\r\n")
    assert [b""] == lines[-1:]
    assert len(event.attributes) == len(lines) - 1
    assert not {0, 10, 13} & set(b"".join(lines))


@pytest.mark.parametrize("media", ["a/b\r\nx: y", 'a/b;c="\n"', "a/b\x00", "a/b\n", "a/b; c=d\r\n", "ä/b"])
def test_a_media_type_cannot_carry_a_line_end(media: str) -> None:
    """It leaves unencoded, so it must be clean when it comes."""
    assert "datacontenttype" == fault_of(text_of(datacontenttype=media)).path


# Reading.


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"a%20b", "a b"), (b"Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \u20ac \U0001f600"), (b"%e2%82%ac", "\u20ac"),
     (b"100%", "100%"), (b"%zz", "%zz"), (b"%ff", "%ff"), (b"\xc3\xa9", "é"), (b"\xe9", "é"), (b'"a \\"b\\""', 'a "b"'),
     (b"%2525", "%25"), (b"", "")],
)  # fmt: skip
def test_header_values_are_decoded_for_who_asks(value: bytes, expected: str) -> None:
    """Binding 3.1.3.2, once; what is no escape is taken literally, what is no UTF-8 as Latin-1."""
    event = codec.decode({**RAW, b"ce-ext": value}, b"")
    assert isinstance(event, Event)
    assert expected == event.get("ext")
    assert value == head_of(event)[b"ce-ext"]


def test_names_of_headers_come_in_any_case_and_the_first_counts() -> None:
    """HTTP knows no case; Knative takes the first."""
    headers = [(b"CE-SpecVersion", b"1.0"), (b"Ce-Id", b"1"), (b"ce-id", b"2"), (b"Ce-Id", b"3"), (b"ce-source", b"/s")]
    [event] = codec.decode_request([*headers, (b"CE-TYPE", b"t"), (b"X-Other", b"x")], b"")
    assert VIEW == event.attributes


def test_of_two_members_the_last_counts() -> None:
    """As in most JSON libraries."""
    assert "2" == codec.decode_structured(text_of()[:-1] + b',"id":"2"}').id


@pytest.mark.parametrize("name", ["id", "source", "time", "subject", "ext", "datacontenttype"])
def test_space_around_a_header_is_no_part_of_its_value(name: str) -> None:
    """RFC 9110, 5.5. HTTP parsers leave what is behind."""
    value = {"time": TIME, "datacontenttype": "a/b"}.get(name, "x").encode()
    for _ in range(2):
        event = codec.decode({**RAW, header(name): value + b" \t"}, b"")
        assert isinstance(event, Event)
        assert (value, value.decode()) == ((event.raw or {})[name], event.get(name))


@pytest.mark.parametrize("name", ["subject", "datacontenttype", "dataschema", "schemaurl", "time"])
def test_a_blank_header_of_an_optional_attribute_is_none(name: str) -> None:
    """As in Knative; also where the values around it are known."""
    for value in (b"", b" ", b"\t"):
        [event] = codec.decode_request([*RAW.items(), (header(name), value)], b"")
        assert VIEW == event.attributes


def test_null_and_an_empty_subject_are_absent_in_json() -> None:
    """JSON format 1.0, 2.4: null is as good as not there."""
    text = text_of(subject="", time=None, ext=None, datacontenttype=None, data_base64=None)
    assert VIEW == codec.decode_structured(text).attributes


@pytest.mark.parametrize(
    ("value", "expected"), [(5.0, 5), (-1e2, -100), (True, True), (2**31 - 1, 2**31 - 1), ("5", "5")]
)
def test_extensions_keep_their_json_type(value: Any, expected: Any) -> None:
    """A number without fraction is an integer, however it is written."""
    found = codec.decode_structured(text_of(ext=value)).get("ext")
    assert (expected, type(expected)) == (found, type(found))


def test_version_0_3_stays_0_3() -> None:
    """Its own attributes are checked by its own rules, its base64 text stays the text it is; both ways."""
    more = {"specversion": "0.3", "schemaurl": "relative", "datacontentencoding": "base64", "dataschema": "x y"}
    event = codec.decode_structured(text_of(**more, datacontenttype="application/json", data="AA=="))
    assert ("0.3", b"AA==", "relative") == (event.specversion, event.data, event.get("schemaurl"))
    headers = codec.binary_headers(event)
    [binary] = codec.decode_request(headers, b"AA==")
    assert event == binary
    assert event == codec.decode_structured(codec.encode_structured(binary))


def test_what_was_valid_under_0_3_is_looked_at_again_under_1_0() -> None:
    """A dataschema may be relative there, where it is an extension."""
    codec.decode({**RAW, b"ce-specversion": b"0.3", b"ce-dataschema": b"rel"}, b"")
    assert "dataschema" == fault_of({**RAW, b"ce-dataschema": b"rel"}).path
    codec.decode_structured(text_of(specversion="0.3", dataschema="rel"))
    assert "dataschema" == fault_of(text_of(dataschema="rel")).path


@pytest.mark.parametrize(
    ("ttl", "expected"), [("7", 7), ("%37", 7), ("-3", -3), ("", None), ("x", None), ("1.5", None), ("9" * 11, None)]
)
def test_the_ttl_is_taken_out_of_the_attributes(ttl: str, expected: int | None) -> None:
    """No filter and no subscriber sees it; what is no number counts as absent."""
    [event] = codec.decode_request([*RAW.items(), (b"ce-knativebrokerttl", ttl.encode())], b"")
    assert (expected, VIEW, RAW) == (event.ttl, event.attributes, head_of(event))
    event = codec.decode_structured(text_of(knativebrokerttl=7))
    assert (7, VIEW, VIEW) == (event.ttl, event.attributes, json.loads(codec.encode_structured(event)))


def test_json_data_without_a_type_leaves_as_json() -> None:
    """JSON format 1.0, 3.1: such data is application/json; no type is invented where there is no data."""
    event = codec.decode_structured(text_of(data={"a": 1}))
    assert b"application/json" == head_of(event)[b"Content-Type"]
    assert b"Content-Type" not in head_of(codec.decode_structured(text_of()))


def test_binary_attributes_leave_as_base64() -> None:
    """Their canonical string, in both modes."""
    event = Event.from_attributes({**VIEW, "ext": b"\x00\xff"})
    assert b"AP8=" == head_of(event)[b"ce-ext"]
    assert "AP8=" == json.loads(codec.encode_structured(event))["ext"]


# Replies.


@pytest.mark.parametrize("headers", [{}, {b"content-type": b"text/plain"}, {b"ce-specversion": b"2"}, {b"ce-id": b"1"}])
def test_an_answer_that_claims_nothing_is_no_event(headers: dict[bytes, bytes]) -> None:
    """Its body is no business of ours."""
    assert codec.decode_reply(headers, b"{") is None


def test_an_answer_with_an_event_is_one() -> None:
    """In either mode."""
    assert VIEW == getattr(codec.decode_reply({**RAW, b"ce-specversion": b"1.0 "}, b""), "attributes", None)
    structured = {b"content-type": b"Application/CloudEvents+JSON"}
    assert VIEW == getattr(codec.decode_reply(structured, text_of()), "attributes", None)


@pytest.mark.parametrize(
    ("headers", "body"),
    [({b"ce-specversion": b"1.0"}, b""), ({b"content-type": b"application/cloudevents+json"}, b"{"),
     ({b"content-type": b"application/cloudevents-batch+json"}, b"[]"),
     ({b"content-type": b"application/cloudevents+x"}, b"")],
)  # fmt: skip
def test_an_answer_that_claims_to_be_an_event_and_is_none_is_malformed(
    headers: dict[bytes, bytes], body: bytes
) -> None:
    """A batch is none either."""
    with pytest.raises(MalformedEvent):
        codec.decode_reply(headers, body)


# Refusals.


@pytest.mark.parametrize("missing", ["id", "source", "type", "specversion"])
def test_a_missing_attribute_is_named(missing: str) -> None:
    """In both modes; without a specversion a binary message is no event at all."""
    headers = {name: value for name, value in RAW.items() if name != header(missing)}
    assert ("" if missing == "specversion" else missing) == fault_of(headers).path
    assert missing == fault_of(text_of(**{missing: "ABSENT"})).path


@pytest.mark.parametrize(
    ("name", "value"),
    [("id", ""), ("id", "%20"), ("id", '""'), ("source", ""), ("source", "a b"), ("type", "%20"), ("specversion", "2"),
     ("time", "x"), ("time", "2024-02-30T00:00:00Z"), ("dataschema", "x"), ("datacontenttype", "json"),
     ("subject", "%20"), ("id", "\u00a0")],
)  # fmt: skip
def test_a_bad_header_is_named(name: str, value: str) -> None:
    """By its attribute."""
    assert name == fault_of({**RAW, header(name): value.encode()}).path


@pytest.mark.parametrize(
    ("name", "value"),
    [("id", ""), ("id", 5), ("id", None), ("id", 0), ("id", True), ("source", 1), ("type", " "), ("type", False),
     ("specversion", 1.0), ("time", 5), ("time", ""), ("time", True), ("dataschema", ""), ("datacontenttype", ""),
     ("subject", " "), ("subject", 1), ("ext", 2**31), ("ext", -(2**31) - 1), ("ext", 1.5), ("ext", []), ("ext", {}),
     ("Ext", "x"), ("e-x", "x"), ("", "x"), ("e_x", 1), ("ext", 10**400)],
)  # fmt: skip
def test_a_bad_member_is_named(name: str, value: Any) -> None:
    """By its name, whatever its type."""
    assert name == fault_of(text_of(**{name: value})).path


@pytest.mark.parametrize("name", ["ce-a-b", "ce-data", "ce-datacontenttype", "ce-", "ce-\xe9", "ce-a_b"])
def test_a_header_that_is_no_attribute_is_named(name: str) -> None:
    """Without its prefix."""
    assert name[3:] == fault_of({**RAW, name.encode("latin-1"): b"x"}).path


@pytest.mark.parametrize(
    "more",
    [{b"Content-Type": b"application/cloudevents+avro"}, {b"content-type": b"application/cloudevents"},
     {b"Content-Encoding": b"gzip"}, {b"content-encoding": b"identity, br"}],
)  # fmt: skip
def test_formats_and_codings_that_are_not_spoken_are_told_apart(more: dict[bytes, bytes]) -> None:
    """415 is their answer."""
    assert isinstance(fault_of({**RAW, **more}), UnsupportedFormat)


@pytest.mark.parametrize("coding", [b"", b"identity", b" Identity "])
def test_a_coding_that_is_none_is_let_through(coding: bytes) -> None:
    """It is no attribute either."""
    [event] = codec.decode_request([*RAW.items(), (b"content-encoding", coding)], b"")
    assert VIEW == event.attributes


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"id":\xff}', b"{" * 5000, b'{"a":' * 5000]
)
def test_what_is_no_json_object_is_refused_as_a_whole(text: bytes) -> None:
    """There is no place in it to name."""
    assert "" == fault_of(text).path


@pytest.mark.parametrize("member", [b'"ext":"\xff"', b'"ext":"\\ud800"', b'"ext":"\xed\xa0\x80"'])
def test_text_that_is_no_unicode_is_refused(member: bytes) -> None:
    """No lone surrogate comes in by any way."""
    assert fault_of(text_of()[:-1] + b"," + member + b"}").path in ("ext", "")


@pytest.mark.parametrize(
    ("body", "path"),
    [(b"{}", ""), (b"[", ""), (b"[1]", "[0]"), (b"[%b,{}]" % text_of(), "[1].specversion"),
     (b"[%b,%b]" % (text_of(), text_of(data_base64="?")), "[1].data_base64"), (b"[" * 5000, "")],
)  # fmt: skip
def test_a_fault_in_a_batch_is_named_with_its_element(body: bytes, path: str) -> None:
    """And nothing of the batch is an event."""
    with pytest.raises(MalformedEvent) as raised:
        codec.decode_batch(body)
    assert path == raised.value.path


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        (None, False),
        ("application/json", False),
        ("application/cloudevents+json", True),
        ("Application/CloudEvents", True),
    ],
)
def test_an_event_in_an_event_is_known_by_its_datacontenttype(media: str | None, expected: bool) -> None:
    event = Event.from_attributes({"id": "1", "source": "/s", "type": "t", "datacontenttype": media}, b"{}")
    assert expected is codec.carries_event(event)
