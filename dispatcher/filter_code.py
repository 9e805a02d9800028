"""From a clause to a Python function: one flat expression, asked without recursion. Pure."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from channels.event import Event
from dispatcher.filter_clause import AllOf, AnyOf, Cesql, Clause, Comparison, Present

Matcher = Callable[[Event], bool]

_SHAPES_MAX: Final = 64
"""Filters are alike but for their names and values: 10,000 Triggers on `type` need one code object."""


def compiled(clause: Clause) -> Matcher:
    """The function that says whether a simplified clause matches an event. It never raises.

    The source that is compiled holds no text from the filter: names and values are handed in as closure cells.
    """
    held: list[object] = []
    source = _source(clause, held)
    matcher: Matcher = _factory(source, len(held))(*held)
    return matcher


def _source(clause: Clause, held: list[object]) -> str:
    match clause:
        case Comparison():
            return _comparison(clause, held)
        case Present(attribute):
            return f"(event.get_text({_hold(held, attribute)}) or '') != ''"
        case Cesql(_, expression):
            return f"{_hold(held, expression.matches)}(event)"
        case AllOf(children):
            return f"({' and '.join(_source(child, held) for child in children)})" if children else "True"
        case AnyOf(children):
            return f"({' or '.join(_source(child, held) for child in children)})"
    return f"(not {_source(clause.child, held)})"


def _comparison(clause: Comparison, held: list[object]) -> str:
    text = f"event.get_text({_hold(held, clause.attribute)})"
    alone = clause.values[0] if len(clause.values) == 1 else None
    if clause.operator == "exact":
        return f"{text} == {_hold(held, alone)}" if alone else f"{text} in {_hold(held, frozenset(clause.values))}"
    # No value is empty, so an absent attribute may stand as the empty string.
    question = "startswith" if clause.operator == "prefix" else "endswith"
    return f"({text} or '').{question}({_hold(held, alone or clause.values)})"


def _hold(held: list[object], value: object) -> str:
    held.append(value)
    return f"c{len(held) - 1}"


@lru_cache(_SHAPES_MAX)
def _factory(source: str, cells: int) -> Callable[..., Matcher]:
    parameters = ", ".join(f"c{number}" for number in range(cells))
    factory: Callable[..., Matcher] = eval(f"lambda {parameters}: lambda event: {source}", {})  # noqa: S307 - see `compiled`
    return factory
