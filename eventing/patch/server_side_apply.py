"""Server-side apply: an object is made what its managers say, each of the fields that it names. Pure.

Source: kube-apiserver (k8s.io/apimachinery/pkg/util/managedfields) and sigs.k8s.io/structured-merge-diff.
"""

from dataclasses import dataclass
from typing import Any, Final

from eventing.patch.apply_merge import merged, pruned
from eventing.patch.comparison import compare
from eventing.patch.fault import MalformedPatch
from eventing.patch.field_set import NOTHING, FieldSet, Path, fields_of, shown_path
from eventing.patch.json_value import is_equal, is_too_deep
from eventing.patch.last_applied import KUBECTL, fields_last_applied, with_last_applied
from eventing.patch.managed_field import (
    Entries,
    Entry,
    Identity,
    Manager,
    bereft,
    entries_of,
    owned,
    unmanaged,
    updated,
    written,
)
from eventing.resources.identity import Object
from eventing.resources.schema import Node

BEFORE: Final = "before-first-apply"
"""Kubernetes' name for whoever wrote an object whose owners nobody remembered."""


class ApplyConflict(Exception):  # noqa: N818 - named for what it is
    """Others own fields that would change. HTTP 409: leave the fields out, or force.

    `causes` are who, as Kubernetes names it, and the field's path. `message` is kube-apiserver's.
    """

    def __init__(self, causes: tuple[tuple[str, str], ...]) -> None:
        self.causes = causes
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """All of it, in one line for one conflict."""
        if len(self.causes) == 1:
            return "Apply failed with 1 conflict: conflict with {}: {}".format(*self.causes[0])
        lines = []
        for manager in dict.fromkeys(manager for manager, _ in self.causes):
            lines += [f"conflicts with {manager}:", *(f"- {path}" for name, path in self.causes if name == manager)]
        return f"Apply failed with {len(self.causes)} conflicts: " + "\n".join(lines)


def apply(live: Object | None, wanted: Object, manager: Manager, node: Node, *, is_forced: bool = False) -> Object:
    """The object after the manager has applied what it wants, with its managedFields; `live` is None for no object.

    What the manager applied before and wants no longer goes, unless others own it. Where a field would change that
    another owns, `ApplyConflict` is raised; forced, the field is taken. A field that has the wanted value is owned by
    both. What kubectl applied by itself, and still is so, its server-side apply may change. What is applied through a
    wrong subresource is passed over. Raises `MalformedPatch`.
    """
    wanted = _readable(wanted, manager)
    state = _State(unmanaged(live or {}), _entries(live, manager, node))
    result, mine = _put_together(state, wanted, manager, node)
    change = compare(state.item, result, node).within(manager.may_own)
    identity = manager.identity("Apply")
    others = {one: entry for one, entry in state.entries.items() if one != identity}
    if not is_forced:
        _check(others, change.written - _taken_over(state.item, manager, node))
    entries = dict(bereft(others, change))
    if mine := owned(mine):
        time = state.time_of(identity) if is_equal(state.item, result) else manager.time
        entries[identity] = Entry(mine, manager.api_version, time)
    managed = _managed(result, entries)
    return with_last_applied(managed, wanted) if manager.name == KUBECTL else managed


@dataclass(frozen=True, slots=True)
class _State:
    """An object, and who owns its fields."""

    item: Object
    entries: Entries

    def fields_of(self, identity: Identity) -> FieldSet:
        return self.entries[identity].fields if identity in self.entries else NOTHING

    def time_of(self, identity: Identity) -> str:
        return self.entries[identity].time if identity in self.entries else ""


def _put_together(state: _State, wanted: Object, manager: Manager, node: Node) -> tuple[Object, FieldSet]:
    """The object as it shall be, and the fields that the manager applies."""
    identity = manager.identity("Apply")
    mine = fields_of(wanted, node)
    held = mine.union(*(entry.fields for one, entry in state.entries.items() if one != identity))
    result = merged(state.item, wanted, node)
    last = state.fields_of(identity)
    return (pruned(result, last, held, node) if last else result), mine


def _readable(wanted: Object, manager: Manager) -> Object:
    """What the manager may write of what it wants. A field that is null is not wanted."""
    if is_too_deep(wanted):
        raise MalformedPatch("the patch is nested too deep")
    metadata = wanted.get("metadata")
    if isinstance(metadata, dict) and metadata.get("managedFields") is not None:
        raise MalformedPatch("metadata.managedFields must be nil")
    given = _without_nulls(unmanaged(wanted))
    return {name: item for name, item in given.items() if name in _TYPE or manager.may_own((f"f:{name}",))}


_TYPE: Final = ("apiVersion", "kind")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _entries(live: Object | None, manager: Manager, node: Node) -> Entries:
    """The owners of the object; where nobody remembered any, one that stands for them all."""
    if live is None:
        return {}
    before = Manager(BEFORE, manager.api_version, manager.time, manager.subresource)
    known = entries_of(live["metadata"].get("managedFields"))
    return known or updated({}, compare({}, unmanaged(live), node).within(before.may_own), before)


def _taken_over(live: Object, manager: Manager, node: Node) -> FieldSet:
    """The fields that are no conflict, whoever owns them: those that kubectl applied in its other way."""
    return fields_last_applied(live, manager.api_version, node) if manager.name == KUBECTL else NOTHING


def _check(others: Entries, wrote: FieldSet) -> None:
    causes = tuple(
        (str(identity), shown_path(path))
        for identity in sorted(others)
        for path in sorted(others[identity].fields & wrote, key=_depth_last)
    )
    if causes:
        raise ApplyConflict(causes)


def _depth_last(path: Path) -> list[tuple[bool, str]]:
    """The order of kube-apiserver's messages: a field comes before those that have parts."""
    return [(depth < len(path), step) for depth, step in enumerate(path, 1)]


def _managed(item: Object, entries: Entries) -> Object:
    metadata = {**item.get("metadata", {})}
    if managed := written(entries):
        metadata["managedFields"] = managed
    return {**item, "metadata": metadata}
