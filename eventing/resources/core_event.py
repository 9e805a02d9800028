"""Event: something that happened to an object, for people. Not a CloudEvent.

Source: the core/v1 API, and the columns that Kubernetes prints for it. Pure.
"""

from typing import Final

from dispatcher.fault import FieldError, shown
from eventing.resources.identity import Object
from eventing.resources.kind import Column, Context, Kind
from eventing.resources.schema import INT32, record, string


def _validate(item: Object, _old: Object | None, _context: Context) -> list[FieldError]:
    if "involvedObject" not in item:
        return [FieldError("involvedObject", "Required value")]
    namespace = item["involvedObject"].get("namespace")
    if not namespace or namespace == item["metadata"].get("namespace"):
        return []
    reason = f'Invalid value: "{shown(namespace)}": does not match event.namespace'
    return [FieldError("involvedObject.namespace", reason)]


def _object(item: Object) -> str:
    involved = item["involvedObject"]
    return "/".join(part for part in (involved.get("kind", "").lower(), involved.get("name")) if part)


def _source(item: Object) -> str:
    source = item.get("source", {})
    parts = (source.get("component") or item.get("reportingComponent"), source.get("host"))
    return ", ".join(part for part in parts if part)


def _message(item: Object) -> str:
    return str(item.get("message", "")).strip()


_REFERENCE: Final = record(
    {
        "apiVersion": string("The version of the object's kind."),
        "kind": string("The object's kind."),
        "namespace": string("The object's namespace."),
        "name": string("The object's name."),
        "uid": string("The object's uid."),
        "resourceVersion": string("The object's version when it happened."),
        "fieldPath": string("The part of the object that it is about."),
    },
    "An object.",
    is_atomic=True,
)
_SOURCE: Final = record(
    {"component": string("The part that saw it."), "host": string("Where that part runs.")}, "Who saw it."
)
_SERIES: Final = record(
    {
        "count": INT32.described("How often it has happened."),
        "lastObservedTime": string("When it happened last."),
    },
    "How often, where it goes on.",
)
EVENT: Final = Kind(
    group="",
    version="v1",
    name="Event",
    plural="events",
    description="Something that happened to an object, for people. `kubectl describe` shows them below the object.",
    short_names=("ev",),
    columns=(
        Column("Last Seen", ".lastTimestamp", "date"),
        Column("Type", ".type"),
        Column("Reason", ".reason"),
        Column("Object", cell=_object),
        Column("Subobject", ".involvedObject.fieldPath", priority=1),
        Column("Source", cell=_source, priority=1),
        Column("Message", cell=_message),
        Column("First Seen", ".firstTimestamp", "date", priority=1),
        Column("Count", ".count", priority=1),
        Column("Name", ".metadata.name", priority=1),
    ),
    fields={
        "involvedObject": _REFERENCE.described("The object that it happened to."),
        "related": _REFERENCE.described("Another object that it has to do with."),
        "type": string("Normal, or Warning where somebody should look."),
        "reason": string("What happened, in one word of letters."),
        "message": string("What happened, for people."),
        "action": string("What was done about it."),
        "source": _SOURCE,
        "reportingComponent": string("The controller that saw it."),
        "reportingInstance": string("The process that saw it."),
        "firstTimestamp": string("When it happened first, RFC 3339."),
        "lastTimestamp": string("When it happened last, RFC 3339."),
        "eventTime": string("When it happened first, to the microsecond."),
        "count": INT32.described("How often it has happened."),
        "series": _SERIES,
    },
    validate=_validate,
)
