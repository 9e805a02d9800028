"""Full evaluation: values, errors, and what an error does to the operations around it."""

import pytest
from hypothesis import given

from channels.event import Event
from dispatcher.cesql_analysis import kind_of
from dispatcher.cesql_evaluator import Evaluation
from dispatcher.cesql_parser import parse_tree
from dispatcher.cesql_syntax import Node, Value
from tests.dispatcher.cesql_strategies import EVENTS, TREES, event


def outcome(text: str, **attributes: Value | bytes) -> tuple[Value, list[str]]:
    evaluation = Evaluation(event(**attributes))
    return evaluation.value(parse_tree(text)), [error.kind for error in evaluation.errors]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("n + 2 * 3", 11),
        ("-n", -5),
        ("NOT flag", False),
        ("TYPE LIKE '_' AND type NOT LIKE 'x%'", True),
        ("n IN ('4', '5')", True),
        ("n NOT IN (flag, 5)", False),
        ("n IN (4)", False),
        ("n IN ('5', missing)", True),
        ("EXISTS n AND NOT EXISTS missing", True),
        ("CONCAT(type, n, bin)", "t5/w=="),
        ("flag XOR TRUE XOR TRUE", True),
        ("TRUE XOR FALSE AND missing", True),
        ("TRUE XOR TRUE OR missing", False),
        ("FALSE AND TRUE OR TRUE", False),
        ("n < 6 = TRUE", True),
    ],
)
def test_an_expression_without_error_yields_its_value(text: str, value: Value) -> None:
    """What short-circuiting skips cannot fail."""
    assert (value, []) == outcome(text, n=5, flag=True, bin=b"\xff")


@pytest.mark.parametrize(
    ("text", "value", "kinds"),
    [
        ("missing", False, ["missingAttribute"]),
        ("1 / missing", 0, ["missingAttribute"]),
        ("LOWER(missing)", "", ["missingAttribute"]),
        ("NOT (missing = 1)", False, ["missingAttribute"]),
        ("missing NOT LIKE 'x'", False, ["missingAttribute"]),
        ("missing NOT IN (1)", False, ["missingAttribute"]),
        ("1 NOT IN (missing, 'x', 2)", False, ["missingAttribute", "cast"]),
        ("1 IN (missing, 1)", False, ["missingAttribute"]),
        ("missing = 1 OR TRUE", False, ["missingAttribute"]),
        ("missing AND absent", False, ["missingAttribute"]),
        ("missing OR absent", False, ["missingAttribute", "missingAttribute"]),
        ("'x' AND TRUE", False, ["cast"]),
        ("TRUE XOR 'x'", False, ["cast"]),
        ("1 + 'x'", 0, ["cast"]),
        ("TRUE AND (1 != 1 / 0)", False, ["math"]),
        ("LENGTH(LEFT('abc', -1))", 0, ["functionEvaluation"]),
        ("LEFT('abc', -1)", "abc", ["functionEvaluation"]),
        ("NOWHERE(missing)", False, ["missingFunction"]),
        ("LEFT('abc') = 'a'", False, ["missingFunction"]),
        ("NOT 10", True, ["cast"]),
        ("NOT NOT 10", False, ["cast"]),
    ],
)
def test_an_error_makes_the_operation_around_it_yield_its_zero_value(text: str, value: Value, kinds: list[str]) -> None:
    """The operation is not tried, so it adds no error of its own; operands after the failed one still say theirs."""
    assert (value, kinds) == outcome(text)


@given(TREES, EVENTS)
def test_evaluation_is_total_and_keeps_to_its_type(tree: Node, some: Event) -> None:
    """Whatever happens there is a value, of the type that is known beforehand."""
    value = Evaluation(some).value(tree)
    assert type(value) is (kind_of(tree) or type(value))
