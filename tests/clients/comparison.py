"""A recorded answer beside a living server's: where do they differ in what a client can see?"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

ABSENT: Final = "(absent)"
_VOLATILE: Final = {"managedFields", "resourceVersion", "uid", "selfLink", "continue", "remainingItemCount"}
"""Fields whose values are each server's own."""
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_UID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_AGE: Final = re.compile(r"(\d+[smhdy])+|<invalid>")
_ADDRESS: Final = re.compile(r"https?://([\w.-]+\.svc\.cluster\.local|localhost|127\.0\.0\.1)(:\d+)?")
_KEYS: Final = ("name", "subresource", "type", "groupVersion", "version", "resource")
"""What tells the elements of a list apart, where the order says nothing: columns, conditions, discovered kinds."""
_CORE: Final = {"configmaps", "events", "namespaces", "secrets", "services"}
_NOT_KEPT: Final = re.compile(r"\(\d+ bytes, not kept\)")


@dataclass(frozen=True)
class Difference:
    """At a path within the body, what was recorded and what was answered."""

    path: str
    recorded: Any
    answered: Any

    def __str__(self) -> str:
        return f"{self.path}: recorded {json.dumps(self.recorded)}, answered {json.dumps(self.answered)}"


def compare(recorded: Any, answered: Any, *, is_defaulted: bool) -> list[Difference]:
    """All differences. With `is_defaulted` the recording's objects are what a Knative webhook has filled in, and ours
    must be the same; without it nobody filled them in, and ours may say more in spec, status and annotations.
    """
    if isinstance(recorded, str):
        return _compare_text(recorded, answered)
    return list(_compare(_normal(recorded), _normal(answered), "", is_defaulted))


def _compare_text(recorded: str, answered: Any) -> list[Difference]:
    """Bodies that were not kept, or are protobuf, are no further compared; of an index of OpenAPI documents, whether
    Knative's are there.
    """
    if not recorded or recorded.startswith("k8s\x00") or _NOT_KEPT.match(recorded):
        return []
    if recorded.startswith('{"paths":'):
        paths = re.findall(r'"(apis/[\w.]+\.knative\.dev/\w+)":', recorded)
        missing = [path for path in paths if path not in answered.get("paths", {})]
        return [Difference(f"paths.{path}", "there", ABSENT) for path in missing]
    same = isinstance(answered, str) and answered.strip() == recorded.strip()
    return [] if same else [Difference("", recorded, answered)]


def _compare(recorded: Any, answered: Any, path: str, is_defaulted: bool) -> Iterator[Difference]:
    if isinstance(recorded, dict) and isinstance(answered, dict):
        if path.endswith("status") and _is_behind(recorded, answered):
            return
        for key in sorted(recorded.keys() | answered.keys()):
            below = f"{path}.{key}" if path else key
            if key not in recorded and not is_defaulted and _is_filled_in(below):
                continue
            yield from _compare(recorded.get(key, ABSENT), answered.get(key, ABSENT), below, is_defaulted)
    elif isinstance(recorded, list) and isinstance(answered, list):
        yield from _compare_lists(recorded, answered, path, is_defaulted)
    elif recorded != answered:
        yield Difference(path, recorded, answered)


def _compare_lists(recorded: list[Any], answered: list[Any], path: str, is_defaulted: bool) -> Iterator[Difference]:
    left, right = _keyed(recorded), _keyed(answered)
    for key in [*left, *(key for key in right if key not in left)]:
        yield from _compare(left.get(key, ABSENT), right.get(key, ABSENT), f"{path}[{key}]", is_defaulted)


def _keyed(items: list[Any]) -> dict[str, Any]:
    """Elements by what names them, or by their place where that is not unique."""
    names = [_name(item) for item in items]
    if None in names or len(set(names)) < len(names):
        return {str(place): item for place, item in enumerate(items)}
    return {str(name): item for name, item in zip(names, items, strict=True)}


def _name(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    metadata = item.get("metadata")
    if isinstance(metadata, dict):
        return f"{item.get('kind', '')} {metadata.get('name', '')}".strip()
    found = [item[key] for key in _KEYS if isinstance(item.get(key), str) and item[key]]
    return found[0] if found else None


def _is_filled_in(path: str) -> bool:
    """Where a webhook or a controller writes, and what a table then shows of it."""
    parts = re.sub(r"\[[^\]]*\]", "", path).split(".")
    return bool({"spec", "status", "annotations", "labels", "finalizers", "cells"} & set(parts))


def _is_behind(recorded: dict[str, Any], answered: dict[str, Any]) -> bool:
    """The recording caught an object on its way to Ready; a server that is there already is none the worse."""
    return _ready(recorded) != "True" and _ready(answered) == "True"


def _ready(status: dict[str, Any]) -> str:
    found = [one.get("status", "") for one in status.get("conditions", []) if one.get("type") == "Ready"]
    return str(found[0]) if found else "Unknown"


def _normal(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        if value.get("kind") == "APIGroupDiscoveryList":
            value = value | {"items": _our_groups(value["items"])}
        if value.get("kind") == "Table":
            value = value | {"rows": [_row(value, row) for row in value.get("rows") or []]}
        return {name: _normal(one, name) for name, one in value.items() if name not in _VOLATILE}
    if isinstance(value, list):
        # The order in which a server names verbs is nothing that a client goes by.
        return sorted(value) if key == "verbs" else [_normal(one) for one in value]
    if isinstance(value, str):
        return normal_text(value)
    return value


def normal_text(text: str) -> str:
    """Times, UIDs and the addresses of this or that data plane all look alike."""
    return _ADDRESS.sub("ADDRESS", _UID.sub("UID", _TIME.sub("TIME", text)))


def _our_groups(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Knative's, and of the core group (which has no name) the kinds that Knative refers to."""
    return [_our_kinds(one) for one in groups if one["metadata"].get("name", ".knative.dev").endswith(".knative.dev")]


def _our_kinds(group: dict[str, Any]) -> dict[str, Any]:
    if "name" in group["metadata"]:
        return group
    versions = [
        version | {"resources": [one for one in version["resources"] if one["resource"] in _CORE]}
        for version in group["versions"]
    ]
    return group | {"versions": versions}


def _row(table: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """A row whose cells have names; ages are each moment's own."""
    columns = [one["name"] for one in table["columnDefinitions"]]
    cells = {
        name: "AGE" if isinstance(cell, str) and _AGE.fullmatch(cell) else cell
        for name, cell in zip(columns, row["cells"], strict=False)
    }
    # A row is known by its object's name, as any object is.
    return {"cells": cells, **row.get("object", {})}
