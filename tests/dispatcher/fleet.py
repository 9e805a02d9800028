"""Several processes in front of one shared channel, in virtual time: what outlives them, and each of them."""

import asyncio
from collections import defaultdict
from typing import Any

from channels.dead_letter import EVERYTHING as ALL_LETTERS
from channels.memory_dead_letter import MemoryDeadLetters
from channels.witness import Told
from dispatcher.attempt import Attempt
from dispatcher.broker import Broker
from dispatcher.filters import parse_filters
from dispatcher.lane import LaneLimits
from dispatcher.manner import DEFAULT, Manner
from dispatcher.retry import Policy
from dispatcher.trigger import TriggerSpec
from tests.channels.partitioned import PartitionedChannel, Storage
from tests.dispatcher.stage import Answer, ScriptedSink, an_event

EVERYTHING = parse_filters(None, None)
SMALL = LaneLimits(
    concurrency_min=1,
    concurrency_max=3,
    window_events_max=8,
    window_size_max_bytes=100_000,
    backlog_events_max=None,
    backlog_size_max_bytes=None,
    park_after_s=1.0,
    breaker_failures=3,
    breaker_pause_s=1.0,
)
KEYS = 5


class Fleet:
    """What outlives a process: the storage, the dead letters, and how the sinks are."""

    def __init__(self, names: tuple[str, ...] = ("a",), *, start: Any = "latest", partitions: int = 4) -> None:
        self.storage = Storage(partitions)
        self.letters = MemoryDeadLetters(size_max_bytes=10**9)
        self.alive = [*names]
        self.start = start
        self.manner = DEFAULT
        self.has_dead_letter_sink = False
        self.answers: dict[str, Answer] = {"subscriber": 204, "dead": 204}
        self.processes: list[Process] = []
        self.gone: list[Process] = []
        self.published = 0
        self.begun: dict[str, list[int]] = defaultdict(list)
        """By Trigger, the requests to its subscriber, by the number of the event."""
        self.taken: dict[str, list[int]] = defaultdict(list)
        """By Trigger, what a sink of it took."""
        self.at_risk = 0
        """Events that may come twice, of each Trigger: they were on their way when another process took them over."""

    async def enter(self) -> "Process":
        process = Process(self)
        await process.open()
        self.processes.append(process)
        return process

    async def leave(self, process: "Process") -> None:
        """In order: what is on its way ends."""
        process.broker.hold()
        await asyncio.sleep(0.05)
        self.risk(process)
        self.bury(process)
        await process.broker.close()
        process.is_alive = False

    async def vanish(self, process: "Process") -> None:
        self.risk(process)
        self.bury(process)
        process.is_alive = False
        await process.channel.vanish()
        await process.broker.close()

    def bury(self, process: "Process") -> None:
        self.processes.remove(process)
        self.gone.append(process)

    def risk(self, process: "Process") -> None:
        self.at_risk += sum([trigger.in_flight for trigger in process.broker.triggers.values()])

    async def rebalance(self, turn: int, patience_s: float = 0.5) -> None:
        for name in [*self.storage.groups]:
            await self.storage.rebalance(name, turn=turn, patience_s=patience_s)
            for process in self.processes:
                self.risk(process)

    async def lose(self, process: "Process") -> None:
        """The others think that it vanished, and it is told."""
        self.risk(process)
        for name in [*process.channel.places]:
            process.channel.lose_all(name)

    def publish(self, count: int) -> None:
        for _ in range(count):
            self.published += 1
            event = an_event(self.published).with_attributes({"subject": f"k{self.published % KEYS}"})
            told = Told()
            self.processes[self.published % len(self.processes)].broker.submit((event,), told)
            assert [None] == told.answers

    def apply(self) -> None:
        for process in self.processes:
            process.apply()

    def check(self) -> None:
        """The law, for each process."""
        for process in self.processes:
            broker = process.broker
            assert 0 == broker.unaccounted
            assert dict.fromkeys(broker.triggers, 0) == {
                name: trigger.balance for name, trigger in broker.triggers.items()
            }
            for trigger in broker.triggers.values():
                assert 0 <= trigger.parked <= trigger.waiting
                assert 0 <= trigger.in_flight
                assert 0 <= trigger.retrying <= trigger.waiting

    def check_order(self, trigger: str) -> None:
        """Of each key, the first request of each event comes after those of all older ones."""
        for key in range(KEYS):
            first = [*dict.fromkeys([one for one in self.begun[trigger] if one % KEYS == key])]
            assert sorted(first) == first, f"{trigger}, key {key}: {first}"

    def end(self, answer: Answer) -> None:
        """Answer whatever has no answer yet, and be it to a process that is gone."""
        for process in [*self.processes, *self.gone]:
            for sink in (sink for sinks in process.sinks.values() for sink in sinks):
                for attempt in [*sink.held]:
                    sink.end(answer, attempt)

    async def drain(self) -> None:
        """Once all is well everything ends."""
        self.answers = {"subscriber": 204, "dead": 204}
        self.manner = Manner(order=self.manner.order)
        if not self.processes:
            await self.enter()
        self.apply()
        await self.rebalance(0)
        self.end(503)
        await asyncio.sleep(1000.0)
        self.check()
        assert 0 == self.storage.statistics().events
        for process in self.processes:
            for trigger in process.broker.triggers.values():
                assert (0, 0) == (trigger.waiting, trigger.in_flight)

    async def settled(self, trigger: str) -> list[int]:
        """Numbers of the events that a sink took, or the store."""
        letters = await self.letters.find(ALL_LETTERS, limit=100_000)
        return self.taken[trigger] + [int(one.event.id) for one in letters if one.address.trigger == trigger]

    async def close(self) -> None:
        for process in [*self.processes]:
            await self.leave(process)


