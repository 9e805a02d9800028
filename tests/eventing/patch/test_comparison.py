"""In which fields two states of an object differ."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.patch.comparison import Comparison, compare
from eventing.patch.field_set import NOTHING, FieldSet, shown_path
from eventing.resources.schema import ANYTHING, STRING, array, mapping, record

NODE = record(
    {
        "labels": mapping(STRING),
        "items": array(record({"name": STRING, "x": STRING}), list_type="map", list_keys=("name",)),
        "tags": array(STRING, list_type="set"),
        "atomic": array(STRING),
        "any": ANYTHING,
    }
)
STATES = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy")),
        "items": st.lists(
            st.fixed_dictionaries({"name": st.sampled_from("ab")}, optional={"x": st.sampled_from("xy")}),
            unique_by=lambda item: item["name"],
        ),
        "tags": st.lists(st.sampled_from("ab"), unique=True),
        "any": st.none() | st.just("x") | st.just([1]) | st.just({"a": {"b": 1}}) | st.just({}),
    },
)


def shown(fields: FieldSet) -> list[str]:
    return sorted(map(shown_path, fields))


@pytest.mark.parametrize(
    ("old", "new", "added", "modified", "removed"),
    [
        ({}, {"labels": {"a": "1"}}, [".labels", ".labels.a"], [], []),
        ({"labels": {"a": "1"}}, {"labels": {"a": "2", "b": "1"}}, [".labels.b"], [".labels.a"], []),
        ({"labels": {"a": "1"}}, {}, [], [], [".labels", ".labels.a"]),
        ({"labels": {"a": "1"}}, {"labels": {}}, [], [], [".labels.a"]),
        ({"labels": {}}, {"labels": {}}, [], [], []),
        ({"labels": None}, {"labels": {}}, [], [".labels"], []),
        ({"labels": None}, {"labels": {"a": "1"}}, [".labels.a"], [], []),
        ({}, {"labels": {}}, [".labels"], [], []),
        ({"tags": ["a", "b"]}, {"tags": ["b", "a", "c"]}, ['.tags[="c"]'], [], []),
        ({"tags": []}, {}, [], [], [".tags"]),
        ({"tags": None}, {"tags": ["a"]}, ['.tags[="a"]'], [], []),
        ({"items": [{"name": "a"}]}, {"items": [{"name": "a", "x": "1"}]}, ['.items[name="a"].x'], [], []),
        (
            {},
            {"items": [{"name": "a"}]},
            [".items", '.items[name="a"]', '.items[name="a"].name'],
            [],
            [],
        ),
        ({"atomic": ["a", "b"]}, {"atomic": ["b", "a"]}, [], [".atomic"], []),
        ({"any": 1}, {"any": 1.0}, [], [], []),
        ({"any": 1}, {"any": True}, [], [".any"], []),
        ({"any": 1}, {"any": {"a": 1}}, [".any.a"], [".any"], []),
        ({"any": {"a": 1}}, {"any": [1]}, [], [".any"], [".any.a"]),
        ({"any": None}, {"any": None}, [], [], []),
        ({"any": None}, {}, [], [], [".any"]),
    ],
)
def test_what_has_changed(old: Any, new: Any, added: list[str], modified: list[str], removed: list[str]) -> None:
    """Containers count where they come or go, and as values where they are empty or one leaf."""
    change = compare(old, new, NODE)
    assert (added, modified, removed) == (shown(change.added), shown(change.modified), shown(change.removed))


@given(STATES, STATES)
def test_a_comparison_reads_both_ways(old: Any, new: Any) -> None:
    """What was added one way is removed the other way."""
    forth, back = compare(old, new, NODE), compare(new, old, NODE)
    assert (forth.added, forth.modified, forth.removed) == (back.removed, back.modified, back.added)


@given(STATES)
def test_nothing_has_changed_in_the_same_state(state: Any) -> None:
    """Nor is the whole object a field."""
    assert Comparison(NOTHING, NOTHING, NOTHING) == compare(state, state, NODE)


def test_a_comparison_can_be_of_some_fields() -> None:
    """The others have not changed then."""
    change = compare({"labels": {"a": "1", "b": "1"}, "any": 1}, {"labels": {"a": "2", "c": "1"}}, NODE)
    found = change.within(lambda path: path[0] == "f:labels")
    assert ([".labels.a", ".labels.c"], [".labels.b"]) == (shown(found.written), shown(found.removed))
