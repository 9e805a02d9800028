"""What of a value is merged, and what is one leaf."""

from typing import Any

import pytest

from eventing.patch.field_tree import child_of, element_of, is_declared, shape_of
from eventing.resources.schema import ANYTHING, INT32, STRING, Node, array, mapping, record

PORT = record({"port": INT32, "protocol": Node("string", default="TCP"), "name": STRING})
PORTS = array(PORT, list_type="map", list_keys=("port", "protocol"))
TAGS = array(STRING, list_type="set")


@pytest.mark.parametrize(
    ("value", "node", "expected"),
    [
        ({}, mapping(STRING), "map"),
        ({}, None, "map"),
        ({}, ANYTHING, "map"),
        ({}, record({}, is_atomic=True), "leaf"),
        ([], TAGS, "list"),
        ([], PORTS, "list"),
        ([], array(STRING), "leaf"),
        ([], ANYTHING, "leaf"),
        ([], None, "leaf"),
        ("text", TAGS, "leaf"),
        (None, mapping(STRING), "leaf"),
    ],
)
def test_a_value_is_merged_where_its_node_says_so(value: Any, node: Node | None, expected: str) -> None:
    """Where nothing is known, maps are merged and lists are not."""
    assert expected == shape_of(value, node)


def test_a_member_has_its_own_node_or_that_of_all() -> None:
    """Only the former is declared."""
    assert child_of(PORT, "port") == INT32
    assert child_of(mapping(STRING), "any") == STRING
    assert child_of(PORT, "any") is None
    assert child_of(None, "any") is None
    declared = [is_declared(node, "port") for node in (PORT, mapping(STRING), None)]
    assert [True, False, False] == declared


@pytest.mark.parametrize(
    ("item", "node", "expected"),
    [
        ({"protocol": "UDP", "port": 80, "name": "x"}, PORTS, 'k:{"port":80,"protocol":"UDP"}'),
        ({"port": 80}, PORTS, 'k:{"port":80,"protocol":"TCP"}'),
        ({"name": "x"}, PORTS, 'k:{"protocol":"TCP"}'),
        ({"key": 1}, array(ANYTHING, list_type="map", list_keys=("key", "other")), 'k:{"key":1}'),
        ("a<b", TAGS, r'v:"a\u003cb"'),
        ({"b": 1, "a": 2}, TAGS, 'v:{"a":2,"b":1}'),
        ("no map", PORTS, 'v:"no map"'),
    ],
)
def test_items_are_told_apart_by_their_keys_or_by_themselves(item: Any, node: Node, expected: str) -> None:
    """In the one form in which Kubernetes writes it."""
    assert expected == element_of(item, node)