class Process:
    """From its start to its end."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.is_alive = True
        self.channel = PartitionedChannel(fleet.storage)
        self.broker = Broker("ns", "b", event_size_max_bytes=10**6, spread=lambda: 1.0)
        self.sinks: dict[str, tuple[ScriptedSink, ScriptedSink]] = {}

    async def open(self) -> None:
        self.apply()
        await self.broker.open(self.channel, dead_letters=self.fleet.letters, limits=SMALL)

    def apply(self) -> None:
        self.broker.replace_triggers({name: self.spec(name) for name in self.fleet.alive})

    def spec(self, name: str) -> TriggerSpec:
        fleet = self.fleet
        if name not in self.sinks:
            subscriber, dead = (_Sink(self, name, kind) for kind in ("subscriber", "dead"))
            self.sinks[name] = subscriber, dead
        subscriber, dead = self.sinks[name]
        policy = Policy(retry=3, backoff_delay_s=0.8, has_dead_letter_sink=fleet.has_dead_letter_sink)
        dead_letter_sink = dead if fleet.has_dead_letter_sink else None
        return TriggerSpec(EVERYTHING, subscriber, dead_letter_sink, policy, fleet.manner, fleet.start)


class _Sink(ScriptedSink):
    """One process's way to a sink that all of them share."""

    def __init__(self, process: Process, trigger: str, kind: str) -> None:
        super().__init__(self.says, delay_s=0.01, uri=f"http://{kind}/{trigger}")
        self._process = process
        self._trigger = trigger
        self._kind = kind

    def says(self, attempt: Attempt) -> Answer:
        return self._process.fleet.answers[self._kind]

    def send(self, attempt: Attempt) -> None:
        if self._process.is_alive:
            if self._kind == "subscriber":
                self._process.fleet.begun[self._trigger].append(int(attempt.event.id))
            super().send(attempt)

    def end(self, answer: Any, attempt: Attempt | None = None) -> None:
        attempt = attempt or self.held[0]
        if attempt not in self.held:
            return  # it was ended in between
        if answer == 204 and self._process.is_alive:
            self._process.fleet.taken[self._trigger].append(int(attempt.event.id))
        super().end(answer, attempt)
