"""Label and field selectors."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.apiserver.selector import (
    TERMS_MAX,
    BadSelector,
    FieldTerm,
    Requirement,
    parse_fields,
    parse_labels,
    select,
)


def anything(_path: str) -> bool:
    return True


def matches(text: str, **labels: str) -> bool:
    return all(one.matches(labels) for one in parse_labels(text))


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("", {}, True),
        ("a", {"a": ""}, True),
        ("a", {}, False),
        ("!a", {}, True),
        ("! a", {"a": "x"}, False),
        ("a=x", {"a": "x"}, True),
        ("a==x", {"a": "y"}, False),
        ("a=", {"a": ""}, True),
        ("a=,b", {"a": "", "b": "1"}, True),
        ("a!=x", {}, True),
        ("a!=x", {"a": "x"}, False),
        ("a in (x, y)", {"a": "y"}, True),
        ("a in (x,y)", {}, False),
        ("a in ()", {"a": ""}, True),
        ("a in (,x)", {"a": ""}, True),
        ("a notin (x,y)", {}, True),
        ("a notin (x,y)", {"a": "x"}, False),
        ("a>1", {"a": "2"}, True),
        ("a>1", {"a": "1"}, False),
        ("a<1", {"a": "-3"}, True),
        ("a<1", {}, False),
        ("a<1", {"a": "x"}, False),
        ("team in (a,b),!x", {"team": "a"}, True),
        ("team in (a,b),!x", {"team": "a", "x": ""}, False),
        ("in in (in)", {"in": "in"}, True),
    ],
)
def test_a_label_selector_means_what_kubernetes_means(text: str, labels: dict[str, str], expected: bool) -> None:
    """Every operator, on a label that is there and on one that is not."""
    assert expected is matches(text, **labels)


def test_keys_may_have_a_prefix() -> None:
    """As in `app.kubernetes.io/name`."""
    assert parse_labels("app.kubernetes.io/name=x") == (Requirement("app.kubernetes.io/name", "in", frozenset({"x"})),)


@pytest.mark.parametrize(
    "text",
    [
        ",", "a,", "a,,b", "=x", "a=b=c", "a in x", "a in (x", "a in (x=", "a b", "!", "a=!x", "a=(x)", "-a", "a/b/c",
        "/a", "a=-x", "a in (x y)", "a>x", "a=" + "x" * 64,
    ],
)  # fmt: skip
def test_what_is_no_label_selector_is_refused(text: str) -> None:
    """As Kubernetes refuses it: 400."""
    with pytest.raises(BadSelector, match=r"^unable to parse requirement"):
        parse_labels(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("team in", "found '' expected: '('"),
        ("a,", "found '', expected: identifier after ','"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("a b", "found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in (x y)", "found 'y', expected: ',' or ')'"),
        ("=x", "found '=', expected: identifier"),
    ],
)
def test_a_selector_is_refused_in_the_words_of_kubernetes(text: str, words: str) -> None:
    """Clients show them to people."""
    with pytest.raises(BadSelector) as raised:
        parse_labels(text)
    assert f"unable to parse requirement: {words}" == str(raised.value)


def test_a_selector_has_a_bound() -> None:
    """A thousand terms are more than anybody writes."""
    with pytest.raises(BadSelector, match="at most"):
        parse_labels(",".join(f"a{index}" for index in range(TERMS_MAX + 1)))
    with pytest.raises(BadSelector, match="at most"):
        parse_fields(",".join(f"a{index}=x" for index in range(TERMS_MAX + 1)), supported=anything)


LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9_.]{0,10}[a-z0-9])?", fullmatch=True)


@given(key=LABEL, values=st.sets(LABEL, min_size=1, max_size=4), labels=st.dictionaries(LABEL, LABEL, max_size=3))
def test_every_operator_has_its_opposite(key: str, values: set[str], labels: dict[str, str]) -> None:
    """`notin` is not `in`, and `!key` is not `key`, whatever the labels are."""
    listed = ",".join(sorted(values))
    assert matches(f"{key} in ({listed})", **labels) is not matches(f"{key} notin ({listed})", **labels)
    assert matches(key, **labels) is not matches(f"!{key}", **labels)


@given(st.text(max_size=30))
def test_no_text_breaks_the_parsers(text: str) -> None:
    """Understood or refused, never anything else."""
    for parse in (parse_labels, lambda one: parse_fields(one, supported=anything)):
        with contextlib.suppress(BadSelector):
            parse(text)


ITEM: dict[str, Any] = {
    "metadata": {"name": "b", "namespace": "demo", "labels": {"a": "x"}},
    "involvedObject": {"uid": "1"},
    "count": 3,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("metadata.name=b", True),
        ("metadata.name==b,metadata.namespace!=other", True),
        ("metadata.name!=b", False),
        ("involvedObject.uid=1", True),
        ("involvedObject.uid.deep=", True),
        ("count=3", True),
        ("reason=", True),
        ("reason=x", False),
        ("metadata.name=b,", True),
    ],
)
def test_a_field_selector_looks_into_the_object(text: str, expected: bool) -> None:
    """What is absent is the empty text."""
    assert expected is select("", text, supported=anything).matches(ITEM)


def test_a_backslash_protects_in_a_field_selector() -> None:
    """Commas, equals signs and backslashes may stand in values."""
    assert parse_fields(r"reason=a\,b\=c\\d", supported=anything) == (FieldTerm("reason", "a,b=c\\d"),)


@pytest.mark.parametrize("text", ["x", "a=b=c", "a=b\\", r"a=b\x", "!a"])
def test_what_is_no_field_selector_is_refused(text: str) -> None:
    """As Kubernetes refuses it: 400."""
    with pytest.raises(BadSelector, match=r"^invalid selector"):
        parse_fields(text, supported=anything)


def test_a_field_that_cannot_be_selected_by_is_refused() -> None:
    """In Kubernetes' words, which `kubectl` shows."""
    with pytest.raises(BadSelector, match=r"^field label not supported: spec\.broker$"):
        parse_fields("spec.broker=default", supported=lambda path: path == "metadata.name")


def test_a_selection_knows_what_it_can_do_without() -> None:
    """One name is one object; names and namespaces never change, labels and other fields may."""
    assert select("", "", supported=anything).is_everything
    named = select("", "metadata.name=b,metadata.namespace=demo", supported=anything)
    assert (named.name, named.can_change, named.is_everything) == ("b", False, False)
    assert select("", "metadata.name!=b", supported=anything).name is None
    assert select("a", "", supported=anything).can_change
    assert select("", "reason=x", supported=anything).can_change
    assert not select("b", "", supported=anything).matches({"metadata": {"name": "b", "labels": None}})
