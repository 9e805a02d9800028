"""Events as Kafka records, both ways: CloudEvents' Kafka protocol binding 1.0.2, binary written, structured read too.

What the binding cannot carry (header bytes as they came over HTTP, JSON text, types of values) goes into headers whose
names begin with `eventing-`: other consumers ignore them, and what is read here is what was published. Pure.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec

from channels.attribute import Value, canonical, from_header, is_media_type, is_name, to_header
from channels.codec import BATCH, STRUCTURED, decode, decode_attributes, decode_structured
from channels.errors import MalformedEvent
from channels.event import TTL_ATTRIBUTE, Event, validate
from channels.kafka.batch import NO_TIME_MS, Found

Headers = Sequence[tuple[str, bytes | None]]
RAW: Final = "eventing-raw"
VIEW: Final = "eventing-view"
TTL: Final = f"ce_{TTL_ATTRIBUTE}"
PARTITION: Final = "knativekafkapartition"
OFFSET: Final = "knativekafkaoffset"
RECORD_TYPE: Final = "dev.knative.kafka.event"
_TRACE: Final = ("traceparent", "tracestate")
_TTL_MAX: Final = 4
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MEMO_MAX: Final = 4096
_T = TypeVar("_T")
_pack: Final = msgspec.msgpack.Encoder().encode
_raw: Final = msgspec.msgpack.Decoder(dict[str, bytes]).decode


class _View(msgspec.Struct, array_like=True):
    """An event without header bytes. Of its JSON text what stands before and after the data, where that is cut out."""

    view: dict[str, Any]
    json_data: bool
    head: bytes | None
    tail: bytes | None


_view: Final = msgspec.msgpack.Decoder(_View).decode


class _Names(dict[str, str]):
    """Attribute -> record header."""

    def __missing__(self, name: str) -> str:
        return _remember(self, name, "content-type" if name == "datacontenttype" else f"ce_{name}")


class _Attributes(dict[str, str | None]):
    """Record header -> attribute, empty where it carries none, None where it is to be looked at with care."""

    def __missing__(self, header: str) -> str | None:
        lower = header.lower()
        found: str | None = ""
        if lower == "content-type":
            found = "datacontenttype"
        elif lower.startswith("ce_"):
            name = lower[3:]
            found = name if is_name(name) and name not in ("data", "datacontenttype", TTL_ATTRIBUTE) else None
        elif header in (*_TRACE, RAW, VIEW):
            found = None
        return _remember(self, header, found)


class _Fields(dict[str, bytes]):
    """Record header -> HTTP header, empty where it carries no attribute."""

    def __missing__(self, header: str) -> bytes:
        lower = header.lower()
        found = b"content-type" if lower == "content-type" else b""
        if lower.startswith("ce_") and lower.isascii():
            found = b"ce-" + lower[3:].encode()
        return _remember(self, header, found)


def _remember(memo: dict[str, _T], key: str, found: _T) -> _T:
    if len(memo) >= _MEMO_MAX:
        memo.clear()
    memo[key] = found
    return found


_NAMES: Final = _Names()
_ATTRIBUTES: Final = _Attributes()
_FIELDS: Final = _Fields()


def key_of(event: Event) -> bytes | None:
    """The record's key: the `partitionkey`, where the event has one."""
    if event.raw is not None and "partitionkey" not in event.raw:
        return None
    key = event.get_text("partitionkey")
    return None if key is None else key.encode()


def headers_of(event: Event) -> list[tuple[str, bytes]]:
    """The record's headers; its value is the event's data."""
    names = _NAMES
    if event.raw is not None:
        if _is_plain(b"".join(event.raw.values())):
            headers = [(names[name], value) for name, value in event.raw.items()]
        else:
            headers = _headers_with_care(event.raw)
    else:
        view = event.attributes
        headers = [(names[name], canonical(value).encode()) for name, value in view.items()]
        head, tail = _around(event.text, event.data)
        headers.append((VIEW, _pack((view, event.json_data, head, tail))))
    if event.ttl is not None:
        headers.append((TTL, b"%d" % event.ttl))
    if event.trace:
        lines = [line.partition(b": ") for line in event.trace.split(b"\r\n")[:-1]]
        headers += [(name.decode("latin-1"), value) for name, _, value in lines]
    return headers


