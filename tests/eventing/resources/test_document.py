"""YAML and JSON texts of strangers."""

import contextlib
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eventing.resources.document import DEPTH_MAX, Document, MalformedDocument, read_json, read_yaml

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def value_of(text: str) -> Any:
    (document,) = read_yaml(text)
    return document.value


@given(JSON)
def test_what_yaml_writes_is_read_back(value: Any) -> None:
    """A round trip through a YAML writer changes nothing. It quotes and tags: its plain scalars have other rules."""
    assert value == value_of(yaml.safe_dump(value, allow_unicode=True, default_style='"'))


@given(JSON)
def test_what_json_writes_is_read_back(value: Any) -> None:
    """A round trip through a JSON writer changes nothing."""
    assert [Document(1, 1, value)] == read_json(json.dumps(value))


@given(st.text(max_size=60) | st.text("[]{}:,-&*!<>|'\" \n\tabc01#%~", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the readers raise anything but MalformedDocument."""
    for read in (read_yaml, read_json):
        with contextlib.suppress(MalformedDocument):
            assert isinstance(read(text), list)


def test_documents_know_their_number_and_line() -> None:
    """Both count from 1; empty documents are counted and null."""
    documents = read_yaml("a: 1\n---\n---\n# words\n- b\n")
    assert documents == [Document(1, 1, {"a": 1}), Document(2, 3, None), Document(3, 5, ["b"])]
    assert read_yaml("") == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("Off", False),
        ("", None),
        ("~", None),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", 15),
        ("-08", -8),
        ("1_000", 1000),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1:30", "1:30"),
        ("2024-05-01", "2024-05-01"),
        ("'12'", "12"),
        ("! 12", "12"),
        ("!!str 12", "12"),
        ("!!int 12", 12),
        ("!!map {a: 1}", {"a": 1}),
        ("!!seq [1]", [1]),
        ("{8080: a, on: b, ~: c}", {"8080": "a", "on": "b", "~": "c"}),
    ],
)
def test_scalars_mean_what_they_mean_to_kubernetes(text: str, value: Any) -> None:
    """Keys are text as they were written; timestamps and sexagesimals are no types of JSON."""
    assert [value] == [document.value for document in read_yaml(f"--- {text}\n")]


def test_aliases_and_merges_are_written_out() -> None:
    """What a map says itself comes before what it merges, and an earlier merge before a later one."""
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], z: 3}\nd: {<<: *b}\ne: [*a]\nf: {'<<': 1}\n"
    expected = {"c": {"x": 1, "y": 1, "z": 3}, "d": {"y": 2, "z": 2}, "e": [{"x": 1, "y": 1}], "f": {"<<": 1}}
    assert expected == {key: value for key, value in value_of(text).items() if key in expected}


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' stands here twice"),
        ("a: *b\n", 1, "the alias *b names nothing that is complete before it"),
        ("a: &a\n  b: *a\n", 2, "the alias *a names nothing that is complete before it"),
        ("? [1]\n: x\n", 1, "a key must be text"),
        ("<<: 1\n", 1, "a merge key takes a map or a list of maps"),
        ("a: !!binary eA==\n", 1, "the tag tag:yaml.org,2002:binary has no meaning in a resource"),
        ("a: !!set {x}\n", 1, "the tag tag:yaml.org,2002:set has no meaning in a resource"),
        ("a: .inf\n", 1, ".inf is no JSON value"),
        ("a: 1e999\n", 1, "1e999 is no JSON value"),
        ("[" * (DEPTH_MAX + 1), 1, f"maps and lists nest deeper than {DEPTH_MAX}"),
        ("[" * 100_000, 1, "exceeded maximum nesting depth"),
        (bomb(9), 6, "stands for more than 1000000 values"),
        ("a: b: c\n", 1, "mapping values are not allowed in this context"),
        ("a: \x00\n", 1, "unacceptable character #x0000: control characters are not allowed"),
    ],
)
def test_what_a_resource_cannot_be_is_refused(text: str, line: int, reason: str) -> None:
    """The first fault is told with its line. Bombs of nesting and of aliases cost nothing before they are refused."""
    with pytest.raises(MalformedDocument) as caught:
        read_yaml(text)
    assert (line, reason) == (caught.value.line, caught.value.reason)


def test_nesting_within_the_bound_is_read() -> None:
    """The bound itself is legal, in YAML and in JSON."""
    text = "[" * DEPTH_MAX + "]" * DEPTH_MAX
    assert [document.number for document in (*read_yaml(text), *read_json(text))] == [1, 1]


def test_aliases_nest_no_deeper_than_brackets() -> None:
    """Depth that is put together from aliases counts like depth that is written."""
    nested = "\n".join(f"- &a{n} [[[[[[[[[[{f'*a{n - 1}' if n else 1}]]]]]]]]]]" for n in range(7))
    with pytest.raises(MalformedDocument, match="nest deeper"):
        read_yaml(nested)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('{"a": 1,\n "a": 2}', 1, "the key 'a' stands there twice"),
        ('{\n"a": }', 2, "Expecting value"),
        ('{"a": NaN}', 1, "NaN is no JSON value"),
        ('{"a": 1e999}', 1, "1e999 is no JSON value"),
        ("[" * 100 + "]" * 100, 1, f"maps and lists nest deeper than {DEPTH_MAX}"),
        ("[" * 100_000, 1, f"maps and lists nest deeper than {DEPTH_MAX}"),
    ],
)
def test_json_is_held_to_the_same(text: str, line: int, reason: str) -> None:
    """Duplicate keys, values that are none, and depth are refused in JSON too."""
    with pytest.raises(MalformedDocument) as caught:
        read_json(text)
    assert (line, reason) == (caught.value.line, caught.value.reason)


def test_half_a_surrogate_pair_is_no_text() -> None:
    """It could be stored but never be sent."""
    with pytest.raises(MalformedDocument, match="surrogates"):
        read_json('["\\ud800"]')


def test_an_integer_of_many_digits_is_refused() -> None:
    """Python converts some thousands of digits and no more: that is no crash."""
    for read in (read_yaml, read_json):
        with pytest.raises(MalformedDocument):
            read("9" * 10_000)
