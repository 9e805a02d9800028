"""A dispatcher is killed under load and started again: what was lost, and what came twice, by the ledger's books."""

import asyncio
import random
import time
from pathlib import Path
from typing import Final

from tests.benchmarks import engine, manifest
from tests.benchmarks.bench import Bench
from tests.benchmarks.engine import Engine
from tests.benchmarks.machine import CannotRun
from tests.benchmarks.process import free_port
from tests.benchmarks.report import Must
from tests.benchmarks.scenario import Result, Scenario
from tests.ledger.ledger import Ledger, Route
from tests.ledger.producer import Producers
from tests.ledger.sink import RecordingSink
from tests.ledger.verdict import Verdict

_TRIGGER: Final = "matching-0"
_RATE_PER_S: Final = 3000
_PRODUCERS: Final = 32
_KEYS: Final = 100
_WINDOWS: Final = 3
"""The load is that much longer than those of other rows, before the kill and after the start: a share needs events."""
_READY_S: Final = 60.0
_CAUGHT_UP_S: Final = 60.0
_LOOK_S: Final = 0.5
_IN_FLIGHT: Final = 256 + 64
"""What one Trigger has in flight at most by the server's defaults: EVENTING_LANE_WINDOW_EVENTS_MAX in its window, and
EVENTING_LANE_CONCURRENCY_MAX on their way."""


def kill(bench: Bench) -> Result:
    """As many events before the kill as after the start."""
    with engine.kafka(bench) as server, bench.data() as data:
        verdict = asyncio.run(_Run(bench, server, data).verdict())
    figures = {"duplicates": verdict.duplicates, "of_load": verdict.duplicates / verdict.stored}
    return Result(figures, "; ".join(verdict.findings), len(verdict.lost))


class _Run:
    """Producers and a sink in this process; the server comes and goes."""

    def __init__(self, bench: Bench, server: Engine, data: Path) -> None:
        self._bench = bench
        self._server = server
        self._data = data
        self._port, self._api_port = free_port(), free_port()
        self._ledger = Ledger({manifest.MATCHING_TYPE: Route(frozenset({_TRIGGER}))})

    async def verdict(self) -> Verdict:
        """What became of everything. Raises CannotRun."""
        sink = RecordingSink(self._ledger.received)
        producers = Producers(
            self._ledger.sent, count=_PRODUCERS, routes=(manifest.MATCHING_TYPE,), keys=_KEYS,
            rng=random.Random(0), events_per_s=_RATE_PER_S,
        )  # fmt: skip
        async with sink, producers:
            sink_port = int(sink.url.rpartition(":")[2])
            await self._life(producers, sink_port, is_last=False)
            await sink.wait_quiet()
            self._ledger.stopped()
            await self._life(producers, sink_port, is_last=True)
        return self._ledger.verdict()

    async def _life(self, producers: Producers, sink_port: int, *, is_last: bool) -> None:
        """The server from its start to its death: under load, unless it is the last time."""
        matching = manifest.exact(manifest.MATCHING_TYPE)
        documents = self._server.place([manifest.trigger(_TRIGGER, matching, sink_port, path=_TRIGGER)])
        process = self._bench.server(documents, self._port, self._api_port, data=self._data)
        with process:
            ready_url = f"http://127.0.0.1:{self._api_port}/readyz"
            await asyncio.to_thread(process.wait_ready, ready_url, timeout_s=_READY_S)
            producers.start(f"http://127.0.0.1:{self._port}{manifest.PATH}")
            await asyncio.sleep(_WINDOWS * self._bench.settings.window_s)
            process.check()
            if is_last:
                producers.pause()
                await producers.wait_idle()
                await self._caught_up()
            else:
                process.kill()

    async def _caught_up(self) -> None:
        """Until everything has arrived, or the time is over: then it is lost."""
        deadline_s = time.monotonic() + _CAUGHT_UP_S
        while (verdict := self._ledger.verdict()).lost and time.monotonic() < deadline_s:
            await asyncio.sleep(_LOOK_S)
        if not verdict.stored:
            raise CannotRun("nothing was stored")


_MUSTS: Final = (Must("duplicates", _IN_FLIGHT), Must("of_load", 0.005))
SCENARIOS: Final = (Scenario("kafka-kill", "Kafka, kill -9 of a dispatcher under load", kill, _MUSTS, in_units=False),)