def _headers_with_care(raw: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """Decoded, as the binding wants them, and beside them the bytes that came."""
    headers: list[tuple[str, bytes]] = []
    kept: dict[str, bytes] = {}
    for name, value in raw.items():
        content = value
        if not _is_plain(value):
            text = value.decode("latin-1") if name == "datacontenttype" else from_header(value)
            content, kept[name] = text.encode(), value
        headers.append((_NAMES[name], content))
    return [*headers, (RAW, _pack(kept))]


def _around(text: bytes | None, data: bytes | None) -> tuple[bytes | None, bytes | None]:
    if text is None or not data:
        return text, None
    head, found, tail = text.rpartition(data)
    return (head, tail) if found else (text, None)


def event_of(headers: Headers, value: bytes | None, place: tuple[int, int] | None = None) -> Event:
    """The event that a record is. Raises MalformedEvent where it is none.

    With the partition and offset of a `place` it tells filters and subscribers where it rests, as Knative's Kafka data
    plane does.
    """
    raw: dict[str, Any] = {}
    ttl: int | None = None
    trace = b""
    attributes = _ATTRIBUTES
    for name, content in headers:
        attribute = attributes[name]
        if attribute:
            raw[attribute] = content
        elif attribute is None:
            if name == TTL:
                ttl = _ttl(content)
            elif content is not None and name in _TRACE:
                trace += b"%b: %b\r\n" % (name.encode(), content)
            else:
                return placed(_event_with_care(headers, value), place)
    try:
        is_plain = _is_plain(b"".join(raw.values()))
    except TypeError:  # a header without a value
        is_plain = False
    if is_plain and place is not None:
        raw[PARTITION], raw[OFFSET] = b"%d" % place[0], b"%d" % place[1]
    event = decode_attributes(raw, value) if is_plain else None
    if event is None:
        return placed(_event_with_care(headers, value), place)
    event.ttl = ttl
    event.trace = trace
    return event


def _is_plain(value: bytes) -> bool:
    """Whether a header over HTTP has the same bytes."""
    return b"%" not in value and b'"' not in value and value.isascii()


def _ttl(content: bytes | None) -> int | None:
    return int(content) if content and content.isdigit() and len(content) <= _TTL_MAX else None


def placed(event: Event, place: tuple[int, int] | None) -> Event:
    """The event with where it rests, its partition and offset, where that is to be told."""
    if place is None:
        return event
    if event.raw is None:
        return event.with_attributes({PARTITION: place[0], OFFSET: place[1]})
    return event.with_raw({PARTITION: b"%d" % place[0], OFFSET: b"%d" % place[1]})


def _event_with_care(headers: Headers, value: bytes | None) -> Event:
    came: dict[bytes, bytes] = {}
    ttl: int | None = None
    trace, raw, view = b"", b"", b""
    fields = _FIELDS
    for name, content in headers:
        field = fields[name]
        if field:
            if name == TTL:
                ttl = _ttl(content)
            elif content is None:
                continue
            elif field == b"content-type" or _is_plain(content):
                came[field] = content
            else:
                came[field] = to_header(_text(content))
        elif content is None:
            continue
        elif name in _TRACE:
            trace += b"%b: %b\r\n" % (name.encode(), content)
        elif name == RAW:
            raw = content
        elif name == VIEW:
            view = content
    event = _event(came, raw, view, value)
    event.ttl = ttl if event.ttl is None else event.ttl
    event.trace = trace
    return event


def _event(came: dict[bytes, bytes], raw: bytes, view: bytes, value: bytes | None) -> Event:
    if view:
        return _from_view(view, value)
    if raw:
        try:
            for name, content in _raw(raw).items():
                came[b"content-type" if name == "datacontenttype" else b"ce-" + name.encode()] = content
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise MalformedEvent(RAW, "is not what this program writes") from error
    media = came.get(b"content-type", b"").lower()
    if media.startswith(STRUCTURED.encode()):
        return decode_structured(value or b"")
    if media.startswith(BATCH.encode()):
        raise MalformedEvent("", "a record is one event, no batch")
    event = decode(came, value or b"")
    assert isinstance(event, Event)
    event.data = value
    return event


def _from_view(packed: bytes, value: bytes | None) -> Event:
    try:
        found = _view(packed)
        validate(found.view)
    except (msgspec.MsgspecError, TypeError) as error:
        raise MalformedEvent(VIEW, "is not what this program writes") from error
    text = found.head if found.tail is None else b"".join((found.head or b"", value or b"", found.tail))
    return Event(None, found.view, value, text=text, json_data=found.json_data)


def wrapped(record: Found, source: str, partition: int) -> Event:
    """The event made of a record that is none, as Knative's KafkaSource makes it. Any record makes one."""
    key, offset = record.key, record.offset
    attributes: dict[str, Value | datetime | None] = {
        "id": f"partition:{partition}/offset:{offset}",
        "source": source,
        "type": RECORD_TYPE,
        "subject": f"partition:{partition}#{offset}",
        "time": _time(record.time_ms),
    }
    for name, content in record.headers:
        if name.lower() == "content-type":
            media = _text(content).lower()
            attributes["datacontenttype"] = media if is_media_type(media) else None
            continue
        plain = "".join(one for one in name.lower() if one.isascii() and one.isalnum())
        if is_name(plain):
            attributes[f"kafkaheader{plain}"] = _text(content)
    if key is not None:
        attributes["partitionkey"] = attributes["key"] = _text(key)
    return Event.from_attributes(attributes, record.value)


def _time(time_ms: int) -> datetime | None:
    """None for what its producer did not tell, and for what lies beyond the years of RFC 3339: microseconds, say, for
    milliseconds.
    """
    if time_ms == NO_TIME_MS:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        return None


def _text(content: bytes | None) -> str:
    """A header's value: UTF-8 if it is valid, else Latin-1. Control characters are none of its business."""
    try:
        return (content or b"").decode("utf-8")
    except UnicodeDecodeError:
        return (content or b"").decode("latin-1")
