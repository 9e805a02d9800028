"""The full evaluation of a CESQL expression: its value for one event, with all errors on the way.

An operation with a failed operand yields the zero value of its own type and is not tried: `1 / missing` is 0 because of
the attribute, not because of the division. Source: CloudEvents SQL 1.0.0 sections 3.2 to 3.6. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat

from channels.event import Event
from dispatcher.cesql_analysis import kind_of
from dispatcher.cesql_function import resolve
from dispatcher.cesql_pattern import matcher
from dispatcher.cesql_runtime import Fault, arithmetic, attribute, boolean, compare, equal, invert, negate, text
from dispatcher.cesql_syntax import (
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Exists,
    In,
    Like,
    Literal,
    Logic,
    Negate,
    Node,
    Not,
    Value,
    children,
)


@dataclass(frozen=True, slots=True)
class EvaluationError:
    """Why a part of an expression has no proper value for an event.

    `kind` is the standard's name: `math`, `cast`, `missingAttribute`, `missingFunction` or `functionEvaluation`.
    (`parse` is ParseError's; `generic` never occurs.) `reason` is for people.
    """

    kind: str
    reason: str


class Evaluation:
    """One expression meets one event. `errors` grows from left to right; what short-circuiting skips adds none."""

    def __init__(self, event: Event) -> None:
        self._event = event
        self.errors: list[EvaluationError] = []

    def value(self, node: Node) -> Value:
        """What the node yields. Never raises."""
        before = len(self.errors)
        try:
            match node:
                case Literal():
                    return node.value
                case Attribute():
                    return attribute(self._event, node.name)
                case Exists():
                    return self._event.get(node.name) is not None
                case Logic():
                    return self._logic(node) and len(self.errors) == before
                case In():
                    return self._is_in(node) != node.negated and len(self.errors) == before
            operation = _operation(node)
            operands = [self.value(child) for child in children(node)]
            return operation(*operands) if len(self.errors) == before else _zero(node)
        except Fault as fault:
            self._note(fault)
            return _zero(node) if fault.value is None else fault.value

    def _note(self, fault: Fault) -> None:
        self.errors.append(EvaluationError(fault.kind, fault.reason))

    def _logic(self, node: Logic) -> bool:
        """Grouped from the right, a chain can be walked from the left: each XOR turns over what the rest yields."""
        flipped = False
        for operand, operator in zip(node.operands, chain(node.operators, repeat("XOR")), strict=False):
            held = self._truth(operand)
            if operator == "XOR":
                flipped ^= held
            elif held == (operator == "OR"):
                return held != flipped
        return flipped

    def _truth(self, node: Node) -> bool:
        """The node's value cast to Boolean, false where it has an error."""
        before = len(self.errors)
        value = self.value(node)
        try:
            return len(self.errors) == before and boolean(value)
        except Fault as fault:
            self._note(fault)
            return False

    def _is_in(self, node: In) -> bool:
        before = len(self.errors)
        value = self.value(node.operand)
        for element in node.elements if len(self.errors) == before else ():
            clean = len(self.errors)
            candidate = self.value(element)
            try:
                if len(self.errors) == clean and equal(candidate, value):
                    return True
            except Fault as fault:
                self._note(fault)
        return False


def _zero(node: Node) -> Value:
    """The zero value of the node's type; where that is unknown, the standard (3.2) takes Boolean."""
    return (kind_of(node) or bool)()


def _operation(node: Not | Negate | Arithmetic | Comparison | Like | Call) -> Callable[..., Value]:
    """What the node does with its operands. Raises Fault for a function there is not."""
    match node:
        case Not():
            return invert
        case Negate():
            return negate
        case Arithmetic():
            return partial(arithmetic, node.operator)
        case Comparison():
            return partial(compare, node.operator)
        case Like():
            return partial(_is_like, node)
        case _:
            return resolve(node.name, len(node.arguments))


def _is_like(node: Like, value: Value) -> bool:
    return matcher(node.pattern)(text(value)) != node.negated
