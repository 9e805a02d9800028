"""What a filter is made of, and what can be said about it without an event.

A filter is a tree of clauses. `simplified` gives an equal tree that is cheaper to ask; `necessary` gives the
comparisons without which it cannot match, under which an index may file it. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dispatcher.cesql import Expression

Operator = Literal["exact", "prefix", "suffix"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The attribute is there, and its canonical string equals, starts with or ends with one of the values.

    There is at least one value and none is empty. At most one value of a simplified comparison can apply to a string.
    """

    operator: Operator
    attribute: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Present:
    """The attribute is there and not empty: what an empty value means in Knative's legacy filter."""

    attribute: str


@dataclass(frozen=True, slots=True, eq=False)
class Cesql:
    """The CESQL expression is true, and evaluates without an error."""

    text: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every child matches. Without children: everything matches."""

    children: tuple["Clause", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one child matches."""

    children: tuple["Clause", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The child does not match."""

    child: "Clause"


Clause = Comparison | Present | Cesql | AllOf | AnyOf | Not
EVERYTHING = AllOf(())


def simplified(clause: Clause) -> Clause:
    """An equal clause without nested `all` in `all`, `any` in `any`, repetitions and double negations.

    Comparisons of one attribute under an `any` become one comparison with several values: a set in place of a chain.
    """
    match clause:
        case AllOf(children):
            return _collapsed(AllOf, _flat(AllOf, children))
        case AnyOf(children):
            return _collapsed(AnyOf, _merged(_flat(AnyOf, children)))
        case Not(child):
            inner = simplified(child)
            return inner.child if isinstance(inner, Not) else Not(inner)
    return clause


def necessary(clause: Clause) -> tuple[Comparison, ...]:
    """Comparisons that hold for every event the simplified clause matches; perhaps none, and not every one there is."""
    match clause:
        case Comparison():
            return (clause,)
        case Cesql(_, expression):
            return tuple(Comparison("exact", name, (value,)) for name, value in expression.equalities())
        case AllOf(children):
            return tuple(dict.fromkeys(found for child in children for found in necessary(child)))
        case AnyOf(children):
            return _shared([necessary(child) for child in children])
    return ()


def _collapsed(kind: type[AllOf] | type[AnyOf], children: Iterable[Clause]) -> Clause:
    unique = tuple(dict.fromkeys(children))
    return unique[0] if len(unique) == 1 else kind(unique)


def _flat(kind: type[AllOf] | type[AnyOf], children: Iterable[Clause]) -> list[Clause]:
    flat: list[Clause] = []
    for child in map(simplified, children):
        if isinstance(child, kind):
            flat += child.children
        else:
            flat.append(child)
    return flat


def _merged(alternatives: Iterable[Clause]) -> Iterable[Clause]:
    """The alternatives, with one comparison per operator and attribute, where the first of its kind stood."""
    kept: dict[object, Clause] = {}
    values: dict[tuple[Operator, str], list[str]] = {}
    for clause in alternatives:
        if isinstance(clause, Comparison):
            key = (clause.operator, clause.attribute)
            values.setdefault(key, []).extend(clause.values)
            kept.setdefault(key, clause)
        else:
            kept[clause] = clause
    for key, found in values.items():
        kept[key] = _one_of(*key, found)
    return kept.values()


def _shared(alternatives: list[tuple[Comparison, ...]]) -> tuple[Comparison, ...]:
    """What is necessary for an `any`: what all alternatives compare alike, with the values of all of them."""
    values: dict[tuple[Operator, str], list[str]] = {(c.operator, c.attribute): [] for c in alternatives[0]}
    for alternative in alternatives:
        offered = {(c.operator, c.attribute): c.values for c in alternative}
        values = {key: [*found, *offered[key]] for key, found in values.items() if key in offered}
    return tuple(_one_of(*key, found) for key, found in values.items())


def _one_of(operator: Operator, attribute: str, values: Iterable[str]) -> Comparison:
    """One comparison for several values, without those that another one implies (`/a/b` where `/a` is a prefix too)."""
    if operator == "exact":
        return Comparison(operator, attribute, tuple(dict.fromkeys(values)))
    step = -1 if operator == "suffix" else 1
    kept: list[str] = []
    for value in sorted({value[::step] for value in values}):
        if not kept or not value.startswith(kept[-1]):
            kept.append(value)
    return Comparison(operator, attribute, tuple(value[::step] for value in kept))
