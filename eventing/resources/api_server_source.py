"""ApiServerSource: an event for each change to resources of an API server.

Source: Knative's sources.knative.dev/v1 ApiServerSource: its CRD, defaulting, validation and the words of both. Pure.
"""

from collections.abc import Iterator
from typing import Final

from dispatcher.fault import FieldError, at, shown
from dispatcher.filters import InvalidFilter, parse_filters
from eventing.resources.identity import Object
from eventing.resources.kind import AGE_COLUMN, READY_COLUMNS, Context, Kind
from eventing.resources.schema import ANYTHING, MISSING, STRING, array, record, string
from eventing.resources.selector import SELECTOR
from eventing.resources.source import (
    SINK_COLUMN,
    SOURCE,
    SOURCE_LABELS,
    SOURCE_STATUS,
    registry,
    validate_source,
    validate_type,
)

CONDITIONS: Final = ("SinkProvided", "Deployed", "SufficientPermissions", "OIDCIdentityCreated")
"""What an ApiServerSource's Ready depends on."""
MODES: Final = {"Resource": "resource", "Reference": "ref"}
"""What events hold, and how their types name it."""
CHANGES: Final = ("add", "delete", "update")
_TYPE: Final = {"apiVersion": string("Group and version of a kind."), "kind": string("The kind.")}


def event_types(mode: str) -> tuple[str, ...]:
    """The types of events in that mode."""
    return tuple(f"dev.knative.apiserver.{MODES[mode]}.{change}" for change in CHANGES)


def _default(item: Object, _context: Context) -> None:
    spec = item.setdefault("spec", {})
    for name, value in (("mode", "Reference"), ("serviceAccountName", "default")):
        spec[name] = spec.get(name) or value
    for resource in spec.get("resources", ()):
        resource.setdefault("apiVersion", "")
    if spec.get("filters") == []:
        del spec["filters"]


def _validate(item: Object, _old: Object | None, _context: Context) -> list[FieldError]:
    spec = item["spec"]
    errors = [*validate_source(spec), *_validate_filters(spec)]
    if spec["mode"] not in MODES:
        errors.append(FieldError("spec.mode", f"invalid value: {shown(spec['mode'])}"))
    if not spec.get("resources"):
        errors.append(FieldError("spec.resources", MISSING))
    for index, resource in enumerate(spec.get("resources", ())):
        errors += validate_type(resource, at("spec.resources", index))
    if "owner" in spec:
        errors += validate_type(spec["owner"], "spec.owner")
    return errors


def _validate_filters(spec: Object) -> Iterator[FieldError]:
    try:
        parse_filters(None, spec.get("filters"))
    except InvalidFilter as error:
        yield from error.errors


_RESOURCE: Final = record({**_TYPE, "selector": SELECTOR}, "The objects of one kind, all or those with such labels.")
API_SERVER_SOURCE: Final = Kind(
    group="sources.knative.dev",
    version="v1",
    name="ApiServerSource",
    plural="apiserversources",
    description="Sends an event for each change to resources of an API server.",
    categories=("all", "knative", "sources"),
    labels=SOURCE_LABELS,
    annotations=registry(
        (name, f"An object was changed ({change}); in {mode} mode")
        for mode in MODES
        for name, change in zip(event_types(mode), CHANGES, strict=True)
    ),
    columns=(SINK_COLUMN, AGE_COLUMN, *READY_COLUMNS),
    fields={
        "spec": record(
            {
                **SOURCE,
                "resources": array(_RESOURCE, "What is watched."),
                "owner": record(_TYPE, "Only objects whose controller is of this kind."),
                "mode": string(
                    "What events hold: the whole object (Resource), or what names it (Reference, the default)."
                ),
                "serviceAccountName": string("Who watches; `default` by default."),
                "namespaceSelector": SELECTOR.described(
                    "Namespaces by their labels; the source's own without it, all for an empty one."
                ),
                "filters": array(ANYTHING, "Which events are sent: those that pass every filter, as for a Trigger."),
            },
            "What the user wants.",
            required=("resources",),
        ),
        "status": record(
            {**SOURCE_STATUS, "namespaces": array(STRING, 'The namespaces that are watched; `""` for all.')},
            "What there is.",
        ),
    },
    default=_default,
    validate=_validate,
)
