"""Prometheus metrics, read at scrape time from the integers that the hot path counts in. Nothing is counted twice.

Counters begin with the process, or with the Broker or Trigger where that is younger, and are exposed with the suffix
`_total`. A row of the tables is a metric's kind, name, help and how it is read.
"""

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from itertools import accumulate
from typing import Final, Generic, NamedTuple, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from channels.contract import ChannelStatistics
from eventing.operations import BrokerStatus, LaneStatus, Operations, TriggerStatus

BREAKER_STATES: Final = ("closed", "open", "half-open")
COUNTER: Final = CounterMetricFamily
GAUGE: Final = GaugeMetricFamily

_BROKER_LABELS: Final = ("namespace", "broker")
_TRIGGER_LABELS: Final = ("namespace", "broker", "trigger")

T = TypeVar("T")
Labelled = tuple[tuple[str, ...], T]
"""A value and the values of its labels."""


class Count(NamedTuple, Generic[T]):
    """One metric of a table, read from a `T`."""

    family: type[CounterMetricFamily | GaugeMetricFamily]
    name: str
    help: str
    read: Callable[[T], int]


BROKER: Final[tuple[Count[BrokerStatus], ...]] = (
    Count(GAUGE, "eventing_broker_ready", "1 where the Broker takes events, else 0.", lambda b: b.ready),
    Count(GAUGE, "eventing_broker_triggers", "Triggers of the Broker.", lambda b: b.triggers),
    Count(COUNTER, "eventing_broker_accepted_events", "Events stored, replies among them.", lambda b: b.accepted),
    Count(COUNTER, "eventing_broker_reply_events", "Replies of subscribers that were stored.", lambda b: b.replies),
)
"""One series per Broker: labels `namespace`, `broker`."""

CHANNEL: Final[tuple[Count[ChannelStatistics], ...]] = (
    Count(GAUGE, "eventing_channel_events", "Events the Broker's channel holds.", lambda c: c.events),
    Count(GAUGE, "eventing_channel_bytes", "Bytes the Broker's channel holds.", lambda c: c.size_bytes),
    Count(GAUGE, "eventing_channel_events_max", "The bound of eventing_channel_events.", lambda c: c.events_max),
    Count(GAUGE, "eventing_channel_bytes_max", "The bound of eventing_channel_bytes.", lambda c: c.size_max_bytes),
)
"""One series per Broker that has a channel: labels `namespace`, `broker`."""

LANE: Final[tuple[Count[LaneStatus], ...]] = (
    Count(GAUGE, "eventing_trigger_waiting_events", "Events that wait, retries among them.", lambda t: t.waiting),
    Count(GAUGE, "eventing_trigger_retrying_events", "Waiting events that are due later.", lambda t: t.retrying),
    Count(GAUGE, "eventing_trigger_in_flight_events", "Events whose attempt is under way.", lambda t: t.in_flight),
    Count(COUNTER, "eventing_trigger_matched_events", "Events the filters let through.", lambda t: t.matched),
    Count(COUNTER, "eventing_trigger_filtered_events", "Events the filters kept away.", lambda t: t.filtered),
    Count(COUNTER, "eventing_trigger_delivered_events", "Events the subscriber accepted.", lambda t: t.delivered),
    Count(COUNTER, "eventing_trigger_retried_events", "Attempts after the first.", lambda t: t.retried),
    Count(COUNTER, "eventing_trigger_dead_lettered_events", "Events that failed for good.", lambda t: t.dead_lettered),
    Count(COUNTER, "eventing_trigger_reply_events", "Replies published into the Broker.", lambda t: t.replies),
    Count(COUNTER, "eventing_trigger_ignored_replies", "Answers whose body was no event.", lambda t: t.replies_ignored),
)
"""One series per Trigger that has a lane: labels `namespace`, `broker`, `trigger`."""


