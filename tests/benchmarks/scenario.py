"""The scenarios: one row of the table each, and what it must reach."""

import http.client
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tests.benchmarks import manifest
from tests.benchmarks.bench import Bench
from tests.benchmarks.load import Load
from tests.benchmarks.machine import CannotRun
from tests.benchmarks.process import free_port, refusing_port
from tests.benchmarks.report import Figures, Must, per_further
from tests.benchmarks.sample import Sample

_MB: Final = 1e6
_START_MAX_S: Final = 30.0
_POLL_S: Final = 0.005
_IDLE_S: Final = 1.0
_RATE_PER_S: Final = 1000
_PARCEL: Final = 100
"""Events per batch."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one repetition showed. Figures in microseconds (`us`) get their ratios to N and classic from the runner."""

    figures: Figures
    remarks: str = ""
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A name for `--only`, a title for the table, promises, and how one repetition is run."""

    name: str
    title: str
    run: Callable[[Bench], Result]
    musts: tuple[Must, ...] = ()


def classic(bench: Bench) -> Result:
    with bench.classic() as subject:
        return _cost(bench.measure(subject))


def memory(bench: Bench) -> Result:
    with bench.eventing(manifest.one(bench.sink.port)) as subject:
        return _cost(bench.measure(subject))


def asgi(bench: Bench) -> Result:
    with bench.eventing(manifest.one(bench.sink.port), "--ingress", "asgi") as subject:
        return _cost(bench.measure(subject))


def structured(bench: Bench) -> Result:
    with bench.eventing(manifest.one(bench.sink.port, structured=True)) as subject:
        return _cost(bench.measure(subject, Load("structured")))


def batch(bench: Bench) -> Result:
    with bench.eventing(manifest.one(bench.sink.port)) as subject:
        return _cost(bench.measure(subject, Load("batch", _PARCEL)))


def match(bench: Bench) -> Result:
    one = _measured(bench, manifest.matching(1, bench.sink.port))
    four = _measured(bench, manifest.matching(4, bench.sink.port), matching=4)
    return _result({"us": per_further(one.us_per_event, four.us_per_event, 3)}, one, four)


def exact(bench: Bench) -> Result:
    one = _measured(bench, manifest.one(bench.sink.port))
    many = _measured(bench, manifest.one_of(10_000, bench.sink.port))
    return _share(one, many, {"us": many.us_per_delivered})


def cesql(bench: Bench) -> Result:
    one = _measured(bench, manifest.one(bench.sink.port))
    many = _measured(bench, manifest.one_of(1000, bench.sink.port, is_cesql=True))
    return _share(one, many, {"us": many.us_per_delivered})


def bulkhead(bench: Bench) -> Result:
    """What the good sink gets beside a refusing and a hanging one, and the peak memory that the two cost the server."""
    good = manifest.one(bench.sink.port)
    alone = _measured(bench, good)
    hang_port = free_port()
    hang = bench.module("hang", [str(hang_port)], core=bench.other_core)
    with refusing_port() as closed_port, hang:
        hang.wait_ready(f"http://127.0.0.1:{hang_port}/", timeout_s=10)
        bad = [("bad-refusing", closed_port), ("bad-hanging", hang_port)]
        matching = manifest.exact(manifest.MATCHING_TYPE)
        beside = _measured(bench, good + [manifest.trigger(name, matching, port) for name, port in bad])
    return _share(alone, beside, {"rss_growth_mb": (beside.rss_peak_bytes - alone.rss_peak_bytes) / _MB})


def latency(bench: Bench) -> Result:
    """Latency at a fixed rate, beside the floor: the same events straight to the sink."""
    port = free_port()
    floor = _paced(bench, port, port)
    port = free_port()
    with bench.eventing(manifest.one(port)) as subject:
        seen = _paced(bench, port, int(subject.address.rpartition(":")[2]))
    words = {"refused": "refused", "missing": "never arrived"}
    remarks = ", ".join(f"{seen[key]:.0f} {said}" for key, said in words.items() if seen[key])
    floors = {"floor_p50_ms": floor["p50_ms"], "floor_p99_ms": floor["p99_ms"]}
    return Result({"p50_ms": seen["p50_ms"], "p99_ms": seen["p99_ms"], **floors}, remarks, int(seen["missing"]))


def start(bench: Bench) -> Result:
    """From the start of the process to the first 202, and what it holds in memory while it has nothing to do."""
    port, api_port = free_port(), free_port()
    process = bench.server(manifest.one(bench.sink.port), port, api_port)
    began = time.monotonic()
    with process:
        while not _accepts(port):
            process.check()
            if time.monotonic() - began > _START_MAX_S:
                raise CannotRun(f"no 202 within {_START_MAX_S:.0f} s: {process.last_words}")
            time.sleep(_POLL_S)
        start_s = time.monotonic() - began
        time.sleep(_IDLE_S)
        return Result({"start_s": start_s, "rss_mb": process.rss_bytes() / _MB})


_BULKHEAD_MUSTS: Final = (Must("share", 0.95, at_least=True), Must("rss_growth_mb", 50))
SCENARIOS: Final = (
    Scenario("classic", "classic: FastAPI, cloudevents SDK, aiohttp", classic),
    Scenario("memory", "in memory, one exact Trigger", memory, (Must("n", 2.0), Must("classic", 1 / 6))),
    Scenario("asgi", "the same through raw ASGI", asgi, (Must("n", 2.8),)),
    Scenario("structured", "structured in and out", structured, (Must("n", 2.4),)),
    Scenario("batch", f"batches of {_PARCEL} in", batch, (Must("n", 1.5),)),
    Scenario("match", "each further matching Trigger", match, (Must("n", 1.0),)),
    Scenario("exact", "10,000 exact Triggers, one match", exact, (Must("share", 0.95, at_least=True),)),
    Scenario("cesql", "1,000 CESQL Triggers, one match", cesql, (Must("share", 0.90, at_least=True),)),
    Scenario("bulkhead", "a refusing and a hanging sink beside a good one", bulkhead, _BULKHEAD_MUSTS),
    Scenario("latency", f"{_RATE_PER_S:,} events/s, end to end", latency, (Must("p50_ms", 2.0), Must("p99_ms", 8.0))),
    Scenario("start", "start to first 202; idle memory", start, (Must("start_s", 1.0), Must("rss_mb", 90))),
)


def _measured(bench: Bench, triggers: list[manifest.Document], *, matching: int = 1) -> Sample:
    with bench.eventing(triggers) as subject:
        return bench.measure(subject, matching=matching)


def _cost(sample: Sample) -> Result:
    figures = {"per_s": sample.throughput_per_s, "rss_mb": sample.rss_peak_bytes / _MB}
    return _result({"us": sample.us_per_delivered, **figures}, sample)


def _share(alone: Sample, loaded: Sample, figures: Figures) -> Result:
    """The throughput that is left, and other figures."""
    return _result({"share": loaded.throughput_per_s / alone.throughput_per_s, **figures}, alone, loaded)


def _result(figures: Figures, *samples: Sample) -> Result:
    remarks = "; ".join(sample.remarks for sample in samples if sample.remarks)
    return Result(figures, remarks, sum(sample.missing for sample in samples))


def _paced(bench: Bench, sink_port: int, target_port: int) -> dict[str, float]:
    arguments = [sink_port, target_port, _RATE_PER_S, bench.settings.latency_s, 1, manifest.MATCHING_TYPE]
    with bench.module("latency", [str(argument) for argument in arguments], core=bench.other_core) as generator:
        figures: dict[str, float] = json.loads(generator.finished(timeout_s=bench.settings.latency_s + 30))
        return figures


def _accepts(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    attributes = {"specversion": "1.0", "id": "first", "source": "/shop/orders", "type": manifest.MATCHING_TYPE}
    headers = {"content-type": "application/json", **{f"ce-{name}": value for name, value in attributes.items()}}
    with suppress(OSError, http.client.HTTPException):
        connection.request("POST", manifest.PATH, b"{}", headers)
        return connection.getresponse().status == http.client.ACCEPTED
    return False
