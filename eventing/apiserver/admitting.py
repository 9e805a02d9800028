"""From an object that a client sent to the one that is stored, with who owns its fields and what to warn of. Pure."""

from dataclasses import dataclass

from eventing.apiserver.identification import strict_fault
from eventing.apiserver.query import FieldValidation, WriteOptions
from eventing.apiserver.target import Target
from eventing.errors import InvalidResource
from eventing.patch.managed_field import Manager, after_update
from eventing.resources.admission import admit, object_node
from eventing.resources.identity import Object
from eventing.resources.kind import Context, Served
from eventing.resources.schema import fit


@dataclass(frozen=True, slots=True)
class Fit:
    """What to store, and what to warn of."""

    item: Object
    warnings: tuple[str, ...]


def manager_of(target: Target, options: WriteOptions, now: str) -> Manager:
    """Who owns what is written."""
    return Manager(options.manager, target.served.api_version, now, target.subresource)


def admit_object(
    target: Target, item: Object, old: Object | None, *, options: WriteOptions, context: Context, now: str
) -> Fit:
    """What to store for an object, or for its Scale. Raises InvalidResource, Refused."""
    served = target.served
    try:
        admitted = admit(served, item, context=context, old=old, is_strict=False)
    except InvalidResource:  # what cannot be decoded strictly is told before what is invalid
        _warnings(item, served, options.field_validation, _unknown(item, served))
        raise
    warnings = _warnings(item, served, options.field_validation, admitted.warnings)
    return Fit(_owned(target, admitted.item, old, manager_of(target, options, now)), warnings)


def admit_status(target: Target, item: Object, old: Object, *, options: WriteOptions, now: str) -> Fit:
    """What to store for an object whose status was sent. Raises InvalidResource, Refused."""
    kind, version = target.served
    given = {"metadata": {}} | ({"status": item["status"]} if item.get("status") is not None else {})
    fitted = fit(given, object_node(version))
    if errors := [error for error in fitted.errors if error.path.startswith("status")]:
        raise InvalidResource(errors)
    unknown = tuple(f'unknown field "{path}"' for path in fitted.unknown)
    warnings = _warnings(item, target.served, options.field_validation, unknown)
    shown = {name: value for name, value in kind.from_stored(old, version).items() if name != "status"}
    metadata = {name: value for name, value in shown["metadata"].items() if name != "managedFields"}
    if "managedFields" in item["metadata"]:
        metadata["managedFields"] = item["metadata"]["managedFields"]
    shown |= {"metadata": metadata} | {name: fitted.value[name] for name in ("status",) if name in fitted.value}
    return Fit(_owned(target, kind.to_stored(shown, version, old), old, manager_of(target, options, now)), warnings)


def _owned(target: Target, item: Object, old: Object | None, manager: Manager) -> Object:
    """The object with the managedFields that it has after an update by that manager."""
    kind, version = target.served
    shown = None if old is None else kind.from_stored(old, version)
    managed = after_update(shown, kind.from_stored(item, version), manager, object_node(version))
    return with_managed_fields(item, managed)


def with_managed_fields(item: Object, managed: list[Object]) -> Object:
    """The object with these managedFields."""
    metadata = {name: value for name, value in item["metadata"].items() if name != "managedFields"}
    return {**item, "metadata": metadata | ({"managedFields": managed} if managed else {})}


def _unknown(item: Object, served: Served) -> tuple[str, ...]:
    return tuple(f'unknown field "{path}"' for path in fit(item, object_node(served.version)).unknown)


def _warnings(item: Object, served: Served, validation: FieldValidation, unknown: tuple[str, ...]) -> tuple[str, ...]:
    """Warnings of unknown fields as the client wants to hear of them. Raises Refused where it wants none."""
    if unknown and validation == "Strict":
        raise strict_fault(item, served, unknown)
    return unknown if validation == "Warn" else ()
