"""The law of conservation, in any history of processes over one journal: each step of it leaves every counter right.

matched + redriven = waiting + in_flight + delivered + dead_lettered + dropped
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import apsw
import looptime
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.dead_letter import EVERYTHING, AttemptRecord, DeadLetter
from channels.journal import Journal
from dispatcher.attempt import Attempt
from dispatcher.broker import Broker
from dispatcher.filters import parse_filters
from dispatcher.lane import LaneLimits
from dispatcher.manner import DEFAULT, Manner, Order
from dispatcher.retry import Policy
from dispatcher.trigger import TriggerSpec
from tests.dispatcher.stage import REPLY, Answer, ScriptedSink, an_event, outcome
from tests.dispatcher.virtual_disk import VirtualDisk

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
FILTERS = {"a": parse_filters(None, None), "b": parse_filters({"attributes": {"type": "t"}}, None)}


class World:
    """What outlives a process: the disk, and how the sinks are."""

    def __init__(self, names: Iterable[str], *, is_channel: bool = False) -> None:
        self.is_channel = is_channel
        """`a` and `b` are Subscriptions; what they reply goes to a sink, while there is one."""
        self.has_reply_sink = is_channel
        self.connection = apsw.Connection(":memory:")
        self.now_s = 1e9
        self.events = 0
        self.answers: dict[str, Answer] = {"subscriber": REPLY if is_channel else 204, "dead": 204, "reply": 204}
        self.manner: dict[str, Any] = dict.fromkeys(FILTERS, DEFAULT)
        self.has_dead_letter_sink = False
        self.alive = {*names}
        self.has_neighbour = "b" in self.alive
        self.repeated = 0
        """Events that a process found not settled by all Triggers, which then got them once more."""
        self.stored: list[str] = []
        """Ids of events that were told to be stored."""
        self.taken: set[str] = set()
        """Ids of events that a sink of `a` took."""


class Process:
    """From its start to its end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.disk = VirtualDisk(world.connection)
        self.sinks = {
            name: [
                ScriptedSink(self.says(name, kind), delay_s=0.01, uri=f"http://{kind}/{name}") for kind in world.answers
            ]
            for name in FILTERS
        }
        self.redriving: set[tuple[str, str]] = set()

    async def open(self, stack: AsyncExitStack) -> None:
        world, loop = self.world, asyncio.get_running_loop()
        began_s = world.now_s - loop.time()
        disk: Any = self.disk
        self.journal = Journal(Path("nowhere"), size_max_bytes=10**9, clock=lambda: began_s + loop.time(), disk=disk)
        await stack.enter_async_context(self.journal)
        self.broker = Broker("ns", "b", event_size_max_bytes=10**6, is_channel=world.is_channel, spread=lambda: 1.0)
        self.apply()
        letters = self.journal.dead_letters
        await self.broker.open(self.journal.channel(self.broker.label), dead_letters=letters, limits=SMALL)

    def says(self, name: str, kind: str) -> Callable[[Attempt], Answer]:
        def answer(attempt: Attempt) -> Answer:
            said = self.world.answers[kind]
            if said is REPLY and attempt.event.type == "re":
                said = 204  # or it would go round until its hops are used up
            if name == "a" and said in (204, REPLY):
                self.world.taken.add(attempt.event.id)
            return said

        return answer

    def apply(self) -> None:
        self.broker.replace_triggers({name: self.spec(name) for name in self.world.alive})

    def spec(self, name: str) -> TriggerSpec:
        world, (subscriber, dead, reply) = self.world, self.sinks[name]
        policy = Policy(
            retry=3,
            backoff_delay_s=0.8,
            has_dead_letter_sink=world.has_dead_letter_sink,
            wants_reply=world.has_reply_sink or not world.is_channel,
        )
        return TriggerSpec(
            FILTERS[name],
            subscriber,
            dead if world.has_dead_letter_sink else None,
            policy,
            world.manner[name],
            reply=reply if world.has_reply_sink else None,
        )

    def check(self) -> None:
        """The law, for each Trigger and for the Broker."""
        assert dict.fromkeys(self.broker.triggers, 0) == {
            name: trigger.balance for name, trigger in self.broker.triggers.items()
        }
        assert 0 == self.broker.unaccounted
        for trigger in self.broker.triggers.values():
            assert 0 <= trigger.parked <= trigger.waiting
            assert 0 <= trigger.in_flight
            assert 0 <= trigger.retrying <= trigger.waiting

    def publish(self, count: int) -> None:
        for _ in range(count):
            self.world.events += 1
            event = an_event(self.world.events).with_attributes({"subject": f"k{self.world.events % 3}"})
            self.broker.submit((event,), _Producer(self.world, event.id))

    async def redrive(self) -> None:
        letters = self.journal.dead_letters
        await letters.claim(EVERYTHING, rate=None, limit=5)
        under_way = [redrive.id for redrive in letters.redrives if redrive.ended_s is None]
        for letter in [letter for one in under_way for letter in await letters.claimed(one, 100)]:
            trigger = self.broker.triggers.get(letter.address.trigger)
            turn = (letter.redrive_id, letter.id)
            if turn not in self.redriving and trigger is not None:
                self.redriving.add(turn)
                trigger.redrive(letter, self.done(letter))

    def done(self, letter: DeadLetter) -> Callable[[bool, tuple[AttemptRecord, ...]], None]:
        letters = self.journal.dead_letters

        def done(is_delivered: bool, attempts: tuple[AttemptRecord, ...]) -> None:
            if is_delivered:
                letters.redriven(letter)
            else:
                letters.failed_again(letter, attempts)

        return done

    async def take(self, step: str, what: Any) -> None:
        """One step of a history."""
        world = self.world
        if step == "publish":
            self.publish(what)
        elif step == "pass":
            await asyncio.sleep(what)
        elif step == "subscriber":
            world.answers["subscriber"] = what
        elif step in ("dead", "reply"):
            world.answers[step] = what
        elif step == "reply sink":
            world.has_reply_sink = what and world.is_channel
            self.apply()
        elif step == "end":
            for sink in (sink for sinks in self.sinks.values() for sink in sinks):
                for attempt in [*sink.held] if world.answers["subscriber"] is None else ():
                    if what == 204 and sink in self.sinks["a"]:
                        world.taken.add(attempt.event.id)
                    sink.end(what, attempt)
        elif step == "manner":
            world.manner = dict.fromkeys(FILTERS, what)
            self.apply()
        elif step == "dead letter sink":
            world.has_dead_letter_sink = what
            self.apply()
        elif step == "redrive":
            await self.redrive()
        elif step == "delete":
            world.alive.discard("b")
            self.apply()
            if what and world.has_neighbour:
                world.alive.add("b")
                self.apply()


