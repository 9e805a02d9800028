"""The schemas of an OpenAPI document: each kind in each version, its list, and what the API itself speaks of.

Names are Kubernetes', by which clients find them. Source: Kubernetes' OpenAPI documents. Pure.
"""

from collections.abc import Iterable
from typing import Final

from eventing.resources.admission import object_node
from eventing.resources.identity import Object
from eventing.resources.kind import Kind, Served
from eventing.resources.metadata import METADATA
from eventing.resources.schema import BOOLEAN, INT32, INT64, OPEN, STRING, Node, array, record, string
from eventing.resources.structural_schema import schema_of

META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1"
SCALE: Final = "io.k8s.api.autoscaling.v1.Scale"
GROUP_VERSION_KIND: Final = "x-kubernetes-group-version-kind"
_LIST_META: Final = record(
    {
        "resourceVersion": string("The state of the server that the list shows: where a watch goes on from."),
        "continue": string("Where the next page begins. Empty on the last one."),
        "remainingItemCount": INT64.described("How many items follow, where that is known."),
        "selfLink": string("Not used any more."),
    },
    "What the server says about a list.",
)
_CAUSE: Final = record(
    {"field": string("The field's path."), "message": string("What is wrong."), "reason": string("The sort of fault.")},
    "One fault.",
)
_STATUS: Final = record(
    {
        "apiVersion": STRING,
        "kind": STRING,
        "metadata": _LIST_META,
        "status": string("Success or Failure."),
        "reason": string("Why, in one word."),
        "message": string("Why, for people."),
        "code": INT32.described("The HTTP status."),
        "details": record(
            {
                **dict.fromkeys(("group", "kind", "name", "uid"), STRING),
                "causes": array(_CAUSE, "Every fault."),
                "retryAfterSeconds": INT32.described("When to try again, in seconds."),
            },
            "What it is about.",
        ),
    },
    "How a request went that has no object for an answer.",
)
_DELETE_OPTIONS: Final = record(
    {
        "apiVersion": STRING,
        "kind": STRING,
        "propagationPolicy": string(
            "What becomes of objects that go with it: Background, Foreground (they go first) or Orphan (they stay)."
        ),
        "orphanDependents": BOOLEAN.described("True is the older word for Orphan."),
        "gracePeriodSeconds": INT64.described("Ignored: nothing here has to be stopped."),
        "dryRun": array(STRING, "`All` deletes nothing."),
        "preconditions": record(
            {"uid": string("The uid that it must have."), "resourceVersion": string("The version that it must have.")},
            "What must hold, or nothing is deleted.",
        ),
    },
    "How something is deleted.",
)
_SCALE: Final = record(
    {
        "apiVersion": STRING,
        "kind": STRING,
        "metadata": METADATA,
        "spec": record({"replicas": INT32.described("How many are wanted.")}, "What is wanted."),
        "status": record(
            {"replicas": INT32.described("How many there are."), "selector": string("The labels of what runs.")},
            "What there is.",
        ),
    },
    "The number of something.",
)
_PATCH: Final = OPEN.described("A change: the fields to set, in a form that the media type names.")
_JSON_PATCH: Final = array(
    record(
        {
            "op": string("What is done.", enum=("add", "remove", "replace", "move", "copy", "test")),
            "path": string("Where: a JSON pointer."),
            "from": string("Where from, of a move or a copy."),
            "value": Node("any", description="The value."),
        },
        "One step.",
        required=("op", "path"),
    ),
    "A change, step by step (RFC 6902).",
)
_SHARED: Final = {
    "ListMeta": _LIST_META,
    "Status": _STATUS,
    "DeleteOptions": _DELETE_OPTIONS,
    "Patch": _PATCH,
    "JsonPatch": _JSON_PATCH,
}
_PARTS: Final = {"ownerReferences": "OwnerReference", "managedFields": "ManagedFieldsEntry"}
"""Items of metadata that have a name of their own."""


def schema_name(served: Served) -> str:
    """The name of a kind's schema, such as `dev.knative.eventing.v1.Trigger`."""
    group = ".".join(reversed(served.kind.group.split("."))) if served.kind.group else "io.k8s.api.core"
    return f"{group}.{served.version.name}.{served.kind.name}"


def group_version_kind(kind: Kind, version: str) -> dict[str, str]:
    """How clients tell what a schema or an operation is about."""
    return {"group": kind.group, "version": version, "kind": kind.name}


def reference(name: str) -> Object:
    """The schema of that name, wherever it stands."""
    return {"$ref": f"#/components/schemas/{name}"}


def described_reference(name: str, description: str) -> Object:
    """The schema of that name with other words: a bare reference could not have any."""
    return {"allOf": [reference(name)], "description": description}


def schemas(kinds: Iterable[Served]) -> dict[str, Object]:
    """Everything that the operations on these kinds speak of, by name."""
    found = {f"{META}.{name}": schema_of(node) for name, node in _SHARED.items()}
    found |= _metadata()
    for served in kinds:
        found[schema_name(served)] = _kind(served)
        found[f"{schema_name(served)}List"] = _list(served)
        if served.kind.scale:
            found[SCALE] = _with_metadata(schema_of(_SCALE)) | {
                GROUP_VERSION_KIND: [{"group": "autoscaling", "version": "v1", "kind": "Scale"}]
            }
    return found


def _metadata() -> dict[str, Object]:
    whole = schema_of(METADATA, with_patches=True)
    found = {f"{META}.ObjectMeta": whole}
    for field, name in _PARTS.items():
        found[f"{META}.{name}"] = whole["properties"][field]["items"]
        whole["properties"][field]["items"] = reference(f"{META}.{name}")
    return found


def _kind(served: Served) -> Object:
    node = object_node(served.version).described(served.kind.description)
    schema = _with_metadata(schema_of(node, with_patches=not served.kind.group))
    del schema["required"]
    return schema | {GROUP_VERSION_KIND: [group_version_kind(served.kind, served.version.name)]}


def _with_metadata(schema: Object) -> Object:
    schema["properties"]["metadata"] = described_reference(f"{META}.ObjectMeta", METADATA.description)
    return schema


def _list(served: Served) -> Object:
    items = {"type": "array", "items": reference(schema_name(served)), "description": "The objects."}
    return {
        "type": "object",
        "description": f"Objects of the kind {served.kind.name}.",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": described_reference(f"{META}.ListMeta", _LIST_META.description),
            "items": items,
        },
        "required": ["items"],
        GROUP_VERSION_KIND: [
            group_version_kind(served.kind, served.version.name) | {"kind": f"{served.kind.name}List"}
        ],
    }
