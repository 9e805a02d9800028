"""Admission and defaulting against what Knative's own API server and webhooks answered to the same requests.

Recorded from knative/eventing. What we answer differently, and why, is in `DIFFERENCES`: everything else must agree in
verdict, in words, in the paths they speak of, and in what is stored.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.broker_default import SHIPPED, BrokerDefaults
from eventing.resources.catalogue import Catalogue
from eventing.resources.identity import Object
from eventing.resources.kind import Context

RECORDINGS = Path(__file__).parents[4] / "shared" / "conformance" / "knative"


def recorded(file: str) -> dict[str, dict[str, Any]]:
    cases = json.loads((RECORDINGS / file).read_text())
    return {case["name"]: case for case in cases if case.get("object", {}).get("kind") in ("Broker", "Trigger")}


ADMISSION = recorded("admission.json")
DEFAULTING = recorded("defaulting.json")
WORDS = (
    "Immutable annotations changed",
    "Immutable fields changed",
    "The provided annotation was not a corev1.ObjectReference",
    "expected exactly one, got neither",
    "invalid key name",
    "mismatched namespaces",
    "multiple dialects found, filters can have only one dialect set",
    "must not set the field(s)",
    "unknown field",
)
"""How faults begin whose ends are details."""
DIALECTS = ("exact", "prefix", "suffix")
DIFFERENCES: dict[str, tuple[str, ...]] = {
    "the true path": (
        "Broker: empty class",
        "Broker: update of class",
        "Broker: update of config and class",
        "Trigger: brokerRef with namespace, feature off",
        "Trigger: unknown field strict",
        "Trigger: update of broker",
        "Trigger: update removes broker",
        "Trigger: update of broker to empty",
        "Trigger: filters deep nesting, bad at the bottom",
        "Trigger: filters first and third bad",
        "Trigger: filters two dialects exact prefix",
        "Trigger: filters two dialects all any",
        "Trigger: filters two dialects not cesql",
        "Trigger: filters two dialects inside not",
        "Trigger: filter value number",
        *(f"Trigger: filters {dialect} is a string" for dialect in DIALECTS),
        "Trigger: filters all is a map",
        "Trigger: filters any is a map",
        "Trigger: filters not is a list",
        "Trigger: filters cesql is a number",
    ),
    "a duration is not negative": ("Broker: delivery negative backoffDelay", "Broker: delivery negative timeout"),
    "an unknown field is pruned with a warning, wherever it is": ("Broker: delivery unknown field",),
    "a reference names something": ("Trigger: brokerRef empty",),
    "certificates are PEM": ("Trigger: subscriber bad CACerts",),
    "a filter that says nothing is refused: Knative lets everything pass": (
        *(f"Trigger: filters {dialect} empty map" for dialect in DIALECTS),
        *(f"Trigger: filters {dialect} empty value" for dialect in DIALECTS),
        "Trigger: filters all empty list",
        "Trigger: filters all with empty element",
        "Trigger: filters any empty list",
        "Trigger: filters any with empty element",
        "Trigger: filters not empty",
        "Trigger: filters empty element",
    ),
    "a misspelt dialect is refused, not pruned": ("Trigger: filters unknown dialect",),
    "an expression is Boolean": (
        "Trigger: filters cesql 1",
        "Trigger: filters cesql 'a'",
        "Trigger: filters cesql LENGTH(type)",
    ),
    "an expression calls functions that exist, as they are": (
        "Trigger: filters cesql LENGTH()",
        "Trigger: filters cesql LENGTH(type, 1)",
        "Trigger: filters cesql KN_VERIFY_CORRELATION_ID(id, 'r', 'demo', 'k', 1, 2)",
        "Trigger: filters cesql KN_VERIFY_CORRELATION_ID()",
    ),
    "a quote within a string is escaped by a backslash": ("Trigger: filters cesql type = 'it''s'",),
    "timeouts are no feature to be switched off": (
        "Broker: timeout while the feature is off",
        "Broker: bad timeout while the feature is off",
    ),
    "a reference has an apiVersion; the group alone is no feature here": (
        "Trigger: subscriber ref with group, feature on",
    ),
    "a Trigger and its Broker share a namespace: links across are no feature here": (
        "Trigger: brokerRef without namespace, feature on",
        "Trigger: brokerRef with namespace, feature on, user without knsubscribe",
        "Trigger: brokerRef own namespace, feature on, ordinary user",
        "Trigger: brokerRef without namespace, feature on, ordinary user",
    ),
}
"""Why, and in which cases, we answer differently."""
DIFFERENT = {name for names in DIFFERENCES.values() for name in names}


@dataclass(frozen=True)
class Answer:
    """What is comparable of an answer: faults as (words, path), stored annotations, labels and spec, warnings."""

    faults: frozenset[tuple[str, str]] = frozenset()
    stored: str = ""
    warnings: tuple[str, ...] = ()


def ours(case: dict[str, Any]) -> Answer:
    item, old = case["object"], case.get("old")
    kind = Catalogue().find(item["apiVersion"], item["kind"])
    assert kind is not None
    context = Context(case.get("user", {}).get("username", "admin"), defaults(case))
    try:
        admitted = admit(kind, item, old=old, context=context, is_strict=case.get("fieldValidation") == "Strict")
    except InvalidResource as error:
        return Answer(frozenset((words(fault.reason), fault.path) for fault in error.errors))
    return Answer(stored=comparable(admitted.item), warnings=admitted.warnings)


def defaults(case: dict[str, Any]) -> BrokerDefaults:
    text = case.get("config", {}).get("config-br-defaults", {}).get("default-br-config")
    return BrokerDefaults.parse(text) if text else SHIPPED


def theirs(case: dict[str, Any]) -> Answer:
    if case["http_status"] in (200, 201):
        warnings = tuple(re.findall(r'unknown field \\"(.*?)\\"', warning)[0] for warning in case.get("warnings", []))
        return Answer(stored=comparable(case["stored"]), warnings=tuple(f'unknown field "{path}"' for path in warnings))
    if case.get("causes"):
        return Answer(frozenset((words(cause["message"]), cause["field"]) for cause in case["causes"]))
    message = case["message"]
    if unknown := re.findall(r'strict decoding error: unknown field "(.*?)"', message):
        return Answer(frozenset({("unknown field", unknown[0])}))
    if unknown := re.findall(r'mutation failed: .* unknown field "(.*?)"', message):
        return Answer(frozenset({("unknown field", unknown[0])}))
    if wrong := re.findall(r"mutation failed: .* Go struct field \w+?\.(\S+) of type", message):
        return Answer(frozenset({("invalid value", wrong[0])}))
    return Answer(
        frozenset(fault for line in message.partition("validation failed: ")[2].split("\n") for fault in split(line))
    )


def split(line: str) -> list[tuple[str, str]]:
    """The faults of a line `words: path, path`. Lines of details have no path and say nothing of their own."""
    found = re.fullmatch(
        r"(.+): ((?:spec|metadata|broker|annotations|eventing\.knative\.dev)\b\S*(?:, \S+)*(?: kind, name\])?)", line
    )
    if found is None:
        return []
    paths = found[2].removesuffix(", spec.subscriber[apiVersion, kind, name]").split(", ")
    return [(words(found[1]), re.sub(r"(filters?\S*)\[([^\d\]]+)\]$", r"\1.\2", path)) for path in paths]


def words(reason: str) -> str:
    """A fault's words without the details that each engine adds after them, and without what only one of them knows."""
    for start in WORDS:
        if reason.startswith(start):
            return start
    return re.sub(r"^(invalid value): .*", r"\1", reason, flags=re.DOTALL)


