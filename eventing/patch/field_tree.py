"""How a server-side apply sees a value: what of it is merged, and what is one leaf. Pure.

Source: sigs.k8s.io/structured-merge-diff. Where a node says nothing, maps are merged and lists are leaves.
"""

from typing import Any, Final, Literal

from eventing.patch.json_value import compact
from eventing.resources.schema import Node

Shape = Literal["leaf", "list", "map"]
ABSENT: Final = object()
"""No value at all, which null is one of."""


def shape_of(value: Any, node: Node | None) -> Shape:
    """`map` and `list` are merged part by part; a `leaf` belongs to somebody as a whole."""
    if isinstance(value, dict):
        return "leaf" if node is not None and node.is_atomic else "map"
    return "list" if isinstance(value, list) and node is not None and node.list_type != "atomic" else "leaf"


def child_of(node: Node | None, name: str) -> Node | None:
    """The node of a map's member; None where nothing is known of it."""
    return None if node is None else node.properties.get(name, node.items)


def is_declared(node: Node | None, name: str) -> bool:
    """True for a member that has a field of its own in the tree."""
    return node is not None and name in node.properties


def element_of(item: Any, node: Node) -> str:
    """What tells an item from the others of a merged list, as a step of a path: `k:` and its keys, or `v:` and itself.

    Keys that the item does not have count with their defaults.
    """
    if node.list_type == "set" or not isinstance(item, dict):
        return f"v:{compact(item)}"
    keys = {key: item.get(key, _default_of(node, key)) for key in node.list_keys}
    return f"k:{compact({key: value for key, value in keys.items() if value is not None})}"


def _default_of(node: Node, key: str) -> Any:
    child = child_of(node.items, key)
    return None if child is None else child.default
