"""Fitting a value to a field tree."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.fault import FieldError
from eventing.resources.schema import (
    ANYTHING,
    BOOLEAN,
    INT32,
    INT64,
    NUL,
    OPEN,
    STRING,
    Node,
    array,
    fit,
    mapping,
    record,
)

TREE = record(
    {
        "text": STRING,
        "choice": Node("string", enum=("a", "b")),
        "small": INT32,
        "large": INT64,
        "any_size": Node("integer"),
        "flag": BOOLEAN,
        "list": array(record({"name": STRING}, required=("name",))),
        "loose": Node("array"),
        "map": mapping(INT32),
        "open": OPEN,
        "half": record({"known": STRING}, is_open=True),
        "any": ANYTHING,
    }
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*TREE.properties, "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        ({"text": 1}, "text", "invalid value: expected a string, got number"),
        ({"flag": "yes"}, "flag", "invalid value: expected a boolean, got string"),
        ({"small": True}, "small", "invalid value: expected an integer, got boolean"),
        ({"small": 1.5}, "small", "invalid value: expected an integer, got number"),
        ({"small": 2**31}, "small", "invalid value: 2147483648"),
        ({"large": -(2**63) - 1}, "large", "invalid value: -9223372036854775809"),
        ({"choice": "c"}, "choice", "invalid value: c"),
        ({"list": {}}, "list", "invalid value: expected a list, got map"),
        ({"list": [{"name": "x"}, {}]}, "list[1].name", "missing field(s)"),
        ({"list": [{"name": None}]}, "list[0].name", "missing field(s)"),
        ({"list": [None]}, "list[0]", "invalid value: expected a map, got null"),
        ({"map": {"a": 1, "b": "x"}}, "map.b", "invalid value: expected an integer, got string"),
        ({"half": {"known": []}}, "half.known", "invalid value: expected a string, got list"),
        ([], "", "invalid value: expected a map, got list"),
    ],
)
def test_what_does_not_fit_is_told_with_its_path(value: Any, path: str, reason: str) -> None:
    """Types, ranges, choices and required fields are checked at every depth."""
    assert fit(value, TREE).errors == [FieldError(path, reason)]


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ({"text": "a\0"}, ["text"]),
        ({"choice": "\0"}, ["choice"]),
        ({"map": {"a\0": 1}}, [r"map[a\x00]"]),
        ({"open": {"a": ["b", "\0"], "c\0": 1}}, ["open.a[1]", r"open[c\x00]"]),
        ({"any": [{"a\0": "\0"}]}, [r"any[0][a\x00]", r"any[0][a\x00]"]),
    ],
)
def test_a_nul_is_told_wherever_it_is(value: Any, paths: list[str]) -> None:
    """PostgreSQL's text cannot hold it."""
    assert [FieldError(path, NUL) for path in paths] == fit(value, TREE).errors


def test_unknown_fields_fall_away_and_are_named() -> None:
    """A closed level keeps what it declares; an open one keeps all."""
    given_value = {
        "x": 1,
        "list": [{"name": "n", "y": 2}],
        "open": {"z": {"deep": 1}},
        "half": {"w": 3},
        "loose": [{"v": 4}],
    }
    fitted = fit(given_value, TREE)
    expected = {"list": [{"name": "n"}], "open": {"z": {"deep": 1}}, "half": {"w": 3}, "loose": [{"v": 4}]}
    assert fitted.value == expected
    assert fitted.unknown == ["x", "list[0].y"]
    assert fitted.errors == []


def test_nulls_count_as_absent() -> None:
    """A field that is null is not there, known or open; an unknown one is unknown all the same."""
    fitted = fit({"text": None, "open": {"a": None}, "x": None}, TREE)
    assert fitted.value == {"open": {}}
    assert fitted.unknown == ["x"]


def test_values_in_range_pass() -> None:
    """The bounds themselves are legal; an integer without a format has none."""
    value = {"small": -(2**31), "large": 2**63 - 1, "any_size": 10**30, "choice": "a", "flag": False, "any": [1, None]}
    assert fit(value, TREE).value == value
    assert fit(value, TREE).errors == []


@given(JSON)
def test_fitting_is_total_and_idempotent(value: Any) -> None:
    """Whatever comes, fitting raises nothing; what has been fitted without errors fits again, whole."""
    once = fit(value, TREE)
    if not once.errors:
        twice = fit(once.value, TREE)
        assert repr(once.value) == repr(twice.value)
        assert (twice.unknown, twice.errors) == ([], [])


def test_a_fitted_value_is_a_copy() -> None:
    """Changing the result leaves the given value as it was, at every level."""
    value: Any = {"open": {"a": {"b": 1}}, "any": {"c": 1}, "list": [{"name": "n"}]}
    fitted = fit(value, TREE).value
    fitted["open"]["a"]["b"] = fitted["any"]["c"] = fitted["list"][0]["name"] = "changed"
    assert value == {"open": {"a": {"b": 1}}, "any": {"c": 1}, "list": [{"name": "n"}]}
