"""Kubernetes' strategic merge patch."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.patch.fault import MalformedPatch
from eventing.patch.json_value import DEPTH_MAX
from eventing.patch.merge_patch import apply_merge_patch
from eventing.patch.strategic_patch import apply_strategic_patch
from eventing.resources.admission import object_node
from eventing.resources.core import CONFIG_MAP
from eventing.resources.schema import ANYTHING, STRING, Node, array, mapping, record

ITEM = record({"name": STRING, "value": STRING, "tags": array(STRING, list_type="set")})
NODE = record(
    {
        "items": array(ITEM, list_type="map", list_keys=("name",), patch_key="name"),
        "tags": array(STRING, list_type="set"),
        "atomic": array(ITEM),
        "map": mapping(STRING),
        "inner": record({"items": array(ITEM, list_type="map", list_keys=("name",), patch_key="name")}),
        "any": ANYTHING,
    }
)
TAGS = st.lists(st.sampled_from("abcde"), unique=True)


def items(names: str, **values: Any) -> list[dict[str, Any]]:
    return [{"name": name, **values} for name in names]


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        # Maps
        ({"map": {"a": "1", "b": "2"}}, {"map": {"a": None, "c": "3"}}, {"map": {"b": "2", "c": "3"}}),
        ({"map": {"a": "1"}}, {"map": {"$patch": "replace", "b": "2"}}, {"map": {"b": "2"}}),
        ({"map": {"a": "1"}}, {"map": {"$patch": "delete"}}, {"map": {}}),
        ({}, {"map": {"$patch": "delete"}}, {}),
        ({}, {"map": {"$patch": "replace", "b": "2", "c": None}}, {"map": {"b": "2"}}),
        ({"map": {"a": "1"}}, {"$patch": "delete"}, {}),
        ({"map": {"a": "1"}}, {"map": None}, {}),
        ({}, {"map": {"a": None}}, {"map": {}}),
        ({"map": {"a": "1", "b": "2"}}, {"map": {"$retainKeys": ["b", 1]}}, {"map": {"b": "2"}}),
        ({"map": {"a": "1"}}, {"map": {"$retainKeys": ["b"], "b": "2", "c": None}}, {"map": {"b": "2"}}),
        ({"inner": 1}, {"inner": {"items": items("a")}}, {"inner": {"items": items("a")}}),
        ({"unknown": {"a": [1]}}, {"unknown": {"a": [2], "b": {}}}, {"unknown": {"a": [2], "b": {}}}),
        ({"any": {"a": [1]}}, {"any": {"b": [[{"c": None}]]}}, {"any": {"a": [1], "b": [[{}]]}}),
        # Lists that are replaced
        ({"atomic": items("ab")}, {"atomic": [{"name": "c", "value": None}]}, {"atomic": items("c")}),
        ({"atomic": items("a"), "any": {}}, {"atomic": None, "any": "text"}, {"any": "text"}),
        # Lists of maps
        ({"items": items("ab")}, {"items": items("b", value="1")}, {"items": [*items("a"), *items("b", value="1")]}),
        ({"items": items("ab")}, {"items": items("c")}, {"items": items("cab")}),
        ({"items": items("ab")}, {"items": items("bca")}, {"items": items("bca")}),
        ({"items": items("abc")}, {"items": items("ac")}, {"items": items("abc")}),
        ({"items": items("abc")}, {"items": items("b", **{"$patch": "delete"})}, {"items": items("ac")}),
        ({"items": items("aba")}, {"items": items("a", **{"$patch": "delete"})}, {"items": items("b")}),
        ({"items": items("ab")}, {"items": [*items("c"), {"$patch": "replace"}]}, {"items": items("c")}),
        ({"items": items("ab")}, {"items": [{"$patch": "replace"}]}, {"items": []}),
        ({"items": {"not": "a list"}}, {"items": items("a")}, {"items": items("a")}),
        ({}, {"items": items("ab", value=None)}, {"items": items("ab")}),
        ({}, {"items": items("b", **{"$patch": "delete"})}, {"items": []}),
        ({"items": []}, {"items": []}, {"items": []}),
        (
            {"items": [{"value": "no key"}, 1, *items("a", tags=["x"])]},
            {"items": items("a", tags=["y"])},
            {"items": [{"value": "no key"}, 1, *items("a", tags=["y", "x"])]},
        ),
        ({"inner": {"items": items("a")}}, {"inner": {"items": items("b")}}, {"inner": {"items": items("ba")}}),
        # Sets
        ({"tags": ["a", "b"]}, {"tags": ["c", "a"]}, {"tags": ["c", "a", "b"]}),
        ({"tags": ["a", "b", "c"]}, {"$deleteFromPrimitiveList/tags": ["a", "c", "d"]}, {"tags": ["b"]}),
        ({"tags": ["a"]}, {"$deleteFromPrimitiveList/tags": ["a"], "tags": ["a", "b"]}, {"tags": ["a", "b"]}),
        ({}, {"$deleteFromPrimitiveList/tags": ["a"]}, {}),
        # Their order
        ({"tags": ["a", "b", "c"]}, {"$setElementOrder/tags": ["c", "a"]}, {"tags": ["b", "c", "a"]}),
        ({"tags": ["a", "b"]}, {"$setElementOrder/tags": ["a", "c", "b"], "tags": ["c"]}, {"tags": ["a", "c", "b"]}),
        ({"tags": ["a"]}, {"$setElementOrder/tags": [], "tags": ["c"]}, {"tags": ["c", "a"]}),
        ({}, {"$setElementOrder/tags": ["a"]}, {}),
        ({}, {"$setElementOrder/tags": ["b", "a"], "tags": ["a"]}, {"tags": ["a"]}),
        ({"tags": ["a"]}, {"$setElementOrder/tags": ["a"], "tags": None}, {}),
        (
            {"items": items("abc")},
            {
                "$setElementOrder/items": items("da"),
                "items": [*items("d"), *items("b", **{"$patch": "delete"})],
            },
            {"items": items("dac")},
        ),
    ],
)
def test_what_a_patch_makes_of_a_document(document: Any, patch: Any, expected: Any) -> None:
    """Kubernetes' rules, and the order in which the items of lists come to stand. Nothing that was given changes."""
    before = copy.deepcopy((document, patch))
    assert apply_strategic_patch(document, patch, NODE) == expected
    assert (document, patch) == before


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        ([], "a strategic merge patch is a map, not a list"),
        ({"$patch": "merge"}, 'unknown $patch "merge"'),
        ({"map": {"$patch": 1}}, 'map: unknown $patch "1"'),
        ({"map": {"$retainKeys": "a"}}, "map: $retainKeys must be a list"),
        ({"map": {"$retainKeys": ["a"], "b": "1"}}, 'map: $retainKeys lacks "b", which the patch sets'),
        ({"$setElementOrder": ["a"]}, "$setElementOrder/<field> must be a list"),
        ({"$setElementOrder/tags": "a"}, "$setElementOrder/<field> must be a list"),
        ({"$deleteFromPrimitiveList/tags": None}, "$deleteFromPrimitiveList/<field> must be a list"),
        ({"$deleteFromPrimitiveList/tags": [{}]}, "tags: an item of a set is no map"),
        ({"$deleteFromPrimitiveList/tags": [None]}, "tags: an item of a set is no null"),
        ({"$setElementOrder/atomic": [], "atomic": []}, "atomic: $setElementOrder is for lists that are merged"),
        ({"$setElementOrder/unknown": [], "unknown": []}, "unknown: $setElementOrder is for lists that are merged"),
        ({"$setElementOrder/tags": ["b", "c"], "tags": ["c", "b"]}, "tags: $setElementOrder does not match"),
        ({"$setElementOrder/tags": ["b"], "tags": ["c"]}, "tags: $setElementOrder does not match"),
        ({"$setElementOrder/items": [{}], "items": items("c")}, 'items: an item of the list needs "name"'),
        ({"items": [{"name": None}]}, 'items: an item of the list needs "name"'),
        ({"items": [{"$patch": "delete"}]}, 'items: an item of the list needs "name"'),
        ({"items": ["a"]}, "items: an item of the list is a map, not a string"),
        ({"items": [{"name": "a", "$patch": "merge"}]}, 'items: unknown $patch "merge"'),
        ({"tags": [["a"]]}, "tags: an item of a set is no list"),
        ({"tags": [{"$patch": "replace"}]}, 'tags: unknown $patch "replace"'),
        ({"tags": [{"$patch": "delete"}]}, 'tags: unknown $patch "delete"'),
        ({"atomic": [{"$patch": "replace"}]}, "atomic: the list is not merged: it takes no $patch"),
    ],
)
def test_a_directive_that_means_nothing_is_malformed(patch: Any, reason: str) -> None:
    """The patch is refused as a whole, with the place."""
    with pytest.raises(MalformedPatch) as caught:
        apply_strategic_patch({"tags": ["a"], "atomic": [], "items": items("a"), "map": {}}, patch, NODE)
    assert str(caught.value).startswith(reason)


