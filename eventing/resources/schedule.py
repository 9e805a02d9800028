"""Cron schedules: five fields or six, the first of seconds, in a time zone. Pure: the time is a parameter.

Source: the grammar and the words of robfig/cron, which Knative's PingSource is validated and run by. `L`, `W` and `#`
are none of it. Where clocks change, Debian's cron is followed: what falls into the gap comes right after it, and what
falls into the hour that comes twice comes once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError


class InvalidSchedule(ValueError):  # noqa: N818 - named for what it is, as in `eventing.errors`
    """The text is no schedule; the message says why."""


class InvalidTimeZone(ValueError):  # noqa: N818
    """The text names no time zone of the IANA database."""


class _Field(NamedTuple):
    minimum: int
    maximum: int
    names: Mapping[str, int] = {}


_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_DAYS: Final = {name: number for number, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_SECOND: Final = _Field(0, 59)
_FIELDS: Final = (_Field(0, 59), _Field(0, 23), _Field(1, 31), _Field(1, 12, _MONTHS), _Field(0, 6, _DAYS))
_DAY_FIELDS: Final = (_FIELDS[2], _FIELDS[4])
_DESCRIPTORS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ZONE: Final = re.compile(r"(?:CRON_)?TZ=(\S*)\s+(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is due. `expression` is the text in the grammar that cronsim reads."""

    expression: str
    zone: tzinfo

    @classmethod
    def parse(cls, text: str, zone: str = "") -> Self:
        """The schedule in that zone, UTC where none is named here or, as `CRON_TZ=...`, in the text.

        Raises InvalidTimeZone, else InvalidSchedule.
        """
        zone_info = _load_zone(zone)
        if not zone and (found := _ZONE.fullmatch(text)):
            zone_info, text = _load_zone(found[1]), found[2]
        return cls(_read(text), zone_info)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time after that moment, which has a time zone, in UTC; None where none comes in fifty years."""
        begin = moment.astimezone(UTC)
        try:
            ticks = (tick.astimezone(UTC) for tick in CronSim(self.expression, moment.astimezone(self.zone)))
            # Within the hour that comes twice a tick may lie before: it belongs to the hour's first time.
            return next((tick for tick in ticks if tick > begin), None)
        except CronSimError:  # no such day in any of those months
            return None


def _load_zone(name: str) -> tzinfo:
    if name in ("", "UTC", "Local"):  # the adapter's local zone is UTC in Knative's images
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidTimeZone(f"provided bad location {name}: unknown time zone {name}") from error


def _read(text: str) -> str:
    if "@every" in text:
        raise InvalidSchedule("unsupported descriptor @every")
    if text.startswith("@"):
        if text not in _DESCRIPTORS:
            raise InvalidSchedule(f"unrecognized descriptor: {text}")
        return _DESCRIPTORS[text]
    parts = text.split()
    if len(parts) not in (5, 6):
        raise InvalidSchedule(f"expected 5 to 6 fields, found {len(parts)}: [{' '.join(parts)}]")
    fields = _FIELDS if len(parts) == 5 else (_SECOND, *_FIELDS)
    return " ".join(_read_field(part, field) for part, field in zip(parts, fields, strict=True))


def _read_field(text: str, field: _Field) -> str:
    """The field in cronsim's grammar. Days are spelled out: it, unlike robfig/cron, takes `*/2` for every day."""
    terms = [_read_term(term, field) for term in text.split(",") if term]
    if not terms:
        raise InvalidSchedule(f"no values: {text}")
    if field not in _DAY_FIELDS or any(term.is_star for term in terms):
        return "*" if any(term.is_star for term in terms) else ",".join(term.text for term in terms)
    return ",".join(map(str, sorted({value for term in terms for value in term.values})))


class _Term(NamedTuple):
    text: str
    values: range
    is_star: bool


def _read_term(text: str, field: _Field) -> _Term:
    base, *steps = text.split("/")
    if len(steps) > 1:
        raise InvalidSchedule(f"too many slashes: {text}")
    step = _number(steps[0], {}) if steps else 1
    bounds = base.replace("?", "*").split("-")
    if len(bounds) > 2:
        raise InvalidSchedule(f"too many hyphens: {text}")
    is_star = bounds == ["*"]
    first = field.minimum if is_star else _number(bounds[0], field.names)
    last = field.maximum if is_star or (len(bounds) == 1 and steps) else _number(bounds[-1], field.names)
    if fault := _fault(first, last, step, field):
        raise InvalidSchedule(f"{fault}: {text}")
    values = range(first, last + 1, step)
    return _Term(f"*/{step}" if is_star else ",".join(map(str, values)), values, is_star and step == 1)


def _number(text: str, names: Mapping[str, int]) -> int:
    if (number := names.get(text.lower())) is not None:
        return number
    if not (text.isascii() and text.isdigit()) or len(text) > 4:
        raise InvalidSchedule(f"failed to parse int from {text}")
    return int(text)


def _fault(first: int, last: int, step: int, field: _Field) -> str:
    if first < field.minimum:
        return f"beginning of range ({first}) below minimum ({field.minimum})"
    if last > field.maximum:
        return f"end of range ({last}) above maximum ({field.maximum})"
    if first > last:
        return f"beginning of range ({first}) beyond end of range ({last})"
    return "step of range should be a positive number" if step == 0 else ""
