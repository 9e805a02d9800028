"""CloudEvents in HTTP messages: binary, structured JSON and batched JSON, both ways; `data` byte for byte.

Sources: CloudEvents HTTP protocol binding 1.0.2, JSON event format 1.0.2 (and 0.3). Pure. The memos below remember what
pure functions answered for values that recur in every event (header names, sources, types, media types); each is bounded
and may be emptied at any time.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import orjson

from channels.attribute import (
    INTEGER_MAX,
    INTEGER_MIN,
    REQUIRED,
    Value,
    canonical,
    from_header,
    is_json,
    is_name,
    is_time,
    to_header,
)
from channels.errors import MalformedEvent, UnsupportedFormat
from channels.event import TTL_ATTRIBUTE, Event, validate

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"

_CODING: Final = "content-encoding"
_MEMO_MAX: Final = 4096
_MEMOISED: Final = ("source", "type", "datacontenttype", "subject")
_WITH_CARE: Final = ("specversion", "dataschema", "schemaurl", "data", TTL_ATTRIBUTE, _CODING)
_BLANK_IS_ABSENT: Final = ("subject", "datacontenttype", "dataschema", "schemaurl", "time")
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ANY_JSON: Final = msgspec.json.Decoder(msgspec.Raw)
_STRING: Final = msgspec.json.Decoder(str)
_SCALAR: Final = msgspec.json.Decoder(int | float | bool | None)
_NOT_JSON: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)

_Known = set[bytes | Value] | None
"""Values of one attribute that were found valid before; None where any value is, or where `_require` looks at each."""


class _Names(dict[str, _Known]):
    """Attribute name -> its known values. What is no legal name, or always needs care, is never known."""

    def __missing__(self, name: str) -> _Known:
        known: _Known = None
        if name in _MEMOISED or name in _WITH_CARE or not is_name(name):
            known = {b"1.0", "1.0"} if name == "specversion" else set()
        _make_room(self)
        self[name] = known
        return known


class _HeaderNames(dict[bytes, tuple[str | None, _Known]]):
    """Header name as it came -> the attribute it carries (None for none) and its known values.

    An illegal attribute keeps its `ce-`.
    """

    def __missing__(self, header: bytes) -> tuple[str | None, _Known]:
        lower = header.lower()
        name: str | None = None
        if lower.startswith(b"ce-"):
            name = lower[3:].decode("latin-1")
            if not is_name(name) or name in ("data", "datacontenttype"):
                name = f"ce-{name}"
        elif lower == b"content-type":
            name = "datacontenttype"
        elif lower == b"content-encoding":
            name = _CODING
        _make_room(self)
        found = self[header] = (name, None if name is None else _NAMES[name])
        return found


class _HeaderPrefixes(dict[str, bytes]):
    """Attribute name -> the start of its header line."""

    def __missing__(self, name: str) -> bytes:
        _make_room(self)
        prefix = self[name] = b"Content-Type: " if name == "datacontenttype" else b"ce-%b: " % name.encode("ascii")
        return prefix


def _make_room(memo: dict[Any, Any] | set[Any]) -> None:
    if len(memo) >= _MEMO_MAX:
        memo.clear()


_NAMES: Final = _Names()
_HEADER_NAMES: Final = _HeaderNames()
_PREFIXES: Final = _HeaderPrefixes()


def decode(headers: Mapping[bytes, bytes], body: bytes) -> Event | list[Event]:
    """The event of an HTTP message, or the events of a batch; the hot path's form.

    `headers` maps names in any case to values without surrounding whitespace; of two spellings of one name the first
    counts. An empty body of a binary message is no data. Raises MalformedEvent with the attribute's name as path, or
    UnsupportedFormat.
    """
    raw: dict[str, bytes] = {}
    careful = False
    names = _HEADER_NAMES
    for header, value in headers.items():
        name, known = names[header]
        if name is not None and name not in raw:
            raw[name] = value
            if known is not None and value not in known:
                careful = True
    if careful:
        return _decode_carefully(raw, body)
    _require(raw)
    return Event(raw, {}, body or None)


def decode_request(headers: Iterable[tuple[bytes, bytes]], body: bytes) -> list[Event]:
    """The events of an HTTP message, one unless it is a batch. Raises as `decode` does."""
    first: dict[bytes, bytes] = {}
    for name, value in headers:
        first.setdefault(name, value)
    found = decode(first, body)
    return found if isinstance(found, list) else [found]


def decode_reply(headers: Mapping[bytes, bytes], body: bytes) -> Event | None:
    """The event in a sink's answer, None where the answer is no CloudEvent. `headers` have lower-case names.

    Raises MalformedEvent where the answer claims to be one and is not, or is a batch.
    """
    media = headers.get(b"content-type", b"").lower()
    if not media.startswith(b"application/cloudevents") and headers.get(b"ce-specversion") not in (b"1.0", b"0.3"):
        return None
    found = decode(headers, body)
    if isinstance(found, list):
        raise MalformedEvent("", "a batch is no reply")
    return found


def decode_structured(text: bytes) -> Event:
    """The event in a JSON text of the JSON event format. Raises MalformedEvent with the member's name as path."""
    try:
        fields = _FIELDS.decode(text)
    except _NOT_JSON as error:
        raise MalformedEvent("", f"the body is no JSON object: {error}") from error
    content = fields.pop("data", None)
    encoded = fields.pop("data_base64", None)
    view: dict[str, Value] = {}
    careful = False
    names = _NAMES
    for name, member in fields.items():
        value = _decode_member(name, member)
        if value is not None:
            view[name] = value
            if (known := names[name]) is not None and value not in known:
                careful = True
    event = Event(None, view, None, text=text)
    if careful:
        _examine(event, view)
    _require(view)
    event.data, event.json_data = _decode_data(view, content, encoded)
    return event


