"""Triggers that start in the past, before a Broker over a journal, while producers never rest."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import apsw
import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import Start
from channels.event import Event
from channels.journal import Journal, Retention
from channels.memory import MemoryChannel
from channels.memory_dead_letter import MemoryDeadLetters
from channels.witness import Told
from dispatcher.broker import Broker
from dispatcher.filters import parse_filters
from dispatcher.lane import LaneLimits
from dispatcher.manner import Manner, Order
from dispatcher.retry import Policy
from dispatcher.trigger import TriggerSpec
from tests.dispatcher.stage import LIMITS, ScriptedSink, an_event, saying
from tests.dispatcher.virtual_disk import VirtualDisk

EVERYTHING = parse_filters(None, None)
WIDE = LaneLimits(
    concurrency_min=8,
    concurrency_max=8,
    window_events_max=64,
    window_size_max_bytes=10**6,
    backlog_events_max=None,
    backlog_size_max_bytes=None,
    park_after_s=1.0,
    breaker_failures=10,
    breaker_pause_s=1.0,
)


class World:
    """What outlives a process."""

    def __init__(self) -> None:
        self.connection = apsw.Connection(":memory:")
        self.now_s = 1e9
        self.events = 0
        self.specs: dict[str, TriggerSpec] = {}
        self.got: dict[str, list[int]] = {}
        """What each Trigger's sink took, in that order."""


