"""CloudEvents in HTTP messages: binary, structured JSON and batched JSON, both ways; `data` byte for byte.

Sources: CloudEvents HTTP protocol binding 1.0.2, JSON event format 1.0.2 (and 0.3). Pure. The memos below remember what
pure functions answered for values that recur in every event (header names, sources, types, media types); each is
bounded and may be emptied at any time.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec
import orjson

from channels.attribute import (
    INTEGER_MAX,
    INTEGER_MIN,
    Value,
    canonical,
    is_name,
    is_time,
    to_header,
)
from channels.errors import MalformedEvent, UnsupportedFormat
from channels.event import TTL_ATTRIBUTE, Event, validate
from channels.payload import NOT_JSON, decode_data, encode_data

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"

_MEMO_MAX: Final = 4096
_MEMO_LENGTH_MAX: Final = 256
"""A memo holds at most so many entries, none longer than this: a few megabytes in all, whatever is sent."""
_CODING: Final = "content-encoding"
_BLANK_IS_ABSENT: Final = ("subject", "datacontenttype", "dataschema", "schemaurl", "time")
_SPACE: Final = b" \t"
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_SCALAR: Final = msgspec.json.Decoder(str | int | float | bool | None)

_INTEGER: Final = re.compile(r"-?[0-9]{1,10}")

_Key = TypeVar("_Key", bytes, str)
_Found = TypeVar("_Found")
_Values = AbstractSet[Any]
_Known = dict[str, set[Any]]
_MEMOISED: Final = ("source", "type", "datacontenttype", "dataschema")
_NEVER: Final = (TTL_ATTRIBUTE, _CODING, "schemaurl")
_ANY: Final = frozenset[Any]()
"""Stands for all values that an extension may have, by identity."""
_NONE: Final = set[Any]()
_KNOWN_RAW: Final[_Known] = {"specversion": {b"1.0"}, **{name: set() for name in (*_MEMOISED, *_NEVER)}}
_KNOWN_TEXT: Final[_Known] = {"specversion": {"1.0"}, **{name: set() for name in (*_MEMOISED, *_NEVER)}}
"""Values of an attribute that were found valid in an event of version 1.0; what always needs care is never known."""


class _Members(dict[str, _Values | None]):
    """JSON member -> its known values, None where `_is_sound` looks at each."""

    def __missing__(self, name: str) -> _Values | None:
        return _remember(self, name, _known(name, _KNOWN_TEXT))


class _Headers(dict[bytes, tuple[str | None, _Values | None]]):
    """Header name as it came -> the attribute it carries, None for none, and its known values.

    An illegal attribute keeps its `ce-`.
    """

    def __missing__(self, header: bytes) -> tuple[str | None, _Values | None]:
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
        return _remember(self, header, (name, None if name is None else _known(name, _KNOWN_RAW)))


class _Attributes(dict[str, _Values | None]):
    """Attribute -> its known values in headers, None where `_is_sound` looks at each."""

    def __missing__(self, name: str) -> _Values | None:
        return _remember(self, name, _known(name, _KNOWN_RAW))


class _Prefixes(dict[str, bytes]):
    """Attribute name -> the start of its header line."""

    def __missing__(self, name: str) -> bytes:
        prefix = b"Content-Type: " if name == "datacontenttype" else b"ce-%b: " % name.encode("ascii")
        return _remember(self, name, prefix)


def _known(name: str, known: _Known) -> _Values | None:
    if name in ("id", "time", "subject"):
        return None
    return known.get(name, _ANY if is_name(name) else _NONE)


def _remember(memo: dict[_Key, _Found], key: _Key, found: _Found) -> _Found:
    if len(key) <= _MEMO_LENGTH_MAX:
        if len(memo) >= _MEMO_MAX:
            memo.clear()
        memo[key] = found
    return found


_LINES: Final[dict[str, dict[Any, bytes]]] = {name: {} for name in ("specversion", "source", "type", "datacontenttype")}
"""Attribute -> value -> its header line, where the same values come again and again."""
_NO_LINES: Final[dict[Any, bytes]] = {}
_MEMBERS: Final = _Members()
_HEADERS: Final = _Headers()
_ATTRIBUTES: Final = _Attributes()
_PREFIXES: Final = _Prefixes()


def decode(headers: Mapping[bytes, bytes], body: bytes) -> Event | list[Event]:
    """The event of an HTTP message, or the events of a batch; the hot path's form.

    `headers` maps names in any case to field values as HTTP parsers give them: without CR, LF and NUL, and with space
    only at the end, where it is no part of the value. Of two spellings of one name the first counts. An empty body of a
    binary message is no data. Raises MalformedEvent with the attribute's name as path, or UnsupportedFormat.
    """
    raw: dict[str, bytes] = {}
    careful = False
    found = _HEADERS
    for header, value in headers.items():
        name, known = found[header]
        if name is not None and name not in raw:
            raw[name] = value
            if known is not None and value not in known and (known is not _ANY or value[-1:] in _SPACE):
                careful = True
    if careful or not _is_sound(raw, b"%", b"\x7f", b" "):
        return _decode_carefully(raw, body)
    return Event(raw, {}, body or None)


def decode_attributes(raw: dict[str, bytes], data: bytes | None) -> Event | None:
    """The event with these attributes and that data; None where `decode` must look at them, and say what is wrong.

    `raw` holds values as HTTP headers have them, and is the event's own from here on.
    """
    found = _ATTRIBUTES
    for name, value in raw.items():
        known = found[name]
        if known is not None and value not in known and (known is not _ANY or value[-1:] in _SPACE):
            return None
    return Event(raw, {}, data) if _is_sound(raw, b"%", b"\x7f", b" ") else None


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
    if not media.startswith(b"application/cloudevents") and headers.get(b"ce-specversion", b"").strip() not in (
        b"1.0",
        b"0.3",
    ):
        return None
    found = decode(headers, body)
    if isinstance(found, list):
        raise MalformedEvent("", "a batch is no reply")
    return found


def decode_structured(text: bytes) -> Event:
    """The event in a JSON text of the JSON event format. Raises MalformedEvent with the member's name as path.

    Of two members of one name the last counts. Members that are null are absent.
    """
    try:
        fields = _FIELDS.decode(text)
    except NOT_JSON as error:
        raise MalformedEvent("", f"the body is no JSON object: {error}") from error
    content = fields.pop("data", None)
    encoded = fields.pop("data_base64", None)
    view: dict[str, Any] = {}
    careful = False
    members = _MEMBERS
    decode_scalar = _SCALAR.decode
    try:
        for name, member in fields.items():
            value = view[name] = decode_scalar(member)
            known = members[name]
            if value.__class__ is str:
                if known is not None and value not in known and known is not _ANY:
                    careful = True
            elif known is not _ANY or not _is_typed(value):
                careful = True
    except NOT_JSON as error:
        raise MalformedEvent(name, "must be a string, a Boolean or an integer of 32 bits") from error
    event = Event(None, view, None, text=text)
    if careful or not _is_sound(view, "%", "\x7f", " "):
        _examine_members(event, view)
    event.data, event.json_data = decode_data(view, content, encoded)
    return event


def decode_batch(text: bytes) -> list[Event]:
    """The events in a JSON array, cut out without serialising again. Paths begin with the element: `[3].source`."""
    try:
        elements = _ELEMENTS.decode(text)
    except NOT_JSON as error:
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

    The body is `event.data or b""`. Values that arrived in binary leave with the very bytes they came with; others are
    percent-encoded.
    """
    if event.raw is not None:
        prefixes = _PREFIXES
        lines = [prefixes[name] + value for name, value in event.raw.items()]
    else:
        view = event.attributes
        lines = [_LINES.get(name, _NO_LINES).get(value) or _line(name, value) for name, value in view.items()]
        if event.json_data and "datacontenttype" not in view:
            lines.append(b"Content-Type: application/json")
    lines.append(b"")
    return b"\r\n".join(lines)


