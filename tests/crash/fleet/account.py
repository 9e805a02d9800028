"""What a dispatcher's metrics say of its events. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_UNBALANCED: Final = frozenset({"eventing_trigger_unbalanced_events", "eventing_broker_unaccounted_events"})
_WAITING: Final = frozenset(
    {"eventing_trigger_waiting_events", "eventing_trigger_in_flight_events", "eventing_channel_events"}
)

_IN_MEMORY: Final[Mapping[str, int]] = {
    "eventing_trigger_waiting_events": 1,
    "eventing_trigger_parked_events": -1,
    "eventing_trigger_in_flight_events": 1,
}
"""What waits and does not rest in the channel, and what is under way."""


def unsettled(metrics: str) -> int:
    """How many deliveries it has in memory, of which the channel knows no end."""
    return round(sum(_IN_MEMORY[one.name] * one.value for one in _samples(metrics) if one.name in _IN_MEMORY))


def unbalanced(metrics: str) -> list[str]:
    """What is not accounted for, in words."""
    return [_told(one) for one in _samples(metrics) if one.name in _UNBALANCED and one.value]


def waiting(metrics: str) -> list[str]:
    """What has still to be done, in words."""
    return [_told(one) for one in _samples(metrics) if one.name in _WAITING and one.value]


def _samples(metrics: str) -> Iterator[Sample]:
    for family in text_string_to_metric_families(metrics):
        yield from family.samples


def _told(sample: Sample) -> str:
    return f"{sample.name} {' '.join(sample.labels.values())}: {sample.value:g}"