class Life:
    """One process: its journal and its Broker."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def open(self, stack: AsyncExitStack) -> None:
        world, loop = self.world, asyncio.get_running_loop()
        began_s = world.now_s - loop.time()
        self.disk = VirtualDisk(world.connection)
        disk: Any = self.disk
        journal = Journal(Path("nowhere"), size_max_bytes=10**9, clock=lambda: began_s + loop.time(), disk=disk)
        await stack.enter_async_context(journal)
        self.broker = Broker("ns", "b", event_size_max_bytes=10**6)
        channel = journal.channel("ns/b", retention=Retention(age_s=1e9))
        self.broker.replace_triggers(self.world.specs)
        await self.broker.open(channel, dead_letters=journal.dead_letters, limits=WIDE)

    def publish(self, count: int) -> None:
        for _ in range(count):
            self.world.events += 1
            self.broker.submit((keyed(self.world.events),), Told())

    def add(self, name: str, start: Start, *, is_ordered: bool = False) -> None:
        got = self.world.got[name] = []
        manner = Manner(order=Order() if is_ordered else None)
        self.world.specs[name] = TriggerSpec(EVERYTHING, _Sink(got), None, Policy(), manner, start)
        self.broker.replace_triggers(self.world.specs)

    def check(self) -> None:
        assert dict.fromkeys(self.broker.triggers, 0) == {
            name: trigger.balance for name, trigger in self.broker.triggers.items()
        }


class _Sink(ScriptedSink):
    """Takes everything, after a while, and writes it down."""

    def __init__(self, got: list[int]) -> None:
        super().__init__(saying(204), delay_s=0.002)
        self._got = got

    def send(self, attempt: Any) -> None:
        self._got.append(int(attempt.event.id))
        super().send(attempt)


def keyed(number: int) -> Event:
    return an_event(number).with_attributes({"subject": f"k{number % 5}"})


def in_lives(world: World, *lives: Callable[[Life], Awaitable[None]], end: str = "stop") -> None:
    """Each in a process of its own."""
    for live in lives:
        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            runner.run(_live(world, live, end))


async def _live(world: World, live: Callable[[Life], Awaitable[None]], end: str) -> None:
    life, stack = Life(world), AsyncExitStack()
    await life.open(stack)
    await live(life)
    life.check()
    if end == "crash":
        life.disk.is_dead = True
    else:
        life.broker.hold()
        await asyncio.sleep(0.1)
        await life.broker.close()
        await stack.aclose()
    world.now_s += asyncio.get_running_loop().time()


@pytest.mark.parametrize("is_ordered", [False, True])
def test_a_trigger_from_the_earliest_gets_everything_once_while_producers_never_rest(is_ordered: bool) -> None:
    """What was before it, and what comes while it reads that; of each key in order, where order is kept."""
    world = World()

    async def live(life: Life) -> None:
        life.add("first", "latest")
        life.publish(500)
        await asyncio.sleep(1.0)
        for number in range(100):
            if number % 20 == 0:
                life.add(f"t{number}", "earliest", is_ordered=is_ordered)
            life.publish(7)
            await asyncio.sleep(0.002)
            life.check()
        await asyncio.sleep(10.0)
        assert not any(trigger.is_catching_up for trigger in life.broker.triggers.values())
        assert {(1200, 1200, 0)} == {
            (trigger.matched, trigger.delivered, trigger.filtered) for trigger in life.broker.triggers.values()
        }

    in_lives(world, live)
    for got in world.got.values():
        assert [*range(1, 1201)] == sorted(got)
        if is_ordered and got is not world.got["first"]:
            assert all([one for one in got if one % 5 == key] == [*range(key or 5, 1201, 5)] for key in range(5))


@pytest.mark.parametrize("end", ["stop", "crash"])
def test_the_start_counts_once(end: str) -> None:
    """A Trigger that has started goes on where it was, in whatever process; a crash repeats what was in flight."""
    world = World()

    async def before(life: Life) -> None:
        life.add("t", "earliest")
        life.publish(500)
        await asyncio.sleep(1.0)

    async def afterwards(life: Life) -> None:
        life.publish(10)
        await asyncio.sleep(1.0)

    in_lives(world, before, afterwards, afterwards, end=end)
    assert [*range(1, 521)] == sorted(world.got["t"])


async def _nothing(_: Life) -> None:
    return None


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 100)),
        st.tuples(st.just("pass"), st.floats(0.0, 0.05)),
        st.tuples(st.just("begin"), st.tuples(st.sampled_from(["earliest", "latest", 30]), st.booleans())),
        st.tuples(st.just("remove"), st.integers(0, 3)),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(STEPS, st.sampled_from(["stop", "crash"])), min_size=1, max_size=4))
def test_nothing_is_missed_in_any_history(lives: list[tuple[list[tuple[str, Any]], str]]) -> None:
    """Nor comes twice, unless a process crashed."""
    world = World()
    whole: set[str] = set()
    """Those that are to get everything."""

    async def live(life: Life, steps: list[tuple[str, Any]]) -> None:
        for step, what in steps:
            if step == "publish":
                life.publish(what)
            elif step == "pass":
                await asyncio.sleep(what)
            elif step == "begin" and len(world.specs) < 4:
                name = next(f"t{number}" for number in range(4) if f"t{number}" not in world.specs)
                (whole.add if what[0] == "earliest" else whole.discard)(name)
                life.add(name, what[0], is_ordered=what[1])
            elif step == "remove" and world.specs.pop(f"t{what}", None) is not None:
                whole.discard(f"t{what}")
                life.broker.replace_triggers(world.specs)
            life.check()
        await asyncio.sleep(0.01)  # what was said to be stored is what counts

    for steps, end in lives:
        in_lives(world, lambda life, steps=steps: live(life, steps), end=end)  # type: ignore[misc]
    in_lives(world, lambda _: asyncio.sleep(100.0))
    for name in whole & world.specs.keys():
        got = world.got[name]
        assert {*range(1, world.events + 1)} == {*got}
        if all(end == "stop" for _, end in lives):
            assert len(got) == world.events


@pytest.mark.looptime
async def test_where_nothing_is_kept_every_start_means_now() -> None:
    broker = Broker("ns", "b", event_size_max_bytes=10**6)
    broker.replace_triggers({})
    channel = MemoryChannel(events_max=10**6, size_max_bytes=10**9)
    await broker.open(channel, dead_letters=MemoryDeadLetters(size_max_bytes=1), limits=LIMITS)
    broker.submit((an_event(1),), Told())
    await asyncio.sleep(1.0)
    sink = ScriptedSink(saying(204))
    broker.replace_triggers({"t": TriggerSpec(EVERYTHING, sink, None, Policy(), start="earliest")})
    assert not broker.triggers["t"].is_catching_up
    broker.submit((an_event(2),), Told())
    await asyncio.sleep(1.0)
    assert ["2"] == sink.ids
    await broker.close()
