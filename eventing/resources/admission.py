"""From what a user sent to what is stored: fields checked and pruned, defaults filled in, rules applied.

The same steps, in the same order, as the Kubernetes API server and Knative's webhooks take. Pure.
"""

from dataclasses import dataclass
from typing import Any, Final

from dispatcher.fault import FieldError
from eventing.errors import InvalidResource
from eventing.resources import metadata
from eventing.resources.identity import Object
from eventing.resources.kind import Context, Served, Version
from eventing.resources.schema import Node, fit, record, string

_TYPE: Final = {
    "apiVersion": string("Group and version of the kind, such as `eventing.knative.dev/v1`."),
    "kind": string("The kind, such as `Broker`."),
}


@dataclass(frozen=True, slots=True)
class Admitted:
    """An object fit to be stored, without a status, and a warning for each field that was pruned."""

    item: Object
    warnings: tuple[str, ...]


def admit(
    served: Served, given: object, *, context: Context, old: Object | None = None, is_strict: bool = True
) -> Admitted:
    """What to store for what a user gave in the served version: in a creation, or in an update of `old`, the stored
    object.

    Strict, unknown fields are errors; else they are pruned with a warning. `given` stays as it is. Raises
    InvalidResource with every error that could be found: rules are looked at once all fields have their types.
    """
    kind, version = served
    shown = None if old is None else kind.from_stored(old, version)
    fitted = fit(given, object_node(version))
    unknown = [FieldError(path, "unknown field") for path in fitted.unknown] if is_strict else []
    if fitted.errors:
        raise InvalidResource(fitted.errors + unknown)
    item = fitted.value
    item.pop("status", None)
    errors = [*metadata.validate(item, is_namespaced=kind.is_namespaced), *unknown]
    version.default(item, context)
    if kind.is_knative:
        _sign(item, shown, kind.group, context.user)
    errors += version.validate(item, shown, context)
    if errors:
        raise InvalidResource(errors)
    return Admitted(kind.to_stored(item, version, old), tuple(f'unknown field "{path}"' for path in fitted.unknown))


def object_node(version: Version) -> Node:
    """The field tree of a whole object of that version."""
    fields = {**_TYPE, "metadata": metadata.METADATA, **version.fields}
    return record(fields, required=("metadata",))


def _sign(item: Object, old: Object | None, group: str, user: str) -> None:
    """Write who made the object, and who changed its spec last, into its annotations."""
    annotations: dict[str, Any] = item["metadata"].setdefault("annotations", {})
    if old is None:
        annotations[f"{group}/creator"] = user
    if old is None or item.get("spec") != old.get("spec"):
        annotations[f"{group}/lastModifier"] = user
