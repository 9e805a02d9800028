"""Why a filter matched an event, or did not: for people, clause by clause. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from channels.attribute import canonical
from channels.event import Event
from dispatcher.fault import shown
from dispatcher.filter_clause import AllOf, AnyOf, Cesql, Clause, Comparison, Not, Operator, Present

_VERBS: Final[dict[Operator, tuple[str, str, Callable[[str, str], bool]]]] = {
    "exact": ("is", "is not", str.__eq__),
    "prefix": ("starts with", "does not start with", str.startswith),
    "suffix": ("ends with", "does not end with", str.endswith),
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one clause said of an event, in the filter's own order, and what the clauses under it said.

    `reason` is a line such as `source: '/x' does not start with '/shop'` or `any: 1 of 2 passed`. Every clause was
    asked, also those that a match would have skipped. `str()` is the whole tree: a line per clause, two spaces per
    level.
    """

    passed: bool
    reason: str
    children: tuple["Explanation", ...] = ()

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, level: int = 0) -> list[str]:
        """The tree's lines, each with its verdict."""
        own = f"{'  ' * level}{'passed' if self.passed else 'failed'}  {self.reason}"
        return [own, *(line for child in self.children for line in child.lines(level + 1))]


def explained(clause: Clause, event: Event) -> Explanation:
    """The explanation of a clause as it was written, for one event."""
    match clause:
        case Comparison():
            return _compared(clause, event.get_text(clause.attribute))
        case Present(attribute):
            text = event.get_text(attribute)
            state = "present" if text else "absent" if text is None else "empty"
            return Explanation(bool(text), f"{attribute}: {state}")
        case Cesql():
            return _evaluated(clause, event)
        case Not(child):
            inner = explained(child, event)
            verdict = "passed" if inner.passed else "failed"
            return Explanation(not inner.passed, f"not: the clause under it {verdict}", (inner,))
        case AllOf(()):
            return Explanation(True, "no filter: every event passes")
    return _combined(clause, tuple(explained(child, event) for child in clause.children))


def _compared(clause: Comparison, text: str | None) -> Explanation:
    if text is None:
        return Explanation(False, f"{clause.attribute}: absent")
    positive, negative, holds = _VERBS[clause.operator]
    passed = any(holds(text, value) for value in clause.values)
    wanted = " or ".join(f"'{shown(value)}'" for value in clause.values)
    return Explanation(passed, f"{clause.attribute}: '{shown(text)}' {positive if passed else negative} {wanted}")


def _evaluated(clause: Cesql, event: Event) -> Explanation:
    value, errors = clause.expression.evaluate(event)
    found = "; ".join(error.reason for error in errors) or canonical(value)
    return Explanation(clause.expression.matches(event), f"cesql: {shown(clause.text)}: {shown(found)}")


def _combined(clause: AllOf | AnyOf, children: tuple[Explanation, ...]) -> Explanation:
    count = sum(child.passed for child in children)
    word, passed = ("all", count == len(children)) if isinstance(clause, AllOf) else ("any", count > 0)
    return Explanation(passed, f"{word}: {count} of {len(children)} passed", children)
