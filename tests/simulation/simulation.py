"""One run: the plan carried out against the product, process after process, until everything is settled or stuck."""

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

from channels.errors import ChannelUnavailable
from tests.simulation.law import violations
from tests.simulation.ledger import Ledger, Process, Published, Request, Total
from tests.simulation.life import Life
from tests.simulation.loop import Crash, Outside, Spinning, Stuck, VirtualLoop
from tests.simulation.parts import PRODUCT, Parts
from tests.simulation.plan import End, Plan, Sending, TriggerPlan, Wish, plan_of
from tests.simulation.sink import Receiver

PATIENCE_S: Final = 30 * 86400.0
"""How long all may take to settle once everything is well: retries wait for hours, rates are one a second."""
EPOCH_S: Final = 1.7e9


@dataclass(slots=True)
class Result:
    """What a run came to. `story` is empty unless it was asked for."""

    plan: Plan
    ledger: Ledger
    violations: list[str]
    story: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join([f"{self.plan}", *(f"  {one}" for one in self.violations[:10])])


def simulate(seed: int, *, parts: Parts = PRODUCT, is_told: bool = False) -> Result:
    """Run one seed. The same seed is the same run, always and everywhere."""
    simulation = Simulation(plan_of(seed), parts, is_told=is_told)
    simulation.run()
    return Result(simulation.plan, simulation.ledger, violations(simulation.ledger), simulation.story or [])


