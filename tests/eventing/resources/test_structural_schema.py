"""Field trees as structural schemas."""

import pytest

from eventing.resources.identity import Object
from eventing.resources.schema import ANYTHING, INT32, OPEN, STRING, Node, array, mapping, record, string
from eventing.resources.structural_schema import schema_of

ANY = {"x-kubernetes-preserve-unknown-fields": True}


@pytest.mark.parametrize(
    ("node", "schema"),
    [
        (ANYTHING, ANY),
        (ANYTHING.described("What it is."), {"description": "What it is."} | ANY),
        (Node("any", format="int-or-string"), {"x-kubernetes-int-or-string": True}),
        (STRING, {"type": "string"}),
        (string("", enum=("a", "b"), default="a"), {"type": "string", "enum": ["a", "b"], "default": "a"}),
        (INT32, {"type": "integer", "format": "int32"}),
        (Node("integer", minimum=0, default=0), {"type": "integer", "minimum": 0, "default": 0}),
        (Node("boolean", default=False), {"type": "boolean", "default": False}),
        (OPEN, {"type": "object"} | ANY),
        (mapping(STRING), {"type": "object", "additionalProperties": {"type": "string"}}),
        (
            record({"a": STRING}, required=("a",), is_open=True),
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]} | ANY,
        ),
        (record({}, is_atomic=True), {"type": "object", "x-kubernetes-map-type": "atomic"}),
        (
            mapping(STRING, is_atomic=True),
            {"type": "object", "additionalProperties": {"type": "string"}, "x-kubernetes-map-type": "atomic"},
        ),
        (Node("array"), {"type": "array", "items": ANY}),
        (array(STRING, items_min=1), {"type": "array", "items": {"type": "string"}, "minItems": 1}),
        (
            array(STRING, list_type="set"),
            {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        ),
        (
            array(STRING, list_type="map", list_keys=("a",)),
            {
                "type": "array",
                "items": {"type": "string"},
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["a"],
            },
        ),
    ],
)
def test_a_node_says_the_same_as_a_schema(node: Node, schema: Object) -> None:
    """Type by type: nothing is written that says nothing."""
    assert schema == schema_of(node)
