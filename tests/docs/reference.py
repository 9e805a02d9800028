"""The page about resources, written from the definitions: `python -m tests.docs.reference` brings it up to date."""

from collections.abc import Iterator, Mapping
from typing import Final

from eventing.resources.catalogue import KINDS
from eventing.resources.delivery import DELIVERY
from eventing.resources.duck import ADDRESS, CONDITION, DESTINATION, REFERENCE
from eventing.resources.kind import Kind, Version
from eventing.resources.metadata import METADATA
from eventing.resources.schema import Node
from tests.docs.page import ROOT

PATH: Final = ROOT / "docs" / "resources.md"
SHAPES: Final = {
    "Metadata": METADATA,
    "Reference": REFERENCE,
    "Destination": DESTINATION,
    "Delivery": DELIVERY,
    "Address": ADDRESS,
    "Condition": CONDITION,
}
"""What several kinds share, told once."""
INTRODUCTION: Final = """# Resources

Every kind that the server has, with the fields of each version. Objects have `apiVersion`, `kind` and
[`metadata`](#metadata) beside them. `eventing crds` prints the same for a Kubernetes cluster, and `kubectl explain`
shows it field by field. This page is written from the definitions: `python -m tests.docs.reference`.

A field in **bold** must be given. A name with `[]` is one of several, a name with `{}` a value of a map. An open map
keeps fields that are not declared.
"""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION, *(_kind(kind) for kind in KINDS), *(_shape(name) for name in SHAPES)]
    return "\n".join(parts)


def _kind(kind: Kind) -> str:
    lines = [f"## {kind.name}", "", kind.description, "", *_names(kind)]
    for version in _by_importance(kind):
        alike = [one.name for one in _by_importance(kind) if one.fields == version.fields]
        if alike[0] != version.name:
            continue
        if len(kind.versions) > 1:
            lines += ["", f"Fields in {' and '.join(f'`{name}`' for name in alike)}:"]
        lines += ["", *_table(version.fields)]
    columns = ", ".join(f"`{column.name}`" for column in kind.columns)
    return "\n".join([*lines, "", f"Columns: {columns}.", ""])


def _by_importance(kind: Kind) -> list[Version]:
    """What is stored comes first."""
    return sorted(kind.versions, key=lambda version: version.name != kind.version)


def _names(kind: Kind) -> Iterator[str]:
    versions = [f"`{kind.api_version_of(version.name)}`{_remark(kind, version)}" for version in _by_importance(kind)]
    yield f"- Versions: {', '.join(versions)}"
    names = (kind.plural, *kind.short_names)
    yield f"- Names for commands: {', '.join(f'`{name}`' for name in names)}"
    if kind.categories:
        yield f"- Categories: {', '.join(f'`{name}`' for name in kind.categories)}"
    if not kind.is_namespaced:
        yield "- It is in no namespace."


def _remark(kind: Kind, version: Version) -> str:
    if version.deprecation:
        return " (deprecated)"
    return " (stored)" if version.name == kind.version and len(kind.versions) > 1 else ""


def _shape(name: str) -> str:
    node = SHAPES[name]
    return "\n".join([f"## {name}", "", node.description, "", *_table(node.properties, node.required)]) + "\n"


def _table(fields: Mapping[str, Node], required: tuple[str, ...] = ()) -> list[str]:
    rows = [row for name, node in fields.items() for row in _rows(name, node, is_required=name in required)]
    return ["| field | type | meaning |", "|---|---|---|", *rows]


def _rows(path: str, node: Node, *, is_required: bool) -> Iterator[str]:
    shown = f"**`{path}`**" if is_required else f"`{path}`"
    yield f"| {shown} | {_type(node)} | {_meaning(node)} |"
    if _shape_of(node):
        return
    inner, below = (node.items, path + ("[]" if node.type == "array" else ".{}")) if node.items else (node, path)
    if inner is not node and _shape_of(inner):
        return
    for name, child in inner.properties.items():
        yield from _rows(f"{below}.{name}", child, is_required=name in inner.required)


def _type(node: Node) -> str:
    if shape := _shape_of(node):
        return f"[{shape}](#{shape.lower()})"
    if node.items:
        return f"{'list' if node.type == 'array' else 'map'} of {_type(node.items)}"
    if node.type == "any":
        return "integer or string" if node.format else "anything"
    return "open map" if node.is_open else {"object": "map", "array": "list"}.get(node.type, node.type)


def _shape_of(node: Node) -> str | None:
    return next((name for name, one in SHAPES.items() if node.properties and node.properties is one.properties), None)


def _meaning(node: Node) -> str:
    parts = [node.description.replace("|", "\\|")]
    if node.enum:
        parts.append(f"One of {', '.join(f'`{value}`' for value in node.enum)}.")
    if node.default is not None:
        parts.append(f"Default: `{node.default}`.")
    return " ".join(part for part in parts if part)


if __name__ == "__main__":
    PATH.write_text(page())