def test_a_patch_has_a_bounded_depth() -> None:
    """What would end a recursion is refused before it begins."""
    patch: dict[str, Any] = {}
    for _ in range(DEPTH_MAX):
        patch = {"any": patch}
    with pytest.raises(MalformedPatch, match="nested too deep"):
        apply_strategic_patch({}, patch, NODE)


def test_the_metadata_of_a_core_kind_merges_by_its_own_keys() -> None:
    """Owners by uid, finalizers as a set."""
    node = object_node(CONFIG_MAP.versions[0])
    owners = [{"uid": "1", "name": "a"}, {"uid": "2", "name": "b"}]
    document = {"metadata": {"name": "c", "ownerReferences": owners, "finalizers": ["a"]}}
    patch = {"metadata": {"ownerReferences": [{"uid": "1", "$patch": "delete"}], "finalizers": ["b"]}}
    expected = {"metadata": {"name": "c", "ownerReferences": owners[1:], "finalizers": ["b", "a"]}}
    assert apply_strategic_patch(document, patch, node) == expected


@given(TAGS, TAGS)
def test_a_set_becomes_the_union_in_the_order_of_the_patch(live: list[str], patch: list[str]) -> None:
    """Every item is there once; those of the patch, and those of the document among themselves, keep their order."""
    merged = apply_strategic_patch({"tags": live}, {"tags": patch}, NODE)["tags"]
    assert sorted(set(live) | set(patch)) == sorted(merged)
    assert patch == [item for item in merged if item in patch]
    assert [item for item in live if item not in patch] == [item for item in merged if item not in patch]


@given(TAGS, TAGS)
def test_to_patch_twice_is_to_patch_once(live: list[str], patch: list[str]) -> None:
    """A patch says what shall be, not what to do."""
    change = {"items": items("".join(patch), value="x"), "tags": patch}
    once = apply_strategic_patch({"items": items("".join(live)), "tags": live}, change, NODE)
    assert once == apply_strategic_patch(once, change, NODE)


JSON = st.recursive(
    st.integers(0, 2) | st.text("ab", max_size=1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner | st.none(), max_size=3),
    max_leaves=8,
)
DOCUMENT = st.dictionaries(st.sampled_from("abc"), JSON)


def without_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_lists(item) for name, item in value.items()}
    return "list" if isinstance(value, list) else value


@given(DOCUMENT, DOCUMENT)
def test_without_lists_it_is_a_json_merge_patch(document: Any, patch: Any) -> None:
    """RFC 7396 has the same rules for maps."""
    document, patch = without_lists(document), without_lists(patch)
    node = Node("object", is_open=True)
    assert apply_merge_patch(document, patch) == apply_strategic_patch(document, patch, node)
