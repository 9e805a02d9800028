"""How an apply puts an object together."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.patch.apply_merge import merged, pruned, without
from eventing.patch.fault import MalformedPatch
from eventing.patch.field_set import NOTHING, fields_of
from eventing.resources.schema import ANYTHING, STRING, array, mapping, record

ITEM = record({"name": STRING, "x": STRING, "tags": array(STRING, list_type="set")})
NODE = record(
    {
        "labels": mapping(STRING),
        "items": array(ITEM, list_type="map", list_keys=("name",)),
        "tags": array(STRING, list_type="set"),
        "atomic": array(STRING),
        "any": ANYTHING,
    }
)
TAGS = st.lists(st.sampled_from("abcdef"), unique=True)


def items(names: str, **values: Any) -> list[dict[str, Any]]:
    return [{"name": name, **values} for name in names]


@pytest.mark.parametrize(
    ("live", "wanted", "expected"),
    [
        ({"labels": {"a": "1", "b": "1"}}, {"labels": {"b": "2"}}, {"labels": {"a": "1", "b": "2"}}),
        ({"labels": {"a": "1"}}, {"labels": {}}, {"labels": {"a": "1"}}),
        ({"labels": "text"}, {"labels": {"a": "1"}}, {"labels": {"a": "1"}}),
        ({"atomic": ["a"]}, {"atomic": ["b"]}, {"atomic": ["b"]}),
        ({"any": {"a": [1], "b": 1}}, {"any": {"a": [2]}}, {"any": {"a": [2], "b": 1}}),
        ({"any": {"a": 1}}, {"any": "text"}, {"any": "text"}),
        ({"tags": "text"}, {"tags": ["a"]}, {"tags": ["a"]}),
        ({"tags": list("abc")}, {"tags": list("cxa")}, {"tags": list("bcxa")}),
        ({"tags": list("abc")}, {"tags": list("bx")}, {"tags": list("abcx")}),
        ({"tags": list("abc")}, {"tags": list("xb")}, {"tags": list("axbc")}),
        ({"tags": list("abc")}, {"tags": []}, {"tags": list("abc")}),
        ({"items": items("ab", x="1")}, {"items": items("b", x="2")}, {"items": items("a", x="1") + items("b", x="2")}),
        ({"items": items("a", tags=["s"])}, {"items": items("a", tags=["t"])}, {"items": items("a", tags=["s", "t"])}),
        (
            {"items": [*items("a", x="1"), *items("a", x="2"), *items("bb"), {"x": "no key"}, "no map"]},
            {"items": items("a", tags=["t"])},
            {"items": [*items("a", x="1", tags=["t"]), *items("bb"), {"x": "no key"}, "no map"]},
        ),
    ],
)
def test_what_is_wanted_comes_in(live: Any, wanted: Any, expected: Any) -> None:
    """Wanted items have their order, others stay before those that follow them. Nothing that was given changes."""
    before = copy.deepcopy((live, wanted))
    assert expected == merged(live, wanted, NODE)
    assert before == (live, wanted)


def test_what_is_wanted_is_not_shared() -> None:
    """Whoever changes the object does not change what was sent."""
    wanted: dict[str, Any] = {"any": {"a": [1]}}
    result = merged({}, wanted, NODE)
    result["any"]["a"].append(2)
    assert wanted == {"any": {"a": [1]}}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"items": items("aa")}, '.items: duplicate entries for key [name="a"]'),
        ({"tags": ["b", "b"]}, '.tags: duplicate entries for key [="b"]'),
        ({"items": items("a", tags=["b", "b"])}, '.items[name="a"].tags: duplicate entries for key [="b"]'),
    ],
)
def test_an_item_is_wanted_once(wanted: Any, message: str) -> None:
    """In kube-apiserver's words."""
    with pytest.raises(MalformedPatch) as caught:
        merged({}, wanted, NODE)
    assert message == str(caught.value)


