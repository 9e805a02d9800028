"""A field tree as the schema in which Kubernetes writes it: in CustomResourceDefinitions and in OpenAPI documents.

Source: Kubernetes' structural schemas, a part of OpenAPI v3. Pure.
"""

from typing import Any

from eventing.resources.identity import Object
from eventing.resources.schema import Node


def schema_of(node: Node, *, with_patches: bool = False) -> Object:
    """The structural schema of a field. Where nothing is declared of it, its type is left out and anything is kept.

    With patches, it says how a strategic merge patch merges lists, which core kinds alone take.
    """
    schema: Object = {"description": node.description} if node.description else {}
    if node.type == "any":
        return schema | _anything(node)
    schema["type"] = node.type
    if node.type == "object":
        return schema | _object(node, with_patches=with_patches)
    if node.type == "array":
        return schema | _array(node, with_patches=with_patches)
    return schema | _scalar(node)


def _anything(node: Node) -> Object:
    if node.format == "int-or-string":
        return {"x-kubernetes-int-or-string": True}
    return {"x-kubernetes-preserve-unknown-fields": True}


def _object(node: Node, *, with_patches: bool) -> Object:
    schema: Object = {}
    if node.properties:
        below = {name: schema_of(child, with_patches=with_patches) for name, child in node.properties.items()}
        schema["properties"] = below
    if node.items:
        schema["additionalProperties"] = schema_of(node.items, with_patches=with_patches)
    if node.required:
        schema["required"] = list(node.required)
    if node.is_atomic:
        schema["x-kubernetes-map-type"] = "atomic"
    if node.is_open:
        schema["x-kubernetes-preserve-unknown-fields"] = True
    return schema


def _array(node: Node, *, with_patches: bool) -> Object:
    items = schema_of(node.items, with_patches=with_patches) if node.items else _anything(Node("any"))
    schema: Object = {"items": items}
    if node.items_min:
        schema["minItems"] = node.items_min
    if node.list_type != "atomic":
        schema["x-kubernetes-list-type"] = node.list_type
    if node.list_keys:
        schema["x-kubernetes-list-map-keys"] = list(node.list_keys)
    if with_patches and (node.patch_key or node.list_type == "set"):
        schema["x-kubernetes-patch-strategy"] = "merge"
        if node.patch_key:
            schema["x-kubernetes-patch-merge-key"] = node.patch_key
    return schema


def _scalar(node: Node) -> Object:
    details: dict[str, Any] = {
        "format": node.format,
        "enum": list(node.enum),
        "minimum": node.minimum,
        "default": node.default,
    }
    return {name: value for name, value in details.items() if value not in ("", None, [])}
