"""`spec.delivery`: how often, how fast and in what form events are tried, and where they go in the end.

Source: Knative's DeliverySpec (apis/duck/v1) and delivery contract; durations are ISO 8601. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, Self

from dispatcher.duration import parse_duration
from dispatcher.fault import FieldError, at, shown
from eventing.resources.duck import DESTINATION, Destination, default_destination, validate_destination
from eventing.resources.identity import Object
from eventing.resources.schema import INT32, record, string

DELIVERY: Final = record(
    {
        "deadLetterSink": DESTINATION.described(
            "Where an event goes that could not be delivered. Without one it is kept in the server's dead letter store."
        ),
        "retry": INT32.described("How often an event is tried again after the first attempt, at least 0."),
        "timeout": string(
            "How long one attempt may take: an ISO 8601 duration above zero, such as `PT30S`. The server's "
            "`delivery_timeout_s` by default."
        ),
        "backoffPolicy": string(
            "How waiting grows from one attempt to the next: `linear` (n times backoffDelay before the n-th retry) or "
            "`exponential` (doubled each time)."
        ),
        "backoffDelay": string("The wait before the first retry: an ISO 8601 duration, such as `PT0.2S`."),
        "format": string(
            "The form of the requests: `binary` (attributes as headers) or `json` (all in the body). As the event came "
            "by default."
        ),
        "retryAfterMax": string(
            "The longest wait that an answer 429 or 503 may ask for by Retry-After: an ISO 8601 duration. `PT0S` "
            "ignores the header; without it the server's longest backoff counts."
        ),
    },
    "How often and how fast an event is tried, in what form, and where it goes in the end.",
)
_CHOICES: Final = {"backoffPolicy": ("linear", "exponential"), "format": ("json", "binary")}
_DURATIONS: Final = ("backoffDelay", "retryAfterMax", "timeout")


@dataclass(frozen=True, slots=True)
class DeliverySpec:
    """The view of a delivery that is valid. None is what nobody set."""

    dead_letter_sink: Destination | None = None
    retry: int | None = None
    timeout_s: float | None = None
    backoff_policy: Literal["linear", "exponential"] | None = None
    backoff_delay_s: float | None = None
    retry_after_max_s: float | None = None
    format: Literal["json", "binary"] | None = None

    @classmethod
    def of(cls, delivery: Object | None, namespace: str) -> Self:
        """The view of `spec.delivery` of an object in that namespace; nothing is set where there is none."""
        delivery = delivery or {}
        sink = delivery.get("deadLetterSink")
        durations = {name: parse_duration(delivery[name]) for name in _DURATIONS if name in delivery}
        return cls(
            dead_letter_sink=Destination.of(sink, namespace) if sink else None,
            retry=delivery.get("retry"),
            timeout_s=durations.get("timeout"),
            backoff_policy=delivery.get("backoffPolicy"),
            backoff_delay_s=durations.get("backoffDelay"),
            retry_after_max_s=durations.get("retryAfterMax"),
            format=delivery.get("format"),
        )


def effective(trigger: DeliverySpec, broker: DeliverySpec) -> DeliverySpec:
    """What counts for a Trigger: field by field its own where set, else its Broker's."""
    own = {item.name: value for item in fields(trigger) if (value := getattr(trigger, item.name)) is not None}
    return replace(broker, **own)


def default_delivery(delivery: Any, namespace: str) -> None:
    """Let the dead letter sink, where there is one, point into the namespace of the object it stands in."""
    if delivery:
        default_destination(delivery.get("deadLetterSink"), namespace)


def validate_delivery(delivery: Object, path: str) -> Iterator[FieldError]:
    """Everything wrong with a delivery. A timeout of nothing is refused; no wait between attempts is not."""
    if "deadLetterSink" in delivery:
        yield from validate_destination(delivery["deadLetterSink"], at(path, "deadLetterSink"))
    if delivery.get("retry", 0) < 0:
        yield FieldError(at(path, "retry"), f"invalid value: {delivery['retry']}")
    for name, choices in _CHOICES.items():
        if name in delivery and delivery[name] not in choices:
            yield FieldError(at(path, name), f"invalid value: {shown(delivery[name])}")
    for name in _DURATIONS:
        if name in delivery and not _is_duration(delivery[name], may_be_zero=name != "timeout"):
            yield FieldError(at(path, name), f"invalid value: {shown(delivery[name])}")


def _is_duration(text: str, *, may_be_zero: bool) -> bool:
    try:
        return parse_duration(text) > 0 or may_be_zero
    except ValueError:
        return False