def binary_headers(event: Event) -> list[tuple[bytes, bytes]]:
    """The event's headers in binary mode, without Content-Length. The body is `event.data or b""`."""
    lines = binary_head(event).split(b"\r\n")[:-1]
    return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]


def carries_event(event: Event) -> bool:
    """True where the data is itself a CloudEvent: in binary mode its Content-Type would be taken for the message's."""
    media = event.get("datacontenttype")
    return isinstance(media, str) and _is_event_media(media)


@lru_cache(maxsize=256)
def _is_event_media(media: str) -> bool:
    return media.lower().startswith("application/cloudevents")


def encode_structured(event: Event) -> bytes:
    """The event as a JSON text: the very one it came with where it came structured and was not changed."""
    if event.text is not None:
        return event.text
    view: dict[str, Any] = {name: canonical(v) if isinstance(v, bytes) else v for name, v in event.attributes.items()}
    if event.data is None:
        return orjson.dumps(view)
    member = encode_data(view, event.data)  # may announce itself in the view
    return b"".join((orjson.dumps(view)[:-1], b",", member, b"}"))


def encode_batch(events: Sequence[Event]) -> bytes:
    """The events as a JSON array."""
    return b"[" + b",".join(map(encode_structured, events)) + b"]"


def _is_sound(values: Mapping[str, Any], low: Any, high: Any, space: Any) -> bool:
    """True where everything required is there, and the values that differ from event to event are valid in any case.

    False proves nothing. A first character between percent sign and delete is no blank, nor does an escape of one begin
    with it; a last one up to the space is no part of a header's value.
    """
    if "id" not in values or "source" not in values or "type" not in values or "specversion" not in values:
        return False
    identity = values["id"]
    if not low < identity[:1] < high or identity[-1:] <= space:
        return False
    if "subject" in values:
        subject = values["subject"]
        if not low < subject[:1] < high or subject[-1:] <= space:
            return False
    time = values.get("time")
    return time is None or is_time(time if time.__class__ is str else time.decode("latin-1"))