def comparable(item: Object) -> str:
    """The parts that admission writes: order of keys is no difference."""
    metadata = item["metadata"]
    parts = {
        "annotations": metadata.get("annotations", {}),
        "labels": metadata.get("labels", {}),
        "spec": item.get("spec"),
    }
    return json.dumps(parts, sort_keys=True)


@pytest.mark.parametrize("name", sorted(ADMISSION.keys() - DIFFERENT))
def test_an_admission_is_answered_as_recorded(name: str) -> None:
    """The same verdict, the same words about the same paths, the same object stored, the same warnings."""
    assert theirs(ADMISSION[name]) == ours(ADMISSION[name])


@pytest.mark.parametrize("name", sorted(DEFAULTING))
def test_defaults_are_filled_in_as_recorded(name: str) -> None:
    """What the API server stored for a creation, under the shipped defaults or others."""
    assert theirs(DEFAULTING[name]) == ours(DEFAULTING[name])


@pytest.mark.parametrize("name", sorted(DIFFERENT))
def test_a_listed_difference_is_one(name: str) -> None:
    """An entry of the table that no longer differs, or names no case, must leave it."""
    assert theirs(ADMISSION[name]) != ours(ADMISSION[name])


@pytest.mark.parametrize("name", DIFFERENCES["the true path"])
def test_a_true_path_changes_no_verdict(name: str) -> None:
    """Where only the path differs, both refuse."""
    assert ours(ADMISSION[name]).faults
    assert ADMISSION[name]["http_status"] == 400