class OperationsCollector(Collector):
    """All metrics of one server.

    `latency_bounds_s` are the upper bounds of `LaneStatus.latency_buckets`, whose last bucket is unbounded.
    """

    def __init__(self, operations: Operations, *, latency_bounds_s: Sequence[float]) -> None:
        self._operations = operations
        self._bounds = [*map(str, latency_bounds_s), "+Inf"]

    def collect(self) -> Iterator[Metric]:
        """Every metric at this moment."""
        brokers, triggers = self._operations.brokers(), self._operations.triggers()
        lanes = [((one.namespace, one.broker, one.name), one.lane) for one in triggers if one.lane is not None]
        channels = [((one.namespace, one.name), one.statistics) for one in brokers if one.statistics is not None]
        yield from _families(BROKER, _BROKER_LABELS, [((one.namespace, one.name), one) for one in brokers])
        yield from _families(CHANNEL, _BROKER_LABELS, channels)
        yield _trigger_ready(triggers)
        yield from _families(LANE, _TRIGGER_LABELS, lanes)
        yield _breakers(lanes)
        yield self._durations(lanes)
        yield from self._server()

    def _durations(self, lanes: Iterable[Labelled[LaneStatus]]) -> Metric:
        family = HistogramMetricFamily(
            "eventing_trigger_dispatch_duration_seconds", "Time of one attempt.", labels=_TRIGGER_LABELS
        )
        for labels, lane in lanes:
            if lane.latency_buckets:
                counts = accumulate(lane.latency_buckets)
                family.add_metric(labels, list(zip(self._bounds, counts, strict=True)), lane.latency_sum_s)
        return family

    def _server(self) -> Iterator[Metric]:
        ingress = self._operations.ingress()
        answers = CounterMetricFamily(
            "eventing_ingress_answers", "Answers of the ingress by HTTP status.", labels=("status",)
        )
        for status, count in sorted(ingress.answers.items()):
            answers.add_metric((str(status),), count)
        yield answers
        yield GaugeMetricFamily("eventing_ingress_connections", "Open connections of the ingress.", ingress.connections)
        yield GaugeMetricFamily(
            "eventing_dead_letters", "Events in the built-in store.", len(self._operations.dead_letters())
        )
        evicted = self._operations.dead_letters_evicted()
        yield CounterMetricFamily(
            "eventing_dead_letters_evicted", "Dead letters that made room for younger ones.", evicted
        )
        yield GaugeMetricFamily(
            "eventing_ready", "1 where the server is ready, else 0.", int(self._operations.is_ready)
        )
        build = GaugeMetricFamily(
            "eventing_build_info", "Always 1; the labels are what is told.", labels=("version", "python")
        )
        build.add_metric((version("eventing"), platform.python_version()), 1)
        yield build


def create_registry(operations: Operations, *, latency_bounds_s: Sequence[float]) -> CollectorRegistry:
    """A registry of its own that holds the metrics of these operations and nothing else."""
    # auto_describe off: registering must not ask a server that is still being put together.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(OperationsCollector(operations, latency_bounds_s=latency_bounds_s))
    return registry


def _families(table: Iterable[Count[T]], labels: Sequence[str], values: Sequence[Labelled[T]]) -> Iterator[Metric]:
    for metric in table:
        family = metric.family(metric.name, metric.help, labels=labels)
        for label_values, value in values:
            family.add_metric(label_values, metric.read(value))
        yield family


def _trigger_ready(triggers: Iterable[TriggerStatus]) -> Metric:
    family = GaugeMetricFamily(
        "eventing_trigger_ready", "1 where the Trigger is served, else 0.", labels=_TRIGGER_LABELS
    )
    for one in triggers:
        family.add_metric((one.namespace, one.broker, one.name), int(one.ready))
    return family


def _breakers(lanes: Iterable[Labelled[LaneStatus]]) -> Metric:
    family = GaugeMetricFamily(
        "eventing_trigger_breaker_state",
        "1 for the state the breaker is in, else 0.",
        labels=(*_TRIGGER_LABELS, "state"),
    )
    for labels, lane in lanes:
        for state in BREAKER_STATES:
            family.add_metric((*labels, state), int(lane.breaker == state))
    return family
