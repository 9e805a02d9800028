"""Faults: where they are, in a path that can be read back, and what they say, in a line that can be sent anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.fault import TEXT_MAX_CHARACTERS, FieldError, at, kind_of, shown


def test_an_error_reads_as_its_path_and_its_reason() -> None:
    assert str(FieldError("spec.broker", "missing field(s)")) == "spec.broker: missing field(s)"


@pytest.mark.parametrize(
    ("path", "steps", "expected"),
    [
        ("spec", ("filters", 0, "all", 1, "not", "prefix", "X"), "spec.filters[0].all[1].not.prefix.X"),
        ("", ("filters", 0), "filters[0]"),
        ("spec", (), "spec"),
        ("spec.filter.attributes", ("my-attr",), "spec.filter.attributes.my-attr"),
        ("spec.filter.attributes", ("a.b",), "spec.filter.attributes[a.b]"),
        ("spec.filter.attributes", ("",), "spec.filter.attributes[]"),
        ("spec", ("a\nb",), "spec[a\\nb]"),
    ],
)
def test_a_path_names_every_step(path: str, steps: tuple[str | int, ...], expected: str) -> None:
    """Members follow a dot, elements and names that a dot would make ambiguous stand in brackets."""
    assert at(path, *steps) == expected


def test_long_text_is_cut() -> None:
    assert shown("a" * (TEXT_MAX_CHARACTERS + 1)) == "a" * TEXT_MAX_CHARACTERS + "..."


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_shown_text_is_one_encodable_line_of_bounded_length(text: str) -> None:
    """Whatever came (line breaks, terminal escapes, lone surrogates), a message can carry it."""
    result = shown(text)
    assert result.isprintable()
    assert len(result.encode()) <= 10 * TEXT_MAX_CHARACTERS + len("...")


@given(st.text(st.characters(exclude_categories=("C", "Z")), max_size=TEXT_MAX_CHARACTERS))
def test_ordinary_short_text_is_shown_as_it_is(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "boolean"),
        (1, "number"),
        (0.5, "number"),
        ("x", "string"),
        ({}, "map"),
        ([], "list"),
        ((), "list"),
        (b"", "bytes"),
    ],
)
def test_types_are_called_what_json_calls_them(value: object, expected: str) -> None:
    """A type JSON has no word for keeps Python's."""
    assert kind_of(value) == expected
