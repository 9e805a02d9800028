"""CESQL, the expression language of CloudEvents, version 1.0: the public door.

    expression = parse("type = 'order.placed' AND source LIKE '/shop/%'")
    expression.matches(event)

The rooms behind it: `cesql_parser` (text to tree), `cesql_syntax` (the tree, and back to text), `cesql_evaluator`
(value and errors), `cesql_compiler` (the fast verdict), `cesql_analysis` (what can be told without an event),
`cesql_runtime`, `cesql_function` and `cesql_pattern` (what operations mean). Source: CloudEvents SQL 1.0.0. Pure.
"""

from collections.abc import Callable

from channels.event import Event
from dispatcher import cesql_analysis
from dispatcher.cesql_compiler import compile_match
from dispatcher.cesql_evaluator import Evaluation, EvaluationError
from dispatcher.cesql_parser import ParseError, parse_tree
from dispatcher.cesql_syntax import Node, Value

__all__ = ["EvaluationError", "Expression", "ParseError", "Value", "parse"]


class Expression:
    """A parsed expression, ready for any number of events. `str` of it is CESQL that parses to the same `root`."""

    __slots__ = ("matches", "root")

    matches: Callable[[Event], bool]
    """True where the event makes this a Boolean true without error. Stops at the first error; never raises."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.matches = compile_match(root)

    def evaluate(self, event: Event) -> tuple[Value, tuple[EvaluationError, ...]]:
        """The expression's value for the event, and the errors on the way. Never raises.

        With an error, the value is the one the standard asks for: mostly the zero value of the expression's type.
        """
        evaluation = Evaluation(event)
        value = evaluation.value(self.root)
        return value, tuple(evaluation.errors)

    def faults(self) -> tuple[str, ...]:
        """Why this can never work as a filter, in words: functions that do not exist, a result that is no Boolean."""
        return cesql_analysis.faults(self.root)

    def equalities(self) -> tuple[tuple[str, str], ...]:
        """Some pairs (attribute, text) with `event.get_text(attribute) == text` for every event that matches."""
        return cesql_analysis.equalities(self.root)

    def __str__(self) -> str:
        return str(self.root)

    def __repr__(self) -> str:
        return f"<Expression {self.root}>"


def parse(text: str) -> Expression:
    """The expression that a text says. Raises ParseError. Whether its functions exist is for `faults` to tell."""
    return Expression(parse_tree(text))
