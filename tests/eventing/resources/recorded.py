"""What Knative's own API server and webhooks answered, and what we do to the same requests, in comparable form.

Recorded from knative/eventing.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.broker_default import SYSTEM_NAMESPACE
from eventing.resources.catalogue import Catalogue
from eventing.resources.context import configure
from eventing.resources.identity import Key, Object
from eventing.resources.kind import Context

RECORDINGS = Path(__file__).parents[4] / "shared" / "conformance" / "knative"
Case = dict[str, Any]
WORDS = (
    "Immutable annotations changed",
    "Immutable fields changed",
    "The provided annotation was not a corev1.ObjectReference",
    "expected exactly one, got neither",
    "invalid key name",
    "mismatched namespaces",
    "missing field(s)",
    "multiple dialects found, filters can have only one dialect set",
    "must not set the field(s)",
    "unknown field",
)
"""How faults begin whose ends are details."""
UNKNOWN_FIELD = r'unknown field \\"(.*?)\\"'
"""The one warning that admission gives; that a version is deprecated is told by whoever serves it."""


def recorded(file: str, kinds: Collection[str]) -> dict[str, Case]:
    """The cases of that file that are about objects of those kinds, by name."""
    cases = json.loads((RECORDINGS / file).read_text())
    return {case["name"]: case for case in cases if case.get("object", {}).get("kind") in kinds}


@dataclass(frozen=True)
class Answer:
    """What is comparable of an answer: faults as (words, path), stored annotations, labels and spec, warnings."""

    faults: frozenset[tuple[str, str]] = frozenset()
    stored: str = ""
    warnings: tuple[str, ...] = ()


def ours(case: Case) -> Answer:
    item, old = case["object"], case.get("old")
    served = Catalogue().find(item["apiVersion"], item["kind"])
    assert served is not None
    kind, version = served
    context, was = context_of(case), old and kind.to_stored(old, version)
    try:
        admitted = admit(served, item, old=was, context=context, is_strict=case.get("fieldValidation") == "Strict")
    except InvalidResource as error:
        return Answer(frozenset((words(fault.reason), fault.path) for fault in error.errors))
    return Answer(stored=comparable(kind.from_stored(admitted.item, version)), warnings=admitted.warnings)


def context_of(case: Case) -> Context:
    given = case.get("config", {})
    config = {Key("", "ConfigMap", SYSTEM_NAMESPACE, name): {"data": data} for name, data in given.items()}
    return configure(Context(user=case.get("user", {}).get("username", "admin")), config.get).context


def theirs(case: Case) -> Answer:
    if case["http_status"] in (200, 201):
        warnings = [path for warning in case.get("warnings", []) for path in re.findall(UNKNOWN_FIELD, warning)]
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
    paths = re.sub(r", spec\.\w+\[apiVersion, kind, name\]$", "", found[2]).split(", ")
    return [(words(found[1]), re.sub(r"(filters?\S*)\[([^\d\]]+)\]$", r"\1.\2", path)) for path in paths]


def words(reason: str) -> str:
    """A fault's words without the details that each engine adds after them, and without what only one of them knows."""
    for start in WORDS:
        if reason.startswith(start):
            return start
    return re.sub(r"^(invalid value): .*", r"\1", reason, flags=re.DOTALL)


def comparable(item: Object) -> str:
    """The parts that admission writes: order of keys is no difference, and the recordings name no uid."""
    metadata = item["metadata"]
    parts = {
        "annotations": metadata.get("annotations", {}),
        "labels": metadata.get("labels", {}),
        "spec": item.get("spec"),
    }
    return re.sub(r'"uid": "[^"]*"', '"uid": "UID"', json.dumps(parts, sort_keys=True))
