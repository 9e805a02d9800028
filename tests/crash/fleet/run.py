"""One run: four processes, a server of events behind a proxy and a database; rounds of faults; a verdict."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import httpx2

from tests.crash import workload
from tests.crash.fleet import account
from tests.crash.fleet.engine import Engine
from tests.crash.fleet.member import Member
from tests.crash.process import NotReady, traces
from tests.crash.stage import Load, Stage
from tests.e2e.member import prepare
from tests.ledger.ledger import Ledger
from tests.ledger.record import Received
from tests.ledger.sink import Script
from tests.ledger.verdict import Verdict
from tests.rig.postgres import Postgres

DISPATCHERS: Final = ("dispatcher-1", "dispatcher-2")
LEASE_S: Final = 4.0
"""EVENTING_LEASE_DURATION_S and EVENTING_CHANNEL_LEASE_DURATION_S: short, so that takeovers are seen."""
FOUND_OUT_S: Final = 4.0
"""Beyond a lease: until takeovers are done, and what is to come again has come."""
FLOW_MAX_S: Final = 60.0
"""Until events flow again after a fault."""
_RECORDED_S: Final = 0.2
"""Until sinks and producers have noted what a process did before it ended."""
_SLOW_S: Final = 0.05
"""How long a good sink takes: something is always on its way."""
_ANSWER_S: Final = 0.1
"""What the server takes to write down what was settled, on a machine that others share."""
_LOOK_EVERY_S: Final = 0.5
_MISSED_S: Final = 15.0
"""For how long an event that nobody says to have is still waited for before it is lost."""
_LINES_PER_S: Final = 2
_LINES_MORE: Final = 20
"""What a process may log while something is away: about a line a second for each of two who miss it, and a few words at
the beginning and the end.
"""


class Run(Stage):
    """A context manager. Entered, the servers run and `play` starts the processes."""

    def __init__(self, folder: Path, *, engine: Engine, postgres: Postgres, seed: int, load: Load) -> None:
        ledger = Ledger(workload.ROUTES, ordered=workload.ORDERED, is_503_uncertain=True)
        super().__init__(folder, seed=seed, load=load, ledger=ledger)
        self.engine, self.postgres = engine, postgres
        self.members: dict[str, Member] = {}
        self.arrived: Counter[str] = Counter()
        """Requests that sinks accepted, by Trigger."""
        self._manifests = folder / "manifests"

    async def open(self) -> None:
        self._manifests.mkdir(exist_ok=True)
        self.configure()
        await self.stack.enter_async_context(self.engine.proxy)
        await asyncio.to_thread(self.engine.initialise)
        self.stack.push_async_callback(asyncio.to_thread, self._end_engine)
        await asyncio.to_thread(self.engine.start)
        url = await asyncio.to_thread(prepare, self.folder, self.postgres, "crash")
        leases = ("EVENTING_LEASE_DURATION_S", "EVENTING_CHANNEL_LEASE_DURATION_S")
        given = {**dict.fromkeys(leases, str(LEASE_S)), **self.engine.environment}
        manifests = ("-f", str(self._manifests), "--prune")
        roles = {"controller": "controller", "ingress": "ingress", **dict.fromkeys(DISPATCHERS, "dispatcher")}
        for name, role in roles.items():
            options = ("--database-url", url, *(manifests if role == "controller" else ()))
            self.members[name] = Member(self.folder, name, role, *options, environment=given)
            self.stack.push_async_callback(self.members[name].kill)

    def _end_engine(self) -> None:
        if self.engine.is_running:
            self.engine.kill()

    def _received(self, record: Received) -> None:
        super()._received(record)
        self.arrived[record.trigger] += record.is_accepted

    async def in_doubt(self, *names: str) -> int:
        """How many deliveries may come again if these dispatchers end at this moment: of each event that one of them
        has in memory those to all Triggers that want it, and what was settled since the last commit, whose answer may
        take its time, or while this was asked.
        """
        asked_s = time.monotonic()
        told = [account.unsettled(await self.members[name].metrics()) for name in names]
        moved_s = self.engine.commit_s + _ANSWER_S + time.monotonic() - asked_s
        return workload.MATCHES_MAX * (sum(told) + round(self.load.events_per_s * moved_s))

    def configure(self, *, is_paused: bool = False) -> None:
        """Write the manifests anew. A controller reads them at a start, or when it is told."""
        workload.write(self._manifests, "resources", workload.manifest(self.sink.url, is_paused=is_paused))

    def change_weather(self) -> None:
        """How sinks are until the next fault, and whether a Trigger is paused."""
        workload.set_weather(self.sink, self.rng)
        self.sink.scripts["exact"] = Script(delay_s=_SLOW_S)
        self.configure(is_paused=self.rng.random() < 0.3)
        self.members["controller"].signal(signal.SIGHUP)

    async def play(self, name: str, fault: Callable[["Run"], Awaitable[None]]) -> None:
        """One round: all is up and loaded, then comes the fault; afterwards events flow again.

        Raises NotReady where a process does not start any more.
        """
        self.tale.faults[name] += 1
        await self.ensure_up()
        self._judge_logs(name, began_s := time.monotonic())
        try:
            await fault(self)
            await self.ensure_up()
            self.tale.ready_s.append(await self.flow())
            await self._find_out()
            await self._check_accounts()
        except httpx2.TransportError as error:
            self.complain(f"{name}: a process did not answer: {error!r}")
        finally:
            self.journalist.flush()
        self._judge_logs(name, began_s)

    async def _find_out(self) -> None:
        """Whoever was cut off has learnt by then that others have what it had."""
        if self.ledger.is_disturbed:
            await asyncio.sleep(LEASE_S + FOUND_OUT_S)
            self.ledger.over()

    def _judge_logs(self, name: str, began_s: float) -> None:
        """What processes have logged since this was asked last, and who of them ended by itself."""
        lines_max = _LINES_PER_S * (time.monotonic() - began_s) + _LINES_MORE
        for member in self.members.values():
            lines = member.new_lines()
            for trace in traces(lines):
                self.complain(f"{name}: {member.name}: {trace}")
            if len(lines) > lines_max:
                self.complain(f"{name}: {member.name} logged {len(lines)} lines, the last one: {lines[-1]}")
            if not member.is_running and not member.is_down_by_us:
                self.complain(f"{name}: {member.name} ended by itself: {member.last_words}")

    async def ensure_up(self) -> None:
        """Everything runs, and producers send. Raises NotReady."""
        self.engine.proxy.manner = "pass"
        if not self.engine.is_running:
            await asyncio.to_thread(self.engine.start)
        await self.start(*(one.name for one in self.members.values() if not one.is_running))
        self.producers.start(f"http://127.0.0.1:{self.members['ingress'].port}/default/{workload.BROKER}")

    async def start(self, *names: str) -> None:
        """These, and wait until they are ready. Raises NotReady."""
        await asyncio.gather(*(self.members[name].start() for name in names))

    async def flow(self) -> float:
        """Return when events are accepted and delivered, after how many seconds; complain where they are not."""
        began_s = time.monotonic()
        stored, arrived = self.producers.stored, self.arrived["exact"]
        while self.producers.stored == stored or self.arrived["exact"] == arrived:
            if time.monotonic() > began_s + FLOW_MAX_S:
                news = self.producers.stored - stored, self.arrived["exact"] - arrived
                self.complain(f"within {FLOW_MAX_S:g} s {news[0]} events were accepted and {news[1]} delivered")
                break
            await asyncio.sleep(0.01)
        return time.monotonic() - began_s

    async def kill(self, *names: str) -> None:
        """SIGKILL to these at once, of one role. What dispatchers had comes again; that others end is no stop to the
        ledger, so nothing may.
        """
        doubt = await self.in_doubt(*names) if names[0] in DISPATCHERS else 0
        for name in names:
            self.members[name].is_down_by_us = True
            self.members[name].signal(signal.SIGKILL)
        for name in names:
            await self.members[name].wait()
        self.tale.kills += len(names)
        await asyncio.sleep(_RECORDED_S)
        if names[0] in DISPATCHERS:
            told = "dispatcher killed" if len(names) == 1 else "both dispatchers killed"
            self.note_stop(told, doubt, is_over=False)

    async def stop(self, name: str) -> None:
        """SIGTERM: it ends by itself, with 0, and leaves nothing that would come again: it is no stop to the ledger."""
        member = self.members[name]
        member.is_down_by_us = True
        member.signal(signal.SIGTERM)
        try:
            code = await member.wait()
        except TimeoutError:
            self.complain(f"asked to stop {name} did not end: {member.last_words}")
            await member.kill()
        else:
            if code:
                self.complain(f"asked to stop {name} ended with {code}: {member.last_words}")

    async def _check_accounts(self) -> None:
        for name in DISPATCHERS:
            for words in account.unbalanced(await self.members[name].metrics()):
                self.complain(f"{name}: {words}")

    async def end(self, *, patience_s: float = 120.0) -> Verdict:
        """Sinks accept everything, nobody is paused, nothing new is sent: wait until nothing waits, then judge."""
        workload.set_well(self.sink)
        self.configure()
        controller = self.members["controller"]
        try:
            controller.signal(signal.SIGHUP)
            await self.ensure_up()
            self.producers.pause()
            await self.producers.wait_idle()
            await self._drained(patience_s)
            await self.note_dead_letters(controller.ask)
        except (NotReady, httpx2.HTTPError) as error:
            self.complain(f"the end could not be waited for: {error!r}")
        self._judge_logs("the end", time.monotonic() - patience_s)
        return self.ledger.verdict()

    async def _drained(self, patience_s: float) -> None:
        """Wait until nothing waits; complain about what still does when patience is over. A process that has just
        started may not have seen yet what waits: what the ledger misses is waited for some more.
        """
        deadline_s, empty_s = time.monotonic() + patience_s, time.monotonic()
        while True:
            now_s = time.monotonic()
            left = [words for name in DISPATCHERS for words in account.waiting(await self.members[name].metrics())]
            if left:
                empty_s = now_s
            elif now_s > empty_s + _MISSED_S or not self.ledger.verdict().lost:
                break
            if now_s > deadline_s:
                self.complain(f"not settled within {patience_s:g} s: {left}")
                return
            await asyncio.sleep(_LOOK_EVERY_S)
        await self._check_accounts()
