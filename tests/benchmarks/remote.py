"""The scenarios of a Broker whose events rest on a real server, Redis or Kafka."""

import contextlib
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
    with engine.redis(bench) as server:
        return cost(_measured(bench, server, manifest.one(bench.sink.port)))


def kafka_channel(bench: Bench) -> Result:
    with engine.kafka(bench) as server:
        return cost(_measured(bench, server, manifest.one(bench.sink.port), warm_up_s=bench.settings.jvm_warm_up_s))


def exact(bench: Bench) -> Result:
    one, many = _compared(bench, manifest.one(bench.sink.port), manifest.one_of(_TRIGGERS, bench.sink.port))
    figures = {"us": many.us_per_delivered, "of_one": many.us_per_delivered / one.us_per_delivered}
    return result({**figures, "server_us": many.server_us_per_delivered}, one, many)


def hang(bench: Bench) -> Result:
    """What the good sink gets beside one that answers after ten seconds."""
    good = manifest.one(bench.sink.port)
    port = free_port()
    with bench.module("hang", [str(port)], core=bench.other_core) as bad:
        bad.wait_ready(f"http://127.0.0.1:{port}/", timeout_s=10)
        hanging = manifest.trigger("bad-hanging", manifest.exact(manifest.MATCHING_TYPE), port)
        alone, beside = _compared(bench, good, [*good, hanging])
    growth_mb = (beside.rss_peak_bytes - alone.rss_peak_bytes) / MB
    return share(alone, beside, {"per_s": beside.throughput_per_s, "rss_growth_mb": growth_mb})


def _compared(bench: Bench, first: list[manifest.Document], second: list[manifest.Document]) -> list[Sample]:
    """Two of our processes in turns, each with a Kafka of its own."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(engine.kafka(bench)) for _ in range(2)]
        subjects = [
            stack.enter_context(bench.eventing(server.place(triggers), server=server))
            for server, triggers in zip(servers, (first, second), strict=True)
        ]
        return bench.compare(subjects, warm_up_s=bench.settings.jvm_warm_up_s)


def _measured(
    bench: Bench, server: Engine, triggers: list[manifest.Document], *, warm_up_s: int | None = None
) -> Sample:
    """What our process showed, its events on that server."""
    with bench.eventing(server.place(triggers), server=server) as subject:
        return bench.measure(subject, warm_up_s=warm_up_s)


_EXACT_TITLE: Final = f"Kafka, {_TRIGGERS} exact Triggers, one match"
_HANG_TITLE: Final = "Kafka, a hanging sink beside a good one"
SCENARIOS: Final = (
    Scenario("redis", "Redis, one exact Trigger", redis_channel, (Must("n", 4.0),)),
    Scenario("kafka", "Kafka, one exact Trigger", kafka_channel, (Must("n", 3.8),)),
    Scenario("kafka-exact", _EXACT_TITLE, exact, (Must("of_one", 1.05),)),
    Scenario("kafka-hang", _HANG_TITLE, hang, (Must("share", 0.90, at_least=True),), in_units=False),
)
