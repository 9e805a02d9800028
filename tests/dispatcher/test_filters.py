"""Filters: what matches, why, and what can be known of a filter without an event."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.event import Event
from dispatcher.filter_clause import Comparison
from dispatcher.filters import parse_filters

NAMES = st.sampled_from(["type", "source", "subject", "ext", "flag", "count"])
TEXTS = st.sampled_from(["a", "b", "ab", "ba", "aba", "true", "5", "-5"])
PAIRS = st.dictionaries(NAMES, TEXTS, min_size=1, max_size=2)
CESQL = st.builds(lambda pairs: " AND ".join(f"{name} = '{text}'" for name, text in pairs.items()), PAIRS)
LEAVES = st.one_of(
    *(st.fixed_dictionaries({dialect: PAIRS}) for dialect in ("exact", "prefix", "suffix")),
    st.fixed_dictionaries({"cesql": CESQL}),
)


def _nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(inner, min_size=1, max_size=3)
    return (
        st.fixed_dictionaries({"all": some})
        | st.fixed_dictionaries({"any": some})
        | st.fixed_dictionaries({"not": inner})
    )


FILTERS = st.recursive(LEAVES, _nested, max_leaves=8)
EVENTS = st.builds(
    lambda attributes: Event.from_attributes({"id": "1", **attributes}, b"data"),
    st.fixed_dictionaries(
        {"type": TEXTS, "source": TEXTS},
        optional={
            "subject": TEXTS,
            "ext": TEXTS | st.just(""),
            "flag": st.booleans(),
            "count": st.sampled_from([5, -5]),
        },
    ),
)


def event(**attributes: str | int | bool | None) -> Event:
    return Event.from_attributes({"id": "1", "type": "order", "source": "/shop/1", **attributes}, b'{"type": "data"}')


def matches(one: Mapping[str, object], subject: Event) -> bool:
    return parse_filters(None, [one]).matches(subject)


def holds(one: Mapping[str, Any], subject: Event) -> bool:
    """The dialects' meaning, word by word: the oracle."""
    ((dialect, content),) = one.items()
    match dialect:
        case "all":
            return all(holds(child, subject) for child in content)
        case "any":
            return any(holds(child, subject) for child in content)
        case "not":
            return not holds(content, subject)
        case "cesql":
            return all(
                subject.get_text(part.split()[0]) == part.split()[2].strip("'") for part in content.split(" AND ")
            )
    questions: dict[str, Callable[[str, str], bool]] = {
        "exact": str.__eq__,
        "prefix": str.startswith,
        "suffix": str.endswith,
    }
    return all(
        (text := subject.get_text(name)) is not None and questions[dialect](text, value)
        for name, value in content.items()
    )


@pytest.mark.parametrize(
    ("legacy", "filters"), [(None, None), ({}, None), ({"attributes": None}, []), ({"attributes": {}}, [])]
)
def test_no_filter_is_everything(legacy: dict[str, object] | None, filters: list[object] | None) -> None:
    predicate = parse_filters(legacy, filters)
    assert predicate.is_everything
    assert predicate.matches(event()) is True
    assert predicate.equalities() == ()
    assert str(predicate.explain(event())) == "passed  no filter: every event passes"


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"type": "order"}, True),
        ({"type": "order", "source": "/shop/1"}, True),
        ({"type": "order", "source": "/shop"}, False),
        ({"type": ""}, True),
        ({"subject": ""}, False),
        ({"empty": ""}, False),
        ({"flag": "true"}, True),
        ({"data": ""}, False),
    ],
)
def test_the_legacy_filter_compares_and_an_empty_value_means_there_and_not_empty(
    attributes: dict[str, str], expected: bool
) -> None:
    assert parse_filters({"attributes": attributes}, None).matches(event(empty="", flag=True)) is expected


def test_filters_alone_count_where_both_are_given() -> None:
    assert parse_filters({"attributes": {"type": "other"}}, [{"exact": {"type": "order"}}]).matches(event())


