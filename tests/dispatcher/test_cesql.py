"""CESQL as a whole: the standard's vectors, and the laws that tie its rooms together."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.event import Event
from dispatcher.cesql import EvaluationError, ParseError, Value, parse
from dispatcher.cesql_compiler import compile_match
from dispatcher.cesql_evaluator import Evaluation
from dispatcher.cesql_parser import parse_tree
from dispatcher.cesql_syntax import Node
from tests.dispatcher.cesql_strategies import EVENTS, LIKELY_EVENTS, LIKELY_TREES, TREES, event

VECTORS = Path(__file__).parents[2].parent / "shared" / "conformance" / "cesql_tck"


def vectors() -> list[Any]:
    """The standard's cases. Expressions are text, whatever YAML makes of them; so is a timestamp as a result."""
    files = sorted(VECTORS.glob("*.yaml"))
    assert files, f"the CESQL vectors are not at {VECTORS}: clone the conformance files next to the project"
    cases = []
    for file in files:
        loaders = (yaml.SafeLoader, yaml.BaseLoader)
        typed, plain = (yaml.load(file.read_bytes(), loader)["tests"] for loader in loaders)
        for case, raw in zip(typed, plain, strict=True):
            if not isinstance(case.get("result"), bool | int | str | None):
                case["result"] = raw["result"]
            case["expression"] = raw["expression"]
            cases.append(pytest.param(case, id=f"{file.stem}: {case['name']}"))
    return cases


def outcome(case: dict[str, Any]) -> tuple[Value | None, list[str]]:
    """The value and the kinds of errors that a vector's expression has for its event."""
    attributes = case.get("event") or {"id": "1", "source": "/s", "type": "t", **case.get("eventOverrides", {})}
    try:
        value, errors = parse(case["expression"]).evaluate(Event.from_attributes(attributes))
    except ParseError as error:
        return None, [error.kind]
    return value, [error.kind for error in errors]


@pytest.mark.parametrize("case", vectors())
def test_the_standards_vector_holds(case: dict[str, Any]) -> None:
    """Each vector names an expression, perhaps an event, and the value and error that every engine must come to."""
    value, kinds = outcome(case)
    assert ([case["error"]] if "error" in case else []) == kinds
    if "result" in case:
        assert (case["result"], type(case["result"])) == (value, type(value))


@given(TREES, EVENTS)
@settings(max_examples=600)
def test_an_event_matches_exactly_where_evaluation_gives_true_without_error(tree: Node, some: Event) -> None:
    """The fast verdict and the full evaluation are two implementations of one meaning."""
    evaluation = Evaluation(some)
    value = evaluation.value(tree)
    assert (value is True and not evaluation.errors) == compile_match(tree)(some)


@given(st.one_of(st.tuples(TREES, EVENTS), st.tuples(LIKELY_TREES, LIKELY_EVENTS)))
@settings(max_examples=1_000)
def test_an_event_that_matches_has_every_necessary_equality(pair: tuple[Node, Event]) -> None:
    """An index may skip an expression for every event without one of its equalities."""
    tree, some = pair
    expression = parse(str(tree))
    if expression.matches(some):
        assert all(some.get_text(name) == text for name, text in expression.equalities())


@given(TREES)
@settings(max_examples=600)
def test_an_expressions_text_parses_to_the_same_tree(tree: Node) -> None:
    """repr tells a Boolean from an Integer, which equality does not."""
    assert repr(tree) == repr(parse_tree(str(tree)))


def test_an_expression_shows_its_text_and_its_faults() -> None:
    """The door hands out what its rooms know."""
    expression = parse("type='x'  and LOWER(a) = 'b'")
    assert str(expression) == "type = 'x' AND LOWER(a) = 'b'"
    assert repr(expression) == "<Expression type = 'x' AND LOWER(a) = 'b'>"
    assert expression.equalities() == (("type", "x"),)
    assert expression.faults() == ()
    assert parse("NOWHERE()").faults() == ("there is no function NOWHERE",)


def test_an_evaluation_names_what_is_missing() -> None:
    """Errors are values for people to read."""
    expected = (False, (EvaluationError("missingAttribute", "the event has no attribute nowhere"),))
    assert expected == parse("nowhere = 'x'").evaluate(event())
