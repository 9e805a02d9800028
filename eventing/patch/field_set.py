"""Sets of an object's fields, and the JSON in which Kubernetes writes them: FieldsV1. Pure.

Source: sigs.k8s.io/structured-merge-diff and the API reference of `metadata.managedFields`.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from eventing.patch.field_tree import child_of, element_of, is_declared, shape_of
from eventing.patch.json_value import compact, is_too_deep
from eventing.resources.identity import Object
from eventing.resources.schema import Node

Path = tuple[str, ...]
"""The way to a field from the object's root. A step is `f:` and a member's name, `k:` and the keys of a list's item,
`v:` and an item of a set, or `i:` and an index.
"""
FieldSet = frozenset[Path]
"""Fields. A map or an item is in it on its own account: who has its parts need not have it, nor the other way round."""
NOTHING: Final[FieldSet] = frozenset()
_SELF: Final = "."
_STEP: Final = re.compile(r"f:.*|i:-?[0-9]+|([kv]):(.*)", re.DOTALL)


class MalformedFieldSet(Exception):  # noqa: N818 - named for what it is, like its neighbours
    """What claims to be FieldsV1 is none."""


def to_fields_v1(fields: FieldSet) -> Object:
    """The set as a tree of its steps; where a field is in it together with parts of it, `.` says so."""
    root: Object = {}
    for path in sorted(fields):
        _descend(root, path)[_SELF] = {}
    return _pruned(root)


def _descend(tree: Object, path: Path) -> Object:
    for step in path:
        tree = tree.setdefault(step, {})
    return tree


def _pruned(tree: Object) -> Object:
    """The tree without the dots of those that have nothing else."""
    return {step: _pruned(below) for step, below in tree.items()} if tree.keys() != {_SELF} else {}


def from_fields_v1(tree: Any) -> FieldSet:
    """The set that was written so. Raises `MalformedFieldSet`."""
    if not isinstance(tree, dict) or is_too_deep(tree):
        raise MalformedFieldSet
    return frozenset(_paths(tree, ()))


def _paths(tree: Object, path: Path) -> Iterator[Path]:
    for step, below in tree.items():
        if not isinstance(below, dict):
            raise MalformedFieldSet
        if step == _SELF:
            if path:
                yield path
        elif below:
            yield from _paths(below, (*path, _read_step(step)))
        else:
            yield (*path, _read_step(step))


def _read_step(step: str) -> str:
    """The step in its one form."""
    found = _STEP.fullmatch(step)
    if found is None:
        raise MalformedFieldSet
    kind, text = found.groups()
    if kind is None:
        return step
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedFieldSet from error
    if is_too_deep(value) or (kind == "k" and not isinstance(value, dict)):
        raise MalformedFieldSet
    return f"{kind}:{compact(value)}"


def fields_of(value: Any, node: Node) -> FieldSet:
    """What somebody who applies the value has of the object.

    Its leaves, empty maps, the items of merged lists, and members that the tree does not declare by name.
    """
    return frozenset(path for path in _walk(value, node, ()) if path)


def _walk(value: Any, node: Node | None, path: Path) -> Iterator[Path]:
    shape = shape_of(value, node)
    if shape == "map":
        for name, item in value.items():
            below = (*path, f"f:{name}")
            if item == {} or not is_declared(node, name):
                yield below
            yield from _walk(item, child_of(node, name), below)
    elif shape == "list":
        assert node is not None  # of which no merged list is known
        for item in value:
            below = (*path, element_of(item, node))
            yield below
            yield from _walk(item, node.items, below)
    else:
        yield path


def with_parents(fields: FieldSet, node: Node) -> FieldSet:
    """The set, together with every declared field that has a part in it."""
    return fields.union(*(_declared_parents(path, node) for path in fields))


def _declared_parents(path: Path, node: Node | None) -> Iterator[Path]:
    for depth, step in enumerate(path[:-1], 1):
        name = step.removeprefix("f:")
        if name == step:
            node = None if node is None else node.items
        else:
            if is_declared(node, name):
                yield path[:depth]
            node = child_of(node, name)


def shown_path(path: Path) -> str:
    """The path as people read it: `.spec.ports[port=80,protocol="TCP"].name`."""
    return "".join(map(_shown_step, path))


def _shown_step(step: str) -> str:
    kind, _, text = step.partition(":")
    if kind == "f":
        return f".{text}"
    if kind == "k":
        return f"[{','.join(f'{name}={_quoted(value)}' for name, value in json.loads(text).items())}]"
    return f"[={_quoted(json.loads(text))}]" if kind == "v" else f"[{text}]"


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