def test_all_elements_of_filters_must_match() -> None:
    filters = [{"exact": {"type": "order"}}, {"prefix": {"source": "/shop"}}]
    assert parse_filters(None, filters).matches(event())
    assert not parse_filters(None, filters).matches(event(source="/x"))


@pytest.mark.parametrize("dialect", ["exact", "prefix", "suffix"])
@pytest.mark.parametrize("name", ["subject", "time", "dataschema", "ext", "data"])
def test_an_absent_attribute_is_no_match_and_its_negation_is_one(dialect: str, name: str) -> None:
    """Never an error, never an empty string, never the year 1; the event's data has no name."""
    assert not matches({dialect: {name: "0"}}, event())
    assert matches({"not": {dialect: {name: "0"}}}, event())


def test_other_than_string_values_are_compared_by_their_canonical_string() -> None:
    subject = event(flag=True, count=-5, binary=b"\x00\xff")  # type: ignore[arg-type]
    assert matches({"exact": {"flag": "true", "count": "-5", "binary": "AP8="}}, subject)
    assert not matches({"exact": {"flag": "True"}}, subject)


def test_values_of_filters_are_never_code() -> None:
    """Quotes, braces and newlines are compared like any other character."""
    nasty = "') or True or ('{c0}\n\\"
    assert matches({"exact": {"ext": nasty}}, event(ext=nasty))
    assert not matches({"exact": {"ext": nasty}}, event(ext="x"))


@given(FILTERS, EVENTS)
def test_a_filter_matches_what_its_words_say(one: dict[str, Any], subject: Event) -> None:
    assert matches(one, subject) is holds(one, subject)


@given(FILTERS, EVENTS)
def test_not_inverts_and_not_not_is_nothing(one: dict[str, Any], subject: Event) -> None:
    assert matches({"not": one}, subject) is not matches(one, subject)
    assert matches({"not": {"not": one}}, subject) is matches(one, subject)


@given(FILTERS, FILTERS, EVENTS)
def test_de_morgan_holds(one: dict[str, Any], other: dict[str, Any], subject: Event) -> None:
    negated = [{"not": one}, {"not": other}]
    assert matches({"not": {"any": [one, other]}}, subject) is matches({"all": negated}, subject)
    assert matches({"not": {"all": [one, other]}}, subject) is matches({"any": negated}, subject)


@given(FILTERS, EVENTS)
def test_what_is_necessary_holds_wherever_the_filter_matches(one: dict[str, Any], subject: Event) -> None:
    predicate = parse_filters(None, [one])
    if predicate.matches(subject):
        assert all(subject.get_text(name) == value for name, value in predicate.equalities())
        assert all(str(subject.get_text(name)).startswith(value) for name, value in predicate.prefixes())
        assert all(str(subject.get_text(name)).endswith(value) for name, value in predicate.suffixes())
        for needed in predicate.necessary:
            assert any(holds({needed.operator: {needed.attribute: value}}, subject) for value in needed.values)


@given(FILTERS, EVENTS)
def test_a_covering_comparison_decides_alone(one: dict[str, Any], subject: Event) -> None:
    predicate = parse_filters(None, [one])
    for needed in filter(predicate.covered_by, predicate.necessary):
        alone = [{needed.operator: {needed.attribute: value}} for value in needed.values]
        assert predicate.matches(subject) is matches({"any": alone}, subject)


