"""What readers of the past play before: a log that outlives them, Triggers that write down what they get, a fan out."""

import asyncio
from bisect import insort
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, Self

from channels.contract import Delivery, Position, Start
from dispatcher.catchup import CatchUps
from dispatcher.fanout import GROUP, Fanout
from dispatcher.filters import parse_filters
from dispatcher.tasks import supervise
from tests.dispatcher.stage import an_event, positions

EVERYTHING = parse_filters(None, None)


class Log:
    """A durable and replayable channel, as far as reading goes. It outlives who reads it."""

    def __init__(self) -> None:
        self.events: list[Delivery] = []
        self.groups: dict[str, Group] = {}
        self.remembered: dict[str, bytes] = {}
        self.faults: list[Exception] = []
        """Of receiving."""
        self.leave_faults: list[Exception] = []

    def publish(self, count: int) -> None:
        for position in range(len(self.events) + 1, len(self.events) + 1 + count):
            event = an_event(position, type="odd" if position % 2 else "even")
            self.events.append(Delivery(event, position, 100))
            for group in self.groups.values():
                group.todo.append(position)
                group.arrived.set()

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator["Group"]:
        await asyncio.sleep(0.001)
        if group not in self.groups:
            first = {"latest": len(self.events) + 1, "earliest": 1}.get(start, start)  # type: ignore[call-overload]
            self.groups[group] = Group(self, first)
        member = self.groups[group]
        member.members += 1
        try:
            yield member
        finally:
            try:
                await asyncio.sleep(0.001)
            finally:
                member.members -= 1
                member.nack([self.events[position - 1] for position in member.held])
            if self.leave_faults and group != GROUP:
                raise self.leave_faults.pop()

    def forget(self, group: str) -> None:
        gone = self.groups.pop(group, None)
        assert gone is None or not gone.members

    def remember(self, name: str, value: bytes | None) -> None:
        if value is None:
            self.remembered.pop(name, None)
        else:
            self.remembered[name] = value


class Group:
    def __init__(self, log: Log, first: Position) -> None:
        self.members = 0
        self.todo = list(range(first, len(log.events) + 1))
        self.held: set[Position] = set()
        self.arrived = asyncio.Event()
        self._log = log

    @property
    def lag(self) -> int:
        return len(self.todo)

    async def receive(self, max_events: int) -> list[Delivery]:
        while not self.todo:
            self.arrived.clear()
            await self.arrived.wait()
        if self._log.faults:
            raise self._log.faults.pop()
        taken, self.todo = self.todo[:max_events], self.todo[max_events:]
        self.held.update(taken)
        return [self._log.events[position - 1] for position in taken]

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        self.held.difference_update(positions(deliveries))

    def nack(self, deliveries: Sequence[Delivery]) -> None:
        for position in positions(deliveries):
            self.held.discard(position)
            insort(self.todo, position)


class Beginner:
    """A Trigger that writes down what it gets: read for it alone, or offered by the fan out."""

    def __init__(self, name: str, start: Start = "earliest", predicate: Any = EVERYTHING) -> None:
        self.name = name
        self.spec = SimpleNamespace(start=start, predicate=predicate)
        self.lane = SimpleNamespace(parked=0)
        self.got: list[Position] = []
        self.offered = 0
        self.judged = 0
        self.is_idle = True

    def backfill(self, deliveries: Sequence[Delivery], judged: int) -> None:
        self.got += positions(deliveries)
        self.judged += judged

    def offer(self, deliveries: Sequence[Delivery]) -> None:
        self.got += positions(deliveries)
        self.offered += len(deliveries)

    def write_down(self) -> None:
        raise AssertionError


class Process:
    """A fan out at work over a log, and Triggers that join it. What it hands on is acked at once, or held."""

    def __init__(self, log: Log, joined: Sequence[Beginner] = ()) -> None:
        self.log = log
        self.joined = [*joined]
        self.fanout = Fanout()

    async def __aenter__(self) -> Self:
        self.membership = self.log.subscribe(GROUP)
        self.subscription = await self.membership.__aenter__()
        self.fanout.begin(self.subscription)  # type: ignore[arg-type]
        any_log: Any = self.log
        self.catchups = CatchUps("ns/b", any_log, self.fanout, self.join)
        self.catchups.tidy()
        self.index()
        self.task = asyncio.create_task(supervise("fan out", self.fanout.run))
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
        await self.catchups.close()
        await self.membership.__aexit__(None, None, None)

    def begin(self, trigger: Any) -> None:
        self.catchups.begin(trigger)

    def resume(self, trigger: Any) -> None:
        self.catchups.resume(trigger)
        if trigger.name not in self.catchups:
            self.join(trigger)

    def join(self, trigger: Any) -> None:
        self.joined.append(trigger)
        self.index()

    def index(self) -> None:
        self.fanout.replace((trigger.spec.predicate, _Settling(trigger, self.fanout)) for trigger in self.joined)


class _Settling:
    """Settles what a Trigger is offered."""

    def __init__(self, trigger: Beginner, fanout: Fanout) -> None:
        self._trigger = trigger
        self._fanout = fanout

    def offer(self, deliveries: Sequence[Delivery]) -> None:
        self._trigger.offer(deliveries)
        for delivery in deliveries:
            self._fanout.settle(delivery)
