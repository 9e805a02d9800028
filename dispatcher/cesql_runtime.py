"""What CESQL's operators do with values: casts, comparison, arithmetic. One meaning, for evaluator and compiled code.

Everything here returns the value or raises Fault. Source: CloudEvents SQL 1.0.0 sections 3.4 and 3.7. Pure.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final

from channels.attribute import INTEGER_MAX, INTEGER_MIN, canonical
from channels.event import Event
from dispatcher.cesql_syntax import Kind, Value

_INTEGER: Final = re.compile(r"([+-]?)0*+([0-9]{0,10})")
_SHOWN_MAX: Final = 40
_NAMES: Final = {str: "String", int: "Integer", bool: "Boolean"}


class Fault(Exception):  # noqa: N818 - the error of one evaluation, never seen outside the language
    """An operation has no proper result. `kind` is the standard's name of the error.

    `value` is what the operation yields all the same, None for the zero value of its type.
    """

    def __init__(self, kind: str, reason: str, value: Value | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.value = value


def attribute(event: Event, name: str) -> Value:
    """The attribute's value, binary as base64 text."""
    value = event.get(name)
    if value is None:
        raise Fault("missingAttribute", f"the event has no attribute {name}")
    return canonical(value) if isinstance(value, bytes) else value


def kind_name(kind: Kind) -> str:
    """`String`, `Integer` or `Boolean`."""
    return _NAMES[kind]


def text(value: Value) -> str:
    """The value cast to String."""
    return canonical(value)


def integer(value: Value) -> int:
    """The value cast to Integer: a Boolean is 1 or 0, a String must be decimal digits with at most one sign."""
    if not isinstance(value, str):
        return int(value)
    found = _INTEGER.fullmatch(value)
    number = int(found[1] + (found[2] or "0")) if found and value[-1:].isdigit() else INTEGER_MAX + 1
    if not INTEGER_MIN <= number <= INTEGER_MAX:
        raise Fault("cast", f"{_shown(value)} is no Integer of 32 bits")
    return number


def boolean(value: Value) -> bool:
    """The value cast to Boolean: of Integers 0 alone is false, a String must read `true` or `false` in any case."""
    if not isinstance(value, str):
        return bool(value)
    lowered = value.lower()
    if lowered not in ("true", "false"):
        raise Fault("cast", f"{_shown(value)} is no Boolean")
    return lowered == "true"


def cast(value: Value, kind: Kind | None) -> Value:
    """The value cast to that type; None is any."""
    return value if kind is None else _CASTS[kind](value)


_CASTS: Final[dict[Kind, Callable[[Value], Value]]] = {str: text, int: integer, bool: boolean}


def invert(value: Value) -> bool:
    """`NOT value`.

    The standard's vectors want a cast error of `NOT 10`, though its text casts every Integer; so 0 and 1 are cast and
    other Integers are not. They also want the value true then: what cannot be cast counts as false.
    """
    if isinstance(value, int) and value not in (0, 1):
        raise Fault("cast", f"{value} is neither 0 nor 1", value=True)
    try:
        return not boolean(value)
    except Fault as fault:
        raise Fault(fault.kind, fault.reason, value=True) from fault


def equal(left: Value, right: Value) -> bool:
    """`left = right`: the left is cast to the type of the right."""
    return cast(left, right.__class__) == right


def contains(value: Value, elements: Iterable[Value]) -> bool:
    """`value IN elements`: each is cast to the value's type, from left to right, until one is equal."""
    return any(equal(element, value) for element in elements)


def negate(value: Value) -> int:
    """`-value`."""
    return _bounded(-integer(value))


def absolute(value: int) -> int:
    """The magnitude of an Integer."""
    return _bounded(abs(value))


def arithmetic(operator: str, left: Value, right: Value) -> int:
    """`left operator right`. Division rounds towards zero and the remainder takes the sign of the left.

    The standard is silent about overflow but for ABS; as there, the nearest Integer with a math error.
    """
    return _bounded(_ARITHMETIC[operator](integer(left), integer(right)))


def compare(operator: str, left: Value, right: Value) -> bool:
    """`left operator right`. Order is for Integers alone; equality takes the type of the right."""
    if operator in _ORDER:
        return _ORDER[operator](integer(left), integer(right))
    return equal(left, right) == (operator == "=")


def _shown(value: str) -> str:
    """What the value begins with, for people to recognise it."""
    return repr(value if len(value) <= _SHOWN_MAX else value[:_SHOWN_MAX] + "...")


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise Fault("math", f"{left} is divided by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _remainder(left: int, right: int) -> int:
    return left - right * _divide(left, right)


_ARITHMETIC: Final[dict[str, Callable[[int, int], int]]] = {
    "+": int.__add__,
    "-": int.__sub__,
    "*": int.__mul__,
    "/": _divide,
    "%": _remainder,
}
_ORDER: Final[dict[str, Callable[[int, int], bool]]] = {
    "<": int.__lt__,
    "<=": int.__le__,
    ">": int.__gt__,
    ">=": int.__ge__,
}


def _bounded(number: int) -> int:
    if INTEGER_MIN <= number <= INTEGER_MAX:
        return number
    raise Fault("math", f"{number} exceeds 32 bits", value=INTEGER_MAX if number > 0 else INTEGER_MIN)
