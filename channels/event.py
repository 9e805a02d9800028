"""One CloudEvent: what arrived, and the decoded view of it for whoever asks.

A binary event keeps its header values as the bytes that came, a structured one its JSON text; `data` is never parsed
or re-encoded. The decoded view (strings, integers, Booleans) is made once, attribute by attribute, on demand. Changes
make another Event and touch only the attribute map. Source: CloudEvents 1.0.2; HTTP protocol binding 3.1. Pure: no
I/O, no clock.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

from channels.attribute import (
    INTEGER_MAX,
    INTEGER_MIN,
    OPTIONAL,
    OPTIONAL_03,
    REQUIRED,
    Value,
    canonical,
    fault_of,
    from_datetime,
    from_header,
    is_name,
    to_datetime,
    to_header,
)
from channels.errors import MalformedEvent

if TYPE_CHECKING:
    from cloudevents.core.base import BaseCloudEvent

TTL_ATTRIBUTE: Final = "knativebrokerttl"
TTL_MAX: Final = 255
"""Hops an event may make through Brokers before it is taken for a loop (Knative's default, `MAX_TTL`)."""
_OVERHEAD_BYTES: Final = 256
_ATTRIBUTE_BYTES: Final = 192
"""What the objects around an event and each of its attributes cost, measured with tracemalloc and rounded up."""


class Event:
    """An immutable CloudEvent, version 1.0 or 0.3.

    `data` is the payload's bytes or None for none. `raw` maps attribute names to header values as they came (binary
    mode) and is None otherwise. `text` is the JSON text of an event that came structured and was not changed since.
    `json_data` is true where `data` was a JSON value without a datacontenttype. `ttl` counts the Broker hops left; it
    is no attribute, so subscribers and filters never see it; None means the event has not passed a Broker.
    """

    __slots__ = ("_size", "_view", "data", "json_data", "raw", "text", "trace", "ttl")

    def __init__(
        self,
        raw: dict[str, bytes] | None,
        view: dict[str, Value],
        data: bytes | None,
        *,
        ttl: int | None = None,
        text: bytes | None = None,
        json_data: bool = False,
    ) -> None:
        self.raw = raw
        self._view = view
        self._size = 0
        self.data = data
        self.ttl = ttl
        self.text = text
        self.json_data = json_data
        self.trace = b""
        """W3C trace context as header lines for the next hop, each ended by CRLF."""

    @classmethod
    def from_attributes(
        cls, attributes: Mapping[str, Value | datetime | None], data: bytes | str | None = None
    ) -> Self:
        """An event of the given attributes; `specversion` defaults to 1.0 and nothing else is invented.

        Values that are None are left out; a datetime becomes RFC 3339 text; text data becomes UTF-8. Raises
        MalformedEvent, whose path is the attribute, for a missing required attribute, an illegal name or a value
        against the specification.
        """
        view: dict[str, Value] = {"specversion": "1.0"}
        for name, value in attributes.items():
            if value is not None:
                view[name] = from_datetime(value) if isinstance(value, datetime) else value
        validate(view)
        return cls(None, view, data.encode() if isinstance(data, str) else data)

    @classmethod
    def from_sdk(cls, event: "BaseCloudEvent") -> Self:
        """The event that the `cloudevents` SDK's object describes. Its data must be bytes, text or None: nothing is
        serialised here.

        Raises MalformedEvent for what the specification forbids, TypeError for data of another type.
        """
        data = event.get_data()
        if not isinstance(data, bytes | str | None):
            raise TypeError(f"data must be bytes, str or None, not {type(data).__name__}")
        return cls.from_attributes(event.get_attributes(), data)

    def to_sdk(self) -> "BaseCloudEvent":
        """The same event as an object of the `cloudevents` SDK, its data as bytes and its time as a datetime.

        A leap second becomes the second before it. Raises ValueError for the year 0, which datetime does not know.
        """
        from cloudevents.core.v03.event import CloudEvent as CloudEvent03
        from cloudevents.core.v1.event import CloudEvent

        attributes: dict[str, Any] = dict(self.attributes)
        if (time := self.get_text("time")) is not None:
            attributes["time"] = to_datetime(time)
        made = (CloudEvent03 if self.specversion == "0.3" else CloudEvent)(attributes, self.data)
        if time is None:
            del made.get_attributes()["time"]  # the SDK's constructor takes the clock's
        return made

    def get(self, name: str) -> Value | None:
        """The decoded value of an attribute, None where the event has none of that name."""
        value = self._view.get(name)
        if value is None and self.raw is not None and (came := self.raw.get(name)) is not None:
            value = self._view[name] = _from_raw(name, came)
        return value

    def get_text(self, name: str) -> str | None:
        """The attribute's canonical CloudEvents string, None where the event has none of that name."""
        value = self.get(name)
        return value if value is None or isinstance(value, str) else canonical(value)

    @property
    def attributes(self) -> Mapping[str, Value]:
        """All attributes, decoded: read it, do not write it."""
        if self.raw is not None and len(self._view) < len(self.raw):
            self._view = {name: _from_raw(name, value) for name, value in self.raw.items()}
        return self._view

    @property
    def names(self) -> Iterable[str]:
        """The names of all attributes, without decoding a value."""
        return self._view if self.raw is None else self.raw

    @property
    def specversion(self) -> str:
        """`1.0` or `0.3`."""
        return str(self.get("specversion"))

    @property
    def id(self) -> str:
        """Unique per source."""
        return str(self.get("id"))

    @property
    def source(self) -> str:
        """A URI-reference: where the event happened."""
        return str(self.get("source"))

    @property
    def type(self) -> str:
        """What happened."""
        return str(self.get("type"))

    @property
    def datacontenttype(self) -> str | None:
        """The media type of the data, None where the sender gave none."""
        return self.get_text("datacontenttype")

    @property
    def size(self) -> int:
        """Bytes the event is charged with against bounds: data, attributes, what holds them. The same at each call."""
        return self._size or self._measure()

    def _measure(self) -> int:
        held = _OVERHEAD_BYTES + len(self.data or b"") + len(self.text or b"")
        if self.raw is not None:
            # Twice, because a value is also held as text once somebody asked for it.
            held += _ATTRIBUTE_BYTES * len(self.raw) + 2 * sum(map(len, self.raw.values()))
        else:
            held += _ATTRIBUTE_BYTES * len(self._view)
            if self.text is not None:  # the values are what of the text is not data
                held += max(0, len(self.text) - len(self.data or b""))
            else:
                held += sum(len(value) for value in self._view.values() if isinstance(value, str | bytes))
        self._size = held
        return held

    def with_attributes(self, changes: Mapping[str, Value | None]) -> "Event":
        """Another event with these attributes set, or removed where None. The caller vouches for their legality."""
        view = {**self.attributes}
        raw = None if self.raw is None else dict(self.raw)
        for name, value in changes.items():
            view.pop(name, None)
            if raw is not None:
                raw.pop(name, None)
            if value is not None:
                view[name] = value
                if raw is not None:
                    raw[name] = _to_raw(name, value)
        changed = Event(raw, view, self.data, ttl=self.ttl, json_data=self.json_data)
        changed.trace = self.trace
        return changed

    def with_raw(self, more: Mapping[str, bytes]) -> "Event":
        """Another event that came with these header values as well, or instead. The caller vouches for their legality.
        Raises ValueError for an event that did not come in headers.
        """
        if self.raw is None:
            raise ValueError("it has no header values")
        changed = Event({**self.raw, **more}, {}, self.data, ttl=self.ttl)
        changed.trace = self.trace
        if self._size and self.raw.keys().isdisjoint(more):
            changed._size = self._size + _ATTRIBUTE_BYTES * len(more) + 2 * sum(map(len, more.values()))
        return changed

    def without(self, name: str) -> None:
        """Take an attribute, and the JSON text, out of this very event: for the codec, before anyone else saw it."""
        self._view.pop(name, None)
        self.text = None
        if self.raw is not None:
            self.raw.pop(name, None)

    def with_ttl(self, ttl: int | None) -> "Event":
        """Another event, alike but for the Broker hops it has left."""
        alike = Event(self.raw, self._view, self.data, ttl=ttl, text=self.text, json_data=self.json_data)
        alike.trace = self.trace
        return alike

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event):
            return NotImplemented
        return self.data == other.data and self.attributes == other.attributes

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        size = "no data" if self.data is None else f"{len(self.data)} bytes"
        return f"<Event {self.type} {self.source} {self.id}, {size}>"


