"""The scenarios of a Broker whose events rest on a real server, Redis or Kafka."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from tests.benchmarks import engine, manifest
from tests.benchmarks.bench import Bench
from tests.benchmarks.engine import Engine
from tests.benchmarks.process import free_port
from tests.benchmarks.report import Must
from tests.benchmarks.sample import Sample
from tests.benchmarks.scenario import MB, Result, Scenario, cost, result, share

_TRIGGERS: Final = 100


def redis_channel(bench: Bench) -> Result:
    return cost(_measured(bench, engine.redis, manifest.one(bench.sink.port)))


def kafka_channel(bench: Bench) -> Result:
    return cost(_measured(bench, engine.kafka, manifest.one(bench.sink.port)))


def exact(bench: Bench) -> Result:
    one = _measured(bench, engine.kafka, manifest.one(bench.sink.port))
    many = _measured(bench, engine.kafka, manifest.one_of(_TRIGGERS, bench.sink.port))
    figures = {"us": many.us_per_delivered, "of_one": many.us_per_delivered / one.us_per_delivered}
    return result({**figures, "server_us": many.server_us_per_delivered}, one, many)


def hang(bench: Bench) -> Result:
    """What the good sink gets beside one that answers after ten seconds."""
    good = manifest.one(bench.sink.port)
    alone = _measured(bench, engine.kafka, good)
    port = free_port()
    with bench.module("hang", [str(port)], core=bench.other_core) as bad:
        bad.wait_ready(f"http://127.0.0.1:{port}/", timeout_s=10)
        hanging = manifest.trigger("bad-hanging", manifest.exact(manifest.MATCHING_TYPE), port)
        beside = _measured(bench, engine.kafka, [*good, hanging])
    growth_mb = (beside.rss_peak_bytes - alone.rss_peak_bytes) / MB
    return share(alone, beside, {"per_s": beside.throughput_per_s, "rss_growth_mb": growth_mb})


def _measured(
    bench: Bench, start: Callable[[Bench], AbstractContextManager[Engine]], triggers: list[manifest.Document]
) -> Sample:
    """What a server of its own showed, its events on such an engine."""
    with start(bench) as server, bench.eventing(server.place(triggers), server=server) as subject:
        return bench.measure(subject)


_EXACT_TITLE: Final = f"Kafka, {_TRIGGERS} exact Triggers, one match"
_HANG_TITLE: Final = "Kafka, a hanging sink beside a good one"
SCENARIOS: Final = (
    Scenario("redis", "Redis, one exact Trigger", redis_channel, (Must("n", 4.0),)),
    Scenario("kafka", "Kafka, one exact Trigger", kafka_channel, (Must("n", 3.8),)),
    Scenario("kafka-exact", _EXACT_TITLE, exact, (Must("of_one", 1.05),)),
    Scenario("kafka-hang", _HANG_TITLE, hang, (Must("share", 0.90, at_least=True),), in_units=False),
)