def _is_typed(value: object) -> bool:
    """True for a value that is no string, where the specification allows it."""
    return isinstance(value, bool) or (isinstance(value, int) and INTEGER_MIN <= value <= INTEGER_MAX)


def _decode_carefully(raw: dict[str, bytes], body: bytes) -> Event | list[Event]:
    """A message with a value not met before, or one that needs care: every attribute is looked at."""
    for name in [*raw]:
        raw[name] = raw[name].rstrip(_SPACE)
        if not raw[name] and name in _BLANK_IS_ABSENT:
            del raw[name]
    if raw.pop(_CODING, b"").strip().lower() not in (b"", b"identity"):
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
    for name in raw:
        if name.startswith("ce-"):
            reason = "is no attribute name for a header: letters and digits only, and Content-Type is its own header"
            raise MalformedEvent(name[3:], reason)
    event = Event(raw, {}, body or None)
    _examine(event, raw, _KNOWN_RAW)
    return event


def _examine_members(event: Event, view: dict[str, Any]) -> None:
    """As JSON has it: null is absent, 5.0 is an integer, an empty subject is none."""
    for name, value in [*view.items()]:
        if value is None or (name == "subject" and value == ""):
            del view[name]
        elif isinstance(value, float):
            # What has a fraction becomes an integer that the validation refuses.
            view[name] = int(value) if value.is_integer() else INTEGER_MAX + 1
    _examine(event, view, _KNOWN_TEXT)


def _examine(event: Event, values: dict[str, Any], known: _Known) -> None:
    """Take out what is not to be shown, validate all others, remember the valid. `values` is the event's own map."""
    if TTL_ATTRIBUTE in values:
        ttl = event.get_text(TTL_ATTRIBUTE) or ""
        event.ttl = int(ttl) if _INTEGER.fullmatch(ttl) else None
        event.without(TTL_ATTRIBUTE)
    validate(event.attributes)
    if values["specversion"] in known["specversion"]:
        for name in _MEMOISED:
            if name in values and len(values[name]) <= _MEMO_LENGTH_MAX:
                if len(known[name]) >= _MEMO_MAX:
                    known[name].clear()
                known[name].add(values[name])


def _line(name: str, value: Value) -> bytes:
    line = _PREFIXES[name] + (str(value).encode("ascii") if name == "datacontenttype" else to_header(value))
    return _remember(_LINES[name], str(value), line) if name in _LINES else line
