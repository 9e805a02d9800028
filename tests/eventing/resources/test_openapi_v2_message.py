"""The OpenAPI v2 document in protobuf, read by the field numbers of gnostic's OpenAPIv2.proto."""

import json

from eventing.resources.catalogue import Catalogue
from eventing.resources.openapi_v2 import v2_document
from eventing.resources.openapi_v2_message import encode_v2
from tests.eventing.resources.message import fields_of, inner

DOCUMENT = v2_document(Catalogue())
MESSAGE = encode_v2(DOCUMENT)
SCHEMA = {
    "type": "array",
    "format": "f",
    "description": "d",
    "default": [1],
    "minimum": 1,
    "minItems": 2,
    "required": ["a", "b"],
    "enum": ["x", 1],
    "items": {"type": "string"},
    "properties": {"p": {"$ref": "#/definitions/q"}},
    "additionalProperties": {"type": "integer"},
    "x-more": {"a": 1},
    "unknown": "left away",
}


def test_the_document_is_told_whole() -> None:
    """Its version, its title, and the name of every path and definition, in order."""
    assert inner(MESSAGE, 1) == [b"2.0"]
    assert inner(MESSAGE, 2, 1) == [b"eventing"]
    assert [name.decode() for name in inner(MESSAGE, 8, 2, 1)] == list(DOCUMENT["paths"])
    assert [name.decode() for name in inner(MESSAGE, 9, 1, 1)] == list(DOCUMENT["definitions"])


def test_clients_find_kinds_and_parameters() -> None:
    """The extension of a definition and of a patch, as YAML; the parameters of a patch by their names."""
    (named,) = {name for name in inner(MESSAGE, 9, 1, 2, 31, 1) if b"group" in name}
    assert named == b"x-kubernetes-group-version-kind"
    abouts = [json.loads(text) for text in inner(MESSAGE, 8, 2, 2, 8, 13, 2, 2) if text.startswith(b"{")]
    assert abouts == [path["patch"]["x-kubernetes-group-version-kind"] for path in DOCUMENT["paths"].values()]
    told = {name.decode() for name in inner(MESSAGE, 8, 2, 2, 8, 8, 1, 2, 3, 4)}
    assert told == {"dryRun", "fieldManager", "fieldValidation", "force"}
    assert set(inner(MESSAGE, 8, 2, 2, 9, 1, 2, 4, 4)) == {b"namespace", b"name"}
    responses = inner(MESSAGE, 8, 2, 2, 8, 9, 1, 2, 1, 1)
    assert set(responses) == {b"Done.", b"Refused."}


def test_a_schema_is_told_whole() -> None:
    """Every member that OpenAPI v2 knows, extensions as YAML; what it does not know is left away."""
    (schema,) = inner(encode_v2({"definitions": {"s": SCHEMA}}), 9, 1, 2)
    scalars = {number: value for number, value in fields_of(schema) if isinstance(value, int)}
    assert scalars == {15: 2}
    assert inner(schema, 2) == [b"f"]
    assert inner(schema, 4) == [b"d"]
    assert inner(schema, 5, 2) == [b"[1]"]
    assert inner(schema, 9) == [bytes.fromhex("000000000000f03f")]
    assert inner(schema, 19) == [b"a", b"b"]
    assert inner(schema, 20, 2) == [b'"x"', b"1"]
    assert inner(schema, 21, 1, 22, 1) == [b"integer"]
    assert inner(schema, 22, 1) == [b"array"]
    assert inner(schema, 23, 1, 22, 1) == [b"string"]
    assert inner(schema, 25, 1, 1) == [b"p"]
    assert inner(schema, 25, 1, 2, 1) == [b"#/definitions/q"]
    assert (inner(schema, 31, 1), inner(schema, 31, 2, 2)) == ([b"x-more"], [b'{"a": 1}'])
