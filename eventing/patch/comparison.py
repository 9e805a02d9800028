"""Two states of an object, and the fields in which they differ. Pure.

Source: sigs.k8s.io/structured-merge-diff.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from eventing.patch.field_set import FieldSet, Path
from eventing.patch.field_tree import ABSENT, Shape, child_of, element_of, shape_of
from eventing.patch.json_value import is_equal
from eventing.resources.identity import Object
from eventing.resources.schema import Node


@dataclass(frozen=True, slots=True)
class Comparison:
    """The fields that one state has and the other has not, and those that both have with other values."""

    added: FieldSet
    modified: FieldSet
    removed: FieldSet

    @property
    def written(self) -> FieldSet:
        """The fields that got a value."""
        return self.added | self.modified

    def within(self, is_in: Callable[[Path], bool]) -> "Comparison":
        """The same comparison of some fields only."""
        return Comparison(*(frozenset(filter(is_in, part)) for part in (self.added, self.modified, self.removed)))


def compare(old: Object, new: Object, node: Node) -> Comparison:
    """What has changed from `old` to `new`. Whole maps and items count besides their parts where they come or go."""
    walk = _Walk()
    walk.visit(old, new, node, ())
    return Comparison(*(frozenset(paths) for paths in (walk.added, walk.modified, walk.removed)))


@dataclass(slots=True)
class _Walk:
    added: list[Path] = field(default_factory=list)
    modified: list[Path] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)

    def visit(self, old: Any, new: Any, node: Node | None, path: Path) -> None:
        """Compare the values at a path, of which one at least is there."""
        shapes = _shapes(old, new, node)
        if "map" in shapes:
            self._visit_map(_map(old), _map(new), node, path)
        if "list" in shapes:
            assert node is not None  # of which no merged list is known
            self._visit_list(_items(old, node), _items(new, node), node, path)
        if path:
            self._note(old, new, path, is_leaf="leaf" in shapes or not (_has_parts(old) or _has_parts(new)))

    def _visit_map(self, old: Object, new: Object, node: Node | None, path: Path) -> None:
        for name in {**old, **new}:
            self.visit(old.get(name, ABSENT), new.get(name, ABSENT), child_of(node, name), (*path, f"f:{name}"))

    def _visit_list(self, old: Object, new: Object, node: Node, path: Path) -> None:
        for element in {**old, **new}:
            self.visit(old.get(element, ABSENT), new.get(element, ABSENT), node.items, (*path, element))

    def _note(self, old: Any, new: Any, path: Path, *, is_leaf: bool) -> None:
        if old is ABSENT:
            self.added.append(path)
        elif new is ABSENT:
            self.removed.append(path)
        elif is_leaf and not is_equal(old, new):
            self.modified.append(path)


def _shapes(old: Any, new: Any, node: Node | None) -> set[Shape]:
    """How the two are to be compared: in both their ways. Null takes the form of the other."""
    present = [value for value in (old, new) if value is not ABSENT]
    told = [value for value in present if value is not None]
    return {shape_of(value, node) for value in told or present}


def _map(value: Any) -> Object:
    return value if isinstance(value, dict) else {}


def _items(value: Any, node: Node) -> Object:
    return {element_of(item, node): item for item in value} if isinstance(value, list) else {}


def _has_parts(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)
