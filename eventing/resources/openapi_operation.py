"""The paths of a kind and what can be done there, as OpenAPI v3 says it.

Source: Kubernetes' OpenAPI documents: clients look for the group, version and kind of an operation, and for the
parameters that it takes. Pure.
"""

from collections.abc import Mapping
from typing import Any, Final

from eventing.resources.identity import Object
from eventing.resources.kind import Served
from eventing.resources.openapi_schema import (
    GROUP_VERSION_KIND,
    META,
    SCALE,
    group_version_kind,
    reference,
    schema_name,
)

JSON: Final = "application/json"
_WATCH: Final = "application/json;stream=watch"
_PATCHES: Final = {
    "application/apply-patch+yaml": "Patch",
    "application/json-patch+json": "JsonPatch",
    "application/merge-patch+json": "Patch",
}
_STRATEGIC: Final = "application/strategic-merge-patch+json"
"""Core kinds alone take it: that it is not offered tells clients not to send it."""
_TEXT: Final = {"type": "string"}
_FLAG: Final = {"type": "boolean"}
_COUNT: Final = {"type": "integer", "minimum": 0}


def _query(name: str, description: str, schema: Mapping[str, Any]) -> Object:
    return {"name": name, "in": "query", "description": description, "schema": dict(schema)}


def _path(name: str, description: str) -> Object:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": {"type": "string"}}


_NAMESPACE: Final = _path("namespace", "The namespace.")
_NAME: Final = _path("name", "The object's name.")
_SELECTION: Final = (
    _query("labelSelector", "Labels that the objects have, such as `app=shop,tier!=test`.", _TEXT),
    _query("fieldSelector", "Fields that the objects have, such as `metadata.name=a`.", _TEXT),
)
_LISTING: Final = (
    *_SELECTION,
    _query("limit", "The most objects to answer; the rest by `continue`.", _COUNT),
    _query("continue", "The next page: what the page before says in its metadata.", _TEXT),
    _query("resourceVersion", "The oldest state that will do; of a watch, where it goes on from.", _TEXT),
    _query(
        "resourceVersionMatch",
        "How `resourceVersion` is meant.",
        {"type": "string", "enum": ["Exact", "NotOlderThan"]},
    ),
    _query("watch", "True follows changes instead of listing.", _FLAG),
    _query("allowWatchBookmarks", "True lets a watch tell how far it is.", _FLAG),
    _query("sendInitialEvents", "True has a watch begin with what there is.", _FLAG),
    _query("timeoutSeconds", "When a watch ends, in seconds.", _COUNT),
)
_DRY_RUN: Final = _query("dryRun", "`All` answers as if it were done, and keeps nothing.", _TEXT | {"enum": ["All"]})
_WRITING: Final = (
    _DRY_RUN,
    _query("fieldManager", "Who writes: the name that fields are managed by.", _TEXT | {"maxLength": 128}),
    _query(
        "fieldValidation",
        "What becomes of unknown fields: pruned (Ignore), pruned with a warning (Warn), or refused (Strict).",
        _TEXT | {"enum": ["Ignore", "Strict", "Warn"]},
    ),
)
_FORCE: Final = _query("force", "True takes over fields that others manage, in a server-side apply.", _FLAG)
_DELETION: Final = (
    _DRY_RUN,
    _query(
        "propagationPolicy",
        "What becomes of objects that go with it.",
        {"type": "string", "enum": ["Background", "Foreground", "Orphan"]},
    ),
    _query("gracePeriodSeconds", "Ignored: nothing here has to be stopped.", _COUNT),
)


