"""JSON Patch (RFC 6902) with JSON Pointers (RFC 6901)."""

import copy
from typing import Any

import jsonpatch
import jsonpointer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.patch.fault import MalformedPatch, PatchNotApplicable, PatchTooLarge
from eventing.patch.json_patch import COPIED_MAX_BYTES, OPERATIONS_MAX, apply_json_patch
from eventing.patch.json_value import DEPTH_MAX, is_equal

NAMES = st.sampled_from(["a", "b", "0", "-", "", "~", "/"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.text("ab", max_size=1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
        ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
        ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
        ({"baz": "a", "foo": "b"}, [{"op": "replace", "path": "/baz", "value": "c"}], {"baz": "c", "foo": "b"}),
        (
            {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
            [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
            {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
        ),
        (
            {"foo": ["all", "grass", "cows", "eat"]},
            [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
            {"foo": ["all", "cows", "eat", "grass"]},
        ),
        (
            {"baz": "qux", "foo": ["a", 2, "c"]},
            [{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2}],
            {"baz": "qux", "foo": ["a", 2, "c"]},
        ),
        ({"foo": "b"}, [{"op": "add", "path": "/c", "value": {"d": {}}}], {"foo": "b", "c": {"d": {}}}),
        ({"foo": "b"}, [{"op": "add", "path": "/baz", "value": "q", "xyz": 1}], {"foo": "b", "baz": "q"}),
        ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
        ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["a"]}], {"foo": ["bar", ["a"]]}),
        # Beyond the appendix
        (
            {"a": [1]},
            [{"op": "copy", "from": "/a", "path": "/b"}, {"op": "remove", "path": "/a/0"}],
            {"a": [], "b": [1]},
        ),
        ({"a": [1, 2]}, [{"op": "replace", "path": "/a/1", "value": 3}], {"a": [1, 3]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2]}),
        ({"": 1}, [{"op": "remove", "path": "/"}], {}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": [1]}], [1]),
        ({"a": 1}, [{"op": "add", "path": "", "value": None}], None),
        ({"a": {"b": 1}}, [{"op": "move", "from": "/a", "path": ""}], {"b": 1}),
        ({"a": {"b": 1}}, [{"op": "move", "from": "/a/b", "path": "/a"}], {"a": 1}),
        ({"a": 1}, [{"op": "move", "from": "/a", "path": "/a"}], {"a": 1}),
        ({"a": 1}, [{"op": "move", "from": "", "path": ""}], {"a": 1}),
        ({"a": 1}, [{"op": "copy", "from": "", "path": "/a"}], {"a": {"a": 1}}),
        ({"a": 1}, [{"op": "test", "path": "", "value": {"a": 1.0}}], {"a": 1}),
        ({"a": 1, "ab": 2}, [{"op": "move", "from": "/a", "path": "/ab"}], {"ab": 1}),
        ({"a": None}, [{"op": "test", "path": "/a", "value": None}], {"a": None}),
        ({"a\n": 1}, [{"op": "remove", "path": "/a\n"}], {}),
        ([], [], []),
    ],
)
def test_what_fits_is_applied(document: Any, patch: Any, expected: Any) -> None:
    """RFC 6902, appendix A, and the corners of pointers."""
    assert apply_json_patch(document, patch) == expected


@pytest.mark.parametrize(
    ("document", "operation", "reason"),
    [
        ({"baz": "qux"}, {"op": "test", "path": "/baz", "value": "bar"}, "the test failed"),
        ({"foo": "bar"}, {"op": "add", "path": "/baz/bat", "value": "qux"}, 'there is no "baz"'),
        ({"/": 9, "~1": 10}, {"op": "test", "path": "/~01", "value": "10"}, "the test failed"),
        ({"a": 1}, {"op": "test", "path": "/a", "value": True}, "the test failed"),
        ({}, {"op": "test", "path": "/a", "value": None}, 'there is no "a"'),
        ({"a": [1]}, {"op": "add", "path": "/a/2", "value": 1}, 'has the index "2"'),
        ({"a": [1]}, {"op": "add", "path": "/a/-1", "value": 1}, 'has the index "-1"'),
        ({"a": [1, 2]}, {"op": "remove", "path": "/a/01"}, 'has the index "01"'),
        ({"a": [1]}, {"op": "remove", "path": "/a/-"}, 'has the index "-"'),
        ({"a": [1]}, {"op": "replace", "path": "/a/1", "value": 1}, 'has the index "1"'),
        ({"a": [1]}, {"op": "test", "path": "/a/1e0", "value": 1}, 'has the index "1e0"'),
        ({"a": [1]}, {"op": "test", "path": "/a/٠", "value": 1}, 'has the index "٠"'),
        ({"a": [1]}, {"op": "test", "path": "/a/" + "9" * 5000, "value": 1}, "has the index"),
        ({"a": []}, {"op": "remove", "path": "/a/0"}, 'has the index "0"'),
        ({"a": "text"}, {"op": "add", "path": "/a/b", "value": 1}, "a string has no members"),
        ({"a": "text"}, {"op": "test", "path": "/a/0", "value": "t"}, 'there is no "0"'),
        ({}, {"op": "remove", "path": ""}, "the whole document cannot be removed"),
        ({}, {"op": "remove", "path": "/a"}, 'there is no "a"'),
        ({}, {"op": "replace", "path": "/a", "value": 1}, 'there is no "a"'),
        ({}, {"op": "move", "from": "/a", "path": "/a"}, 'there is no "a"'),
        ({}, {"op": "move", "from": "/a", "path": "/b"}, 'there is no "a"'),
        ({}, {"op": "copy", "from": "/a", "path": "/b"}, 'there is no "a"'),
    ],
)
def test_what_does_not_fit_changes_nothing(document: Any, operation: Any, reason: str) -> None:
    """The first operation that fails is named, and the document is as it was."""
    before = copy.deepcopy(document)
    with pytest.raises(PatchNotApplicable) as caught:
        apply_json_patch(document, [{"op": "add", "path": "", "value": document}, operation])
    assert reason in str(caught.value)
    assert (caught.value.index, caught.value.path) == (1, operation["path"])
    assert document == before


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (1, "an operation is a map, not a number"),
        ({}, '"path" must be a JSON pointer'),
        ({"op": "add", "path": 1, "value": 1}, '"path" must be a JSON pointer'),
        ({"op": "add", "path": "a", "value": 1}, '"path" must be a JSON pointer'),
        ({"op": "add", "path": "/~2", "value": 1}, '"path" must be a JSON pointer'),
        ({"op": "add", "path": "/~", "value": 1}, '"path" must be a JSON pointer'),
        ({"path": "/a"}, 'unknown op "None"'),
        ({"op": ["add"], "path": "/a"}, "unknown op"),
        ({"op": "Add", "path": "/a", "value": 1}, 'unknown op "Add"'),
        ({"op": "add", "path": "/a"}, "add needs a value"),
        ({"op": "replace", "path": "/a"}, "replace needs a value"),
        ({"op": "test", "path": "/a"}, "test needs a value"),
        ({"op": "move", "path": "/a"}, '"from" must be a JSON pointer'),
        ({"op": "copy", "path": "/a", "from": "b"}, '"from" must be a JSON pointer'),
        ({"op": "move", "path": "/a/b", "from": "/a"}, "a value cannot be moved into itself"),
        ({"op": "move", "path": "/a", "from": ""}, "a value cannot be moved into itself"),
    ],
)
def test_what_is_no_operation_is_refused_before_any_is_applied(operation: Any, reason: str) -> None:
    """That an operation before it does not fit is not even noticed."""
    with pytest.raises(MalformedPatch) as caught:
        apply_json_patch({}, [{"op": "remove", "path": "/nowhere"}, operation])
    assert reason in str(caught.value)
    assert caught.value.index == 1