@pytest.mark.parametrize(
    ("one", "necessary", "is_covered"),
    [
        ({"exact": {"type": "a"}}, [("exact", "type", "a")], True),
        ({"all": [{"any": [{"exact": {"type": "a"}}]}]}, [("exact", "type", "a")], True),
        ({"not": {"not": {"prefix": {"type": "a"}}}}, [("prefix", "type", "a")], True),
        ({"any": [{"exact": {"type": "a"}}, {"exact": {"type": "b"}}]}, [("exact", "type", "a", "b")], True),
        ({"any": [{"prefix": {"type": "ab"}}, {"prefix": {"type": "a"}}]}, [("prefix", "type", "a")], True),
        ({"any": [{"suffix": {"type": "c"}}, {"suffix": {"type": "bc"}}]}, [("suffix", "type", "c")], True),
        ({"exact": {"type": "a", "source": "b"}}, [("exact", "type", "a"), ("exact", "source", "b")], False),
        (
            {"any": [{"exact": {"type": "a", "source": "x"}}, {"exact": {"type": "b", "subject": "y"}}]},
            [("exact", "type", "a", "b")],
            False,
        ),
        ({"any": [{"exact": {"type": "a"}}, {"exact": {"source": "b"}}]}, [], False),
        ({"cesql": "type = 'a' AND source = 'b'"}, [("exact", "type", "a"), ("exact", "source", "b")], False),
        ({"not": {"exact": {"type": "a"}}}, [], False),
    ],
)
def test_the_necessary_comparisons_of_a_filter(
    one: dict[str, Any], necessary: list[tuple[str, ...]], is_covered: bool
) -> None:
    """Alternatives on one attribute are one comparison with several values, without those that another implies."""
    predicate = parse_filters(None, [one])
    found = [(needed.operator, needed.attribute, *needed.values) for needed in predicate.necessary]
    assert found == necessary
    assert any(map(predicate.covered_by, predicate.necessary)) is is_covered


def test_necessary_pairs_are_told_by_operator() -> None:
    one = {"all": [{"exact": {"type": "a"}}, {"prefix": {"source": "b"}}, {"suffix": {"subject": "c"}}]}
    several = {"any": [{"exact": {"ext": "x"}}, {"exact": {"ext": "y"}}]}
    predicate = parse_filters(None, [one, several])
    assert predicate.equalities() == (("type", "a"),)
    assert predicate.prefixes() == (("source", "b"),)
    assert predicate.suffixes() == (("subject", "c"),)
    assert Comparison("exact", "ext", ("x", "y")) in predicate.necessary
    assert not predicate.is_everything


@given(FILTERS, EVENTS)
def test_the_explanation_agrees_with_the_verdict(one: dict[str, Any], subject: Event) -> None:
    """At the root and for each clause: what the tree says of a clause is what that clause alone would say."""
    predicate = parse_filters(None, [one])
    explanation = predicate.explain(subject)
    assert explanation.passed is predicate.matches(subject)
    ((dialect, content),) = one.items()
    children = {"all": content, "any": content, "not": [content]}.get(dialect, [])
    for child, said in zip(children, explanation.children if children else (), strict=True):
        assert said.passed is matches(child, subject)


def test_an_explanation_says_why_clause_by_clause() -> None:
    """Absent, unequal and negated clauses each in words, in the order they were written."""
    some = {"any": [{"exact": {"type": "order"}}, {"suffix": {"type": "x"}}]}
    filters = [some, {"prefix": {"source": "/x", "subject": "a"}}, {"not": {"exact": {"type": "order"}}}]
    assert str(parse_filters(None, filters).explain(event())).splitlines() == [
        "failed  all: 1 of 3 passed",
        "  passed  any: 1 of 2 passed",
        "    passed  type: 'order' is 'order'",
        "    failed  type: 'order' does not end with 'x'",
        "  failed  all: 0 of 2 passed",
        "    failed  source: '/shop/1' does not start with '/x'",
        "    failed  subject: absent",
        "  failed  not: the clause under it passed",
        "    passed  type: 'order' is 'order'",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("type", "passed  type: present"), ("subject", "failed  subject: absent"), ("ext", "failed  ext: empty")],
)
def test_an_explanation_of_the_legacy_presence(name: str, expected: str) -> None:
    assert str(parse_filters({"attributes": {name: ""}}, None).explain(event(ext=""))) == expected


def test_an_explanation_of_an_expression_says_what_it_gave() -> None:
    predicate = parse_filters(None, [{"cesql": "type = 'order'"}])
    assert str(predicate.explain(event())) == "passed  cesql: type = 'order': true"
    assert str(predicate.explain(event(type="x"))) == "failed  cesql: type = 'order': false"
    missing = parse_filters(None, [{"cesql": "subject = 'x'"}]).explain(event())
    assert not missing.passed
    assert missing.reason.startswith("cesql: subject = 'x': ")
    assert not missing.reason.endswith(": false")
