"""The field tree of a kind: one description from which checking, pruning and the CRD's OpenAPI schema follow.

A node says what Kubernetes' structural schemas say; nulls count as absent. Source: Knative's CRDs. Pure.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from dispatcher.fault import FieldError, at, kind_of, shown

Type = Literal["any", "array", "boolean", "integer", "object", "string"]
ListType = Literal["atomic", "map", "set"]
MISSING: Final = "missing field(s)"
"""Knative's words for a required field that is absent or empty."""
NUL: Final = "invalid value: holds the character U+0000"
"""PostgreSQL's text cannot hold it: what one database keeps, the other must."""
_LIMITS: Final = {"int32": 2**31, "int64": 2**63}
_PYTHON_TYPES: Final[dict[Type, type]] = {"array": list, "boolean": bool, "integer": int, "object": dict, "string": str}
_NOUNS: Final[dict[Type, str]] = {
    "array": "a list",
    "boolean": "a boolean",
    "integer": "an integer",
    "object": "a map",
    "string": "a string",
}


@dataclass(frozen=True, slots=True)
class Node:
    """One field. `items` is what an array, or an object used as a map, holds. `is_open` keeps its unknown fields."""

    type: Type
    properties: Mapping[str, "Node"] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    items: "Node | None" = None
    enum: tuple[str, ...] = ()
    format: str = ""
    is_open: bool = False
    description: str = ""
    """What it means, for `kubectl explain` and the reference."""
    default: Any = None
    """What the schema itself fills in where the field is absent; None for nothing."""
    minimum: int | None = None
    items_min: int = 0
    list_type: ListType = "atomic"
    """How an array is merged by a server-side apply: as one value, by the keys of its items, or as a set."""
    list_keys: tuple[str, ...] = ()
    """What tells the items of a `map` list apart in a server-side apply."""
    is_atomic: bool = False
    """True for an object that a server-side apply takes as one value; others are merged field by field."""
    patch_key: str = ""
    """What tells them apart in a strategic merge patch, which core kinds alone take; empty where it replaces the
    list. A `set` of texts needs none."""

    def described(self, description: str) -> "Node":
        """The same field, with this description."""
        return replace(self, description=description)


STRING: Final = Node("string")
BOOLEAN: Final = Node("boolean")
INT32: Final = Node("integer", format="int32")
INT64: Final = Node("integer", format="int64")
ANYTHING: Final = Node("any", is_open=True)
OPEN: Final = Node("object", is_open=True)
"""An object of which nothing is declared: its kind's `validate` looks at it, or nobody does."""


def string(description: str, **details: Any) -> Node:
    """A text with this description; `details` are further members of the node."""
    return replace(STRING, description=description, **details)


def array(items: Node, description: str = "", **details: Any) -> Node:
    """A list of such items."""
    return Node("array", items=items, description=description, **details)


def mapping(values: Node, description: str = "", *, is_atomic: bool = False) -> Node:
    """An object of arbitrary keys and such values."""
    return Node("object", items=values, description=description, is_atomic=is_atomic)


def record(
    properties: Mapping[str, Node],
    description: str = "",
    *,
    required: tuple[str, ...] = (),
    is_open: bool = False,
    is_atomic: bool = False,
) -> Node:
    """An object of these fields."""
    return Node("object", properties, required, is_open=is_open, description=description, is_atomic=is_atomic)


@dataclass(slots=True)
class Fitted:
    """A value cut to its node: `unknown` names the fields that fell away, `errors` what does not fit."""

    value: Any = None
    unknown: list[str] = field(default_factory=list)
    errors: list[FieldError] = field(default_factory=list)


def fit(value: object, node: Node, path: str = "") -> Fitted:
    """A copy of `value` without what `node` does not know, and everything that is wrong with it. Never raises."""
    fitted = Fitted()
    fitted.value = _fit(value, node, path, fitted)
    return fitted


def _fit(value: object, node: Node, path: str, fitted: Fitted) -> Any:
    if node.type == "any":
        fitted.errors += _nul_faults(value, path)
        return copy.deepcopy(value)
    if not _is_of_type(value, node.type):
        fitted.errors.append(FieldError(path, f"invalid value: expected {_NOUNS[node.type]}, got {kind_of(value)}"))
    elif isinstance(value, dict):
        return _fit_object(value, node, path, fitted)
    elif isinstance(value, list):
        items = node.items or ANYTHING
        return [_fit(item, items, at(path, index), fitted) for index, item in enumerate(value)]
    elif isinstance(value, str) and "\0" in value:
        fitted.errors.append(FieldError(path, NUL))
    elif not _is_in_range(value, node):
        fitted.errors.append(FieldError(path, f"invalid value: {shown(str(value))}"))
    return value


def _fit_object(value: dict[str, Any], node: Node, path: str, fitted: Fitted) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, item in value.items():
        child = node.properties.get(name, node.items or (ANYTHING if node.is_open else None))
        if child is None:
            fitted.unknown.append(at(path, name))
        elif "\0" in name:
            fitted.errors.append(FieldError(at(path, name), NUL))
        elif item is not None:
            kept[name] = _fit(item, child, at(path, name), fitted)
    fitted.errors += [FieldError(at(path, name), MISSING) for name in node.required if name not in kept]
    return kept


def _nul_faults(value: object, path: str) -> Iterator[FieldError]:
    """Of all texts in a value of which nothing is declared."""
    if isinstance(value, str):
        if "\0" in value:
            yield FieldError(path, NUL)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nul_faults(item, at(path, index))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _nul_faults(name, at(path, name))
            yield from _nul_faults(item, at(path, name))


def _is_of_type(value: object, expected: Type) -> bool:
    if isinstance(value, bool):  # which Python takes for an integer
        return expected == "boolean"
    return isinstance(value, _PYTHON_TYPES[expected])


def _is_in_range(value: Any, node: Node) -> bool:
    if isinstance(value, str):
        return not node.enum or value in node.enum
    limit = _LIMITS.get(node.format)
    return limit is None or -limit <= value < limit
