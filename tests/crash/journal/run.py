"""One run: a server, its load and its sinks on one data folder; rounds of faults; a verdict."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import httpx2

from tests.crash import workload
from tests.crash.journal.server import Server
from tests.crash.process import NotReady, traces
from tests.crash.stage import Load, Stage
from tests.ledger.conservation import Lane, disagreements, imbalances, waiting
from tests.ledger.ledger import Ledger
from tests.ledger.verdict import Verdict

_LOOK_EVERY_S: Final = 0.05


class Run(Stage):
    """A context manager. On entering nothing is started but the sinks; `play` starts the server where it is down."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        load: Load,
        data_dir: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(folder, seed=seed, load=load, ledger=Ledger(workload.ROUTES, ordered=workload.ORDERED))
        self.server = Server(folder, data_dir=data_dir or folder / "data", environment=environment)
        self._is_end_noted = True

    async def open(self) -> None:
        self.stack.push_async_callback(self.server.kill)
        self.configure()

    def configure(self, *, is_paused: bool = False) -> None:
        """Write the manifests anew. The server reads them at a start, or when it is told."""
        workload.write(self.server.manifests, "resources", workload.manifest(self.sink.url, is_paused=is_paused))

    def change_weather(self) -> None:
        """How sinks are until the next fault."""
        workload.set_weather(self.sink, self.rng)

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
            self.journalist.flush()
        for trace in traces(self.server.new_lines()):
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
        self._is_end_noted = True
        self.note_stop(name)

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
            # Also before: a redrive that goes on takes them out again, and delivers them.
            await self.note_dead_letters(self.server.ask)
            left = await self._drained(patience_s)
            await self.note_dead_letters(self.server.ask)
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
