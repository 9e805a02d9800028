"""Which entries want an event: an index over their predicates. Its cost grows with matches, hardly with entries.

Each entry is filed under the comparison it needs that the fewest others need; only an entry without one is asked
about every event. What is found under a comparison that is its whole filter is a match without another question.
Pure.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Generic, TypeVar

from channels.event import Event
from dispatcher.filter_clause import Comparison, Operator
from dispatcher.filter_code import Matcher
from dispatcher.filters import Predicate

T = TypeVar("T")
Probe = Callable[[Event], tuple[T, ...]]
"""One question about an event, answered with the entries that it finds to match."""
_Filed = tuple[Matcher | None, T]
"""An entry in its place, with what is still to be asked there; None where its place decides."""

_AFFIX_COST: Final = 4
"""A prefix or suffix is looked up in the time in which about so many filters can be asked one by one."""


_STEP: Final = {"prefix": 1, "suffix": -1}
"""How to read a text so that the operator's values are prefixes of it."""


class Index(Generic[T]):
    """Entries by predicate. It never changes: who adds or removes an entry builds another index and swaps the two.

    `match(event)` gives each entry whose predicate matches, as often as it was entered, in an order that the entries
    and the event alone decide. It never raises. Where one entry matches, the tuple that it returns was made with the
    index.
    """

    __slots__ = ("match",)

    def __init__(self, entries: Iterable[tuple[Predicate, T]]) -> None:
        self.match: Probe[T] = _united(list(_probes(list(entries))))


def _probes(entries: Sequence[tuple[Predicate, T]]) -> Iterator[Probe[T]]:
    """One probe per operator and attribute in use, and one for what can be filed nowhere."""
    shared: Mapping[tuple[Operator, str, str], int] = {}
    if any(len(predicate.necessary) > 1 for predicate, _ in entries):  # else nobody has a choice
        comparisons = (comparison for predicate, _ in entries for comparison in predicate.necessary)
        shared = Counter(key for comparison in comparisons for key in _keys(comparison))
    tables: dict[tuple[Operator, str], dict[str, list[_Filed[T]]]] = defaultdict(lambda: defaultdict(list))
    rest: list[_Filed[T]] = []
    for predicate, entry in entries:
        place = _place(predicate.necessary, shared)
        if place is None:
            rest.append((None if predicate.is_everything else predicate.matches, entry))
            continue
        filed = (None if predicate.covered_by(place) else predicate.matches, entry)
        for value in place.values:
            tables[place.operator, place.attribute][value].append(filed)
    for (operator, attribute), table in tables.items():
        yield _exact(attribute, table) if operator == "exact" else _affix(attribute, table, _STEP[operator])
    if rest:
        yield _answer(rest)


def _keys(comparison: Comparison) -> Iterator[tuple[Operator, str, str]]:
    return ((comparison.operator, comparison.attribute, value) for value in comparison.values)


def _place(necessary: Sequence[Comparison], shared: Mapping[tuple[Operator, str, str], int]) -> Comparison | None:
    """Of the comparisons an entry needs, the one with the least company; the first of equals."""
    if len(necessary) <= 1:
        return necessary[0] if necessary else None

    def cost(comparison: Comparison) -> int:
        return sum(shared[key] for key in _keys(comparison)) + (0 if comparison.operator == "exact" else _AFFIX_COST)

    return min(necessary, key=cost)


def _united(probes: Sequence[Probe[T]]) -> Probe[T]:
    if len(probes) == 1:
        return probes[0]

    def match(event: Event) -> tuple[T, ...]:
        found: tuple[T, ...] = ()
        for probe in probes:
            found += probe(event)  # adding to or from the empty tuple copies nothing
        return found

    return match


def _answer(filed: Sequence[_Filed[T]]) -> Probe[T]:
    """The probe of one place, for an event that belongs there."""
    decided = tuple(entry for matcher, entry in filed if matcher is None)
    asked = [(matcher, entry) for matcher, entry in filed if matcher is not None]
    if not asked:
        return lambda _: decided
    if len(asked) > 1:
        return lambda event: decided + tuple([entry for matches, entry in asked if matches(event)])
    matches, entry = asked[0]
    both = (*decided, entry)
    return lambda event: both if matches(event) else decided


def _nobody(_: Event) -> tuple[T, ...]:
    return ()


def _exact(attribute: str, table: Mapping[str, Sequence[_Filed[T]]]) -> Probe[T]:
    if all(matcher is None for filed in table.values() for matcher, _ in filed):
        decided = {value: tuple(entry for _, entry in filed) for value, filed in table.items()}.get
        return lambda event: decided(event.get_text(attribute), ())  # type: ignore[arg-type] # None is in no table
    answer = {value: _answer(filed) for value, filed in table.items()}.get
    return lambda event: answer(event.get_text(attribute), _nobody)(event)  # type: ignore[arg-type]


def _affix(attribute: str, table: Mapping[str, Sequence[_Filed[T]]], step: int) -> Probe[T]:
    """The probe of one attribute's prefixes (step 1), or of its suffixes as prefixes of the reversed text (step -1).

    In a sorted list all prefixes of a text stand before it, and what stands just before it starts with each of them.
    So one search, and a walk from there to ever shorter prefixes of prefixes, meets them all.
    """
    answers = {value[::step]: _answer(filed) for value, filed in table.items()}
    prefixes = sorted(answers)
    probes = [answers[prefix] for prefix in prefixes]
    inside = _nearest_inside(prefixes)

    def probe(event: Event) -> tuple[T, ...]:
        text = (event.get_text(attribute) or "")[::step]
        here = bisect_right(prefixes, text) - 1
        while here >= 0 and not text.startswith(prefixes[here]):
            here = inside[here]
        found: tuple[T, ...] = ()
        while here >= 0:
            found += probes[here](event)
            here = inside[here]
        return found

    return probe


def _nearest_inside(prefixes: Sequence[str]) -> list[int]:
    """For each of the sorted strings the place of the longest other one that it starts with, -1 for none."""
    inside: list[int] = []
    for here, prefix in enumerate(prefixes):
        outer = here - 1
        while outer >= 0 and not prefix.startswith(prefixes[outer]):
            outer = inside[outer]
        inside.append(outer)
    return inside
