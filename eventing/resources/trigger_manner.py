"""The annotations by which a Trigger says how it wants its events: in order, from when on, how fast, or not now. Pure.

Source: Knative's Kafka engine for `delivery.order`, which holds here on any channel; the others are of this project.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from channels.attribute import is_name, is_time, to_datetime
from channels.contract import Start
from dispatcher.fault import FieldError, at, shown
from dispatcher.manner import Manner, Order
from eventing.resources.identity import Object

ORDER_ANNOTATIONS: Final = (
    "kafka.eventing.knative.dev/delivery.order",
    "eventing.knative.dev/delivery.order",
)
ORDER_BY_ANNOTATION: Final = "eventing.knative.dev/delivery.order-by"
START_ANNOTATION: Final = "eventing.dev/start"
PAUSED_ANNOTATION: Final = "eventing.dev/paused"
CONCURRENCY_ANNOTATION: Final = "eventing.dev/concurrency"
RATE_ANNOTATION: Final = "eventing.dev/rate"
CONCURRENCY_MAX: Final = 10_000


def manner_of(item: Object) -> Manner:
    """How the Trigger, which was admitted, wants its events."""
    found = _annotations(item)
    is_ordered = any(found.get(name) == "ordered" for name in ORDER_ANNOTATIONS)
    concurrency = found.get(CONCURRENCY_ANNOTATION, "adaptive")
    return Manner(
        order=Order(found.get(ORDER_BY_ANNOTATION, "subject")) if is_ordered else None,
        concurrency=None if concurrency == "adaptive" else int(concurrency),
        rate=float(found[RATE_ANNOTATION]) if RATE_ANNOTATION in found else None,
        is_paused=found.get(PAUSED_ANNOTATION) == "true",
    )


def start_of(item: Object) -> Start:
    """Where the Trigger, which was admitted, begins if it is new."""
    text = _annotations(item).get(START_ANNOTATION, "latest")
    if text in ("latest", "earliest"):
        return "earliest" if text == "earliest" else "latest"
    return to_datetime(text)


def validate_manner(item: Object) -> Iterator[FieldError]:
    """Every annotation that does not say what it should."""
    found = _annotations(item)
    for name, (is_valid, expected) in _RULES.items():
        if name in found and not is_valid(found[name]):
            reason = f"invalid value: {shown(str(found[name]))}: expected {expected}"
            yield FieldError(at("metadata.annotations", name), reason)


def _annotations(item: Object) -> Mapping[str, Any]:
    found: Mapping[str, Any] = item["metadata"].get("annotations", {})
    return found


def _is_start(text: str) -> bool:
    if text in ("latest", "earliest"):
        return True
    if not is_time(text):
        return False
    try:
        return isinstance(to_datetime(text), datetime)
    except ValueError:  # the year 0, which a datetime does not know
        return False


def _is_concurrency(text: str) -> bool:
    return text == "adaptive" or (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= CONCURRENCY_MAX)


def _is_rate(text: str) -> bool:
    try:
        rate = float(text)
    except ValueError:
        return False
    return math.isfinite(rate) and rate > 0


def _is_order(text: str) -> bool:
    return text in ("ordered", "unordered")


_RULES: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = {
    **dict.fromkeys(ORDER_ANNOTATIONS, (_is_order, "ordered or unordered")),
    ORDER_BY_ANNOTATION: (is_name, "the name of a CloudEvents attribute"),
    START_ANNOTATION: (_is_start, "latest, earliest or an RFC 3339 time"),
    PAUSED_ANNOTATION: (lambda text: text in ("true", "false"), "true or false"),
    CONCURRENCY_ANNOTATION: (_is_concurrency, f"adaptive or a number from 1 to {CONCURRENCY_MAX}"),
    RATE_ANNOTATION: (_is_rate, "events per second, more than 0"),
}
