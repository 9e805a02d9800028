"""The scenarios without an ingress: producers write the Broker's topic, dispatchers deliver from there."""

import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.benchmarks import engine, manifest
from tests.benchmarks.bench import Bench, Subject
from tests.benchmarks.engine import TOPIC, Engine
from tests.benchmarks.report import Must
from tests.benchmarks.scenario import Result, Scenario

_DISPATCHERS: Final = 2
_CAUGHT_UP_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Drained:
    """How many events were written, and what their delivery took: the dispatchers' CPU, the server's, and time."""

    written: int
    delivered: int
    cpu_s: float
    server_cpu_s: float
    duration_s: float

    @property
    def us_per_delivered(self) -> float:
        """CPU microseconds of all dispatchers per delivery."""
        return self.cpu_s * 1e6 / self.delivered

    @property
    def per_s(self) -> float:
        """Deliveries per second, from the first write to the last delivery."""
        return self.delivered / self.duration_s

    @property
    def missing(self) -> int:
        """Events that were written and never came."""
        return max(0, self.written - self.delivered)

    @property
    def remarks(self) -> str:
        """What a reader must know."""
        more = self.delivered - self.written
        return f"{more:,} delivered more often than written" if more > 0 else ""


def no_ingress(bench: Bench) -> Result:
    one = _drained(bench, 1)
    figures = {"us": one.us_per_delivered, "per_s": one.per_s}
    server_us = one.server_cpu_s * 1e6 / one.delivered
    return Result({**figures, "server_us": server_us}, one.remarks, one.missing)


def two(bench: Bench) -> Result:
    """By rate where each has an idle core; else by CPU: what as many cores would deliver, were the sink no limit."""
    one, both = _drained(bench, 1), _drained(bench, _DISPATCHERS)
    by_cpu = _DISPATCHERS * one.us_per_delivered / both.us_per_delivered
    speedup, remarks = by_cpu, "by CPU per event: there are no two idle cores for a rate"
    if bench.spare_core is not None:
        speedup, remarks = both.per_s / one.per_s, ""
    said = "; ".join(filter(None, (remarks, one.remarks, both.remarks)))
    figures = {"speedup": speedup, "us": both.us_per_delivered, "one_us": one.us_per_delivered}
    return Result(figures, said, one.missing + both.missing)


def _drained(bench: Bench, count: int) -> Drained:
    """By so many dispatchers of one Broker, each on a core of its own where there are enough."""
    cores = [bench.core, bench.core if bench.spare_core is None else bench.spare_core]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(engine.kafka(bench))
        documents = server.place(manifest.one(bench.sink.port))
        subjects = [stack.enter_context(bench.eventing(documents, core=core)) for core in cores[:count]]
        _deliver(bench, server, subjects, bench.settings.warm_up_s)
        return _deliver(bench, server, subjects, bench.settings.window_s)


def _deliver(bench: Bench, server: Engine, subjects: Sequence[Subject], duration_s: int) -> Drained:
    """Write for so long, and wait for the last delivery."""
    before, began = bench.sink.delivered(), time.monotonic()
    cpu_before, server_cpu_before = sum(one.process.cpu_s() for one in subjects), server.cpu_s()
    written = _written(bench, server, duration_s)
    while (delivered := bench.sink.delivered() - before) < written and time.monotonic() - began < _CAUGHT_UP_S:
        time.sleep(0.02)
    took_s = time.monotonic() - began
    delivered = bench.drained(before + written) - before
    for one in subjects:
        one.process.check()
    cpu_s = sum(one.process.cpu_s() for one in subjects) - cpu_before
    return Drained(written, delivered, cpu_s, server.cpu_s() - server_cpu_before, took_s)


def _written(bench: Bench, server: Engine, duration_s: int) -> int:
    arguments = [server.address, TOPIC, manifest.PARTITIONS, duration_s, manifest.MATCHING_TYPE]
    with bench.module("topic_load", [str(one) for one in arguments], core=bench.other_core) as generator:
        events: int = json.loads(generator.finished(timeout_s=duration_s + 30).splitlines()[-1])["events"]
        return events


_TWO_MUSTS: Final = (Must("speedup", 1.6, at_least=True),)
SCENARIOS: Final = (
    Scenario("kafka-topic", "Kafka to sink, no ingress", no_ingress, (Must("n", 2.6),)),
    Scenario("kafka-two", "Kafka, two dispatchers beside one", two, _TWO_MUSTS, in_units=False),
)
