"""The OpenAPI v2 document as the protobuf message in which kubectl asks for it.

Source: gnostic's OpenAPIv2.proto (openapi.v2.Document), of which this writes what the document holds. Pure.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from eventing.resources.identity import Object
from eventing.resources.protobuf import double_field, integer_field, message_field, text_field

_Write = Callable[[int, Any], Iterator[bytes]]
_Fields = Mapping[str, tuple[int, _Write]]
"""The members of a map that a message has a field for: its number, and what writes it."""


def encode_v2(document: Object) -> bytes:
    """The message that says what the document says."""
    return b"".join(_members(document, _DOCUMENT))


def _members(value: Mapping[str, Any], fields: _Fields, extension: int = 0) -> Iterator[bytes]:
    """The fields of a message for the members of a map; what begins with `x-` is an extension of that number."""
    for name, member in value.items():
        if name in fields:
            number, write = fields[name]
            yield from write(number, member)
        elif name.startswith("x-"):
            yield message_field(extension, [text_field(1, name), message_field(2, _yaml(member))])


def _yaml(value: Any) -> list[bytes]:
    """An Any: JSON is YAML."""
    return [text_field(2, json.dumps(value))]


def _text(number: int, value: str) -> Iterator[bytes]:
    yield text_field(number, value)


def _texts(number: int, value: list[str]) -> Iterator[bytes]:
    yield from (text_field(number, one) for one in value)


def _integer(number: int, value: int) -> Iterator[bytes]:
    yield integer_field(number, value)


def _double(number: int, value: float) -> Iterator[bytes]:
    yield double_field(number, value)


def _any(number: int, value: Any) -> Iterator[bytes]:
    yield message_field(number, _yaml(value))


def _anys(number: int, value: list[Any]) -> Iterator[bytes]:
    yield from (message_field(number, _yaml(one)) for one in value)


def _type(number: int, value: str) -> Iterator[bytes]:
    yield message_field(number, [text_field(1, value)])


def _schema(number: int, value: Object) -> Iterator[bytes]:
    yield message_field(number, _members(value, _SCHEMA, 31))


def _wrapped_schema(number: int, value: Object) -> Iterator[bytes]:
    """The items of an array, or the values of a map: a message that holds a schema."""
    yield message_field(number, _schema(1, value))


def _named(write: _Write, inner: int = 1) -> _Write:
    """A map: a message of entries, each a name and what `write` makes of the value."""

    def named(number: int, value: Mapping[str, Any]) -> Iterator[bytes]:
        entries = (message_field(inner, [text_field(1, name), *write(2, one)]) for name, one in value.items())
        yield message_field(number, entries)

    return named


def _parameters(number: int, value: list[Object]) -> Iterator[bytes]:
    """Each in four layers: item, Parameter, NonBodyParameter, and the parameter of a query or a path."""
    for one in value:
        kind, fields = (4, _PATH_PARAMETER) if one["in"] == "path" else (3, _QUERY_PARAMETER)
        inner = message_field(kind, _members(one, fields))
        yield message_field(number, [message_field(1, [message_field(2, [inner])])])


def _response(number: int, value: Object) -> Iterator[bytes]:
    yield message_field(number, [message_field(1, [text_field(1, value["description"])])])


def _info(number: int, value: Object) -> Iterator[bytes]:
    yield message_field(number, _members(value, _INFO))


def _operation(number: int, value: Object) -> Iterator[bytes]:
    yield message_field(number, _members(value, _OPERATION, 13))


def _path(number: int, value: Object) -> Iterator[bytes]:
    yield message_field(number, _members(value, _PATH))


_SCHEMA: Final[_Fields] = {
    "$ref": (1, _text),
    "format": (2, _text),
    "description": (4, _text),
    "default": (5, _any),
    "minimum": (9, _double),
    "minItems": (15, _integer),
    "required": (19, _texts),
    "enum": (20, _anys),
    "additionalProperties": (21, _wrapped_schema),
    "type": (22, _type),
    "items": (23, _wrapped_schema),
    "properties": (25, _named(_schema)),
}
_QUERY_PARAMETER: Final[_Fields] = {"in": (2, _text), "description": (3, _text), "name": (4, _text), "type": (6, _text)}
_PATH_PARAMETER: Final[_Fields] = {
    "required": (1, _integer),
    "in": (2, _text),
    "description": (3, _text),
    "name": (4, _text),
    "type": (5, _text),
}
_OPERATION: Final[_Fields] = {
    "tags": (1, _texts),
    "operationId": (5, _text),
    "produces": (6, _texts),
    "consumes": (7, _texts),
    "parameters": (8, _parameters),
    "responses": (9, _named(_response)),
}
_INFO: Final[_Fields] = {"title": (1, _text), "version": (2, _text)}
_PATH: Final[_Fields] = {"patch": (8, _operation), "parameters": (9, _parameters)}
_DOCUMENT: Final[_Fields] = {
    "swagger": (1, _text),
    "info": (2, _info),
    "paths": (8, _named(_path, inner=2)),
    "definitions": (9, _named(_schema)),
}