class _Producer:
    def __init__(self, world: World, event_id: str) -> None:
        self._world = world
        self._event_id = event_id

    def stored(self) -> None:
        self._world.stored.append(self._event_id)

    def refused(self, error: Exception) -> None:
        raise error


ANSWERS = st.sampled_from([204, 204, 503, 503, 400, None, REPLY, outcome(503, headers={b"retry-after": b"5"})])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 30)),
        st.tuples(st.just("pass"), st.floats(0.0, 3.0)),
        st.tuples(st.just("pass"), st.floats(0.0, 0.03)),
        st.tuples(st.just("subscriber"), ANSWERS),
        st.tuples(st.just("dead"), ANSWERS.filter(lambda answer: answer is not REPLY)),
        st.tuples(st.just("reply"), ANSWERS),
        st.tuples(st.just("reply sink"), st.booleans()),
        st.tuples(st.just("end"), st.sampled_from([204, 503, 400])),
        st.tuples(
            st.just("manner"),
            st.builds(
                Manner,
                order=st.sampled_from([None, Order()]),
                concurrency=st.sampled_from([None, 1, 2]),
                rate=st.sampled_from([None, 100.0]),
                is_paused=st.booleans(),
            ),
        ),
        st.tuples(st.just("dead letter sink"), st.booleans()),
        st.tuples(st.just("redrive"), st.none()),
        st.tuples(st.just("delete"), st.booleans()),
    ),
    min_size=1,
    max_size=15,
)
LIVES = st.lists(st.tuples(STEPS, st.sampled_from(["stop", "hold", "crash"])), min_size=1, max_size=4)


async def live(
    world: World, steps: list[tuple[str, Any]], end: str, then: Callable[[Process], Any] | None = None
) -> None:
    """One process."""
    process = Process(world)
    stack = AsyncExitStack()
    await process.open(stack)
    world.repeated += process.broker.lag
    process.check()
    for step, what in steps:
        await process.take(step, what)
        process.check()
    if then is not None:
        await then(process)
    if end == "crash":
        process.disk.is_dead = True
    else:
        if end == "hold":
            process.broker.hold()
            await asyncio.sleep(0.1)
            process.check()
        await process.broker.close()
        await stack.aclose()
    world.now_s += asyncio.get_running_loop().time()


async def drain(process: Process) -> None:
    """Once all is well everything ends, and what was stored is what is counted, whatever came between."""
    world = process.world
    world.answers = {"subscriber": 204, "dead": 204, "reply": 204}
    world.manner = dict.fromkeys(FILTERS, DEFAULT)
    process.apply()
    await asyncio.sleep(1000.0)
    process.check()
    trigger = process.broker.triggers["a"]
    assert process.broker.channel is not None
    statistics = process.broker.channel.statistics()
    assert (0, 0, 0) == (trigger.waiting, trigger.in_flight, trigger.dropped)
    assert statistics.events == sum(process.broker.orphans.values())  # a crash may have undone a removal
    if world.has_neighbour:
        assert statistics.stored <= trigger.matched <= statistics.stored + world.repeated
    else:
        assert statistics.stored == trigger.matched
    letters = await process.journal.dead_letters.find(EVERYTHING, limit=10_000)
    kept = [letter.event.id for letter in letters if letter.address.trigger == "a"]
    assert trigger.stored - trigger.redriven == len(kept)
    assert {*world.stored} <= {*world.taken, *kept}


def run(names: str, lives: list[tuple[list[tuple[str, Any]], str]], *, is_channel: bool = False) -> None:
    world = World(names, is_channel=is_channel)
    for steps, end in lives:
        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            runner.run(live(world, steps, end))
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(live(world, [], "stop", drain))


@settings(max_examples=60, deadline=None)
@given(LIVES)
def test_every_step_leaves_the_counters_right(lives: list[tuple[list[tuple[str, Any]], str]]) -> None:
    """Also those that a crash takes back, and those after it; and each event is counted once."""
    run("a", lives)


@settings(max_examples=60, deadline=None)
@given(LIVES)
def test_a_trigger_that_comes_and_goes_changes_nothing_for_its_neighbour(
    lives: list[tuple[list[tuple[str, Any]], str]],
) -> None:
    """But that the next process repeats an event to both which one of them had not settled when the last one ended."""
    run("ab", lives)


@settings(max_examples=60, deadline=None)
@given(LIVES)
def test_replies_to_a_sink_of_their_own_leave_the_counters_right(
    lives: list[tuple[list[tuple[str, Any]], str]],
) -> None:
    """A Channel's Subscriptions: an event whose reply is on its way is in flight, and ends once, whatever that does."""
    run("ab", lives, is_channel=True)
