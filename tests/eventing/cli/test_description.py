"""What `eventing describe` prints, against what kubectl printed of the same objects."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventing.cli.description import description

RECORDINGS = Path(__file__).parents[4] / "shared" / "conformance"


def recorded() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Objects that kubectl described alone, and the description up to the events."""
    for file in sorted(RECORDINGS.glob("**/wire/kubectl/*-kubectl-describe-*.json")):
        session = json.loads(file.read_text())
        for exchange in session["exchanges"]:
            item = exchange["response_body"]
            if isinstance(item, str) and item.startswith("{"):
                item = json.loads(item)
            if isinstance(item, dict) and "name" in item.get("metadata", {}):
                yield file.stem, item, session["stdout"].partition("Events:")[0]
                break


CASES = list(recorded())


def described(item: dict[str, Any], *events: tuple[str, ...]) -> str:
    whole = {"apiVersion": "v1", "kind": "ConfigMap", **item}
    return description({**whole, "metadata": {"name": "a", "namespace": "b", **item.get("metadata", {})}}, events)


def test_there_are_recordings() -> None:
    assert len(CASES) >= 9


@pytest.mark.parametrize(("item", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_object_is_described_as_kubectl_does(item: dict[str, Any], expected: str) -> None:
    """Labels, order, alignment: what scripts and eyes are used to."""
    assert expected == description(item, []).partition("Events:")[0]


def test_events_stand_in_a_table() -> None:
    """As kubectl prints them, below the object."""
    text = described({}, ("Normal", "FinalizerUpdate", "1s", "subscription-controller", 'Updated "s" finalizers'))
    assert (
        "Events:\n"
        "  Type    Reason           Age   From                     Message\n"
        "  ----    ------           ----  ----                     -------\n"
        '  Normal  FinalizerUpdate  1s    subscription-controller  Updated "s" finalizers\n'
    ) == text[text.index("Events:") :]


def test_without_events_it_says_so() -> None:
    assert "Events:  <none>\n" == described({}).splitlines(keepends=True)[-1]


def test_a_secret_shows_sizes_only() -> None:
    """Neither what it holds nor a text that was given instead."""
    text = described({"kind": "Secret", "data": {"password": "c2VjcmV0", "token": "YQ=="}, "stringData": {"x": "y"}})
    assert "  Password:  6 bytes\n  Token:     1 bytes\n" in text
    assert "c2VjcmV0" not in text
    assert "String Data" not in text


def test_long_annotations_are_cut_and_those_of_several_lines_kept_apart() -> None:
    """One of them must not push everything else out of sight; what kubectl applied last is shown by nobody."""
    annotations = {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "lines": "one\ntwo\n",
        "long": "x" * 200,
        "short": "text",
    }
    text = described({"metadata": {"annotations": annotations}})
    indent = " " * 14
    expected = [f"Annotations:  {line}" if number == 0 else indent + line for number, line in enumerate(
        ["lines:", "  one", "  two", "long:", "  " + "x" * 138 + "...", "short: text"]
    )]  # fmt: skip
    assert expected == text.splitlines()[3:9]


def test_values_are_written_as_in_yaml() -> None:
    """Booleans in small letters, absent values as kubectl's `<nil>`, lists of texts a line each."""
    text = described({"spec": {"on": True, "none": None, "names": ["a", "b"], "some-key": 1}})
    assert "Spec:\n  Names:\n    a\n    b\n  None:      <nil>\n  On:        true\n  some-key:  1\n" in text
