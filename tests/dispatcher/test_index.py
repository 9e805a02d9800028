"""The index: it finds exactly what asking every predicate would find, and asks few of them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.event import Event
from dispatcher.filters import Predicate, parse_filters
from dispatcher.index import Index

NAMES = st.sampled_from(["type", "source", "subject"])
TEXTS = st.text("ab", min_size=1, max_size=4)
PAIRS = st.dictionaries(NAMES, TEXTS, min_size=1, max_size=2)
LEAVES = st.one_of(
    *(st.fixed_dictionaries({dialect: PAIRS}) for dialect in ("exact", "prefix", "suffix")),
    st.builds(lambda name, text: {"cesql": f"{name} = '{text}'"}, NAMES, TEXTS),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        *(st.fixed_dictionaries({dialect: st.lists(inner, min_size=1, max_size=4)}) for dialect in ("all", "any")),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=6,
)
PREDICATES = st.builds(lambda filters: parse_filters(None, filters), st.lists(FILTERS, max_size=2))
EVENTS = st.builds(
    lambda attributes: Event.from_attributes({"id": "1", **attributes}),
    st.fixed_dictionaries({"type": TEXTS, "source": TEXTS}, optional={"subject": TEXTS}),
)


def event(**attributes: str | None) -> Event:
    return Event.from_attributes({"id": "1", "type": "order", "source": "/shop/1", **attributes})


def predicate(**dialect: Any) -> Predicate:
    return parse_filters(None, [dialect])


EVERYTHING = parse_filters(None, None)


class Watched(Predicate):
    """A predicate that counts how often it is asked."""

    __slots__ = ("asked",)

    def __init__(self, like: Predicate) -> None:
        super().__init__(like._written)
        self.asked = 0
        verdict = self.matches

        def counted(subject: Event) -> bool:
            self.asked += 1
            return verdict(subject)

        self.matches = counted


@given(st.lists(PREDICATES, max_size=12), st.lists(EVENTS, min_size=1, max_size=4))
def test_the_index_finds_what_asking_everybody_finds(predicates: list[Predicate], events: list[Event]) -> None:
    """Each match once, whatever the filters are filed under."""
    index = Index((one, number) for number, one in enumerate(predicates))
    for subject in events:
        expected = [number for number, one in enumerate(predicates) if one.matches(subject)]
        assert sorted(index.match(subject)) == expected


@given(st.lists(TEXTS, max_size=20), st.sampled_from(["prefix", "suffix"]), EVENTS)
def test_prefixes_of_prefixes_are_all_found(values: list[str], dialect: str, subject: Event) -> None:
    """Nested, repeated and unrelated ones, in a table of many."""
    predicates = [predicate(**{dialect: {"type": value}}) for value in values]
    index = Index((one, number) for number, one in enumerate(predicates))
    assert sorted(index.match(subject)) == [number for number, one in enumerate(predicates) if one.matches(subject)]


@given(st.lists(PREDICATES, max_size=8), EVENTS)
def test_the_order_of_matches_is_always_the_same(predicates: list[Predicate], subject: Event) -> None:
    entries = [(one, number) for number, one in enumerate(predicates)]
    index = Index(entries)
    assert index.match(subject) == index.match(subject) == Index(entries).match(subject)


def test_an_index_of_nothing_matches_nothing() -> None:
    assert Index[str]([]).match(event()) == ()


@pytest.mark.parametrize(
    "one",
    [
        EVERYTHING,
        predicate(exact={"type": "order"}),
        predicate(exact={"type": "order", "source": "/shop/1"}),
        predicate(prefix={"source": "/shop"}),
        predicate(suffix={"source": "1"}),
        predicate(any=[{"exact": {"type": "x"}}, {"exact": {"type": "order"}}]),
        predicate(any=[{"prefix": {"source": "/shop"}}, {"suffix": {"source": "1"}}]),
        predicate(cesql="type = 'order'"),
        predicate(**{"not": {"exact": {"type": "x"}}}),
    ],
)
@pytest.mark.parametrize("beside", [[], [predicate(exact={"subject": "x"}), predicate(prefix={"type": "x"})]])
def test_a_single_match_gives_the_tuple_that_was_made_with_the_index(one: Predicate, beside: list[Predicate]) -> None:
    """Twice the same object: nothing is built per event."""
    index = Index([(one, "found"), *((other, "other") for other in beside)])
    assert index.match(event()) == ("found",)
    assert index.match(event()) is index.match(event())


def test_an_entry_counts_as_often_as_it_was_entered() -> None:
    one = predicate(exact={"type": "order"})
    assert Index([(one, "a"), (one, "a"), (EVERYTHING, "b")]).match(event()) == ("a", "a", "b")


def test_binary_events_are_found_by_their_decoded_values() -> None:
    came = {"specversion": b"1.0", "id": b"1", "source": b"/shop/1", "type": b"caf%C3%A9"}
    assert Index([(predicate(exact={"type": "café"}), 1)]).match(Event(came, {}, None)) == (1,)


def _asked(make: Callable[[int], Predicate], count: int, subject: Event) -> tuple[int, tuple[int, ...]]:
    watched = [Watched(make(number)) for number in range(count)]
    found = Index((one, number) for number, one in enumerate(watched)).match(subject)
    return sum(one.asked for one in watched), found


@pytest.mark.parametrize("dialect", ["exact", "prefix", "suffix"])
def test_a_comparison_that_is_the_whole_filter_is_never_asked(dialect: str) -> None:
    """What the table found is a match: no predicate runs, however many there are."""
    assert _asked(lambda number: predicate(**{dialect: {"type": f"{number}x{number}"}}), 500, event(type="7x7")) == (
        0,
        (7,),
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda number: predicate(cesql=f"type = '{number}' AND source = '/shop/1'"),
        lambda number: predicate(exact={"source": "/shop/1", "type": f"{number}"}),
        lambda number: predicate(all=[{"prefix": {"source": "/shop"}}, {"exact": {"type": f"{number}"}}]),
        lambda number: predicate(all=[{"exact": {"source": "/shop/1"}}, {"prefix": {"type": f"{number}"}}]),
        lambda number: predicate(
            any=[{"exact": {"type": f"{number}", "source": "/shop/1"}}, {"exact": {"type": f"x{number}"}}]
        ),
    ],
)
def test_an_entry_is_filed_under_what_the_fewest_others_need(make: Callable[[int], Predicate]) -> None:
    """All share the source; the type tells them apart, so one event costs one question and not ten."""
    assert _asked(make, 10, event(type="7")) == (1, (7,))


def test_what_has_no_necessary_comparison_is_always_asked() -> None:
    assert _asked(lambda number: predicate(**{"not": {"exact": {"type": f"{number}"}}}), 3, event(type="1")) == (
        3,
        (0, 2),
    )