def paths_of(served: Served) -> dict[str, Object]:
    """All paths of a kind in a version, with their operations."""
    kind, api_version = served.kind, served.api_version
    root = f"/apis/{api_version}" if kind.group else f"/api/{api_version}"
    everywhere, home = f"{root}/{kind.plural}", f"{root}/namespaces/{{namespace}}/{kind.plural}"
    collection = home if kind.is_namespaced else everywhere
    above = [_NAMESPACE] if kind.is_namespaced else []
    paths = {collection: {"parameters": above, **_collection(served)}}
    if kind.is_namespaced:
        listing = _operation(served, "list", "ForAllNamespaces", _LISTING, _listed(served))
        paths[everywhere] = {"get": listing}
    paths[f"{collection}/{{name}}"] = {"parameters": [*above, _NAME], **_object(served)}
    if kind.has_status:
        paths[f"{collection}/{{name}}/status"] = {"parameters": [*above, _NAME], **_part(served, "Status")}
    if kind.scale:
        paths[f"{collection}/{{name}}/scale"] = {"parameters": [*above, _NAME], **_part(served, "Scale")}
    return paths


def _collection(served: Served) -> Object:
    of = _content(reference(schema_name(served)))
    choosing = (*_SELECTION, *_DELETION)
    return {
        "get": _operation(served, "list", "", _LISTING, _listed(served)),
        "post": _operation(served, "post", "", _WRITING, of, sent=of, codes=("200", "201")),
        "delete": _operation(
            served,
            "deletecollection",
            "",
            choosing,
            _listed(served),
            sent=_deleting(),
            is_optional=True,
        ),
    }


def _object(served: Served) -> Object:
    of = _content(reference(schema_name(served)))
    whole = {"anyOf": [reference(schema_name(served)), reference(f"{META}.Status")]}
    return {
        "get": _operation(served, "get", "", (), of),
        "put": _operation(served, "put", "", _WRITING, of, sent=of, codes=("200", "201")),
        "patch": _patching(served, "", of),
        "delete": _operation(
            served, "delete", "", _DELETION, _content(whole), sent=_deleting(), is_optional=True, codes=("200", "202")
        ),
    }


def _part(served: Served, part: str) -> Object:
    """The operations on a subresource."""
    of = _content(reference(SCALE if part == "Scale" else schema_name(served)))
    return {
        "get": _operation(served, "get", part, (), of),
        "put": _operation(served, "put", part, _WRITING, of, sent=of),
        "patch": _patching(served, part, of),
    }


def _patching(served: Served, part: str, answered: Object) -> Object:
    patches = {media: reference(f"{META}.{name}") for media, name in _PATCHES.items()}
    if not served.kind.group:
        patches[_STRATEGIC] = reference(f"{META}.Patch")
    sent = {media: {"schema": schema} for media, schema in patches.items()}
    return _operation(served, "patch", part, (*_WRITING, _FORCE), answered, sent=sent, codes=("200", "201"))


def _operation(
    served: Served,
    action: str,
    part: str,
    parameters: tuple[Object, ...],
    answered: Object,
    *,
    sent: Object | None = None,
    is_optional: bool = False,
    codes: tuple[str, ...] = ("200",),
) -> Object:
    """One operation. `part` is what it is about beside the object itself, and makes its name unique."""
    kind, version = served
    group = "".join(word.capitalize() for word in kind.group.split(".")) or "Core"
    about = group_version_kind(kind, version.name)
    if part == "Scale":
        about = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    responses: Object = {code: {"description": "Done.", "content": answered} for code in codes}
    responses["default"] = {"description": "Refused.", "content": _content(reference(f"{META}.Status"))}
    operation: Object = {
        "operationId": f"{action}{group}{version.name.capitalize()}{kind.name}{part}",
        "tags": [f"{group}_{version.name}"],
        "parameters": list(parameters),
        "responses": responses,
        "x-kubernetes-action": action,
        GROUP_VERSION_KIND: about,
    }
    if sent is not None:
        operation["requestBody"] = {"content": sent, "required": not is_optional}
    return operation


def _content(schema: Object) -> Object:
    return {JSON: {"schema": schema}}


def _listed(served: Served) -> Object:
    """A list, or the changes of a watch, one by one."""
    change = {
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "object": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    return _content(reference(f"{schema_name(served)}List")) | {_WATCH: {"schema": change}}


def _deleting() -> Object:
    return _content(reference(f"{META}.DeleteOptions"))
