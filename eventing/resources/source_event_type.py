"""The EventTypes that tell what a source sends: one for each pair of type and source in its `status.ceAttributes`.

Source: Knative's source controller (pkg/reconciler/source/duck): what stands in them, and that their names are digests.
Pure.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Final

from eventing.resources.identity import Object
from eventing.resources.kind import Kind
from eventing.resources.source import REGISTRY_ANNOTATION

API_VERSION: Final = "eventing.knative.dev/v1beta2"
SOURCE_NAME_LABEL: Final = "eventing.knative.dev/sourceName"


def source_event_types(kind: Kind, item: Object, attributes: Iterable[Mapping[str, str]]) -> list[Object]:
    """What is to be there for a source of that kind: owned by the source, and referring to what its sink refers to."""
    descriptions = {
        one["type"]: one.get("description", "") for one in json.loads(kind.annotations.get(REGISTRY_ANNOTATION, "[]"))
    }
    return [_event_type(item, one["type"], one["source"], descriptions.get(one["type"], "")) for one in attributes]


def _event_type(item: Object, event_type: str, source: str, description: str) -> Object:
    metadata = item["metadata"]
    words = f"{event_type}{source}{metadata['uid']}"
    owner = {
        "apiVersion": item["apiVersion"],
        "kind": item["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    spec: Object = {"type": event_type, "source": source, "description": description}
    reference = item["spec"]["sink"].get("ref")
    if reference:
        spec["reference"] = {"namespace": metadata["namespace"], **reference}
    return {
        "apiVersion": API_VERSION,
        "kind": "EventType",
        "metadata": {
            "name": hashlib.md5(words.encode(), usedforsecurity=False).hexdigest(),
            "namespace": metadata["namespace"],
            "labels": {SOURCE_NAME_LABEL: metadata["name"]},
            "ownerReferences": [owner],
        },
        "spec": {name: value for name, value in spec.items() if value},
    }
