"""Kubernetes' strategic merge patch, which knows from the fields' tree what to merge in a list. Pure.

Source: k8s.io/apimachinery/pkg/util/strategicpatch. In a map `$patch` replaces or deletes it as a whole, and
`$retainKeys` names all fields that may stay. In a list of maps that is merged, an item with `$patch: delete` takes away
the one with its key, and one with `$patch: replace` all that was there. `$deleteFromPrimitiveList/<field>` takes items
from a set, and `$setElementOrder/<field>` says in which order the items of a list shall stand.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from dispatcher.fault import at, kind_of, shown
from eventing.patch.fault import MalformedPatch
from eventing.patch.field_tree import child_of
from eventing.patch.json_value import compact, copied, is_too_deep
from eventing.resources.identity import Object
from eventing.resources.schema import Node

_DIRECTIVE: Final = "$patch"
_RETAINED: Final = "$retainKeys"
_ORDER: Final = "$setElementOrder"
_GONE: Final = "$deleteFromPrimitiveList"


def apply_strategic_patch(document: Object, patch: Any, node: Node) -> Object:
    """The document with the patch merged in: maps merge, null removes, and a list merges by its node's `patch_key`, or
    as a set; all else replaces. The items of the patch keep their order, and those of the document fill in between.

    Raises `MalformedPatch` where the patch is no map, or has a directive that means nothing where it stands.
    """
    if not isinstance(patch, dict):
        raise MalformedPatch(f"a strategic merge patch is a map, not a {kind_of(patch)}")
    if is_too_deep(patch):
        raise MalformedPatch("the patch is nested too deep")
    return _merge_map(copied(document), patch, node, "")


def _merge_map(original: Object, patch: Object, node: Node | None, path: str) -> Object:
    """`original` is changed."""
    if _DIRECTIVE in patch:
        return _replacement(patch, node, path)
    directives = _read_directives(patch, path)
    _retain(original, patch, path)
    for name, gone in directives.gone.items():
        if isinstance(original.get(name), list):
            original[name] = _without(original[name], gone, at(path, name))
    reordered: Object = {name: [] for name in directives.orders if isinstance(original.get(name), list)}
    for name, change in {**reordered, **_fields(patch)}.items():
        if change is None or (name not in original and _is_deletion(change)):
            original.pop(name, None)
        else:
            order = directives.orders.get(name)
            original[name] = _merge(original.get(name), change, child_of(node, name), order, at(path, name))
    return original


def _merge(original: Any, change: Any, node: Node | None, order: list[Any] | None, path: str) -> Any:
    if isinstance(change, dict):
        return _merge_map(original if isinstance(original, dict) else {}, change, node, path)
    is_merged = node is not None and (node.patch_key or node.list_type == "set")
    if order is not None and not is_merged:
        raise MalformedPatch(f"{_ORDER} is for lists that are merged", path=path)
    if not isinstance(change, list):
        return change
    if node is not None and is_merged:
        return _ListMerge(node, path).merge(original if isinstance(original, list) else [], change, order)
    if any(_is_marked(item) for item in change):
        raise MalformedPatch("the list is not merged: it takes no $patch", path=path)
    return [_merge(None, item, node and node.items, None, at(path, index)) for index, item in enumerate(change)]


def _replacement(patch: Object, node: Node | None, path: str) -> Object:
    """What a map with a `$patch` becomes."""
    match patch[_DIRECTIVE]:
        case "replace":
            return _merge_map({}, {name: item for name, item in patch.items() if name != _DIRECTIVE}, node, path)
        case "delete":
            return {}
        case directive:
            raise _unknown(directive, path)


def _unknown(directive: object, path: str) -> MalformedPatch:
    return MalformedPatch(f'unknown {_DIRECTIVE} "{shown(str(directive))}"', path=path)


def _is_marked(item: object) -> bool:
    return isinstance(item, dict) and _DIRECTIVE in item


def _is_deletion(change: object) -> bool:
    return isinstance(change, dict) and change.get(_DIRECTIVE) == "delete"


@dataclass(slots=True)
class _Directives:
    """What a map of the patch says about its lists: by their names, the items that go, and the order of the rest."""

    gone: dict[str, list[Any]] = field(default_factory=dict)
    orders: dict[str, list[Any]] = field(default_factory=dict)


def _read_directives(patch: Object, path: str) -> _Directives:
    directives = _Directives()
    for key, items in patch.items():
        prefix, slash, name = key.partition("/")
        if prefix in (_GONE, _ORDER):
            if not slash or not isinstance(items, list):
                raise MalformedPatch(f"{prefix}/<field> must be a list", path=path)
            (directives.gone if prefix == _GONE else directives.orders)[name] = items
    return directives


def _fields(patch: Object) -> Object:
    return {name: item for name, item in patch.items() if name.partition("/")[0] not in (_RETAINED, _GONE, _ORDER)}


def _retain(original: Object, patch: Object, path: str) -> None:
    if _RETAINED not in patch:
        return
    retained = patch[_RETAINED]
    if not isinstance(retained, list):
        raise MalformedPatch(f"{_RETAINED} must be a list", path=path)
    names = {name for name in retained if isinstance(name, str)}
    for name, change in _fields(patch).items():
        if change is not None and name not in names:
            raise MalformedPatch(f'{_RETAINED} lacks "{shown(name)}", which the patch sets', path=path)
    for name in original.keys() - names:
        del original[name]


def _without(items: list[Any], gone: list[Any], path: str) -> list[Any]:
    names = {_scalar(item, path) for item in gone}
    return [item for item in items if compact(item) not in names]


def _scalar(item: object, path: str) -> str:
    if item is None or isinstance(item, dict | list):
        raise MalformedPatch(f"an item of a set is no {kind_of(item)}", path=path)
    return compact(item)


@dataclass(frozen=True, slots=True)
class _ListMerge:
    """The merge of a list whose items are told apart: maps by the node's `patch_key`, others by what they are."""

    node: Node
    path: str

    def merge(self, original: list[Any], patch: list[Any], order: list[Any] | None) -> list[Any]:
        """The items of both lists, each once."""
        live = self._survivors(original, patch)
        changes = [item for item in patch if not _is_marked(item)]
        merged = self._merge_items(live, changes)
        wanted = [self._identity(item) for item in changes]
        if order:
            wanted = self._checked([self._identity(item) for item in order], wanted)
        return self._arranged(merged, wanted, {self._known(item): index for index, item in enumerate(live)})

    def _survivors(self, original: list[Any], patch: list[Any]) -> list[Any]:
        """The items of the document that no directive takes away."""
        gone: set[str] = set()
        is_replaced = False
        for item in filter(_is_marked, patch):
            if item[_DIRECTIVE] == "delete" and self.node.patch_key:
                gone.add(self._identity(item))
            elif item[_DIRECTIVE] == "replace" and self.node.patch_key:
                is_replaced = True
            else:
                raise _unknown(item[_DIRECTIVE], self.path)
        return [] if is_replaced else [item for item in original if self._known(item) not in gone]

    def _merge_items(self, live: list[Any], changes: list[Any]) -> list[Any]:
        merged: list[Any] = []
        places: dict[str, int] = {}
        for item in live:
            places.setdefault(self._known(item), len(merged))
            merged.append(item)
        for change in changes:
            place = places.setdefault(self._identity(change), len(merged))
            target = merged[place] if place < len(merged) else None
            merged[place : place + 1] = [_merge(target, change, self.node.items, None, at(self.path, place))]
        return merged

    def _checked(self, order: list[str], wanted: list[str]) -> list[str]:
        """The order, if it has all items of the patch, in their order."""
        rest = iter(order)
        if not all(name in rest for name in wanted):
            raise MalformedPatch(f"{_ORDER} does not match the order of the patch's items", path=self.path)
        return order

    def _arranged(self, merged: list[Any], wanted: list[str], live: dict[str, int]) -> list[Any]:
        """The items in the wanted order; every other one goes before the first that follows it in the document."""
        rank = {name: index for index, name in enumerate(wanted)}
        others = [item for item in merged if self._known(item) not in rank]
        ranked = sorted(
            (item for item in merged if self._known(item) in rank), key=lambda item: rank[self._known(item)]
        )
        return list(self._interleaved(others, ranked, live))

    def _interleaved(self, others: list[Any], ranked: list[Any], live: dict[str, int]) -> Iterable[Any]:
        waiting = others[::-1]
        for item in ranked:
            place = live.get(self._known(item), -1)
            while waiting and live[self._known(waiting[-1])] < place:
                yield waiting.pop()
            yield item
        yield from reversed(waiting)

    def _known(self, item: Any) -> str:
        """What tells an item of the document; one without a key equals none of the patch."""
        if not self.node.patch_key:
            return compact(item)
        return compact(item.get(self.node.patch_key)) if isinstance(item, dict) else ""

    def _identity(self, item: Any) -> str:
        """What tells an item of the patch."""
        key = self.node.patch_key
        if not key:
            return _scalar(item, self.path)
        if not isinstance(item, dict):
            raise MalformedPatch(f"an item of the list is a map, not a {kind_of(item)}", path=self.path)
        if item.get(key) is None:
            raise MalformedPatch(f'an item of the list needs "{key}"', path=self.path)
        return compact(item[key])
