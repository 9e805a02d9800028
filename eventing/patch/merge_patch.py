"""JSON Merge Patch (RFC 7396). Pure."""

from typing import Any

from eventing.patch.fault import MalformedPatch
from eventing.patch.json_value import copied, is_too_deep


def apply_merge_patch(document: Any, patch: Any) -> Any:
    """The document with the patch merged in: maps merge, null removes, all else replaces.

    Any JSON value is a patch; one that is nested deeper than an object may be raises `MalformedPatch`.
    """
    if is_too_deep(patch):
        raise MalformedPatch("the patch is nested too deep")
    return _merge(copied(document), patch)


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copied(patch)
    merged = target if isinstance(target, dict) else {}
    for name, change in patch.items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), change)
    return merged