class Simulation:
    """The world around the product, and what is known of it."""

    def __init__(self, plan: Plan, parts: Parts, *, is_told: bool) -> None:
        self.plan = plan
        self.parts = parts
        self.story: list[str] | None = [str(plan)] if is_told else None
        self.dice = Random(plan.seed ^ 0x5EED)
        self.outside = Outside()
        self.ledger = Ledger(plan)
        self.device = parts.device(self)
        self.wishes: dict[str, Wish] = {}
        """What Triggers are to do, as the resources say."""
        self.alive: dict[str, TriggerPlan] = {}
        """The Triggers that exist."""
        self.receivers = {
            (one.name, is_dead): Receiver(self, one, is_dead_letter_sink=is_dead)
            for one in plan.triggers
            for is_dead in (False, True)
        }
        self.life: Life | None = None
        self.is_over = False
        self._numbers = count()
        self._wall_offset_s = 0.0
        self._armed: list[End] = []
        """Ends that wait for a commit or a request of some number."""
        self._down_s = 1.0
        self._before_encore: dict[str, Total] | None = None
        """What was counted when all was settled for the first time, where the process is then to start once more."""
        self._schedule()

    def run(self) -> None:
        root = logging.getLogger()
        handlers, root.handlers = root.handlers, [_LogWatch(self)]  # thousands of runs are nothing to look at
        try:
            while not self.is_over:
                self._live()
        finally:
            root.handlers = handlers
            self.device.close()

    def tell(self, text: str) -> None:
        if self.story is not None:
            self.story.append(f"{self.outside.now_s:16.6f}  {text}")

    def broke(self, text: str) -> None:
        """Something is wrong that no later look at the ledger would find."""
        self.tell(f"WRONG: {text}")
        self.ledger.broken.append(f"{self.outside.now_s:.6f}: {text}")

    def wall_s(self) -> float:
        """What the wall clock shows, right or wrong."""
        return EPOCH_S + self.outside.now_s + self._wall_offset_s

    def _live(self) -> None:
        """One process, from its start to its end."""
        loop = VirtualLoop(self.outside)
        number = len(self.ledger.processes)
        process = Process(self.outside.now_s)
        self.ledger.processes.append(process)
        self.life = life = Life(self, number, loop)
        self._down_s = 1.0
        try:
            loop.run_until_complete(life.run())
        except Crash:
            process.is_killed = True
        except ChannelUnavailable as error:
            self.tell(f"cannot start: {error}")
            if life.is_open or not self.plan.disk_faults:
                self.broke(f"process {number} ends with {error!r}")
        except Stuck:
            self.broke("nothing will ever happen again")
            self.is_over = True
        except Spinning:
            self.broke("it spins")
            self.is_over = True
        except Exception as error:  # noqa: BLE001 - whatever ends a process is a finding
            self.broke(f"process {number} ends with {error!r}, from {_places(error)}")
        process.ended_s = self.outside.now_s
        self.life = None
        life.is_alive = False
        self.device.end_of_process()
        loop.bury()
        for failure in loop.failures:
            self.broke(f"raised into nowhere: {failure}")
        if not self.is_over:
            self.tell(f"process {number} is gone{', killed' if process.is_killed else ''}")
            self.outside.run_until(self.outside.now_s + self._down_s)

    # What is scheduled.

    def _schedule(self) -> None:
        plan, at = self.plan, self.outside.at
        for trigger in plan.triggers:
            for at_s, wish in trigger.changes:
                at(at_s, self._changing(trigger, wish))
            if trigger.deleted_s is not None:
                at(trigger.deleted_s, self._deleting(trigger))
        for sending in plan.sendings:
            at(sending.at_s, self._sending(sending))
        for end in plan.ends:
            at(end.at_s, self._ending(end))
        for at_s, rate in plan.redrives:
            at(at_s, self._redriving(rate))
        for at_s, jump_s in plan.wall_jumps:
            at(at_s, self._jumping(jump_s))
        for at_s in plan.checks_s:
            at(at_s, self._check)
        at(plan.horizon_s + 1.0, lambda: self._look(1.0))

    def _changing(self, trigger: TriggerPlan, wish: Wish) -> Callable[[], None]:
        def change() -> None:
            if trigger.name in self.ledger.deleted_s or self._is_taken(trigger):
                return
            self._note_calm()
            self.wishes[trigger.name] = wish
            self.alive[trigger.name] = trigger
            self.ledger.wishes[trigger.name].append((self.outside.now_s, wish))
            self.tell(f"{trigger.name} is to do {wish}")
            if self.life is not None:
                self.life.apply()

        return change

    def _deleting(self, trigger: TriggerPlan) -> Callable[[], None]:
        def delete() -> None:
            if self.life is None or not self.life.is_open:
                return  # nobody would know that a successor is another one
            self._note_calm()
            self.alive.pop(trigger.name, None)
            self.ledger.deleted_s[trigger.name] = self.outside.now_s
            self.tell(f"{trigger.name} is deleted")
            if self.life is not None:
                self.life.apply()

        return delete

    def _is_taken(self, trigger: TriggerPlan) -> bool:
        """Its predecessor was not deleted."""
        return any(one.resource == trigger.resource and one is not trigger for one in self.alive.values())

    def _sending(self, sending: Sending) -> Callable[[], None]:
        def send() -> None:
            if self.life is not None and self.life.is_open:
                self.life.submit(sending.broker, sending.events)

        return send

    def _ending(self, end: End) -> Callable[[], None]:
        def come() -> None:
            if end.by == "time":
                self._crash(end)
            elif end.by == "stop":
                if self.life is not None and self.life.is_open and self._may_end():
                    self._down_s = end.down_s
                    self.tell("asked to stop")
                    self.life.stop()
            else:
                self._armed.append(end)

        return come

    def _redriving(self, rate: float | None) -> Callable[[], None]:
        def redrive() -> None:
            if self.life is not None and self.life.is_open:
                self.ledger.redrives_s.append(self.outside.now_s)
                self.life.redrive(rate)

        return redrive

    def _jumping(self, jump_s: float) -> Callable[[], None]:
        def jump() -> None:
            self._wall_offset_s += jump_s
            self.tell(f"the wall clock jumps by {jump_s:g} s")

        return jump

    def _may_end(self) -> bool:
        """Not between the deletion of a Trigger with a successor and the commit that says so: what has its name after a
        crash would be taken for it.
        """
        if "recreate" not in self.plan.features:
            return True
        process = self.ledger.processes[-1]
        last_s = process.commits[-1][0] if process.commits else process.began_s
        return all(last_s > at_s or at_s < process.began_s for at_s in self.ledger.deleted_s.values())

    def _crash(self, end: End) -> None:
        if self.life is not None and self._may_end():
            self._down_s = end.down_s
            self.tell("CRASH")
            self.device.crash()
            raise Crash

    def count_request(self) -> None:
        self._count("request")

    def count_commit(self) -> None:
        """A commit is under way."""
        self._count("commit")

    def _count(self, by: str) -> None:
        for place, end in enumerate(self._armed):
            if end.by != by:
                continue
            if end.number > 1:
                self._armed[place] = replace(end, number=end.number - 1)
            else:
                del self._armed[place]
                self._crash(end)
            return

    # What is written down.

    def publish(self, broker: str, events: tuple[tuple[str, str], ...], process: int) -> list[Published]:
        """New events of a producer, all in one batch."""
        batch: list[Published] = []
        for type_, key in events:
            number = next(self._numbers)
            one = Published(f"e{number}", broker, type_, key, number, process, self.outside.now_s, batch)
            batch.append(one)
            self.ledger.published[one.id] = one
        return batch

    def publish_reply(self, request: Request) -> str:
        """The id of an event that a sink answers with."""
        number = next(self._numbers)
        broker = self.ledger.published[request.event].broker
        batch: list[Published] = []
        one = Published(
            f"r{number}", broker, "r", f"r{number}", number, request.process, self.outside.now_s, batch, request
        )
        batch.append(one)
        self.ledger.published[one.id] = one
        return one.id

    def concurrency_of(self, name: str) -> int | None:
        """The most a Trigger may have in flight; None after a change of it, when older attempts are under way."""
        wishes = {wish.concurrency for _, wish in self.ledger.wishes[name]}
        return wishes.pop() if len(wishes) == 1 else None

    def _note_calm(self) -> None:
        """Before anything changes: has everything been judged?"""
        if self.life is not None and self.life.is_open:
            for broker in self.life.calm_brokers():
                self.ledger.processes[-1].calm_s[broker].append(self.outside.now_s)

    def _check(self) -> None:
        self._note_calm()
        if self.life is not None and self.life.is_open:
            for name, total in self.life.totals().items():
                if total.balance:
                    self.broke(f"{name} is out of balance by {total.balance}")
            for name, events in self.life.unaccounted().items():
                if events:
                    self.broke(f"{name} cannot account for {events} events")

    def _look(self, wait_s: float) -> None:
        """All is well from the horizon on: is everything settled?"""
        self._check()
        life = self.life
        if life is not None and life.is_open and life.is_settled():
            self.tell("settled")
            totals = life.totals()
            # A deleted Trigger's last request may be under way: its event is judged once more. And so may redrives be.
            is_exact = not (self.plan.disk_faults or self.ledger.deleted_s or self.ledger.redrives_s)
            if self._before_encore not in (None, totals) and is_exact:
                self.broke(f"a restart has changed the counters: {self._before_encore} {totals}")
            self.is_over = self._before_encore is not None or "encore" not in self.plan.features
            self.ledger.totals = self._before_encore = totals
            life.stop()
            if not self.is_over:
                self.outside.after(10.0, lambda: self._look(1.0))
        elif self.outside.now_s > self.plan.horizon_s + PATIENCE_S:
            self.broke(f"does not settle: {'no process' if life is None else life.unsettled()}")
            self.is_over = True
            if life is not None:
                life.stop()
        else:
            self.outside.after(wait_s, lambda: self._look(min(wait_s * 2, 3600.0)))


def _places(error: BaseException) -> str:
    """Where it came from, the innermost last."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " > ".join(f"{Path(frame.filename).stem}.{frame.name}:{frame.lineno}" for frame in frames)


class _LogWatch(logging.Handler):
    """What the product logs as an error with a trace is a bug, but for a channel that is not there for now."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(logging.WARNING)
        self._simulation = simulation

    def emit(self, record: logging.LogRecord) -> None:
        life = self._simulation.life
        if life is None or not life.is_alive:
            return
        error = record.exc_info[1] if record.exc_info else None
        text = f"{record.getMessage()}{f' ({error!r})' if error else ''}"
        if error is not None and type(error).__name__ != "ChannelUnavailable":
            self._simulation.broke(f"logged: {text}, from {_places(error)}")
        else:
            self._simulation.tell(f"logged: {text}")
