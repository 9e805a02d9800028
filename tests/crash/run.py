"""One run: a server, its load and its sinks on one data folder; rounds of faults; a verdict."""

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import httpx2

from tests.crash import workload
from tests.crash.server import NotReady, Server
from tests.ledger.conservation import Lane, disagreements, imbalances, waiting
from tests.ledger.ledger import Ledger
from tests.ledger.producer import Producers
from tests.ledger.record import Journalist, Received, Sent, parsed_id
from tests.ledger.sink import RecordingSink
from tests.ledger.verdict import Verdict

_PAGE: Final = 1000
LANE_WINDOW_EVENTS_MAX: Final = 256
"""EVENTING_LANE_WINDOW_EVENTS_MAX: what may wait in one lane's memory."""
LANE_CONCURRENCY_MAX: Final = 64
"""EVENTING_LANE_CONCURRENCY_MAX: what one lane may have sent. Both are unsettled, and come again after a crash."""
LANES: Final = len(workload.TRIGGERS) + 1
"""One for each Trigger, and one for a dead letter sink."""
DUPLICATES_BOUND: Final = LANES * (LANE_WINDOW_EVENTS_MAX + LANE_CONCURRENCY_MAX) * workload.MATCHES_MAX
"""What one stop may cause: what is in flight then, in some lane, comes again to all Triggers that want it."""
_LOOK_EVERY_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent while the server is up."""

    producers: int = 16
    events_per_s: float = 1500
    keys: int = 40


@dataclass(slots=True)
class Tale:
    """What happened, beside what the ledger says."""

    faults: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    ready_s: list[float] = field(default_factory=list)
    faults_by_stop: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """What must not be, in words."""


class Run:
    """A context manager. On entering nothing is started but the sinks; `play` starts the server where it is down."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        load: Load = Load(),
        data_dir: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.load = folder, load
        self.rng = random.Random(seed)
        self.tale = Tale()
        self.ledger = Ledger(workload.ROUTES, ordered=workload.ORDERED)
        self.server = Server(folder, data_dir=data_dir or folder / "data", environment=environment)
        self.sink = RecordingSink(self._received, rng=random.Random(seed))
        self.producers = Producers(
            self._sent,
            count=load.producers,
            routes=tuple(workload.ROUTES),
            keys=load.keys,
            rng=random.Random(seed),
            events_per_s=load.events_per_s,
        )
        self._is_end_noted = True
        self._journalist = Journalist(folder / "records")
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._stack.callback(self._journalist.close)
        await self._stack.enter_async_context(self.sink)
        self._stack.push_async_callback(self.server.kill)
        await self._stack.enter_async_context(self.producers)
        workload.set_everyday(self.sink)
        self.configure()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    def _sent(self, record: Sent) -> None:
        self.ledger.sent(record)
        self._journalist(record)

    def _received(self, record: Received) -> None:
        self.ledger.received(record)
        self._journalist(record)

    def configure(self, *, is_paused: bool = False) -> None:
        """Write the manifests anew. The server reads them at a start, or when it is told."""
        workload.write(self.server.manifests, "resources", workload.manifest(self.sink.url, is_paused=is_paused))

    def complain(self, words: str) -> None:
        """Note what must not be."""
        self.tale.complaints.append(f"after {len(self.tale.faults_by_stop)} stops: {words}")

    async def play(self, name: str, fault: Callable[["Run"], Awaitable[None]]) -> None:
        """One round: the server is up and loaded, then comes the fault, which leaves it up or down.

        Raises NotReady where it does not start any more.
        """
        self.tale.faults[name] += 1
        try:
            await self.ensure_up()
            await fault(self)
        except httpx2.TransportError as error:
            self.complain(f"{name}: the ops API did not answer: {error!r}")
            await self.server.kill()
        finally:
            self._journalist.flush()
        for trace in self.server.new_traces():
            self.complain(f"{name}: {trace}")
        if not self.server.is_running and not self._is_end_noted:
            self.complain(f"{name}: the server ended by itself: {self.server.last_words}")
            await self.after_stop("an end of its own")

    async def ensure_up(self) -> None:
        """Start the server where it is down, and the load with it. Its counters balance right away."""
        if not self.server.is_running:
            self._is_end_noted = False
            self.tale.ready_s.append(await self.server.start())
            await self.check_conservation()
        self.producers.start(f"{self.server.events_url}/default/{workload.BROKER}")

    async def check_conservation(self) -> None:
        """At any moment, by the server's counters, and by its own opinion of them."""
        for words in imbalances(await self.server.lanes()):
            self.complain(words)
        for line in (await self.server.readiness()).splitlines():
            if line.startswith("[-]accounts"):
                self.complain(line)

    async def kill(self, name: str) -> None:
        """SIGKILL now."""
        await self.server.kill()
        await self.after_kill(name)

    async def after_kill(self, name: str) -> None:
        """The server was killed by somebody: take note of what it left."""
        self.tale.kills += 1
        await self.after_stop(name)

    async def after_stop(self, name: str) -> None:
        """The server ended: wait until producers and sinks have seen the last of it."""
        await self.server.wait()
        self.producers.pause()
        await self.producers.wait_idle()
        await self.sink.wait_quiet()
        self.ledger.stopped()
        self._is_end_noted = True
        self.tale.faults_by_stop.append(name)

    async def end(self, *, patience_s: float = 60.0) -> Verdict:
        """Sinks accept everything, nobody is paused, nothing new is sent: wait until nothing waits, then judge."""
        workload.set_well(self.sink)
        self.configure()
        try:
            if self.server.is_running:
                await self.reload()
            await self.ensure_up()
            self.producers.pause()
            await self.producers.wait_idle()
            await (
                self._note_dead_letters()
            )  # also before: a redrive that goes on takes them out again, and delivers them
            left = await self._drained(patience_s)
            await self._note_dead_letters()
            return self.ledger.verdict(left)
        except (NotReady, httpx2.HTTPError) as error:
            self.complain(f"the end could not be waited for: {error!r}: {self.server.last_words}")
            return self.ledger.verdict()

    async def reload(self) -> None:
        """Have the manifests read again, and wait until they are at work."""
        self.server.signal(signal.SIGHUP)
        await asyncio.sleep(0.2)

    async def _drained(self, patience_s: float) -> dict[str, int]:
        """Wait until nothing waits, and return what still does, by Trigger, when patience is over."""
        deadline = time.monotonic() + patience_s
        while True:
            found = await self.server.lanes()
            left = {name: waiting(lane) for name, lane in found.items() if waiting(lane)}
            brokers = (await self.server.ask("brokers"))["items"]
            redrives = [one for one in (await self.server.ask("redrives"))["items"] if not one["ended"]]
            if not left and not redrives and not any(one["statistics"]["events"] for one in brokers):
                await self.check_conservation()
                self._check_counters(found)
                return left
            if time.monotonic() > deadline:
                self.complain(f"not settled within {patience_s:g} s: {left or redrives or brokers}")
                return left
            await asyncio.sleep(_LOOK_EVERY_S)

    def _check_counters(self, found: Mapping[str, Lane]) -> None:
        """Nothing waits: what the server counted over all its lives is what the sinks saw."""
        delivered = {name: self.ledger.delivered(name) for name in workload.TRIGGERS}
        for words in disagreements(found, delivered, self.ledger.repeats):
            self.complain(words)

    async def _note_dead_letters(self) -> None:
        """Tell the ledger what is in the server's own dead letter store."""
        before: str | None = ""
        while before is not None:
            page = await self.server.ask(f"deadletters?limit={_PAGE}" + (f"&before={before}" if before else ""))
            for one in page["items"]:
                self.ledger.buried(one["trigger"], *parsed_id(one["attributes"]["id"]))
            before = page.get("next") or None
