"""The way from kubectl's client-side apply to its server-side one: the annotation in which the former keeps what it
applied, which is then no other manager's. Pure.

Source: kube-apiserver (k8s.io/apimachinery/pkg/util/managedfields). kubectl reads and writes the annotation, too.
"""

import json
from typing import Any, Final

from eventing.patch.comparison import compare
from eventing.patch.field_set import NOTHING, FieldSet, fields_of
from eventing.patch.json_value import compact, is_too_deep
from eventing.resources.identity import Object
from eventing.resources.schema import Node

KUBECTL: Final = "kubectl"
"""The manager for which all of this holds."""
ANNOTATION: Final = "kubectl.kubernetes.io/last-applied-configuration"


def fields_last_applied(live: Object, api_version: str, node: Node) -> FieldSet:
    """The fields that the annotation names and that still are as they were applied; none where it cannot be read."""
    applied = _read(_annotations(live).get(ANNOTATION))
    if applied.get("apiVersion") != api_version:
        return NOTHING
    change = compare(applied, live, node)
    return fields_of(applied, node) - change.written - change.removed


def with_last_applied(item: Object, wanted: Object) -> Object:
    """The object; where it has the annotation, with the one that says what is applied."""
    if not _annotations(item).get(ANNOTATION):
        return item
    metadata = {name: value for name, value in wanted["metadata"].items() if name != "annotations"}
    if annotations := {name: text for name, text in _annotations(wanted).items() if name != ANNOTATION}:
        metadata["annotations"] = annotations
    text = compact({**wanted, "metadata": metadata}) + "\n"
    return {**item, "metadata": {**item["metadata"], "annotations": {**_annotations(item), ANNOTATION: text}}}


def _annotations(item: Object) -> Object:
    annotations = item.get("metadata", {}).get("annotations")
    return annotations if isinstance(annotations, dict) else {}


def _read(text: Any) -> Object:
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) and not is_too_deep(value) else {}