@given(TAGS, TAGS)
def test_lists_keep_both_orders(live: list[str], wanted: list[str]) -> None:
    """Each item once; those that are wanted in their order, the others in theirs."""
    result = merged({"tags": live}, {"tags": wanted}, NODE)["tags"]
    assert sorted(set(live) | set(wanted)) == sorted(result)
    assert wanted == [item for item in result if item in wanted]
    assert [item for item in live if item not in wanted] == [item for item in result if item not in wanted]


@pytest.mark.parametrize(
    ("value", "gone", "expected"),
    [
        ({"labels": {"a": "1", "b": "1"}}, {"labels": {"a": "1"}}, {"labels": {"b": "1"}}),
        ({"labels": {"a": "1"}}, {"labels": {"a": "1"}}, {"labels": {}}),
        ({"labels": {"a": "1"}}, {"labels": {}}, {"labels": {"a": "1"}}),
        ({"labels": {}}, {"labels": {}}, {}),
        ({"atomic": ["a"], "any": 1}, {"atomic": ["x"]}, {"any": 1}),
        ({"any": {"a": {"b": 1, "c": 1}, "d": 1}}, {"any": {"a": {}}}, {"any": {"d": 1}}),
        ({"tags": ["a", "b"]}, {"tags": ["a"]}, {"tags": ["b"]}),
        ({"items": items("ab", x="1")}, {"items": items("b")}, {"items": items("a", x="1")}),
        ({"unknown": {"a": 1}}, {"unknown": {}}, {}),
    ],
)
def test_what_is_gone_is_left_out(value: Any, gone: Any, expected: Any) -> None:
    """Declared maps and lists go when they are empty, all else with what is in it."""
    before = copy.deepcopy(value)
    assert expected == without(value, fields_of(gone, NODE), NODE)
    assert before == value


@pytest.mark.parametrize(
    ("item", "last", "held", "expected"),
    [
        ({"labels": {"a": "1"}, "any": 1}, {"labels": {"a": "1"}}, {}, {"any": 1}),
        (
            {"labels": {"a": "1", "b": "1"}},
            {"labels": {"a": "1", "b": "1"}},
            {"labels": {"b": "1"}},
            {"labels": {"b": "1"}},
        ),
        ({"labels": {"a": "1", "nobody's": "1"}}, {"labels": {"a": "1"}}, {}, {"labels": {"nobody's": "1"}}),
        ({"labels": {"nobody's": "1"}}, {"labels": {}}, {}, {"labels": {"nobody's": "1"}}),
        ({"labels": {"a": "1"}}, {"labels": {"a": "1"}}, {"labels": {}}, {"labels": {}}),
        ({"items": items("ab")}, {"items": items("ab")}, {"items": items("b")}, {"items": items("b")}),
        ({"items": items("ab", x="nobody's")}, {"items": items("a")}, {}, {"items": items("b", x="nobody's")}),
        ({"items": [*items("a"), "nobody's"]}, {"items": items("a")}, {}, {"items": ["nobody's"]}),
        ({"tags": ["a", "b"]}, {"tags": ["a"]}, {}, {"tags": ["b"]}),
        ({"tags": ["a"]}, {"tags": ["a"]}, {}, {}),
        ({"any": {"a": {"b": 1}}, "tags": ["t"]}, {"any": {"a": {"b": 1}}}, {}, {"tags": ["t"]}),
    ],
)
def test_what_nobody_holds_any_more_is_pruned(item: Any, last: Any, held: Any, expected: Any) -> None:
    """Of what was applied last, and of nothing else."""
    assert expected == pruned(item, fields_of(last, NODE), fields_of(held, NODE), NODE)


@given(TAGS, TAGS)
def test_what_is_held_is_never_pruned(last: list[str], held: list[str]) -> None:
    """Nor is what was never applied."""
    item = {"tags": list("abcdef"), "labels": dict.fromkeys(last, "x")}
    applied = fields_of({"tags": last, "labels": dict.fromkeys(last, "x")}, NODE)
    result = pruned(item, applied, fields_of({"tags": held}, NODE), NODE)
    assert [tag for tag in "abcdef" if tag in held or tag not in last] == result.get("tags", [])
    assert "labels" not in result or not last
    assert item == pruned(item, NOTHING, NOTHING, NODE)
