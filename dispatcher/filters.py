"""Trigger filters: from what somebody wrote to a predicate over events, or to every fault in it.

The dialects are Knative's: `exact`, `prefix`, `suffix` (attribute to string), `all`, `any` (lists), `not` (one
filter) and `cesql`. What Knative skips or lets pass by accident (an empty dialect, an empty value, an unknown
function) is refused here: a filter fails closed. Matching never raises: an absent attribute is no match, `not`
inverts that, and data has no name. Pure.
"""

from channels.event import Event
from dispatcher.filter_clause import EVERYTHING, Clause, Comparison, Operator, necessary, simplified
from dispatcher.filter_code import compiled
from dispatcher.filter_explanation import Explanation, explained
from dispatcher.filter_reader import InvalidFilter, read

__all__ = ["Explanation", "InvalidFilter", "Predicate", "parse_filters"]


class Predicate:
    """A filter that was found good. `matches(event)` is a compiled function: fast, total, without a side effect."""

    __slots__ = ("_simple", "_written", "matches", "necessary")

    def __init__(self, written: Clause) -> None:
        self._written = written
        self._simple = simplified(written)
        self.matches = compiled(self._simple)
        self.necessary = necessary(self._simple)
        """Comparisons that hold for every event that matches, for an index to choose from. May be empty."""

    @property
    def is_everything(self) -> bool:
        """True for the absent filter, which every event passes."""
        return self._simple == EVERYTHING

    def equalities(self) -> tuple[tuple[str, str], ...]:
        """The (attribute, value) pairs that every event that matches has."""
        return self._pairs("exact")

    def prefixes(self) -> tuple[tuple[str, str], ...]:
        """The (attribute, prefix) pairs that every event that matches has."""
        return self._pairs("prefix")

    def suffixes(self) -> tuple[tuple[str, str], ...]:
        """The (attribute, suffix) pairs that every event that matches has."""
        return self._pairs("suffix")

    def covered_by(self, comparison: Comparison) -> bool:
        """True where the comparison alone is the whole filter, so that who has looked it up need not ask `matches`."""
        return self._simple == comparison

    def explain(self, event: Event) -> Explanation:
        """What each clause said of the event, in the order they were written. Agrees with `matches`."""
        return explained(self._written, event)

    def _pairs(self, operator: Operator) -> tuple[tuple[str, str], ...]:
        found = (comparison for comparison in self.necessary if comparison.operator == operator)
        return tuple((c.attribute, c.values[0]) for c in found if len(c.values) == 1)


def parse_filters(filter: object, filters: object, path: str = "spec") -> Predicate:  # noqa: A002 - the resource's own word
    """The predicate of a Trigger's `filter` (legacy) and `filters`, as decoded from YAML or JSON and not yet trusted.

    Filters that are given and not empty count alone; else the legacy filter counts; else everything matches. Both are
    checked. `path` is where the two stand. Raises InvalidFilter with every fault, and nothing else, whatever came.
    """
    return Predicate(read(filter, filters, path))
