"""JSON Merge Patch (RFC 7396)."""

import copy
from typing import Any

import json_merge_patch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.patch.fault import MalformedPatch
from eventing.patch.json_value import DEPTH_MAX
from eventing.patch.merge_patch import apply_merge_patch

NAMES = st.sampled_from(["a", "b", "c"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)
OBJECT = st.dictionaries(NAMES, JSON, max_size=3)


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_rfc(document: Any, patch: Any, expected: Any) -> None:
    """RFC 7396, appendix A."""
    assert apply_merge_patch(document, patch) == expected


@given(OBJECT, OBJECT)
def test_it_agrees_with_another_implementation(document: Any, patch: Any) -> None:
    """json-merge-patch merges into its argument, so it gets copies; it takes objects alone."""
    expected = json_merge_patch.merge(copy.deepcopy(document), copy.deepcopy(patch))
    assert apply_merge_patch(document, patch) == expected


@given(JSON, JSON)
def test_twice_is_once_and_arguments_are_left_alone(document: Any, patch: Any) -> None:
    """What a patch asked for holds after it, so it has nothing more to do."""
    before = copy.deepcopy((document, patch))
    once = apply_merge_patch(document, patch)
    assert apply_merge_patch(once, patch) == once
    assert (document, patch) == before


def test_the_result_shares_nothing() -> None:
    """Neither what was kept nor what was put in can be damaged through the result."""
    document, patch = {"kept": [1]}, {"put": [{"a": [2]}]}
    result = apply_merge_patch(document, patch)
    result["kept"].clear()
    result["put"][0]["a"].clear()
    assert (document, patch) == ({"kept": [1]}, {"put": [{"a": [2]}]})


def test_a_patch_that_is_nested_too_deep_is_refused() -> None:
    """Before anything recurses into it."""
    patch: Any = 1
    for _ in range(DEPTH_MAX + 1):
        patch = {"a": patch}
    with pytest.raises(MalformedPatch, match="nested too deep"):
        apply_merge_patch({}, patch)
