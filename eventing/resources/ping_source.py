"""PingSource: the same event again and again, by a schedule.

Source: Knative's sources.knative.dev/v1 and v1beta2 PingSource, which say the same; the words of its validation. Pure.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Final

import orjson

from dispatcher.fault import FieldError, at, kind_of, shown
from eventing.resources.broker_default import SYSTEM_NAMESPACE
from eventing.resources.identity import Key, Object
from eventing.resources.kind import AGE_COLUMN, Column, Context, Kind, Version
from eventing.resources.schedule import InvalidSchedule, InvalidTimeZone, Schedule
from eventing.resources.schema import record, string
from eventing.resources.source import (
    READY_COLUMN,
    REASON_COLUMN,
    SINK_COLUMN,
    SOURCE,
    SOURCE_LABELS,
    SOURCE_STATUS,
    registry,
    validate_source,
)

CONDITIONS: Final = ("SinkProvided", "Deployed", "OIDCIdentityCreated")
"""What a PingSource's Ready depends on."""
PING_EVENT_TYPE: Final = "dev.knative.sources.ping"
PING_DEFAULTS_KEY: Final = Key("", "ConfigMap", SYSTEM_NAMESPACE, "config-ping-defaults")
PING_SIZE_DATA: Final = "data-max-size"
"""The ConfigMap's entry with the most bytes of data."""
_EVERY_MINUTE: Final = "* * * * *"
_FIELDS: Final = {
    "spec": record(
        {
            **SOURCE,
            "schedule": string(
                "When events are sent: cron's five fields, perhaps after one of seconds, or @hourly, @daily, @weekly, "
                "@monthly, @yearly. Every minute by default."
            ),
            "timezone": string("The schedule's time zone, such as `Europe/Paris`; UTC by default."),
            "contentType": string("The media type of the data."),
            "data": string("The data of each event, as text."),
            "dataBase64": string("The data of each event, in base64. Only one of both may be given."),
        },
        "What the user wants.",
    ),
    "status": record(SOURCE_STATUS, "What there is."),
}
_COLUMNS: Final = (SINK_COLUMN, Column("Schedule", ".spec.schedule"), AGE_COLUMN, READY_COLUMN, REASON_COLUMN)


def parse_data_max_size(text: str) -> int | None:
    """The bound in the text of `data-max-size`, None for no bound. Raises ValueError."""
    size = int(text)
    return None if size < 0 else size


def _default(item: Object, _context: Context) -> None:
    spec = item.setdefault("spec", {})
    if not spec.get("schedule"):
        spec["schedule"] = _EVERY_MINUTE


def _validate(item: Object, _old: Object | None, context: Context) -> list[FieldError]:
    spec = item["spec"]
    return [
        *_validate_schedule(spec["schedule"], spec.get("timezone", "")),
        *_validate_data(spec, context.ping_data_size_max_bytes),
        *validate_source(spec),
    ]


def _validate_schedule(schedule: str, zone: str) -> Iterator[FieldError]:
    try:
        Schedule.parse(schedule, zone)
    except InvalidTimeZone as error:
        yield FieldError("spec.timezone" if zone else "spec.schedule", f"invalid value: {shown(str(error))}")
    except InvalidSchedule as error:
        yield FieldError("spec.schedule", f"invalid value: {shown(str(error))}")


def _validate_data(spec: Object, size_max_bytes: int | None) -> Iterator[FieldError]:
    given = [name for name in ("data", "dataBase64") if spec.get(name)]
    if len(given) > 1:
        yield from (FieldError(at("spec", name), "expected exactly one, got both") for name in given)
        return
    for name in given:
        size = len(spec[name].encode())
        if size_max_bytes is not None and size > size_max_bytes:
            reason = f"invalid value: the {name} length of {size} bytes exceeds limit set at {size_max_bytes}."
            yield FieldError(at("spec", name), reason)
        if fault := _data_fault(spec, name):
            yield FieldError(at("spec", name), f"invalid value: {shown(fault)}")


def _data_fault(spec: Object, name: str) -> str:
    try:
        data = spec[name] if name == "data" else base64.b64decode(spec[name], validate=True)
    except (binascii.Error, ValueError):
        return "illegal base64 data"
    if spec.get("contentType") != "application/json":
        return ""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return str(error)
    return "" if value is None or isinstance(value, dict) else f"expected a map, got {kind_of(value)}"


PING_SOURCE: Final = Kind(
    group="sources.knative.dev",
    version="v1",
    name="PingSource",
    plural="pingsources",
    description="Sends the same event again and again, by a schedule.",
    others=(
        Version(
            "v1beta2",
            _FIELDS,
            _COLUMNS,
            deprecation="sources.knative.dev/v1beta2 PingSource is deprecated; see "
            "https://knative.dev/docs/eventing/sources/ping-source/ for instructions to migrate to "
            "sources.knative.dev/v1 PingSource",
            default=_default,
            validate=_validate,
        ),
    ),
    order=("v1", "v1beta2"),
    categories=("all", "knative", "sources"),
    labels=SOURCE_LABELS,
    annotations=registry([(PING_EVENT_TYPE, "Sent by a schedule, always with the same data")]),
    columns=_COLUMNS,
    fields=_FIELDS,
    default=_default,
    validate=_validate,
)
