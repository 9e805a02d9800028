"""What a CESQL expression tells without an event: its type, its faults, and what every event it matches must have.

Source: CloudEvents SQL 1.0.0 sections 1.2, 3.1 and 3.5. Pure.
"""

from collections.abc import Iterator

from dispatcher.cesql_function import arities, find
from dispatcher.cesql_runtime import Fault, boolean, integer, kind_name, text
from dispatcher.cesql_syntax import (
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    In,
    Kind,
    Literal,
    Logic,
    Negate,
    Node,
    children,
)


def kind_of(node: Node) -> Kind | None:
    """The type a node yields, None where only an event can tell: an attribute, or a function there is not."""
    match node:
        case Literal():
            return node.value.__class__
        case Attribute():
            return None
        case Negate() | Arithmetic():
            return int
        case Call():
            function = find(node.name, len(node.arguments))
            return None if function is None else function.result
        case _:
            return bool


def faults(node: Node) -> tuple[str, ...]:
    """Why this expression can never work as a filter, in words; empty where nothing speaks against it."""
    found = [_call_fault(call) for call in _calls(node) if find(call.name, len(call.arguments)) is None]
    if (kind := kind_of(node)) in (str, int):
        found.append(f"the result is of type {kind_name(kind or bool)}, but a filter needs a Boolean")
    return tuple(dict.fromkeys(found))


def equalities(node: Node) -> tuple[tuple[str, str], ...]:
    """Pairs (attribute, text): the expression matches no event where the attribute's canonical string is another."""
    return tuple(dict.fromkeys(_necessary(node)))


def _calls(node: Node) -> Iterator[Call]:
    if isinstance(node, Call):
        yield node
    for child in children(node):
        yield from _calls(child)


def _call_fault(call: Call) -> str:
    if known := arities(call.name):
        return f"{call.name} takes {known} arguments, not {len(call.arguments)}"
    return f"there is no function {call.name}"


def _necessary(node: Node) -> Iterator[tuple[str, str]]:
    match node:
        case Logic():
            # `a AND rest` needs a and what rest needs; `a OR rest` and `a XOR rest` need neither for certain.
            for operand, operator in zip(node.operands, (*node.operators, "AND"), strict=True):
                if operator != "AND":
                    return
                yield from _necessary(operand)
        case Comparison("=", Attribute(name), Literal(str(wanted))):
            yield name, wanted
        case Comparison("=", Literal(str(wanted)), Attribute(name)) if _is_canonical(wanted):
            yield name, wanted
        case In(Attribute(name), (Literal(str(wanted)),), False) if _is_canonical(wanted):
            yield name, wanted


def _is_canonical(wanted: str) -> bool:
    """Whether this String, cast to any type, equals only what spells the same: `05` equals 5, `True` equals true."""
    for convert in (integer, boolean):
        try:
            if text(convert(wanted)) != wanted:
                return False
        except Fault:
            pass
    return True
