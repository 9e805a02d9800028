"""What clients send of Kubernetes' own kinds in protobuf, as `kubectl create configmap` does: read, never written.

Answers are JSON, which those clients take as well. Source: the `generated.proto` files of Kubernetes, and the wire
format of Protocol Buffers. Pure.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

PROTOBUF: Final = "application/vnd.kubernetes.protobuf"
_MAGIC: Final = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_VARINT_MAX_BYTES: Final = 10
_INT64: Final = 2**63
Scalar = Literal["string", "bytes", "int", "bool", "time", "port"]


class MalformedProtobuf(ValueError):  # noqa: N818 - named for what it is
    """The client must act: the bytes are no message, or one of a kind that is not read in this form."""


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a message: `of` is a scalar or the fields of an inner message. Maps have texts as keys."""

    name: str
    of: "Scalar | Mapping[int, _Field]" = "string"
    is_many: bool = False
    is_map: bool = False


def _texts(*names: str) -> dict[int, _Field]:
    """Fields of text, numbered from 1."""
    return {number: _Field(name) for number, name in enumerate(names, 1)}


_OWNER: Final = {
    1: _Field("kind"),
    3: _Field("name"),
    4: _Field("uid"),
    5: _Field("apiVersion"),
    6: _Field("controller", "bool"),
    7: _Field("blockOwnerDeletion", "bool"),
}
_METADATA: Final = {
    **_texts("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"),
    7: _Field("generation", "int"),
    8: _Field("creationTimestamp", "time"),
    9: _Field("deletionTimestamp", "time"),
    11: _Field("labels", is_map=True),
    12: _Field("annotations", is_map=True),
    13: _Field("ownerReferences", _OWNER, is_many=True),
    14: _Field("finalizers", is_many=True),
}
_PORT: Final = {
    **_texts("name", "protocol"),
    3: _Field("port", "int"),
    4: _Field("targetPort", "port"),
    5: _Field("nodePort", "int"),
    6: _Field("appProtocol"),
}
_SERVICE: Final = {
    1: _Field("ports", _PORT, is_many=True),
    2: _Field("selector", is_map=True),
    3: _Field("clusterIP"),
    4: _Field("type"),
    5: _Field("externalIPs", is_many=True),
    7: _Field("sessionAffinity"),
    10: _Field("externalName"),
    11: _Field("externalTrafficPolicy"),
    18: _Field("clusterIPs", is_many=True),
}
_ATTRIBUTES: Final = _texts("namespace", "verb", "group", "version", "resource", "subresource", "name")
_ACCESS: Final = {
    1: _Field("resourceAttributes", _ATTRIBUTES),
    2: _Field("nonResourceAttributes", _texts("path", "verb")),
}
_KINDS: Final[dict[str, dict[int, _Field]]] = {
    "ConfigMap": {
        2: _Field("data", is_map=True),
        3: _Field("binaryData", "bytes", is_map=True),
        4: _Field("immutable", "bool"),
    },
    "DeleteOptions": {
        2: _Field("preconditions", _texts("uid", "resourceVersion")),
        3: _Field("orphanDependents", "bool"),
        4: _Field("propagationPolicy"),
        5: _Field("dryRun", is_many=True),
    },
    "Namespace": {},
    "Secret": {
        2: _Field("data", "bytes", is_map=True),
        3: _Field("type"),
        4: _Field("stringData", is_map=True),
        5: _Field("immutable", "bool"),
    },
    "SelfSubjectAccessReview": {2: _Field("spec", _ACCESS)},
    "SelfSubjectReview": {},
    "SelfSubjectRulesReview": {2: _Field("spec", _texts("namespace"))},
    "Service": {2: _Field("spec", _SERVICE)},
}
_UNKNOWN: Final = {1: _Field("type", _texts("apiVersion", "kind")), 2: _Field("raw", "bytes")}


def read_protobuf(content: bytes) -> dict[str, Any]:
    """The object in a request's body, as it would be in JSON: what is empty is left out. Raises MalformedProtobuf."""
    if not content.startswith(_MAGIC):
        raise MalformedProtobuf("the body does not begin as Kubernetes' protobuf does")
    envelope = _message(content[len(_MAGIC) :], _UNKNOWN)
    kind = envelope.get("type", {}).get("kind", "")
    fields = _KINDS.get(kind)
    if fields is None:
        raise MalformedProtobuf(f"{kind or 'a kind without a name'} is read in JSON and YAML only")
    metadata = {} if kind == "DeleteOptions" else {1: _Field("metadata", _METADATA)}
    raw = base64.b64decode(envelope.get("raw", ""))
    return {**envelope["type"], **_message(raw, metadata | fields)}


def _message(content: bytes, fields: Mapping[int, _Field]) -> dict[str, Any]:
    message: dict[str, Any] = {}
    for number, value in _values(content):
        field = fields.get(number)
        if field is None:
            continue
        if field.is_map:
            entry = _message(_expect_bytes(value), {1: _Field("key"), 2: _Field("value", field.of)})
            message.setdefault(field.name, {})[entry.get("key", "")] = entry.get("value", "")
            continue
        found = _value(value, field)
        if field.is_many:
            message.setdefault(field.name, []).append(found)
        elif found not in ("", 0, None, {}):
            message[field.name] = found
    return message


def _value(value: int | bytes, field: _Field) -> Any:
    match field.of:
        case "int":
            number = _expect_int(value)
            return number - 2 * _INT64 if number >= _INT64 else number
        case "bool":
            return bool(_expect_int(value))
        case "string":
            return _text(_expect_bytes(value))
        case "bytes":
            return base64.b64encode(_expect_bytes(value)).decode("ascii")
        case "time":
            return _time(_message(_expect_bytes(value), {1: _Field("seconds", "int")}).get("seconds"))
        case "port":
            port = _message(_expect_bytes(value), {2: _Field("number", "int"), 3: _Field("name")})
            return port.get("name") or port.get("number")
    return _message(_expect_bytes(value), field.of)


def _values(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The numbers and values of a message's fields, in order."""
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, place = _varint(content, place)
            yield number, value
            continue
        if wire_type == _BYTES:
            size, place = _varint(content, place)
        elif wire_type in (_FIXED64, _FIXED32):
            size = 8 if wire_type == _FIXED64 else 4
        else:
            raise MalformedProtobuf(f"wire type {wire_type} is none")
        if place + size > len(content):
            raise MalformedProtobuf("a field is longer than its message")
        yield number, content[place : place + size]
        place += size


def _varint(content: bytes, place: int) -> tuple[int, int]:
    number = 0
    for index in range(_VARINT_MAX_BYTES):
        if place >= len(content):
            break
        byte = content[place]
        place += 1
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number & (2 * _INT64 - 1), place
    raise MalformedProtobuf("a number has no end")


def _expect_bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise MalformedProtobuf("a number stands where a text or message is expected")
    return value


def _expect_int(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise MalformedProtobuf("a text or message stands where a number is expected")
    return value


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise MalformedProtobuf("a text is not UTF-8") from error


def _time(seconds: int | None) -> str | None:
    """The time as in JSON; none for Go's zero time, which lies before the epoch."""
    if seconds is None or not 0 < seconds < 2**37:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
