"""From what a user sent to what is stored: fields checked and pruned, defaults filled in, rules applied.

The same steps, in the same order, as the Kubernetes API server and Knative's webhooks take. Pure.
"""

from dataclasses import dataclass
from typing import Any

from dispatcher.fault import FieldError
from eventing.errors import InvalidResource
from eventing.resources import metadata
from eventing.resources.identity import Object
from eventing.resources.kind import Context, Kind
from eventing.resources.schema import STRING, fit, record


@dataclass(frozen=True, slots=True)
class Admitted:
    """An object fit to be stored, without a status, and a warning for each field that was pruned."""

    item: Object
    warnings: tuple[str, ...]


def admit(
    kind: Kind, given: object, *, context: Context, old: Object | None = None, is_strict: bool = True
) -> Admitted:
    """What to store for what a user gave: in a creation, or in an update of `old`.

    Strict, unknown fields are errors; else they are pruned with a warning. `given` stays as it is. Raises
    InvalidResource with every error that could be found: rules are looked at once all fields have their types.
    """
    fields = {"apiVersion": STRING, "kind": STRING, "metadata": metadata.METADATA, **kind.fields}
    fitted = fit(given, record(fields, required=("metadata",)))
    unknown = [FieldError(path, "unknown field") for path in fitted.unknown] if is_strict else []
    if fitted.errors:
        raise InvalidResource(fitted.errors + unknown)
    item = fitted.value
    item.pop("status", None)
    errors = [*metadata.validate(item, is_namespaced=kind.is_namespaced), *unknown]
    kind.default(item, context)
    if kind.is_knative:
        _sign(item, old, kind.group, context.user)
    errors += kind.validate(item, old, context)
    if errors:
        raise InvalidResource(errors)
    return Admitted(item, tuple(f'unknown field "{path}"' for path in fitted.unknown))


def _sign(item: Object, old: Object | None, group: str, user: str) -> None:
    """Write who made the object, and who changed its spec last, into its annotations."""
    annotations: dict[str, Any] = item["metadata"].setdefault("annotations", {})
    if old is None:
        annotations[f"{group}/creator"] = user
    if old is None or item.get("spec") != old.get("spec"):
        annotations[f"{group}/lastModifier"] = user
