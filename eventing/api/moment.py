"""Moments and spans as operators write them: an RFC 3339 time, or how long. Pure."""

import re
from datetime import UTC, datetime
from typing import Final

from channels.attribute import is_time, to_datetime
from dispatcher.duration import parse_duration

_UNITS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_SPAN: Final = re.compile(
    "".join(rf"(?:(?P<{unit}>[0-9]{{1,9}}(?:\.[0-9]{{1,9}})?){unit})?" for unit in _UNITS), re.ASCII
)
_LAST_S: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


def parse_moment(text: str, now_s: float) -> float:
    """Seconds since the epoch in `2026-11-21T08:00:00Z`, or that long before `now_s` in `1h`, `2d12h`, `90s` and
    `PT1H`; what is before the epoch is the epoch. Raises ValueError.
    """
    return min(max(_moment(text, now_s), 0.0), _LAST_S)


def _moment(text: str, now_s: float) -> float:
    if is_time(text):
        return to_datetime(text).timestamp()
    try:
        return now_s - parse_span(text)
    except ValueError as error:
        if text.startswith("P"):
            raise
        words = f"{text!r} is no moment: expected an RFC 3339 time, or how long ago, such as 1h or 2d12h"
        raise ValueError(words) from error


def parse_span(text: str) -> float:
    """Seconds in `90s`, `1h`, `2d12h` and `PT1H`. Raises ValueError."""
    if text.startswith("P"):
        return parse_duration(text)
    found = _SPAN.fullmatch(text)
    if found is None or not text:
        raise ValueError(f"{text!r} is no length of time such as 30s, 5m or 1h30m")
    return sum(float(number) * _UNITS[unit] for unit, number in found.groupdict().items() if number)
