"""Names, values, canonical strings and headers of attributes, the `cloudevents` SDK being an oracle for the headers."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import assume, example, given
from hypothesis import strategies as st

from channels.attribute import (
    Value,
    canonical,
    fault_of,
    from_datetime,
    from_header,
    is_absolute_uri,
    is_json,
    is_media_type,
    is_name,
    is_time,
    is_uri_reference,
    to_datetime,
    to_header,
)

texts = st.text(st.characters(exclude_categories=["Cs"]))
moments = st.datetimes(timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))))


@pytest.mark.parametrize("name", ["a", "0", "comexampleextension1", "knativebrokerttl", "x" * 100])
def test_names_are_lower_case_letters_and_digits(name: str) -> None:
    """CloudEvents 1.0.2 section 3: longer than 20 is discouraged, not forbidden."""
    assert is_name(name)


@pytest.mark.parametrize("name", ["", "A", "a-b", "a_b", "a.b", "a b", "é", "a\n", "\u0661", "ａ"])
def test_anything_else_is_no_name(name: str) -> None:
    """Nor are letters and digits of other alphabets."""
    assert not is_name(name)


@pytest.mark.parametrize(
    "text",
    [
        *("application/json", "text/plain; charset=utf-8", "text/plain;charset=utf-8;format=flowed", "a/b ; c=d"),
        *('multipart/mixed; boundary="a b;c"', r'a/b; c="\""', 'a/b; c=""', "a/b;", "application/vnd.x+json", "*/*"),
    ],
)
def test_media_types_may_have_parameters(text: str) -> None:
    """RFC 2045; an empty parameter is tolerated, as servers send it."""
    assert is_media_type(text)


@pytest.mark.parametrize(
    "text", ["", "json", "a/", "/b", "a/b/c", "a /b", "a/b; c", 'a/b; c="', "a/b; =d", "a/b\r\nx: y", "a/b é", " a/b"]
)
def test_anything_else_is_no_media_type(text: str) -> None:
    """Above all nothing that could end a header line."""
    assert not is_media_type(text)


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        ("application/json", True),
        ("text/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/vnd.order+json", True),
        ("application/cloudevents+json;x=y", True),
        ("application/xml", False),
        ("text/plain; a=b+json", False),
        ("application/jsonp", False),
        ("", False),
    ],
)
def test_json_is_json_by_its_type_or_suffix(media: str, expected: bool) -> None:
    """Parameters and case do not count."""
    assert expected == is_json(media)


@pytest.mark.parametrize(
    "text",
    [
        *("2024-05-01T12:00:00Z", "2024-05-01t12:00:00z", "2024-02-29T00:00:00Z", "2000-02-29T00:00:00Z"),
        *(
            "1990-12-31T23:59:60Z",
            "2024-05-01T12:00:00.123456789Z",
            "2024-05-01T12:00:00-23:59",
            "0000-01-01T00:00:00Z",
        ),
    ],
)
def test_times_are_rfc_3339(text: str) -> None:
    """Leap seconds, any number of decimals, lower case."""
    assert is_time(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "2024-05-01", "12:00:00Z", "2024-05-01 12:00:00Z", "2024-05-01T12:00:00", "2024-05-01T12:00Z"),
        *("2024-13-01T12:00:00Z", "2024-00-01T12:00:00Z", "2024-04-31T12:00:00Z", "2023-02-29T12:00:00Z"),
        *("1900-02-29T12:00:00Z", "2024-05-00T12:00:00Z", "2024-05-01T24:00:00Z", "2024-05-01T12:60:00Z"),
        *("2024-05-01T12:00:61Z", "2024-05-01T12:00:00.Z", "2024-05-01T12:00:00+24:00", "2024-05-01T12:00:00+0100"),
        *("20240501T120000Z", "2024-05-01T12:00:00Z\n", "２０２４-05-01T12:00:00Z", "+2024-05-01T12:00:00Z"),
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    """Days that a month does not have, digits that are none in ASCII, local times."""
    assert not is_time(text)


@given(st.integers(1, 9999), *[st.integers(0, bound) for bound in (13, 32, 25, 61, 59)])
def test_a_time_is_legal_where_the_calendar_has_it(y: int, m: int, d: int, hour: int, minute: int, second: int) -> None:
    """The calendar of the standard library is the oracle."""
    try:
        moment = datetime(y, m, d, hour, minute, second, tzinfo=UTC)
    except ValueError:
        moment = None
    text = f"{y:04}-{m:02}-{d:02}T{hour:02}:{minute:02}:{second:02}Z"
    assert (moment is not None) == is_time(text)
    assert moment is None or moment == to_datetime(text)


@given(moments)
def test_moments_come_back(moment: datetime) -> None:
    """A datetime of any zone of whole minutes is a legal time, and the same moment."""
    text = from_datetime(moment)
    assert is_time(text)
    assert (moment, moment.utcoffset()) == (to_datetime(text), to_datetime(text).utcoffset())


def test_utc_is_written_as_z() -> None:
    """As is a moment that does not say where."""
    moment = datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert "2024-05-01T12:00:00Z" == from_datetime(moment) == from_datetime(moment.replace(tzinfo=None))
    assert "2024-05-01T12:00:00+02:00" == from_datetime(moment.replace(tzinfo=timezone(timedelta(hours=2))))


def test_a_leap_second_is_the_second_before_it() -> None:
    """The nearest that a datetime holds, at whatever offset, with its decimals."""
    expected = datetime(1990, 12, 31, 23, 59, 59, 250000, UTC)
    assert expected == to_datetime("1990-12-31T23:59:60.25Z") == to_datetime("1990-12-31t15:59:60.25-08:00")


def test_the_year_0_is_no_datetime() -> None:
    """RFC 3339 has it, datetime does not."""
    with pytest.raises(ValueError, match="year 0"):
        to_datetime("0000-01-01T00:00:00Z")


@pytest.mark.parametrize(
    "text",
    ["/s", "s", "http://x/y?z#f", "urn:uuid:1", "//host/x", "?q", "#f", "/caf%C3%A9", "/café", "mailto:a@b", "[::1]"],
)
def test_references_may_be_relative_and_international(text: str) -> None:
    """RFC 3986, and IRIs as they are in use."""
    assert is_uri_reference(text)


@pytest.mark.parametrize(
    "text", ["", " ", "/a b", "/%zz", "/%4", "/<x>", '/"', "/\\", "/a\nb", "/\x7f", ":x", "/{x}", "/`"]
)
def test_anything_else_is_no_reference(text: str) -> None:
    """Spaces, broken escapes, characters that RFC 3986 leaves out."""
    assert not is_uri_reference(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://x", True),
        ("urn:x", True),
        ("a+b-1.2:x", True),
        ("/x", False),
        ("1a:x", False),
        ("", False),
        ("a:%", False),
    ],
)
def test_an_absolute_uri_has_a_scheme(text: str, expected: bool) -> None:
    """A letter first, then a colon in front of everything else."""
    assert expected == is_absolute_uri(text)


GOOD: list[tuple[str, Value, str]] = [
    *(("id", "1", "1.0"), ("type", "t", "1.0"), ("source", "/s", "1.0"), ("specversion", "0.3", "0.3")),
    *(("datacontenttype", "a/b", "1.0"), ("time", "2024-05-01T12:00:00Z", "1.0"), ("subject", "s", "1.0")),
    *(("dataschema", "http://x", "1.0"), ("schemaurl", "/x", "0.3"), ("datacontentencoding", "base64", "0.3")),
    *(("dataschema", 5, "0.3"), ("schemaurl", 5, "1.0"), ("datacontentencoding", 5, "1.0"), ("other", "", "1.0")),
]
BAD: list[tuple[str, Value, str]] = [
    *(("id", "", "1.0"), ("id", " ", "1.0"), ("id", 1, "1.0"), ("type", "\t", "1.0"), ("type", True, "1.0")),
    *(("source", "", "1.0"), ("source", "a b", "1.0"), ("source", b"/s", "1.0"), ("specversion", "2.0", "2.0")),
    *(("specversion", 1, "1"), ("datacontenttype", "json", "1.0"), ("datacontenttype", 1, "1.0")),
    *(("time", "now", "1.0"), ("time", 0, "1.0"), ("subject", "", "1.0"), ("subject", 1, "1.0")),
    *(("dataschema", "/x", "1.0"), ("dataschema", 1, "1.0"), ("schemaurl", "", "0.3"), ("schemaurl", 1, "0.3")),
    *(("datacontentencoding", "", "0.3"), ("datacontentencoding", 1, "0.3")),
]


@pytest.mark.parametrize(("name", "value", "version"), GOOD)
def test_legal_values_have_no_fault(name: str, value: Value, version: str) -> None:
    """Each standard attribute by its own grammar, in the version that has it."""
    assert fault_of(name, value, version) is None


@pytest.mark.parametrize(("name", "value", "version"), BAD)
def test_a_fault_is_told_in_words(name: str, value: Value, version: str) -> None:
    """What it must be, for the sender to read."""
    assert (fault_of(name, value, version) or "").startswith("must be ")


@pytest.mark.parametrize(
    ("value", "expected"), [("é", "é"), (True, "true"), (False, "false"), (-5, "-5"), (0, "0"), (b"\x00\xff", "AP8=")]
)
def test_the_canonical_string_of_every_type(value: Value, expected: str) -> None:
    """CloudEvents 1.0.2, type system."""
    assert expected == canonical(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain~/x?a=b&c", b"plain~/x?a=b&c"),
        ("Euro € 😀", b"Euro%20%E2%82%AC%20%F0%9F%98%80"),
        ('say "hi"', b"say%20%22hi%22"),
        ("100%", b"100%25"),
        ("a\r\nb\x00\x7f", b"a%0D%0Ab%00%7F"),
        ("", b""),
        (True, b"true"),
        (-5, b"-5"),
        (b"\xff\xfe", b"//4="),
    ],
)
def test_a_header_is_printable_ascii(value: Value, expected: bytes) -> None:
    """HTTP binding 3.1.3.2: percent-encoded are space, quote, percent and all that is not printable ASCII."""
    assert expected == to_header(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"plain", "plain"),
        (b"Euro%20%E2%82%AC", "Euro €"),
        (b"%e2%82%ac", "€"),
        (b"a%2520b", "a%20b"),
        (b'"quoted \\"x\\" %41"', 'quoted "x" A'),
        (b'"', '"'),
        (b'""', ""),
        (b'a"b', 'a"b'),
        (b"%zz %4 %", "%zz %4 %"),
        (b"%FF", "%FF"),
        ("é".encode(), "é"),
        (b"\xe9", "é"),
        (b"", ""),
        (b"a+b", "a+b"),
    ],
)
def test_a_header_is_decoded_once(value: bytes, expected: str) -> None:
    """Quotes first, then percents; what cannot be decoded is taken literally."""
    assert expected == from_header(value)


@given(texts)
@example('"quoted"')
@example("%25")
def test_any_text_comes_back_from_its_header(text: str) -> None:
    """Encoding and decoding are inverse, and the header has no byte outside printable ASCII."""
    header = to_header(text)
    assert all(0x21 <= byte <= 0x7E for byte in header)
    assert text == from_header(header)


@given(st.binary())
def test_any_header_is_some_text(value: bytes) -> None:
    """Total: whatever bytes a client sends, and the text can be sent on."""
    assert from_header(to_header(from_header(value))) == from_header(value)


@given(texts)
def test_headers_are_those_of_the_sdk(text: str) -> None:
    """Both ways: what the SDK writes for a text is written here, what it reads from it is read here."""
    assume(text)
    event = CloudEvent({"id": "1", "source": "/s", "type": "t", "note": text})
    headers = to_binary(event, JSONFormat()).headers
    assert headers["ce-note"].encode() == to_header(text)
    assert from_binary(HTTPMessage(headers, b""), JSONFormat()).get_extension("note") == from_header(to_header(text))