def decode_batch(text: bytes) -> list[Event]:
    """The events in a JSON array, cut out without serialising again. Paths begin with the element: `[3].source`."""
    try:
        elements = _ELEMENTS.decode(text)
    except _NOT_JSON as error:
        raise MalformedEvent("", f"the body is no JSON array: {error}") from error
    events = []
    for number, element in enumerate(elements):
        try:
            events.append(decode_structured(bytes(element)))
        except MalformedEvent as error:
            path = f"[{number}].{error.path}" if error.path else f"[{number}]"
            raise MalformedEvent(path, error.reason) from error
    return events


def binary_head(event: Event) -> bytes:
    """The event's header lines in binary mode, each ended by CRLF, without Content-Length.

    The body is `event.data or b""`. Values that arrived in binary leave with the very bytes they came with; others are percent-encoded.
    """
    prefixes = _PREFIXES
    if event.raw is not None:
        lines = [prefixes[name] + value for name, value in event.raw.items()]
    else:
        view = event.attributes
        lines = [prefixes[name] + _header_value(name, value) for name, value in view.items()]
        if event.json_data and "datacontenttype" not in view:
            lines.append(b"Content-Type: application/json")
    lines.append(b"")
    return b"\r\n".join(lines)


def binary_headers(event: Event) -> list[tuple[bytes, bytes]]:
    """The event's headers in binary mode, without Content-Length. The body is `event.data or b""`."""
    lines = binary_head(event).split(b"\r\n")[:-1]
    return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]


def encode_structured(event: Event) -> bytes:
    """The event as a JSON text: the very one it came with where it came structured and was not changed."""
    if event.text is not None:
        return event.text
    view: dict[str, Any] = {name: canonical(v) if isinstance(v, bytes) else v for name, v in event.attributes.items()}
    if event.data is None:
        return orjson.dumps(view)
    member = _encode_data(view, event.data)
    return b"".join((orjson.dumps(view)[:-1], b",", member, b"}"))


def encode_batch(events: Sequence[Event]) -> bytes:
    """The events as a JSON array."""
    return b"[" + b",".join(map(encode_structured, events)) + b"]"


def _require(values: Mapping[str, Any]) -> None:
    """What is looked at for every event: the required attributes are there, the id is not blank, the time is one."""
    try:
        identity, _, _, _ = values["id"], values["source"], values["type"], values["specversion"]
    except KeyError as error:
        missing = next(name for name in REQUIRED if name not in values)
        raise MalformedEvent(missing, "this required attribute is missing") from error
    if not identity or identity.isspace():
        raise MalformedEvent("id", "must be a non-empty string")
    if "time" in values:
        time = values["time"]
        if not is_time(from_header(time) if isinstance(time, bytes) else time):
            raise MalformedEvent("time", "must be an RFC 3339 timestamp such as 2024-05-01T12:00:00Z")


