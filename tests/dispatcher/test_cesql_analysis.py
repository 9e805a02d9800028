"""What an expression tells without an event."""

import pytest

from dispatcher.cesql_analysis import equalities, faults, kind_of
from dispatcher.cesql_parser import parse_tree


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("'a'", str),
        ("1", int),
        ("TRUE", bool),
        ("a", None),
        ("-a", int),
        ("a + b", int),
        ("NOT a", bool),
        ("EXISTS a", bool),
        ("a = b", bool),
        ("a AND b", bool),
        ("a LIKE 'x'", bool),
        ("a IN (1)", bool),
        ("LENGTH(a)", int),
        ("LOWER(a)", str),
        ("NOWHERE(a)", None),
    ],
)
def test_the_type_of_an_expression_is_known_unless_an_attribute_decides(text: str, kind: type | None) -> None:
    """Operators and functions have one result type each."""
    assert kind is kind_of(parse_tree(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = 'x' AND LENGTH(b) > 3", ()),
        ("flag", ()),
        ("LEFT(a) = 'x'", ("LEFT takes 2 arguments, not 1",)),
        ("SUBSTRING(a) = 'x'", ("SUBSTRING takes 2 or 3 arguments, not 1",)),
        ("CONCAT_WS() = 'x'", ("CONCAT_WS takes 1 and more arguments, not 0",)),
        ("f(g(a)) OR NOT f(b)", ("there is no function F", "there is no function G")),
        ("LENGTH(a)", ("the result is of type Integer, but a filter needs a Boolean",)),
        (
            "NOWHERE(a) + 1",
            ("there is no function NOWHERE", "the result is of type Integer, but a filter needs a Boolean"),
        ),
        ("'x'", ("the result is of type String, but a filter needs a Boolean",)),
    ],
)
def test_what_can_never_work_as_a_filter_is_said_once_in_words(text: str, words: tuple[str, ...]) -> None:
    """An attribute alone may be a Boolean; a number never is."""
    assert words == faults(parse_tree(text))


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a = 'x'", (("a", "x"),)),
        ("a = '05'", (("a", "05"),)),
        ("'x' = a", (("a", "x"),)),
        ("'5' = a", (("a", "5"),)),
        ("'05' = a", ()),
        ("'TRUE' = a", ()),
        ("a IN ('x')", (("a", "x"),)),
        ("a IN ('+5')", ()),
        ("a IN ('x', 'y')", ()),
        ("a NOT IN ('x')", ()),
        ("a IN (5)", ()),
        ("a = 5", ()),
        ("a = TRUE", ()),
        ("a = b", ()),
        ("a != 'x'", ()),
        ("NOT a", ()),
        ("a = 'x' AND b LIKE 'y%' AND c = 'z'", (("a", "x"), ("c", "z"))),
        ("a = 'x' AND b = 'y' OR c = 'z'", (("a", "x"),)),
        ("a = 'x' AND (b = 'y' AND c = 'z') AND a = 'x'", (("a", "x"), ("b", "y"), ("c", "z"))),
        ("(a = 'x' AND b = 'y') AND c = 'z'", (("a", "x"), ("b", "y"), ("c", "z"))),
        ("a = 'x' OR b = 'y'", ()),
        ("a = 'x' XOR b = 'y'", ()),
    ],
)
def test_equalities_are_those_without_which_nothing_matches(text: str, pairs: tuple[tuple[str, str], ...]) -> None:
    """A String on the left is cast to the attribute's type, where `05` equals 5: such a pair is none."""
    assert pairs == equalities(parse_tree(text))