@pytest.mark.parametrize("patch", [None, {}, "x", {"op": "remove", "path": "/a"}])
def test_a_patch_is_a_list(patch: Any) -> None:
    """Anything else says nothing."""
    with pytest.raises(MalformedPatch, match="a list of operations"):
        apply_json_patch({}, patch)


def test_operations_are_counted() -> None:
    """As many as kube-apiserver takes, and not one more."""
    operation = {"op": "add", "path": "/a", "value": 1}
    assert apply_json_patch({}, [operation] * OPERATIONS_MAX) == {"a": 1}
    with pytest.raises(PatchTooLarge, match="maximum operations in a JSON patch is 10000, got 10001"):
        apply_json_patch({}, [operation] * (OPERATIONS_MAX + 1))


def test_copies_are_weighed() -> None:
    """Copying the whole into itself doubles it each time; it stops long before memory does."""
    patch = [{"op": "copy", "from": "", "path": f"/{index}"} for index in range(64)]
    with pytest.raises(PatchNotApplicable, match=f"copies more than {COPIED_MAX_BYTES} bytes"):
        apply_json_patch({"a": "x" * 1000}, patch)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def test_a_patch_that_is_nested_too_deep_is_refused() -> None:
    """Its own containers count: the list and the operation."""
    with pytest.raises(MalformedPatch, match="nested too deep"):
        apply_json_patch({}, [{"op": "add", "path": "/a", "value": nested(DEPTH_MAX - 1)}])


