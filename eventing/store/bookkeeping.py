"""What a store writes into metadata, as pure functions over two objects: every implementation keeps the same books.

Source: the Kubernetes API conventions. Functions return new objects and leave their arguments as they are.
"""

import copy
from typing import Final

from dispatcher.fault import FieldError, shown
from eventing.errors import Conflict, InvalidResource
from eventing.resources.identity import Object, key_of

_KEPT: Final = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
"""Metadata that only the store writes."""
FOREGROUND: Final = "foregroundDeletion"
"""The finalizer of an object that waits for what it owns; Kubernetes' word."""


def created(item: Object, *, uid: str, now: str, version: str) -> Object:
    """The object as it is stored first."""
    stored = {name: value for name, value in copy.deepcopy(item).items() if name != "status"}
    stored["metadata"] = {name: value for name, value in stored["metadata"].items() if name not in _KEPT}
    stored["metadata"] |= {"uid": uid, "resourceVersion": version, "generation": 1, "creationTimestamp": now}
    return stored


def updated(old: Object, item: Object, *, version: str) -> Object:
    """The stored object after an update, which is `old` itself where nothing changed. Raises Conflict,
    InvalidResource.
    """
    _check(old, item)
    stored = copy.deepcopy(item)
    stored.pop("status", None)
    if "status" in old:
        stored["status"] = old["status"]
    kept = {name: old["metadata"][name] for name in _KEPT if name in old["metadata"]}
    metadata = {name: value for name, value in stored["metadata"].items() if name not in _KEPT}
    stored["metadata"] = metadata | kept
    if is_deleting(old) and (joined := set(finalizers(stored)) - set(finalizers(old))):
        found = ", ".join(f'"{shown(name)}"' for name in sorted(joined))
        reason = "no new finalizers can be added if the object is being deleted, found new finalizers"
        raise InvalidResource([FieldError("metadata.finalizers", f"Forbidden: {reason} []string{{{found}}}")])
    if _timeless(stored) == _timeless(old):
        return old
    stored["metadata"]["resourceVersion"] = version
    if _content(stored) != _content(old):
        stored["metadata"]["generation"] += 1
    return stored


def with_status(old: Object, item: Object, *, version: str) -> Object:
    """The stored object after an update of its status, which is `old` itself where nothing changed. Raises
    Conflict.
    """
    _check(old, item)
    stored = {name: value for name, value in old.items() if name != "status"} | {"metadata": dict(old["metadata"])}
    if "status" in item:
        stored["status"] = copy.deepcopy(item["status"])
    if "managedFields" in item["metadata"]:
        stored["metadata"]["managedFields"] = copy.deepcopy(item["metadata"]["managedFields"])
    if _timeless(stored) == _timeless(old):
        return old
    stored["metadata"]["resourceVersion"] = version
    return stored


def marked(old: Object, *, now: str, version: str, hold: str = "") -> Object:
    """The object once its deletion began, which its finalizers hold up; `hold` is one that joins them."""
    metadata = {**old["metadata"], "resourceVersion": version, "deletionTimestamp": now}
    metadata["deletionGracePeriodSeconds"] = 0
    metadata["generation"] += 1
    if hold:
        metadata["finalizers"] = [*(name for name in finalizers(old) if name != hold), hold]
    return {**old, "metadata": metadata}


def released(old: Object, *, version: str) -> Object:
    """The object once no dependent holds up its deletion."""
    left = [name for name in finalizers(old) if name != FOREGROUND]
    return {**old, "metadata": {**old["metadata"], "finalizers": left, "resourceVersion": version}}


def removed(old: Object, *, version: str) -> Object:
    """The object as its watchers see it last."""
    return {**old, "metadata": {**old["metadata"], "resourceVersion": version}}


def orphaned(old: Object, owner: str, *, version: str) -> Object:
    """The object without the owner of that uid, though it be its last."""
    left = [one for one in old["metadata"].get("ownerReferences", []) if one["uid"] != owner]
    metadata = {name: value for name, value in old["metadata"].items() if name != "ownerReferences"}
    metadata |= {"ownerReferences": left} if left else {}
    return {**old, "metadata": metadata | {"resourceVersion": version}}


def disowned(old: Object, living: set[str], *, version: str) -> Object | None:
    """The object without those owners that are not among the living uids; None where it had owners and none is
    left.
    """
    owners = old["metadata"].get("ownerReferences", [])
    left = [owner for owner in owners if owner["uid"] in living]
    if len(left) == len(owners):
        return old
    if not left:
        return None
    return {**old, "metadata": {**old["metadata"], "ownerReferences": left, "resourceVersion": version}}


def is_deleting(item: Object) -> bool:
    """True once the deletion of the object began."""
    return "deletionTimestamp" in item["metadata"]


def finalizers(item: Object) -> tuple[str, ...]:
    """Who must agree before the object goes."""
    return tuple(item["metadata"].get("finalizers", ()))


def is_waiting(item: Object) -> bool:
    """True while the deletion of the object waits for what it owns."""
    return is_deleting(item) and FOREGROUND in finalizers(item)


def is_namespace(item: Object) -> bool:
    """True for the object that all in its namespace goes with."""
    return (item["kind"], item["apiVersion"]) == ("Namespace", "v1")


def owner_uids(item: Object) -> frozenset[str]:
    """Who owns the object."""
    return frozenset(owner["uid"] for owner in item["metadata"].get("ownerReferences", ()))


def is_blocking(item: Object, owner: str) -> bool:
    """True where the owner of that uid may not go before the object, if its deletion waits for what it owns."""
    owners = item["metadata"].get("ownerReferences", ())
    return any(one["uid"] == owner and one.get("blockOwnerDeletion", False) for one in owners)


def check(old: Object, *, uid: str | None, resource_version: str | None) -> None:
    """Raise Conflict where the caller means another object of the same name, or another version of it. What is empty or
    None was not said.
    """
    metadata = old["metadata"]
    if uid and uid != metadata["uid"]:
        raise Conflict(f"{key_of(old)}: the uid is {metadata['uid']}, not {uid}")
    if resource_version and resource_version != (found := metadata["resourceVersion"]):
        raise Conflict(f"{key_of(old)}: the object has been modified; it is at version {found}, not {resource_version}")


def _check(old: Object, item: Object) -> None:
    metadata = item["metadata"]
    check(old, uid=metadata.get("uid"), resource_version=metadata.get("resourceVersion"))


def _timeless(item: Object) -> Object:
    """The object without the times of its managed fields: they alone are no change, as in the Kubernetes API server."""
    metadata = item["metadata"]
    if "managedFields" not in metadata:
        return item
    entries = [{name: value for name, value in entry.items() if name != "time"} for entry in metadata["managedFields"]]
    return {**item, "metadata": {**metadata, "managedFields": entries}}


def _content(item: Object) -> Object:
    return {name: value for name, value in item.items() if name not in ("metadata", "status")}
