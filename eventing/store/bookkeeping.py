"""What a store writes into metadata, as pure functions over two objects: every implementation keeps the same books.

Source: the Kubernetes API conventions. Functions return new objects and leave their arguments as they are.
"""

import copy
from typing import Final

from dispatcher.fault import FieldError
from eventing.errors import Conflict, InvalidResource
from eventing.resources.identity import Object, key_of

_KEPT: Final = ("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp")
"""Metadata that only the store writes."""


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
        reason = f"Forbidden: no new finalizers can be added if the object is being deleted, found {sorted(joined)}"
        raise InvalidResource([FieldError("metadata.finalizers", reason)])
    if stored == old:
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
    if item.get("status") == old.get("status"):
        return old
    stored = {**old, "metadata": {**old["metadata"], "resourceVersion": version}}
    stored.pop("status", None)
    if "status" in item:
        stored["status"] = copy.deepcopy(item["status"])
    return stored


def marked(old: Object, *, now: str, version: str) -> Object:
    """The object once its deletion began, which its finalizers hold up."""
    metadata = {**old["metadata"], "resourceVersion": version, "deletionTimestamp": now}
    metadata["generation"] += 1
    return {**old, "metadata": metadata}


def removed(old: Object, *, version: str) -> Object:
    """The object as its watchers see it last."""
    return {**old, "metadata": {**old["metadata"], "resourceVersion": version}}


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


def check_uid(old: Object, uid: str | None) -> None:
    """Raise Conflict where the caller means another object of the same name."""
    if uid and uid != old["metadata"]["uid"]:
        raise Conflict(f"{key_of(old)}: the uid is {old['metadata']['uid']}, not {uid}")


def _check(old: Object, item: Object) -> None:
    check_uid(old, item["metadata"].get("uid"))
    expected, found = item["metadata"].get("resourceVersion"), old["metadata"]["resourceVersion"]
    if expected and expected != found:
        raise Conflict(f"{key_of(old)}: the object has been modified; it is at version {found}, not {expected}")


def _content(item: Object) -> Object:
    return {name: value for name, value in item.items() if name not in ("metadata", "status")}