def _decode_carefully(raw: dict[str, bytes], body: bytes) -> Event | list[Event]:
    """A message with a value not met before, or one that needs care: every attribute is looked at."""
    if raw.pop(_CODING, b"identity").strip().lower() != b"identity":
        raise UnsupportedFormat("", "a body with a Content-Encoding is not accepted: send it plain")
    media = raw.get("datacontenttype", b"").partition(b";")[0].strip().lower().decode("latin-1")
    if media == STRUCTURED:
        return decode_structured(body)
    if media == BATCH:
        return decode_batch(body)
    if media.startswith("application/cloudevents"):
        raise UnsupportedFormat("", f"{media} is not spoken here: send {STRUCTURED}, {BATCH} or binary mode")
    if "specversion" not in raw:
        raise MalformedEvent(
            "", f"no CloudEvent: no ce-specversion header, and no Content-Type {STRUCTURED} or {BATCH}"
        )
    for name in [*raw]:
        if name.startswith("ce-"):
            reason = "is no attribute name for a header: letters and digits only, and Content-Type is its own header"
            raise MalformedEvent(name[3:], reason)
        if name in _BLANK_IS_ABSENT and not raw[name].strip():
            del raw[name]
    event = Event(raw, {}, body or None)
    _examine(event, raw)
    _require(raw)
    return event


def _examine(event: Event, values: dict[str, Any]) -> None:
    """Take out what is not to be shown, validate all others, remember the valid. `values` is the event's own map."""
    if values.get("subject") == "":
        del values["subject"]
    if TTL_ATTRIBUTE in values:
        ttl = event.get_text(TTL_ATTRIBUTE) or ""
        event.ttl = int(ttl) if ttl.isdecimal() and ttl.isascii() and len(ttl) <= 10 else None
        event.without(TTL_ATTRIBUTE)
    validate(event.attributes)
    for name in _MEMOISED:
        if name in values and (known := _NAMES[name]) is not None:
            _make_room(known)
            known.add(values[name])


def _decode_member(name: str, member: msgspec.Raw) -> Value | None:
    """The value of an attribute's JSON member; None for null, which means absent."""
    first = memoryview(member)[0]
    try:
        if first == 0x22:  # a double quote: by far the most frequent
            return _STRING.decode(member)
        if first in b"[{":
            raise MalformedEvent(name, "must be a string, a Boolean or an integer")
        value: float | None = _SCALAR.decode(member)
    except _NOT_JSON as error:
        raise MalformedEvent(name, f"is no JSON value: {error}") from error
    if isinstance(value, float):
        value = int(value) if value.is_integer() else INTEGER_MAX + 1
    if isinstance(value, int) and not INTEGER_MIN <= value <= INTEGER_MAX:
        raise MalformedEvent(name, "must be an integer of 32 bits")
    return value


def _decode_data(
    view: Mapping[str, Value], content: msgspec.Raw | None, encoded: msgspec.Raw | None
) -> tuple[bytes | None, bool]:
    """The payload's bytes, and whether they are a JSON value that no datacontenttype announces."""
    if encoded is not None and bytes(encoded) != b"null":
        if content is not None:
            raise MalformedEvent("data_base64", "expected exactly one of data and data_base64, got both")
        try:
            return base64.b64decode(_STRING.decode(encoded), validate=True), False
        except (*_NOT_JSON, binascii.Error, ValueError) as error:
            raise MalformedEvent("data_base64", f"must be a base64 string: {error}") from error
    if content is None:
        return None, False
    media = view.get("datacontenttype")
    text = bytes(content)
    _require_utf8(text)
    if not isinstance(media, str):
        return text, True
    if is_json(media) and not _is_base64_text(view):
        return text, False
    try:
        return _STRING.decode(text).encode(), False
    except _NOT_JSON as error:
        raise MalformedEvent("data", f"must be a string for the datacontenttype {media}") from error


def _require_utf8(text: bytes) -> None:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedEvent("data", "must be UTF-8") from error


def _is_base64_text(view: Mapping[str, Value]) -> bool:
    """Version 0.3 says by an attribute that data is the base64 text of something; it stays that text here."""
    return view.get("datacontentencoding") == "base64" and view.get("specversion") == "0.3"


def _encode_data(view: dict[str, Any], data: bytes) -> bytes:
    """The member that holds the data. What JSON cannot carry as it is goes as base64, and so comes back the same."""
    media = view.get("datacontenttype")
    in_json = not isinstance(media, str) or is_json(media)
    if in_json and not _is_base64_text(view) and _is_json_text(data):
        return b'"data":' + data
    try:
        if media is not None and (not in_json or _is_base64_text(view)):
            return b'"data":' + orjson.dumps(data.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    if view.get("specversion") == "0.3":
        return b'"datacontentencoding":"base64","data":"' + base64.b64encode(data) + b'"'
    return b'"data_base64":"' + base64.b64encode(data) + b'"'


def _is_json_text(data: bytes) -> bool:
    try:
        _ANY_JSON.decode(data)
        data.decode("utf-8")
    except _NOT_JSON:
        return False
    return True


def _header_value(name: str, value: Value) -> bytes:
    return str(value).encode("ascii") if name == "datacontenttype" else to_header(value)