def test_a_document_cannot_be_nested_too_deep() -> None:
    """Neither step by step, nor by copying what a step has made."""
    put = {"op": "add", "path": "/a", "value": nested(DEPTH_MAX - 2)}
    deeper = {"op": "move", "from": "/a", "path": "/b" + "/a" * (DEPTH_MAX - 2)}
    patch = [put, {"op": "copy", "from": "/a", "path": "/b"}, deeper]
    with pytest.raises(PatchNotApplicable, match=r"^the patched document is nested too deep"):
        apply_json_patch({}, patch)
    with pytest.raises(PatchNotApplicable, match=r"^operation 3, /c: the value to copy is nested too deep"):
        apply_json_patch({}, [*patch, {"op": "copy", "from": "/b", "path": "/c"}])


def test_the_result_shares_nothing() -> None:
    """Neither the document nor the patch can be damaged through the result."""
    document: Any = {"kept": [1]}
    patch: Any = [{"op": "add", "path": "/put", "value": [2]}, {"op": "replace", "path": "/put", "value": [3]}]
    result = apply_json_patch(document, patch)
    result["kept"].clear()
    result["put"].clear()
    assert (document, patch[1]["value"]) == ({"kept": [1]}, [3])


@given(JSON, JSON)
def test_a_difference_that_another_implementation_found_leads_to_its_target(source: Any, target: Any) -> None:
    """jsonpatch takes True for 1 when it looks for differences, so the targets are equal by its own measure."""
    assert apply_json_patch(source, jsonpatch.make_patch(source, target).patch) == target


def _pointers(value: Any) -> st.SearchStrategy[str]:
    """Pointers to what is there, and to what is near it."""
    found = [""]

    def walk(item: Any, path: str) -> None:
        steps = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
        for step, child in steps:
            found.append(f"{path}/{jsonpointer.escape(str(step))}")
            walk(child, found[-1])

    walk(value, "")
    return st.tuples(st.sampled_from(found), st.sampled_from(["", "", "", "/a", "/0", "/1", "/-", "/01"])).map("".join)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, list[Any]]:
    """A document and operations that may or may not fit it."""
    document = draw(JSON)
    pointer = _pointers(document)
    operation = st.one_of(
        st.fixed_dictionaries({"op": st.sampled_from(["add", "replace", "test"]), "path": pointer, "value": JSON}),
        st.fixed_dictionaries({"op": st.just("remove"), "path": pointer}),
        st.fixed_dictionaries({"op": st.sampled_from(["move", "copy"]), "path": pointer, "from": pointer}),
    )
    return document, draw(st.lists(operation, max_size=4))


@given(cases())
def test_it_agrees_with_another_implementation(case: tuple[Any, list[Any]]) -> None:
    """Both apply it with the same result, or both refuse it."""
    document, patch = case
    assert is_equal(_outcome(_reference, document, patch), _outcome(apply_json_patch, document, patch))


def _outcome(apply: Any, document: Any, patch: list[Any]) -> Any:
    try:
        return {"result": apply(copy.deepcopy(document), copy.deepcopy(patch))}
    except (MalformedPatch, PatchNotApplicable, jsonpatch.JsonPatchException, jsonpointer.JsonPointerException):
        return "refused"


def _reference(document: Any, patch: list[Any]) -> Any:
    return jsonpatch.apply_patch(document, patch)
