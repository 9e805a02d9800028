"""Patches of the kinds that clients send, applied to an object as its version shows it. Pure."""

from dataclasses import dataclass
from typing import Any, Final

from eventing.apiserver.refusal import FieldConflict, bad_request, too_large, unprocessable, unsupported_media_type
from eventing.patch.fault import MalformedPatch, PatchNotApplicable, PatchTooLarge
from eventing.patch.json_patch import apply_json_patch
from eventing.patch.managed_field import Manager
from eventing.patch.merge_patch import apply_merge_patch
from eventing.patch.server_side_apply import ApplyConflict, apply
from eventing.patch.strategic_patch import apply_strategic_patch
from eventing.resources.admission import object_node
from eventing.resources.identity import Object
from eventing.resources.kind import Served

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"
_OF_ALL: Final = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch as it came: its language is told by the media type."""

    media_type: str
    body: Any

    @property
    def is_apply(self) -> bool:
        """True for a server-side apply, whose patch is what the manager wants the object to be."""
        return self.media_type == APPLY_PATCH


def patch_types(served: Served) -> tuple[str, ...]:
    """The media types of patches that objects of the kind take: strategic ones are for core kinds."""
    return _OF_ALL if served.kind.group else (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)


def apply_patch(shown: Any, patch: Patch, served: Served) -> Any:
    """The object after the patch. Raises Refused where it is malformed, or does not fit."""
    if patch.media_type not in patch_types(served):
        raise unsupported_media_type(patch_types(served))
    try:
        if patch.media_type == JSON_PATCH:
            return apply_json_patch(shown, patch.body)
        if patch.media_type == STRATEGIC_PATCH:
            return apply_strategic_patch(shown, patch.body, object_node(served.version))
        return apply_merge_patch(shown, patch.body)
    except PatchTooLarge as error:
        raise too_large(str(error)) from error
    except MalformedPatch as error:
        raise bad_request(str(error)) from error
    except PatchNotApplicable as error:
        raise unprocessable() from error


def apply_wanted(live: Object | None, wanted: Object, manager: Manager, served: Served, *, is_forced: bool) -> Object:
    """The object after a server-side apply, with its managedFields. Raises FieldConflict, Refused."""
    try:
        return apply(live, wanted, manager, object_node(served.version), is_forced=is_forced)
    except ApplyConflict as error:
        raise FieldConflict(error.causes) from error
    except MalformedPatch as error:
        raise bad_request(str(error)) from error
