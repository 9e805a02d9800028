"""What a scenario is, one row of the table, and what scenarios share."""

import http.client
import json
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tests.benchmarks import manifest
from tests.benchmarks.bench import Bench
from tests.benchmarks.load import Load
from tests.benchmarks.machine import CannotRun
from tests.benchmarks.process import Process, free_port
from tests.benchmarks.report import Figures, Must
from tests.benchmarks.sample import Sample

MB: Final = 1e6
RATE_PER_S: Final = 1000
_START_MAX_S: Final = 30.0
_POLL_S: Final = 0.005


@dataclass(frozen=True, slots=True)
class Result:
    """What one repetition showed. Figures in microseconds (`us`) get their ratios to N and classic from the runner;
    `unit_us` is N, where it was measured in between.
    """

    figures: Figures
    remarks: str = ""
    missing: int = 0
    unit_us: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A name for `--only`, a title for the table, promises, and how one repetition is run.

    `in_units`: it tells a cost, for which N is measured right before.
    """

    name: str
    title: str
    run: Callable[[Bench], Result]
    musts: tuple[Must, ...] = ()
    in_units: bool = True


def measured(
    bench: Bench,
    documents: list[manifest.Document],
    load: Load = Load(),  # noqa: B008 - frozen
    *,
    options: tuple[str, ...] = (),
    matching: int = 1,
) -> Sample:
    """What a server of its own showed under that load."""
    with bench.eventing(documents, *options) as subject:
        return bench.measure(subject, load, matching=matching)


def compared(
    bench: Bench,
    first: list[manifest.Document],
    second: list[manifest.Document],
    load: Load = Load(),  # noqa: B008 - frozen
) -> list[Sample]:
    """What two servers showed under that load, in turns."""
    with bench.eventing(first) as one, bench.eventing(second) as other:
        return bench.compare((one, other), load)


def cost(sample: Sample) -> Result:
    """What one delivered event costs."""
    figures = {"per_s": sample.throughput_per_s, "rss_mb": sample.rss_peak_bytes / MB}
    if sample.server_cpu_s:
        figures["server_us"] = sample.server_us_per_delivered
    return result({"us": sample.us_per_delivered, **figures}, sample)


def share(alone: Sample, loaded: Sample, figures: Figures) -> Result:
    """The throughput that is left, and other figures."""
    return result({"share": loaded.throughput_per_s / alone.throughput_per_s, **figures}, alone, loaded)


def result(figures: Figures, *samples: Sample) -> Result:
    """These figures, and what is to be said about the samples they come from."""
    remarks = "; ".join(sample.remarks for sample in samples if sample.remarks)
    missing = sum(sample.missing for sample in samples)
    return Result(figures, remarks, missing, statistics.mean(sample.unit_us for sample in samples))


def delay(bench: Bench, documents_of: Callable[[int], list[manifest.Document]]) -> Result:
    """Latency at a fixed rate through a server with these documents, which are made for the port of the sink."""
    port = free_port()
    with bench.eventing(documents_of(port)) as subject:
        seen = paced(bench, port, int(subject.address.rpartition(":")[2]))
    words = {"refused": "refused", "missing": "never arrived"}
    remarks = ", ".join(f"{seen[key]:.0f} {said}" for key, said in words.items() if seen[key])
    return Result({"p50_ms": seen["p50_ms"], "p99_ms": seen["p99_ms"]}, remarks, int(seen["missing"]))


def paced(bench: Bench, sink_port: int, target_port: int) -> dict[str, float]:
    """What `latency` prints of one run."""
    arguments = [sink_port, target_port, RATE_PER_S, bench.settings.latency_s, 1, manifest.MATCHING_TYPE]
    with bench.module("latency", [str(argument) for argument in arguments], core=bench.other_core) as generator:
        figures: dict[str, float] = json.loads(generator.finished(timeout_s=bench.settings.latency_s + 30))
        return figures


def first_202_s(process: Process, port: int, began: float) -> float:
    """Seconds from that moment of the monotonic clock until the server took an event. Raises CannotRun."""
    while not _accepts(port):
        process.check()
        if time.monotonic() - began > _START_MAX_S:
            raise CannotRun(f"no 202 within {_START_MAX_S:.0f} s: {process.last_words}")
        time.sleep(_POLL_S)
    return time.monotonic() - began


def _accepts(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_MAX_S)
    attributes = {"specversion": "1.0", "id": "first", "source": "/shop/orders", "type": manifest.MATCHING_TYPE}
    headers = {"content-type": "application/json", **{f"ce-{name}": value for name, value in attributes.items()}}
    with suppress(OSError, http.client.HTTPException):
        connection.request("POST", manifest.PATH, b"{}", headers)
        return connection.getresponse().status == http.client.ACCEPTED
    return False
