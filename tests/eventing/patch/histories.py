"""Histories of objects: who wrote what, one after the other, played to a real API server or to this one's rules."""

from dataclasses import dataclass
from typing import Any

import httpx2

from eventing.patch.managed_field import Manager, after_update, unmanaged
from eventing.patch.merge_patch import apply_merge_patch
from eventing.patch.server_side_apply import ApplyConflict, apply
from eventing.patch.strategic_patch import apply_strategic_patch
from eventing.resources.admission import object_node
from eventing.resources.core import CONFIG_MAP
from eventing.resources.schema import ANYTHING, INT32, OPEN, STRING, Node, array, mapping, record

GROUP = "patch.rig.test"
PORT = record({"port": INT32, "protocol": Node("string", default="TCP"), "name": STRING}, required=("port",))
SPEC = record(
    {
        "broker": STRING,
        "number": INT32,
        "delivery": record({"retry": INT32, "timeout": STRING}),
        "attributes": mapping(STRING),
        "nested": mapping(mapping(STRING)),
        "tags": array(STRING, list_type="set"),
        "ports": array(PORT, list_type="map", list_keys=("port", "protocol")),
        "filters": array(record({"exact": mapping(STRING)})),
        "whole": record({"a": STRING, "b": STRING}, is_atomic=True),
        "open": OPEN,
        "any": ANYTHING,
    }
)
STATUS = record({"ready": STRING, "conditions": array(OPEN)})
MEDIA_TYPES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
_SERVERS = ("creationTimestamp", "generation", "resourceVersion", "uid")


@dataclass(frozen=True)
class Kind:
    """What histories are about, and where it is served."""

    api_version: str
    name: str
    path: str
    node: Node


_CORE = object_node(CONFIG_MAP.served.version)
THING = Kind(
    f"{GROUP}/v1",
    "Thing",
    f"/apis/{GROUP}/v1/namespaces/default/things",
    record(
        {name: _CORE.properties[name] for name in ("apiVersion", "kind", "metadata")} | {"spec": SPEC, "status": STATUS}
    ),
)
CONFIG = Kind("v1", "ConfigMap", "/api/v1/namespaces/default/configmaps", _CORE)


@dataclass(frozen=True)
class Step:
    """A request of a manager: `verb` is create, put, merge, strategic or apply."""

    verb: str
    manager: str
    body: dict[str, Any]
    subresource: str = ""
    is_forced: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of it: the object without what the server alone knows, or the conflict's words."""

    item: dict[str, Any]
    managed: Any = None
    message: str = ""


def whole(kind: Kind, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """The object that a step sends."""
    metadata = {"name": name, "namespace": "default", **body.get("metadata", {})}
    return {"apiVersion": kind.api_version, "kind": kind.name, **body, "metadata": metadata}


def play_for_real(client: httpx2.Client, kind: Kind, name: str, steps: list[Step]) -> list[Outcome]:
    """What the real server makes of the steps, each in turn."""
    return [_outcome_of(_send(client, kind, name, step)) for step in steps]


def _send(client: httpx2.Client, kind: Kind, name: str, step: Step) -> httpx2.Response:
    path = f"{kind.path}/{name}" + (f"/{step.subresource}" if step.subresource else "")
    query: dict[str, str] = {"fieldManager": step.manager}
    if step.verb == "create":
        return client.post(kind.path, params=query, json=whole(kind, name, step.body))
    if step.verb == "put":
        item = whole(kind, name, step.body)
        item["metadata"]["resourceVersion"] = client.get(path).json()["metadata"]["resourceVersion"]
        return client.put(path, params=query, json=item)
    body = step.body
    if step.verb == "apply":
        query["force"] = "true" if step.is_forced else "false"
        body = whole(kind, name, body)
    return client.patch(path, params=query, headers={"Content-Type": MEDIA_TYPES[step.verb]}, json=body)


def _outcome_of(answer: httpx2.Response) -> Outcome:
    body = answer.json()
    if answer.status_code == 409:
        return Outcome({}, message=body["message"])
    assert answer.is_success, body
    return _outcome(body)


def _outcome(item: dict[str, Any]) -> Outcome:
    managed = item["metadata"].get("managedFields", [])
    times = [{**entry, **({"time": "TIME"} if "time" in entry else {})} for entry in managed]
    bare = unmanaged(item)
    metadata = {key: value for key, value in bare["metadata"].items() if key not in _SERVERS}
    return Outcome(
        {**bare, "metadata": metadata},
        sorted(times, key=lambda entry: (entry["operation"], entry["manager"], entry.get("subresource", ""))),
    )


def play(kind: Kind, name: str, steps: list[Step]) -> list[Outcome]:
    """What the rules of this package make of the steps."""
    live: dict[str, Any] | None = None
    outcomes = []
    for step in steps:
        try:
            live = _made_of(live, kind, name, step)
            outcomes.append(_outcome(live))
        except ApplyConflict as conflict:
            outcomes.append(Outcome({}, message=conflict.message))
    return outcomes


def _made_of(live: dict[str, Any] | None, kind: Kind, name: str, step: Step) -> dict[str, Any]:
    manager = Manager(step.manager, kind.api_version, "2026-01-01T00:00:00Z", step.subresource)
    if step.verb == "apply":
        return apply(live, whole(kind, name, step.body), manager, kind.node, is_forced=step.is_forced)
    if step.verb in ("create", "put"):
        item = whole(kind, name, step.body)
    elif step.verb == "merge":
        item = apply_merge_patch(live, step.body)
    else:
        item = apply_strategic_patch(live or {}, step.body, kind.node)
    item = _kept_apart(live, item, step.subresource)
    managed = after_update(live, item, manager, kind.node)
    item = unmanaged(item)
    return {**item, "metadata": {**item["metadata"], **({"managedFields": managed} if managed else {})}}


def _kept_apart(live: dict[str, Any] | None, item: dict[str, Any], subresource: str) -> dict[str, Any]:
    """Each resource writes its own part of the object."""
    other = live or {}
    if subresource == "status":
        metadata = {**other["metadata"], "managedFields": item["metadata"].get("managedFields")}
        return {**other, "metadata": metadata, "status": item.get("status")}
    kept = {key: value for key, value in item.items() if key != "status"}
    return kept | ({"status": other["status"]} if "status" in other else {})
