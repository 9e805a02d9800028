"""The JSONPath of printer columns."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.apiserver.json_path import BadPath, JsonPath

ITEM: dict[str, Any] = {
    "metadata": {"annotations": {"eventing.knative.dev/broker.class": "Kafka"}, "name": "b"},
    "status": {
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Addressable", "status": "False"}],
        "address": {"url": "http://x"},
        "list": [1, 2, 3],
        "text": "plain",
    },
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", [ITEM]),
        (".metadata.name", ["b"]),
        ("{.metadata.name}", ["b"]),
        ("$.metadata.name", ["b"]),
        (r".metadata.annotations.eventing\.knative\.dev/broker\.class", ["Kafka"]),
        (".metadata.annotations['eventing.knative.dev/broker.class']", ["Kafka"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type == 'Ready')].status", ["True"]),
        ('.status.conditions[?(@.type=="Other")].status', []),
        ('.status.conditions[?(@.type.deep=="x")].status', []),
        (".status.conditions[*].status", ["True", "False"]),
        (".status.address.*", ["http://x"]),
        (".status.list[0]", [1]),
        (".status.list[-1]", [3]),
        (".status.list[7]", []),
        (".status.text[0]", []),
        (".status.text.deeper", []),
        (".status.absent.url", []),
    ],
)
def test_a_path_finds_what_lies_there(path: str, expected: list[Any]) -> None:
    """Names with dots, conditions, items; what is not there is not found."""
    assert expected == JsonPath.parse(path).find(ITEM)


@pytest.mark.parametrize(("path", "place"), [("metadata", 0), (".a[", 2), (".a[?(@.x)]", 2), (".a..b", 2)])
def test_what_is_no_path_is_refused_with_the_place(path: str, place: int) -> None:
    """Columns are written by programmers, who want to know where they erred."""
    with pytest.raises(BadPath) as caught:
        JsonPath.parse(path)
    assert place == caught.value.place


def test_the_first_thing_or_nothing() -> None:
    """What a number of the `scale` subresource is read from."""
    assert JsonPath.parse(".status.list[*]").first(ITEM) == 1
    assert JsonPath.parse(".spec.consumers").first(ITEM) is None


@pytest.mark.parametrize("document", [{}, {"spec": None}, {"spec": {"other": 1}}])
def test_a_value_is_put_where_a_path_of_names_leads(document: dict[str, Any]) -> None:
    """Objects on the way are made, neighbours stay."""
    others = dict(document.get("spec") or {})
    JsonPath.parse(".spec.consumers").put(document, 3)
    assert document == {"spec": {**others, "consumers": 3}}


NAME = st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1, max_size=8)


@given(names=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4), value=st.integers())
def test_what_was_put_is_found(names: list[str], value: int) -> None:
    """With every character of a name escaped, whatever it is; only `*` alone means something else."""
    if "*" in names or any("\n" in name for name in names):
        return
    path = JsonPath.parse("".join("." + "".join(f"\\{character}" for character in name) for name in names))
    document: dict[str, Any] = {}
    path.put(document, value)
    assert [value] == path.find(document)
