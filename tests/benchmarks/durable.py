"""The scenarios of the journal, which has an event on disk before its producer gets a 202."""

from typing import Final

from tests.benchmarks import manifest, publish
from tests.benchmarks.bench import Bench, Settings
from tests.benchmarks.load import Load
from tests.benchmarks.report import Must
from tests.benchmarks.scenario import MB, RATE_PER_S, Result, Scenario, compared, cost, delay, measured, result, share
from tests.benchmarks.waiting import restarted

_KEYS: Final = 1000


def journal(bench: Bench) -> Result:
    return cost(measured(bench, _one(bench.sink.port)))


def throughput(bench: Bench) -> Result:
    """Beside nginx, which passes the same load on from the same core and keeps nothing."""
    with bench.eventing(_one(bench.sink.port)) as subject:
        nginx, ours = bench.compare((bench.proxy, subject))
    figures = {"of_nginx": ours.throughput_per_s / nginx.throughput_per_s, "per_s": ours.throughput_per_s}
    return result({**figures, "nginx_per_s": nginx.throughput_per_s}, nginx, ours)


def durable_publish(bench: Bench) -> Result:
    nats, ours, redis = publish.to_nats(bench), publish.to_eventing(bench), publish.to_redis(bench)
    figures = {
        "of_nats": ours.per_s / nats.per_s,
        "of_redis": ours.per_s / redis.per_s,
        "per_s": ours.per_s,
        "nats_per_s": nats.per_s,
        "redis_per_s": redis.per_s,
    }
    return Result(figures, ", ".join(ours.remarks + nats.remarks + redis.remarks))


def ordered(bench: Bench) -> Result:
    """Beside the same events, with the same keys, in no order."""
    load = Load(keys=_KEYS)
    documents = manifest.journalled(manifest.one(bench.sink.port, annotations=manifest.ORDERED))
    unordered, in_order = compared(bench, _one(bench.sink.port), documents, load)
    return share(unordered, in_order, {"per_s": in_order.throughput_per_s})


def restart(bench: Bench) -> Result:
    """After a kill -9, with all those events on disk, beside a start with none."""
    count = bench.settings.waiting_events
    empty, full = restarted(bench, count=0), restarted(bench, count=count)
    growth_mb = (full.rss_peak_bytes - empty.rss_peak_bytes) / MB
    remarks = "" if count == Settings().waiting_events else f"only {count:,} events"
    figures = {"ready_s": full.ready_s, "rss_growth_mb": growth_mb, "empty_s": empty.ready_s}
    return Result(figures, remarks, max(0, count - full.waiting))


def journal_latency(bench: Bench) -> Result:
    return delay(bench, _one)


def _one(port: int) -> list[manifest.Document]:
    return manifest.journalled(manifest.one(port))


_JOURNAL_MUSTS: Final = (Must("n", 2.6), Must("classic", 1 / 4))
_THROUGHPUT_MUSTS: Final = (Must("of_nginx", 0.35, at_least=True),)
_PUBLISH_MUSTS: Final = (Must("of_nats", 3.0, at_least=True), Must("of_redis", 0.6, at_least=True))
_ORDERED_MUSTS: Final = (Must("share", 0.70, at_least=True),)
_RESTART_MUSTS: Final = (Must("ready_s", 2.0), Must("rss_growth_mb", 50))
_LATENCY_MUSTS: Final = (Must("p50_ms", 3.0), Must("p99_ms", 10.0))
_PUBLISH_TITLE: Final = f"durable publish alone, {publish.IN_FLIGHT} in flight"
_RESTART_TITLE: Final = f"restart with {Settings().waiting_events:,} waiting events"
_LATENCY_TITLE: Final = f"{RATE_PER_S:,} events/s, end to end through the journal"
SCENARIOS: Final = (
    Scenario("journal", "journal, one exact Trigger", journal, _JOURNAL_MUSTS),
    Scenario("throughput", "journal, throughput on one core", throughput, _THROUGHPUT_MUSTS, in_units=False),
    Scenario("publish", _PUBLISH_TITLE, durable_publish, _PUBLISH_MUSTS, in_units=False),
    Scenario("ordered", f"journal, ordered lane, {_KEYS:,} keys", ordered, _ORDERED_MUSTS, in_units=False),
    Scenario("journal-latency", _LATENCY_TITLE, journal_latency, _LATENCY_MUSTS, in_units=False),
    # The last one: what it writes keeps the disk busy after it.
    Scenario("restart", _RESTART_TITLE, restart, _RESTART_MUSTS, in_units=False),
)
