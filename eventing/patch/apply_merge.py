"""How a server-side apply puts an object together: what is applied comes in, what is no longer goes. Pure.

Source: sigs.k8s.io/structured-merge-diff.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

from eventing.patch.fault import MalformedPatch
from eventing.patch.field_set import FieldSet, Path, fields_of, shown_path, with_parents
from eventing.patch.field_tree import child_of, element_of, is_declared, shape_of
from eventing.patch.json_value import copied
from eventing.resources.identity import Object
from eventing.resources.schema import Node


def merged(live: Any, wanted: Any, node: Node | None) -> Any:
    """`live` with `wanted` in it: maps and lists are merged where the tree says so, all else is as wanted.

    Shares nothing with `wanted`. Raises `MalformedPatch` where a list that is merged has an item twice.
    """
    return _merged(live, wanted, node, ())


def _merged(live: Any, wanted: Any, node: Node | None, path: Path) -> Any:
    shape = shape_of(wanted, node)
    if shape == "map":
        result = dict(live) if isinstance(live, dict) else {}
        for name, item in wanted.items():
            result[name] = _merged(result.get(name), item, child_of(node, name), (*path, f"f:{name}"))
        return result
    if shape == "list":
        assert node is not None  # of which no merged list is known
        return _merged_list(live if isinstance(live, list) else [], wanted, node, path)
    return copied(wanted)


def _merged_list(live: list[Any], wanted: list[Any], node: Node, path: Path) -> list[Any]:
    """The items of both. Those that are wanted keep their order, and others go before the next that was there, too."""
    there = [(element_of(item, node), item) for item in live]
    known = dict(reversed(there))
    places = {element: place for place, (element, _) in enumerate(there)}
    changes = _unique(wanted, node, path)
    shared = deque(places[element] for element in changes if element in places)
    result: list[Any] = []
    done = 0
    for element, item in changes.items():
        end = shared[0] if shared and shared[0] >= done else len(there)
        result += _others(there[done:end], changes)
        result.append(_merged(known.get(element), item, node.items, (*path, element)))
        done = end
        if shared and places.get(element) == shared[0]:
            shared.popleft()
    return result + _others(there[done:], changes)


def _others(there: Iterable[tuple[str, Any]], changes: Object) -> list[Any]:
    return [item for element, item in there if element not in changes]


def _unique(wanted: list[Any], node: Node, path: Path) -> Object:
    changes: Object = {}
    for item in wanted:
        element = element_of(item, node)
        if element in changes:
            raise MalformedPatch(f"duplicate entries for key {shown_path((element,))}", path=shown_path(path))
        changes[element] = item
    return changes


def pruned(item: Object, last: FieldSet, held: FieldSet, node: Node) -> Object:
    """The object without the fields that its manager applied `last` and that nobody holds any more.

    An item, and a member that the tree does not declare, goes with all that is in it, whoever holds that. A declared
    map or list goes where nothing is left in it: what nobody holds was not the manager's, and stays.
    """
    everything = with_parents(fields_of(item, node), node)
    rest = with_parents(fields_of(without(item, with_parents(last, node), node), node), node)
    rest |= with_parents(held, node)
    left = with_parents(fields_of(without(item, everything - rest, node), node), node)
    result: Object = without(item, (everything - left) & with_parents(last, node), node)
    return result


def without(value: Any, gone: FieldSet, node: Node | None, path: Path = ()) -> Any:
    """The value, which is at that path, without those fields: declared maps and lists go once they are empty, all else
    with what is in it.
    """
    shape = shape_of(value, node)
    if shape == "map":
        left = {name: _left(item, gone, node, name, path) for name, item in value.items()}
        return {name: items[0] for name, items in left.items() if items}
    if shape == "list":
        assert node is not None  # of which no merged list is known
        steps = ((item, (*path, element_of(item, node))) for item in value)
        return [without(item, gone, node.items, step) for item, step in steps if step not in gone]
    return value


def _left(item: Any, gone: FieldSet, node: Node | None, name: str, path: Path) -> list[Any]:
    """What is left of a member: nothing, or one value."""
    below, child = (*path, f"f:{name}"), child_of(node, name)
    is_container = is_declared(node, name) and shape_of(item, child) != "leaf"
    if below in gone and not is_container:
        return []
    left = without(item, gone, child, below)
    return [] if below in gone and not left else [left]
