"""Prometheus metrics, read at scrape time from the integers that the hot path counts in. Nothing is counted twice.

Counters are exposed with the suffix `_total`. They begin with the process, or with the Broker or Trigger where that is
younger; those that a durable channel keeps go on over restarts. A row of the tables is a metric's kind, name, help and
how it is read.
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
from channels.dead_letter import Tally
from eventing.operations import BrokerStatus, JournalStatus, LaneStatus, Operations, TriggerStatus

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
    Count(
        GAUGE,
        "eventing_broker_durable",
        "1 where what was accepted survives a crash of whatever keeps it, else 0.",
        lambda b: b.durable,
    ),
    Count(GAUGE, "eventing_broker_triggers", "Triggers of the Broker.", lambda b: b.triggers),
    Count(COUNTER, "eventing_broker_accepted_events", "Events stored, replies among them.", lambda b: b.accepted),
    Count(COUNTER, "eventing_broker_reply_events", "Replies of subscribers that were stored.", lambda b: b.replies),
    Count(
        GAUGE,
        "eventing_broker_orphan_events",
        "Events kept for Triggers that do not exist.",
        lambda b: sum(b.orphans.values()),
    ),
    Count(GAUGE, "eventing_broker_unaccounted_events", "0, unless there is a bug.", lambda b: b.unaccounted),
)
"""One series per Broker: labels `namespace`, `broker`."""

CHANNEL: Final[tuple[Count[ChannelStatistics], ...]] = (
    Count(GAUGE, "eventing_channel_events", "Events the Broker's channel holds.", lambda c: c.events),
    Count(GAUGE, "eventing_channel_bytes", "Bytes the Broker's channel holds.", lambda c: c.size_bytes),
    Count(GAUGE, "eventing_channel_events_max", "The bound of eventing_channel_events.", lambda c: c.events_max),
    Count(GAUGE, "eventing_channel_bytes_max", "The bound of eventing_channel_bytes.", lambda c: c.size_max_bytes),
    Count(COUNTER, "eventing_channel_damaged_records", "Records set aside as unreadable.", lambda c: c.damaged),
)
"""One series per Broker that has a channel: labels `namespace`, `broker`."""

LANE: Final[tuple[Count[LaneStatus], ...]] = (
    Count(GAUGE, "eventing_trigger_waiting_events", "Events that wait, retries among them.", lambda t: t.waiting),
    Count(GAUGE, "eventing_trigger_retrying_events", "Waiting events that are due later.", lambda t: t.retrying),
    Count(GAUGE, "eventing_trigger_parked_events", "Waiting events that rest in the channel.", lambda t: t.parked),
    Count(GAUGE, "eventing_trigger_in_flight_events", "Events whose attempt is under way.", lambda t: t.in_flight),
    Count(COUNTER, "eventing_trigger_matched_events", "Events the filters let through.", lambda t: t.matched),
    Count(COUNTER, "eventing_trigger_filtered_events", "Events the filters kept away.", lambda t: t.filtered),
    Count(COUNTER, "eventing_trigger_delivered_events", "Events the subscriber accepted.", lambda t: t.delivered),
    Count(COUNTER, "eventing_trigger_retried_events", "Attempts after the first.", lambda t: t.retried),
    Count(COUNTER, "eventing_trigger_dead_lettered_events", "Events that failed for good.", lambda t: t.dead_lettered),
    Count(GAUGE, "eventing_trigger_redriven_events", "Dead letters sent once more or delivered.", lambda t: t.redriven),
    Count(COUNTER, "eventing_trigger_dropped_events", "Events given up undelivered.", lambda t: t.dropped),
    Count(COUNTER, "eventing_trigger_adopted_events", "Events taken over from other processes.", lambda t: t.adopted),
    Count(COUNTER, "eventing_trigger_ceded_events", "Events that other processes took over.", lambda t: t.ceded),
    Count(GAUGE, "eventing_trigger_unbalanced_events", "0, unless there is a bug.", lambda t: t.balance),
    Count(COUNTER, "eventing_trigger_reply_events", "Replies published into the Broker.", lambda t: t.replies),
    Count(COUNTER, "eventing_trigger_ignored_replies", "Answers whose body was no event.", lambda t: t.replies_ignored),
    Count(GAUGE, "eventing_trigger_concurrency", "Attempts that may be in flight.", lambda t: t.concurrency),
    Count(GAUGE, "eventing_trigger_blocked_keys", "Keys that wait for their first event.", lambda t: t.blocked_keys),
    Count(GAUGE, "eventing_trigger_paused", "1 where the Trigger is paused, else 0.", lambda t: t.paused),
    Count(GAUGE, "eventing_trigger_catching_up", "1 until the present is reached, else 0.", lambda t: t.catching_up),
)
"""One series per Trigger that has a lane: labels `namespace`, `broker`, `trigger`."""

JOURNAL: Final[tuple[Count[JournalStatus], ...]] = (
    Count(GAUGE, "eventing_journal_ready", "1 where the journal can store, else 0.", lambda j: not j.fault),
    Count(GAUGE, "eventing_journal_bytes", "Bytes the journal holds.", lambda j: j.size_bytes),
    Count(GAUGE, "eventing_journal_bytes_max", "The bound of eventing_journal_bytes.", lambda j: j.size_max_bytes),
    Count(GAUGE, "eventing_journal_file_bytes", "Bytes that takes on disk.", lambda j: j.file_size_bytes),
    Count(COUNTER, "eventing_journal_commits", "Transactions of the journal.", lambda j: j.commits),
    Count(COUNTER, "eventing_journal_damaged_records", "Records set aside as unreadable.", lambda j: j.damaged),
)
"""One series where the server has a journal, without labels."""


class OperationsCollector(Collector):
    """All metrics of one server.

    `dead_letters` counts those in the stores, which cannot be asked at scrape time without waiting. `latency_bounds_s`
    are the upper bounds of `LaneStatus.latency_buckets`, whose last bucket is unbounded.
    """

    def __init__(
        self, operations: Operations, *, dead_letters: Sequence[Tally], latency_bounds_s: Sequence[float]
    ) -> None:
        self._operations = operations
        self._dead_letters = dead_letters
        self._bounds = [*map(str, latency_bounds_s), "+Inf"]

    def collect(self) -> Iterator[Metric]:
        """Every metric at this moment."""
        brokers, triggers = self._operations.brokers(), self._operations.triggers()
        lanes = [((one.namespace, one.broker, one.name), one.lane) for one in triggers if one.lane is not None]
        journal = self._operations.journal()
        channels = [((one.namespace, one.name), one.statistics) for one in brokers if one.statistics is not None]
        yield from _families(BROKER, _BROKER_LABELS, [((one.namespace, one.name), one) for one in brokers])
        yield from _families(CHANNEL, _BROKER_LABELS, channels)
        yield from _families(JOURNAL, (), [] if journal is None else [((), journal)])
        yield _trigger_ready(triggers)
        yield from _families(LANE, _TRIGGER_LABELS, lanes)
        yield _breakers(lanes)
        yield self._durations(lanes)
        yield from self._letters()
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

    def _letters(self) -> Iterator[Metric]:
        office = self._operations.dead_letters
        held = GaugeMetricFamily(
            "eventing_dead_letters", "Events in the built-in store.", labels=(*_TRIGGER_LABELS, "reason")
        )
        for one in self._dead_letters:
            held.add_metric((*one.address, one.reason), one.count)
        yield held
        yield CounterMetricFamily(
            "eventing_dead_letters_evicted", "Dead letters that made room for younger ones.", office.evicted
        )
        under_way = sum(one.ended_s is None for one in office.redrives)
        yield GaugeMetricFamily("eventing_redrives_under_way", "Redrives that have not ended.", under_way)

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
            "eventing_ready", "1 where the server is ready, else 0.", int(self._operations.is_ready)
        )
        build = GaugeMetricFamily(
            "eventing_build_info", "Always 1; the labels are what is told.", labels=("version", "python")
        )
        build.add_metric((version("eventing"), platform.python_version()), 1)
        yield build


def create_registry(
    operations: Operations, *, dead_letters: Sequence[Tally], latency_bounds_s: Sequence[float]
) -> CollectorRegistry:
    """A registry of its own that holds the metrics of these operations and nothing else."""
    # auto_describe off: registering must not ask twice.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(OperationsCollector(operations, dead_letters=dead_letters, latency_bounds_s=latency_bounds_s))
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
