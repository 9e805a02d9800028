"""JSON values: copied, compared and measured."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.patch.json_value import DEPTH_MAX, compact, copied, is_equal, is_too_deep, size_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=10,
)


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


@given(JSON)
def test_a_copy_is_equal_and_shares_no_container(value: Any) -> None:
    """Whoever changes the copy leaves the original alone."""
    before = copy.deepcopy(value)
    result = copied(value)
    assert result == before
    _spoil(result)
    assert value == before


def _spoil(value: Any) -> None:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _spoil(item)
        value.clear()


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (True, True, True),
        (None, None, True),
        (None, False, False),
        ("1", 1, False),
        ([1, 2], [1.0, 2.0], True),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        ([], {}, False),
        ({"a": 1, "b": [True]}, {"b": [True], "a": 1.0}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": None}, {}, False),
    ],
)
def test_equality_is_that_of_json(left: Any, right: Any, expected: bool) -> None:
    """RFC 6902, 4.6: numbers by value, objects whatever their order; a boolean equals no number."""
    assert is_equal(left, right) is expected
    assert is_equal(right, left) is expected


def test_depth_is_bounded_without_recursion() -> None:
    """As many containers as allowed may stand in each other, however deep the value is."""
    assert not is_too_deep(1)
    assert not is_too_deep(nested(DEPTH_MAX))
    assert is_too_deep(nested(DEPTH_MAX + 1))
    assert is_too_deep(nested(100_000))


def test_size_counts_cells_and_texts() -> None:
    """Eight bytes for each value, and what texts and names are long."""
    assert size_of(1) == 8
    assert size_of("abc") == 11
    assert size_of([1, "abc"]) == 27
    assert size_of({"name": [None]}) == 28


@given(JSON)
def test_equal_values_have_one_compact_text(value: Any) -> None:
    """It is JSON, and does not depend on the order of names."""
    text = compact(value)
    assert value == json.loads(text)
    assert text == compact(reversed_names(value))


def reversed_names(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: reversed_names(item) for name, item in reversed(value.items())}
    return [reversed_names(item) for item in value] if isinstance(value, list) else value


def test_a_compact_text_is_written_as_go_writes_it() -> None:
    """Go's encoder escapes what HTML could take for its own."""
    assert r'{"a":[1,"\u003c\u0026\u003e\u2028é"],"b":null}' == compact({"b": None, "a": [1, "<&>\u2028é"]})
