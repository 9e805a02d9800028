"""Metrics: read from the operations at scrape time, named and labelled as documented."""

from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from channels.dead_letter import EVERYTHING, Address, Tally
from eventing.metrics import BROKER, CHANNEL, JOURNAL, LANE, create_registry
from eventing.operations import LaneStatus
from tests.eventing.small_operations import BOUNDS_S, SmallOperations, broker, trigger
from tests.eventing.small_operations import JOURNAL as JOURNAL_STATUS
from tests.eventing.small_operations import LANE as LANE_STATUS

COUNTS = st.integers(min_value=0, max_value=2**53)


def scraped(operations: SmallOperations, *tallies: Tally) -> dict[str, float]:
    """Every sample, by its name and the values of its labels in the order of their names."""
    text = generate_latest(create_registry(operations, dead_letters=tallies, latency_bounds_s=BOUNDS_S)).decode()
    return {
        " ".join([sample.name, *(value for _, value in sorted(sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_count_of_a_broker_and_its_channel_is_a_series() -> None:
    """Labels are the Broker's name and namespace."""
    status = replace(broker("default", "shop"), orphans={"gone": 2, "left": 3}, unaccounted=1)
    seen = scraped(SmallOperations(broker_list=[status]))
    expected = {
        "eventing_broker_ready shop default": 1,
        "eventing_broker_durable shop default": 0,
        "eventing_broker_triggers shop default": 1,
        "eventing_broker_accepted_events_total shop default": 20,
        "eventing_broker_reply_events_total shop default": 6,
        "eventing_broker_orphan_events shop default": 5,
        "eventing_broker_unaccounted_events shop default": 1,
        "eventing_channel_events shop default": 7,
        "eventing_channel_bytes shop default": 900,
        "eventing_channel_events_max shop default": 1000,
        "eventing_channel_bytes_max shop default": 32_000,
        "eventing_channel_damaged_records_total shop default": 0,
    }
    assert expected == {name: value for name, value in seen.items() if name.endswith(" shop default")}


def test_a_broker_without_a_channel_has_no_channel_series() -> None:
    """Nothing is told that is not known: no series rather than a zero."""
    seen = scraped(SmallOperations(broker_list=[replace(broker("default", "shop", ready=False), statistics=None)]))
    assert [] == [name for name in seen if name.startswith("eventing_channel_")]
    assert 0 == seen["eventing_broker_ready shop default"]


def test_every_count_of_a_lane_is_a_series() -> None:
    """Labels are the Broker's name, the namespace and the Trigger's name."""
    seen = scraped(SmallOperations(trigger_list=[trigger("default", "bill", of="shop")]))
    labels = "shop default bill"
    counters = {
        "matched_events": 20, "filtered_events": 5, "delivered_events": 14, "retried_events": 4,
        "dead_lettered_events": 1, "dropped_events": 0, "adopted_events": 2, "ceded_events": 1, "reply_events": 6,
        "ignored_replies": 0,
    }  # fmt: skip
    for name, value in counters.items():
        assert value == seen[f"eventing_trigger_{name}_total {labels}"]
    gauges = {
        "waiting_events": 3, "retrying_events": 1, "parked_events": 2, "in_flight_events": 2, "redriven_events": 0,
        "unbalanced_events": 0, "concurrency": 8, "blocked_keys": 0, "paused": 0, "catching_up": 0, "ready": 1,
    }  # fmt: skip
    for name, value in gauges.items():
        assert value == seen[f"eventing_trigger_{name} {labels}"]


def test_a_trigger_without_a_lane_tells_only_that_it_is_there() -> None:
    """No lane, no counts."""
    seen = scraped(SmallOperations(trigger_list=[trigger("default", "bill", of="shop", lane=None)]))
    assert ["eventing_trigger_ready shop default bill"] == [
        name for name in seen if name.startswith("eventing_trigger")
    ]


def test_the_breaker_is_in_exactly_one_state() -> None:
    """One series per state, 1 for the one it is in."""
    seen = scraped(SmallOperations(trigger_list=[trigger("default", "bill", of="shop")]))
    expected = {"closed": 0, "open": 0, "half-open": 1}
    assert expected == {state: seen[f"eventing_trigger_breaker_state shop default {state} bill"] for state in expected}


@given(st.lists(COUNTS, min_size=len(BOUNDS_S) + 1, max_size=len(BOUNDS_S) + 1))
def test_latency_buckets_become_cumulative(buckets: list[int]) -> None:
    """A bucket of the histogram counts everything up to its bound; the last one counts all."""
    lane = replace(LANE_STATUS, latency_buckets=tuple(buckets), latency_sum_s=2.5)
    seen = scraped(SmallOperations(trigger_list=[trigger("default", "bill", of="shop", lane=lane)]))
    name = "eventing_trigger_dispatch_duration_seconds"
    for count, bound in enumerate([*map(str, BOUNDS_S), "+Inf"], start=1):
        assert float(sum(buckets[:count])) == seen[f"{name}_bucket shop {bound} default bill"]
    assert (float(sum(buckets)), 2.5) == (
        seen[f"{name}_count shop default bill"],
        seen[f"{name}_sum shop default bill"],
    )


def test_a_lane_that_measured_nothing_has_no_histogram() -> None:
    """No buckets, no series."""
    lane = replace(LANE_STATUS, latency_buckets=())
    seen = scraped(SmallOperations(trigger_list=[trigger("default", "bill", of="shop", lane=lane)]))
    assert [] == [name for name in seen if "duration" in name]


def test_the_server_tells_of_its_ingress_dead_letters_and_build() -> None:
    """What has no Broker; and dead letters by Trigger and reason."""
    tally = Tally(Address("default", "shop", "bill"), "refused", 7, 1.0, 2.0)
    seen = scraped(SmallOperations(is_ready=False), tally)
    expected = {
        "eventing_ingress_answers_total 202": 20,
        "eventing_ingress_answers_total 400": 1,
        "eventing_ingress_connections": 3,
        "eventing_dead_letters shop default refused bill": 7,
        "eventing_dead_letters_evicted_total": 0,
        "eventing_redrives_under_way": 0,
        "eventing_ready": 0,
    }
    assert expected == {name: value for name, value in seen.items() if name in expected}
    assert 1 == len([name for name in seen if name.startswith("eventing_build_info ")])


async def test_redrives_under_way_are_counted() -> None:
    """Until they end."""
    operations = SmallOperations()
    operations.store.fill("1")
    await operations.dead_letters.redrive(EVERYTHING, rate=None)
    assert 1 == scraped(operations)["eventing_redrives_under_way"]
    await operations.dead_letters.discard(EVERYTHING)
    assert 0 == scraped(operations)["eventing_redrives_under_way"]


def test_the_journal_is_told_where_there_is_one() -> None:
    """Without labels: a server has one or none."""
    seen = scraped(SmallOperations(journal_status=JOURNAL_STATUS))
    expected = {
        "eventing_journal_ready": 1,
        "eventing_journal_bytes": 3 * 2**20,
        "eventing_journal_bytes_max": 10 * 2**30,
        "eventing_journal_file_bytes": 4 * 2**20,
        "eventing_journal_commits_total": 12,
        "eventing_journal_damaged_records_total": 1,
    }
    assert expected == {name: value for name, value in seen.items() if name.startswith("eventing_journal_")}
    faulty = SmallOperations(journal_status=replace(JOURNAL_STATUS, fault="disk is full"))
    assert 0 == scraped(faulty)["eventing_journal_ready"]
    assert [] == [name for name in scraped(SmallOperations()) if name.startswith("eventing_journal_")]


def test_registering_asks_nothing() -> None:
    """A registry can be made before there is anything to ask."""

    class Unasked(SmallOperations):
        def brokers(self) -> list[object]:  # type: ignore[override]
            raise AssertionError("was asked")

    create_registry(Unasked(), dead_letters=(), latency_bounds_s=BOUNDS_S)


def test_every_count_the_hot_path_keeps_is_exposed() -> None:
    """The tables read each integer of a lane: who adds a count is reminded of its metric."""

    class Recorder:
        def __init__(self) -> None:
            self.read: set[str] = set()

        def __getattr__(self, name: str) -> int:
            self.read.add(name)
            return 0

    recorder = Recorder()
    for metric in LANE:
        metric.read(recorder)  # type: ignore[arg-type]
    told_otherwise = {"breaker", "latency_buckets", "latency_sum_s", "ordered", "rate"}
    assert {one.name for one in fields(LaneStatus)} - told_otherwise == recorder.read


def test_metric_names_are_unique_and_prefixed() -> None:
    """One name, one meaning."""
    names = [metric.name for table in (BROKER, CHANNEL, LANE, JOURNAL) for metric in table]
    assert len(set(names)) == len(names)
    assert all(name.startswith("eventing_") for name in names)
