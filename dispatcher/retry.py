"""When a failed delivery is tried again, and after how long. Pure: the clock's reading and the jitter are given.

Sources: Knative's DeliverySpec (retry, backoffPolicy, backoffDelay, timeout, retryAfterMax); RFC 9110 sections 5.6.7
and 10.2.3.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

SPREAD_MIN: Final = 0.8
SPREAD_MAX: Final = 1.2
"""The jitter: a wait is multiplied by a uniform factor between the two, lest what failed together returns together."""

_RETRIED: Final = frozenset({404, 408, 409, 425, 429})
_DOUBLINGS_MAX: Final = 1023  # the largest power of two that a float holds
_RETRY_AFTER_MAX_S: Final = 366 * 86400.0
_SECONDS: Final = re.compile(r"([+-]?)0*([0-9]+)")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CLOCK: Final = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_MONTH: Final = rf"(?P<month>{'|'.join(_MONTHS)})"
_DATES: Final = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"[A-Z][a-z]{{2}}, (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_CLOCK} GMT",  # RFC 1123
        rf"[A-Z][a-z]+day, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_CLOCK} GMT",  # RFC 850
        rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[ \d]\d) {_CLOCK} (?P<year>\d{{4}})",  # asctime
    )
)


@dataclass(frozen=True, slots=True)
class Policy:
    """How one subscription delivers. Merged from the Trigger's delivery, the Broker's and the settings."""

    retry: int = 0
    """Attempts after the first one."""
    backoff_policy: Literal["linear", "exponential"] = "exponential"
    backoff_delay_s: float = 0.2
    backoff_max_s: float = 3600.0
    """No wait is longer, jitter included."""
    timeout_s: float = 300.0
    """For one attempt, from connecting to the end of the answer."""
    retry_after_max_s: float | None = None
    """The longest Retry-After that is obeyed: None for `backoff_max_s`, 0 for obeying none."""
    format: Literal["binary", "json"] = "binary"
    has_dead_letter_sink: bool = False
    wants_reply: bool = True
    """A CloudEvent in the answer is for somebody; else it is ignored like anything else."""


def is_retried(status: int | None) -> bool:
    """True for what may pass with time: no answer, 404, 408, 409, 425, 429 and every 5xx."""
    return status is None or status >= 500 or status in _RETRIED


def wait_s(policy: Policy, attempt: int, spread: float) -> float:
    """Seconds to wait after attempt 1, 2, ... failed: linear or doubling, times the jitter, at most `backoff_max_s`."""
    factor = attempt if policy.backoff_policy == "linear" else 2.0 ** min(attempt - 1, _DOUBLINGS_MAX)
    return min(policy.backoff_delay_s * factor * spread, policy.backoff_max_s)


def parse_retry_after(value: bytes | str, now_s: float) -> float | None:
    """Seconds from `now_s` (since the epoch) that a Retry-After header asks for; None for what is no number or date.

    What is negative or past asks for 0; more than 366 days are taken as 366 days.
    """
    text = (value.decode("latin-1") if isinstance(value, bytes) else value).strip()
    if number := _SECONDS.fullmatch(text):
        sign, digits = number.groups()
        # int() refuses texts of thousands of digits, which a sink may send.
        seconds = _RETRY_AFTER_MAX_S if len(digits) > 9 else float(digits)
        return 0.0 if sign == "-" else min(seconds, _RETRY_AFTER_MAX_S)
    moment_s = _parse_date(text, now_s)
    return None if moment_s is None else min(max(moment_s - now_s, 0.0), _RETRY_AFTER_MAX_S)


def _parse_date(text: str, now_s: float) -> float | None:
    """Seconds since the epoch of a date in one of the three forms that RFC 9110 knows."""
    found = next(filter(None, (date.fullmatch(text) for date in _DATES)), None)
    if found is None:
        return None
    year = int(found["year"])
    if len(found["year"]) == 2:
        # RFC 9110 section 5.6.7: never more than 50 years ahead.
        this_year = datetime.fromtimestamp(now_s, UTC).year
        year = this_year - 49 + (year - this_year + 49) % 100
    month, day = _MONTHS.index(found["month"]) + 1, int(found["day"])
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"])
    try:
        # A leap second is 60, which datetime does not know.
        return datetime(year, month, day, hour, minute, 59 if second == 60 else second, tzinfo=UTC).timestamp()
    except ValueError:  # the 31st of February
        return None
