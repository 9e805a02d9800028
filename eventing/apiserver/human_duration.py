"""How long ago something was, in the few characters of a column. Source: apimachinery's `HumanDuration`. Pure."""

from datetime import datetime
from typing import Final

_MINUTE_S: Final = 60
_HOUR_S: Final = 60 * _MINUTE_S
_DAY_S: Final = 24 * _HOUR_S
_YEAR_S: Final = 365 * _DAY_S
_STEPS: Final = (
    (2 * _MINUTE_S, 1, "s", 0, ""),
    (10 * _MINUTE_S, _MINUTE_S, "m", 1, "s"),
    (3 * _HOUR_S, _MINUTE_S, "m", 0, ""),
    (8 * _HOUR_S, _HOUR_S, "h", _MINUTE_S, "m"),
    (2 * _DAY_S, _HOUR_S, "h", 0, ""),
    (8 * _DAY_S, _DAY_S, "d", _HOUR_S, "h"),
    (2 * _YEAR_S, _DAY_S, "d", 0, ""),
    (8 * _YEAR_S, _YEAR_S, "y", _DAY_S, "d"),
)
"""Up to how many seconds, in which unit, and in which smaller one the rest; 0 leaves the rest out."""


def human_duration(elapsed_s: float) -> str:
    """The time as `kubectl` prints ages; a clock that differs by a second is forgiven."""
    seconds = int(elapsed_s)
    if seconds < -1:
        return "<invalid>"
    seconds = max(seconds, 0)
    for limit_s, unit_s, unit, rest_s, rest_unit in _STEPS:
        if seconds < limit_s:
            rest = seconds % unit_s // rest_s if rest_s else 0
            return f"{seconds // unit_s}{unit}" + (f"{rest}{rest_unit}" if rest else "")
    return f"{seconds // _YEAR_S}y"


def age(timestamp: object, now: datetime) -> str:
    """How long ago that RFC 3339 timestamp was; what is none is `<invalid>`."""
    then = moment(timestamp)
    return "<invalid>" if then is None else human_duration((now - then).total_seconds())


def moment(timestamp: object) -> datetime | None:
    """The moment of an RFC 3339 timestamp, None for what is none."""
    try:
        then = datetime.fromisoformat(timestamp) if isinstance(timestamp, str) else None
    except ValueError:
        return None
    return None if then is None or then.tzinfo is None else then
