"""ContainerSource: containers that send events to a sink which they are told in their environment.

Source: Knative's sources.knative.dev/v1 ContainerSource: its CRD, defaulting, validation and the words of both. Pure.
"""

from collections.abc import Iterator
from typing import Any, Final

from dispatcher.fault import FieldError, at
from eventing.resources.identity import Object
from eventing.resources.kind import AGE_COLUMN, READY_COLUMNS, Context, Kind
from eventing.resources.schema import MISSING, OPEN, STRING, array, fit, record
from eventing.resources.source import (
    REASON_COLUMN,
    SINK_COLUMN,
    SOURCE,
    SOURCE_LABELS,
    SOURCE_STATUS,
    validate_source,
)

CONDITIONS: Final = ("SinkBindingReady", "ReceiveAdapterReady")
"""What a ContainerSource's Ready depends on."""
_ENVIRONMENT: Final = array(record({"name": STRING, "value": STRING}, is_open=True))
_CONTAINERS: Final = array(record({"name": STRING, "image": STRING, "env": _ENVIRONMENT}, is_open=True))
_TEMPLATE: Final = record({"spec": record({"containers": _CONTAINERS}, is_open=True)}, is_open=True)
"""What is looked at of a pod template; the rest is whoever's who runs it."""


def _default(item: Object, _context: Context) -> None:
    """Name the containers, and write what Knative's typed objects always show."""
    template = item.setdefault("spec", {}).get("template")
    if template is None or fit(template, _TEMPLATE).errors:
        return
    template.setdefault("metadata", {})
    for index, container in enumerate(_containers(template)):
        container.setdefault("resources", {})
        container["name"] = container.get("name") or f"{item['metadata'].get('name', '')}-{index}"


def _containers(template: Object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = template.get("spec", {}).get("containers", [])
    return found


def _validate(item: Object, _old: Object | None, _context: Context) -> list[FieldError]:
    return [*_validate_template(item["spec"].get("template", {})), *validate_source(item["spec"])]


def _validate_template(template: Object) -> Iterator[FieldError]:
    path = "spec.template.spec.containers"
    if errors := fit(template, _TEMPLATE, "spec.template").errors:
        yield from errors
        return
    if not _containers(template):
        yield FieldError(path, MISSING)
    for index, container in enumerate(_containers(template)):
        if not container.get("image"):
            yield FieldError(at(path, index, "image"), MISSING)


CONTAINER_SOURCE: Final = Kind(
    group="sources.knative.dev",
    version="v1",
    name="ContainerSource",
    plural="containersources",
    description="Runs containers that send events, and tells them in `K_SINK` where to.",
    categories=("all", "knative", "sources"),
    labels=SOURCE_LABELS,
    columns=(SINK_COLUMN, AGE_COLUMN, READY_COLUMNS[0], REASON_COLUMN),
    fields={
        "spec": record(
            {**SOURCE, "template": OPEN.described("The pod template: what runs, as in a Deployment.")},
            "What the user wants.",
        ),
        "status": record(SOURCE_STATUS, "What there is."),
    },
    default=_default,
    validate=_validate,
)
