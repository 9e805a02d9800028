"""The reader: what is refused, where, in which words, and what no input can do."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.event import Event
from dispatcher.fault import FieldError
from dispatcher.filter_reader import DEPTH_MAX, DIALECTS, NODES_MAX
from dispatcher.filters import InvalidFilter, parse_filters

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "conformance" / "knative" / "admission.json"
NAME_RULE = "Attribute name must start with a letter and can only contain lowercase alphanumeric"
ALL_DIALECTS = ", ".join(DIALECTS)
ORDER = Event.from_attributes({"id": "1", "type": "order", "source": "/shop/1"})

TEXTS = st.sampled_from(["a", "type", "TRUE", "type = 'a'"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5) | TEXTS
KEYS = st.sampled_from([*DIALECTS, "type", "attributes", "Bad", ""]) | st.text(max_size=5) | st.integers() | st.none()
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


def errors(legacy: object = None, filters: object = None, path: str = "spec") -> list[tuple[str, str]]:
    with pytest.raises(InvalidFilter) as caught:
        parse_filters(legacy, filters, path)
    assert str(caught.value) == "\n".join(f"{error.path}: {error.reason}" for error in caught.value.errors)
    return [(error.path, error.reason) for error in caught.value.errors]


@pytest.mark.parametrize(
    ("element", "path", "reason"),
    [
        ({}, "", f"expected exactly one, got neither: {ALL_DIALECTS}"),
        ({"exact": None}, "", f"expected exactly one, got neither: {ALL_DIALECTS}"),
        (None, "", "invalid value: expected a map, got null"),
        ("type", "", "invalid value: expected a map, got string"),
        ({"regex": {"type": "a"}}, ".regex", f"unknown field: the dialects are {ALL_DIALECTS}"),
        ({1: {"type": "a"}}, "", "invalid key name: expected a string, got number"),
        (
            {"exact": {"type": "a"}, "suffix": {"type": "a"}},
            "",
            "multiple dialects found, filters can have only one dialect set: exact, suffix",
        ),
        ({"all": []}, ".all", "invalid value: must not be empty"),
        ({"any": []}, ".any", "invalid value: must not be empty"),
        ({"any": {"exact": {"type": "a"}}}, ".any", "invalid value: expected a list, got map"),
        ({"all": "text"}, ".all", "invalid value: expected a list, got string"),
        ({"not": [{"exact": {"type": "a"}}]}, ".not", "invalid value: expected a map, got list"),
        ({"not": {}}, ".not", f"expected exactly one, got neither: {ALL_DIALECTS}"),
        ({"exact": {}}, ".exact", "invalid value: must not be empty"),
        ({"prefix": {}}, ".prefix", "invalid value: must not be empty"),
        ({"suffix": {"type": ""}}, ".suffix.type", "invalid value: must not be empty"),
        ({"exact": "x"}, ".exact", "invalid value: expected a map, got string"),
        ({"exact": {"type": True}}, ".exact.type", "invalid value: expected a string, got boolean"),
        ({"exact": {"Type": "a"}}, ".exact.Type", f'invalid key name "Type": {NAME_RULE}'),
        ({"prefix": {"1a": "a"}}, ".prefix.1a", f'invalid key name "1a": {NAME_RULE}'),
        ({"suffix": {"": "a"}}, ".suffix[]", f'invalid key name "": {NAME_RULE}'),
        ({"exact": {"type\n": "a"}}, ".exact[type\\n]", f'invalid key name "type\\n": {NAME_RULE}'),
        ({"cesql": 1}, ".cesql", "invalid value: expected a string, got number"),
    ],
)
def test_a_bad_filter_is_refused_with_its_path(element: object, path: str, reason: str) -> None:
    """Nothing is skipped, repaired or guessed: what cannot be meant is refused."""
    assert errors(None, [element]) == [(f"spec.filters[0]{path}", reason)]


@pytest.mark.parametrize("text", ["type =", "NOPE(type)"])
def test_an_expression_that_can_never_work_is_refused(text: str) -> None:
    """A syntax error and an unknown function alike: both are known before the first event."""
    ((path, reason),) = errors(None, [{"cesql": text}])
    assert path == "spec.filters[0].cesql"
    assert reason.startswith(f"invalid value: {text}: ")


@pytest.mark.parametrize(
    ("legacy", "path", "reason"),
    [
        ([], "spec.filter", "invalid value: expected a map, got list"),
        ({"attribute": {}}, "spec.filter.attribute", "unknown field"),
        ({"attributes": ["type"]}, "spec.filter.attributes", "invalid value: expected a map, got list"),
        ({"attributes": {"type": 1}}, "spec.filter.attributes.type", "invalid value: expected a string, got number"),
        (
            {"attributes": {"my-attr": "a"}},
            "spec.filter.attributes.my-attr",
            f'invalid key name "my-attr": {NAME_RULE}',
        ),
    ],
)
def test_a_bad_legacy_filter_is_refused_with_its_path(legacy: object, path: str, reason: str) -> None:
    assert errors(legacy) == [(path, reason)]


def test_all_faults_are_told_at_once_with_true_paths() -> None:
    """Also those of the legacy filter, which would not count, and those behind another fault of the same element."""
    deep = {
        "all": [{"exact": {"type": "a"}}, {"any": [{"not": {"prefix": {"X": "1"}}}, {"regex": {}, "suffix": {"a": 2}}]}]
    }
    assert errors({"attributes": {"A": "a"}}, [deep, {}]) == [
        ("spec.filter.attributes.A", f'invalid key name "A": {NAME_RULE}'),
        ("spec.filters[0].all[1].any[0].not.prefix.X", f'invalid key name "X": {NAME_RULE}'),
        ("spec.filters[0].all[1].any[1].regex", f"unknown field: the dialects are {ALL_DIALECTS}"),
        ("spec.filters[0].all[1].any[1].suffix.a", "invalid value: expected a string, got number"),
        ("spec.filters[1]", f"expected exactly one, got neither: {ALL_DIALECTS}"),
    ]


def test_paths_begin_where_the_caller_says() -> None:
    assert errors(None, 5, path="") == [("filters", "invalid value: expected a list, got number")]


def _deep(levels: int) -> dict[str, Any]:
    one: dict[str, Any] = {"exact": {"type": "order"}}
    for level in range(levels):
        one = {"any" if level % 2 else "all": [{"exact": {"subject": "x"}}, one]} if level % 3 else {"not": one}
    return one


def test_filters_nest_as_deep_as_the_bound_and_no_deeper() -> None:
    predicate = parse_filters(None, [_deep(DEPTH_MAX)])
    assert predicate.matches(ORDER) is predicate.explain(ORDER).passed
    ((path, reason),) = errors(None, [_deep(DEPTH_MAX + 1)])
    assert path.count(".") == DEPTH_MAX + 2
    assert reason == f"invalid value: filters may nest {DEPTH_MAX} deep"


def test_filters_are_as_many_as_the_bound_and_no_more() -> None:
    """An element with one attribute names three things."""
    pairs = [{"exact": {"type": str(number)}} for number in range(NODES_MAX // 3)]
    assert parse_filters(None, pairs).matches(ORDER) is False
    reason = f"invalid value: the filters of one Trigger may name {NODES_MAX} filters, dialects and attributes"
    assert errors(None, [*pairs, {"cesql": "TRUE"}])[-1][1] == reason


def test_a_list_that_contains_itself_is_refused() -> None:
    """As a YAML alias can have it."""
    loop: list[object] = []
    loop += [{"all": loop}, {"any": loop}]
    assert len(errors(None, loop)) == 1


@given(ANYTHING, ANYTHING)
def test_whatever_comes_is_a_filter_or_is_refused(legacy: object, filters: object) -> None:
    """No other exception, and every fault is a FieldError under the path that was given."""
    try:
        predicate = parse_filters(legacy, filters)
    except InvalidFilter as refusal:
        found = refusal.errors
    else:
        found = ()
        assert predicate.matches(ORDER) is predicate.explain(ORDER).passed
    assert all(isinstance(error, FieldError) and error.path.startswith("spec.filter") for error in found)


STRICTER = {
    "Trigger: filters exact empty map": "an empty dialect would match everything",
    "Trigger: filters prefix empty map": "an empty dialect would match everything",
    "Trigger: filters suffix empty map": "an empty dialect would match everything",
    "Trigger: filters exact empty value": "an empty value would match everything",
    "Trigger: filters prefix empty value": "an empty value would match everything",
    "Trigger: filters suffix empty value": "an empty value would match everything",
    "Trigger: filters all empty list": "an empty list would match everything",
    "Trigger: filters any empty list": "an empty list would match everything",
    "Trigger: filters all with empty element": "an empty element would match everything",
    "Trigger: filters any with empty element": "an empty element would match everything",
    "Trigger: filters not empty": "an empty element would match everything",
    "Trigger: filters empty element": "an empty element would match everything",
    "Trigger: filters unknown dialect": "a misspelt dialect would match everything",
}
"""What Knative lets pass and is refused here, and why."""


def _recorded() -> list[dict[str, Any]]:
    cases = json.loads(RECORDINGS.read_text(encoding="utf-8"))
    about = [case for case in cases if case["object"]["kind"] == "Trigger" and case["operation"] == "create"]
    return [case for case in about if case["name"].startswith("Trigger: filter") and " cesql " not in case["name"]]


def test_recorded_verdicts_of_knative_are_ours_but_for_the_table() -> None:
    """The same Triggers pass; where names are refused, each name and the rule are told in Knative's words."""
    differing = set()
    for case in _recorded():
        spec = case["object"]["spec"]
        try:
            parse_filters(spec.get("filter"), spec.get("filters"))
        except InvalidFilter as refusal:
            if case["http_status"] == 201:
                differing.add(case["name"])
            names = [error.reason for error in refusal.errors if error.reason.startswith("invalid key name")]
            assert len(names) == (case["message"] or "").count("invalid key name"), case["name"]
            assert all(part in case["message"] for reason in names for part in reason.split(": ")), case["name"]
        else:
            assert case["http_status"] == 201, case["name"]
    assert differing == set(STRICTER)
