"""Sets of fields, and how Kubernetes writes them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.patch.field_set import (
    FieldSet,
    MalformedFieldSet,
    fields_of,
    from_fields_v1,
    shown_path,
    to_fields_v1,
    with_parents,
)
from eventing.patch.json_value import DEPTH_MAX
from eventing.resources.schema import INT32, OPEN, STRING, array, mapping, record

PORT = record({"name": STRING, "port": INT32, "owner": record({"a": STRING}, is_atomic=True)})
NODE = record(
    {
        "labels": mapping(STRING),
        "spec": record({"a": INT32, "inner": record({"b": INT32, "c": STRING})}),
        "ports": array(PORT, list_type="map", list_keys=("port",)),
        "tags": array(STRING, list_type="set"),
        "atomic": array(PORT),
        "open": OPEN,
    }
)
STEPS = st.sampled_from(["f:a", "f:.", "f:", 'k:{"a":1,"b":"x"}', 'v:"y"', "v:1.5", "i:0", "i:-1"])
SETS = st.frozensets(st.lists(STEPS, min_size=1, max_size=4).map(tuple))


@given(SETS)
def test_what_is_written_is_read_again(fields: FieldSet) -> None:
    """FieldsV1 is another form of the same set."""
    assert fields == from_fields_v1(to_fields_v1(fields))


@given(SETS, SETS)
def test_sets_obey_the_algebra(left: FieldSet, right: FieldSet) -> None:
    """What one has and what the other has is all that both have, each field once."""
    assert left | right == (left - right) | (right - left) | (left & right)
    assert from_fields_v1(to_fields_v1(left - right)) == left - right


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], {}),
        ([("f:a",)], {"f:a": {}}),
        ([("f:a",), ("f:a", "f:b")], {"f:a": {".": {}, "f:b": {}}}),
        ([("f:a", "f:b")], {"f:a": {"f:b": {}}}),
        ([("f:.",)], {"f:.": {}}),
    ],
)
def test_a_dot_is_written_where_a_field_stands_besides_its_parts(fields: list[Any], expected: Any) -> None:
    """A field that has none needs no dot."""
    assert expected == to_fields_v1(frozenset(fields))


def test_every_form_of_a_step_is_read_as_its_one_form() -> None:
    """Others write spaces, and keys in any order."""
    tree = {".": {}, "f:a": {".": {}, 'k:{"b": 1, "a": "<"}': {}, 'v: "x"': {".": {}}}}
    expected = {("f:a",), ("f:a", r'k:{"a":"\u003c","b":1}'), ("f:a", 'v:"x"')}
    assert expected == from_fields_v1(tree)


def deep(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for _ in range(depth):
        tree = {"f:a": tree}
    return tree


@pytest.mark.parametrize(
    "tree",
    [
        None,
        [],
        {"f:a": None},
        {"a": {}},
        {"x:a": {}},
        {"i:x": {}},
        {"k:1": {}},
        {"k:{": {}},
        {"v:": {}},
        {"v:" + "[" * 200 + "]" * 200: {}},
        {"v:" + "[" * 100_000: {}},
        {"x:a": {"f:b": {}}},
        deep(DEPTH_MAX + 1),
    ],
)
def test_what_is_no_field_set_is_refused(tree: Any) -> None:
    """As a whole, and whatever it is."""
    with pytest.raises(MalformedFieldSet):
        from_fields_v1(tree)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, []),
        ({"labels": {"a": "1"}}, [".labels.a"]),
        ({"labels": {}}, [".labels"]),
        ({"spec": {"a": 1, "inner": {"b": 1}}}, [".spec.a", ".spec.inner.b"]),
        ({"spec": {"inner": None}}, [".spec.inner"]),
        ({"tags": ["a"]}, ['.tags[="a"]']),
        ({"tags": []}, []),
        (
            {"ports": [{"port": 1, "owner": {"a": "x"}}]},
            [".ports[port=1]", ".ports[port=1].owner", ".ports[port=1].port"],
        ),
        ({"atomic": [{"port": 1}]}, [".atomic"]),
        ({"open": {"m": {"k": [1]}}}, [".open.m", ".open.m.k"]),
        ({"unknown": {"k": 1}}, [".unknown", ".unknown.k"]),
        ({"labels": "text"}, [".labels"]),
    ],
)
def test_the_fields_of_a_value(value: Any, expected: list[str]) -> None:
    """Leaves, empty maps, items, and members that are not declared."""
    assert expected == sorted(map(shown_path, fields_of(value, NODE)))


def test_declared_parents_come_with_their_parts() -> None:
    """A map's free members and the items of lists do not."""
    fields = fields_of({"spec": {"inner": {"b": 1}}, "labels": {"l": "1"}, "ports": [{"port": 1}], "x": {"y": 1}}, NODE)
    added = with_parents(fields, NODE) - fields
    assert [".labels", ".ports", ".spec", ".spec.inner"] == sorted(map(shown_path, added))
    inside = frozenset({("f:ports", 'k:{"port":1}', "f:owner", "f:a"), ("f:x", 'v:"y"', 'v:"z"', "f:u")})
    found = sorted(map(shown_path, with_parents(inside, NODE) - inside))
    assert [".ports", ".ports[port=1].owner"] == found


def test_a_path_is_shown_as_people_read_it() -> None:
    """In the words of kube-apiserver."""
    path = ("f:a.b/c", 'k:{"port":1,"protocol":"TCP"}', "v:true", "i:3")
    assert '.a.b/c[port=1,protocol="TCP"][=true][3]' == shown_path(path)