def _from_raw(name: str, came: bytes) -> str:
    """Content-Type is an HTTP header of its own, to which the percent-encoding of attributes does not apply."""
    return came.decode("latin-1") if name == "datacontenttype" else from_header(came)


def _to_raw(name: str, value: Value) -> bytes:
    return canonical(value).encode("latin-1") if name == "datacontenttype" else to_header(value)


def validate(view: Mapping[str, Value]) -> None:
    """Raise MalformedEvent for the first thing in a decoded attribute map that the specification forbids."""
    for name in REQUIRED:
        if name not in view:
            raise MalformedEvent(name, "this required attribute is missing")
    version = view["specversion"]
    standard = {*REQUIRED, *(OPTIONAL_03 if version == "0.3" else OPTIONAL)}
    for name, value in view.items():
        if name in standard:
            fault = fault_of(name, value, str(version))
        elif name == "data" or not is_name(name):
            fault = "is no attribute name: lower-case letters and digits only"
        else:
            fault = _type_fault(value)
        fault = fault or _text_fault(value)
        if fault is not None:
            raise MalformedEvent(name, fault)


def _type_fault(value: object) -> str | None:
    if isinstance(value, bool | str | bytes):
        return None
    if not isinstance(value, int):
        return "must be a string, a Boolean or an integer"
    return None if INTEGER_MIN <= value <= INTEGER_MAX else "must be an integer of 32 bits"


def _text_fault(value: Value) -> str | None:
    try:
        if isinstance(value, str):
            value.encode()
    except UnicodeEncodeError:
        return "must be Unicode text, without lone surrogates"
    return None
