"""The scenarios of the in-memory channel, and classic beside them."""

import time
from typing import Final

from tests.benchmarks import manifest
from tests.benchmarks.bench import Bench
from tests.benchmarks.load import Load
from tests.benchmarks.process import free_port, refusing_port
from tests.benchmarks.report import Must, per_further
from tests.benchmarks.scenario import (
    MB,
    RATE_PER_S,
    Result,
    Scenario,
    compared,
    cost,
    delay,
    first_202_s,
    measured,
    paced,
    result,
    share,
)

_IDLE_S: Final = 1.0
_PARCEL: Final = 100
"""Events per batch."""


def classic(bench: Bench) -> Result:
    with bench.classic() as subject:
        return cost(bench.measure(subject))


def memory(bench: Bench) -> Result:
    return cost(measured(bench, _one(bench.sink.port)))


def asgi(bench: Bench) -> Result:
    return cost(measured(bench, _one(bench.sink.port), options=("--ingress", "asgi")))


def structured(bench: Bench) -> Result:
    documents = manifest.in_memory(manifest.one(bench.sink.port, structured=True))
    return cost(measured(bench, documents, Load("structured")))


def batch(bench: Bench) -> Result:
    return cost(measured(bench, _one(bench.sink.port), Load("batch", _PARCEL)))


def match(bench: Bench) -> Result:
    one = measured(bench, manifest.in_memory(manifest.matching(1, bench.sink.port)))
    four = measured(bench, manifest.in_memory(manifest.matching(4, bench.sink.port)), matching=4)
    return result({"us": per_further(one.us_per_event, four.us_per_event, 3)}, one, four)


def exact(bench: Bench) -> Result:
    one, many = compared(bench, _one(bench.sink.port), manifest.in_memory(manifest.one_of(10_000, bench.sink.port)))
    return share(one, many, {"us": many.us_per_delivered})


def cesql(bench: Bench) -> Result:
    documents = manifest.in_memory(manifest.one_of(1000, bench.sink.port, is_cesql=True))
    one, many = compared(bench, _one(bench.sink.port), documents)
    return share(one, many, {"us": many.us_per_delivered})


def bulkhead(bench: Bench) -> Result:
    """What the good sink gets beside a refusing and a hanging one, and the peak memory that the two cost the server."""
    good = manifest.one(bench.sink.port)
    hang_port = free_port()
    hang = bench.module("hang", [str(hang_port)], core=bench.other_core)
    with refusing_port() as closed_port, hang:
        hang.wait_ready(f"http://127.0.0.1:{hang_port}/", timeout_s=10)
        bad = [("bad-refusing", closed_port), ("bad-hanging", hang_port)]
        matching = manifest.exact(manifest.MATCHING_TYPE)
        triggers = good + [manifest.trigger(name, matching, port) for name, port in bad]
        alone, beside = compared(bench, manifest.in_memory(good), manifest.in_memory(triggers))
    return share(alone, beside, {"rss_growth_mb": (beside.rss_peak_bytes - alone.rss_peak_bytes) / MB})


def latency(bench: Bench) -> Result:
    """Beside the floor: the same events straight to the sink."""
    port = free_port()
    floor = paced(bench, port, port)
    seen = delay(bench, _one)
    floors = {"floor_p50_ms": floor["p50_ms"], "floor_p99_ms": floor["p99_ms"]}
    return Result({**seen.figures, **floors}, seen.remarks, seen.missing)


def start(bench: Bench) -> Result:
    """From the start of the process to the first 202, and what it holds in memory while it has nothing to do."""
    port, api_port = free_port(), free_port()
    bench.install()
    with bench.data() as data:
        process = bench.server(_one(bench.sink.port), port, api_port, data=data)
        began = time.monotonic()
        with process:
            start_s = first_202_s(process, port, began)
            time.sleep(_IDLE_S)
            return Result({"start_s": start_s, "rss_mb": process.rss_bytes() / MB})


def _one(port: int) -> list[manifest.Document]:
    return manifest.in_memory(manifest.one(port))


_BULKHEAD_MUSTS: Final = (Must("share", 0.95, at_least=True), Must("rss_growth_mb", 50))
_LATENCY_MUSTS: Final = (Must("p50_ms", 2.0), Must("p99_ms", 8.0))
_START_MUSTS: Final = (Must("start_s", 1.0), Must("rss_mb", 90))
SCENARIOS: Final = (
    Scenario("classic", "classic: FastAPI, cloudevents SDK, aiohttp", classic),
    Scenario("memory", "in memory, one exact Trigger", memory, (Must("n", 2.0), Must("classic", 1 / 6))),
    Scenario("asgi", "the same through raw ASGI", asgi, (Must("n", 2.8),)),
    Scenario("structured", "structured in and out", structured, (Must("n", 2.4),)),
    Scenario("batch", f"batches of {_PARCEL} in", batch, (Must("n", 1.5),)),
    Scenario("match", "each further matching Trigger", match, (Must("n", 1.0),)),
    Scenario("exact", "10,000 exact Triggers, one match", exact, (Must("share", 0.95, at_least=True),)),
    Scenario("cesql", "1,000 CESQL Triggers, one match", cesql, (Must("share", 0.90, at_least=True),)),
    Scenario("bulkhead", "a refusing and a hanging sink beside a good one", bulkhead, _BULKHEAD_MUSTS, in_units=False),
    Scenario("latency", f"{RATE_PER_S:,} events/s, end to end", latency, _LATENCY_MUSTS, in_units=False),
    Scenario("start", "start to first 202; idle memory", start, _START_MUSTS, in_units=False),
)
