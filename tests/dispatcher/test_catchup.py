"""Start positions in virtual time: what is read in the past and what the fan out hands on is each event once."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import Position, Start
from channels.errors import ChannelUnavailable
from dispatcher.catchup import PARKED_MAX
from dispatcher.fanout import GROUP
from dispatcher.filters import parse_filters
from tests.dispatcher.log import Beginner, Group, Log, Process
from tests.dispatcher.stage import in_virtual_time

pytestmark = pytest.mark.looptime
ODD = parse_filters({"attributes": {"type": "odd"}}, None)


def numbers(first: int, last: int) -> list[Position]:
    return list(range(first, last + 1))


async def test_a_trigger_that_starts_in_the_past_gets_all_of_it_and_all_that_comes() -> None:
    """Read for it alone first, then offered to it; its group is gone, and nothing is remembered of it."""
    log = Log()
    log.publish(1000)
    async with Process(log) as process:
        trigger = Beginner("t", predicate=ODD)
        process.begin(trigger)
        assert "t" in process.catchups
        await asyncio.sleep(1.0)
        assert ([trigger], False) == (process.joined, "t" in process.catchups)
        log.publish(10)
        await asyncio.sleep(1.0)
        assert (numbers(1, 1010)[::2], 5, 1000) == (trigger.got, trigger.offered, trigger.judged)
        assert ([GROUP], {}) == ([*log.groups], log.remembered)


@pytest.mark.parametrize(("start", "first"), [("earliest", 1), (300, 300), (1001, 1001)])
async def test_the_start_says_which_event_is_the_first(start: Start, first: int) -> None:
    log = Log()
    log.publish(1000)
    async with Process(log) as process:
        trigger = Beginner("t", start)
        process.begin(trigger)
        await asyncio.sleep(1.0)
        log.publish(1)
        await asyncio.sleep(1.0)
        assert numbers(first, 1001) == trigger.got


async def test_a_fan_out_that_is_behind_is_waited_for() -> None:
    """What it has not judged yet is not taken from it, though there is nothing else to read."""
    log = Log()
    log.publish(10)
    async with Process(log) as process:
        process.fanout.exit.close(log)
        log.publish(1)  # for the receive that is under way
        await asyncio.sleep(1.0)
        log.publish(100)
        late, early = Beginner("late", 112), Beginner("early")
        process.begin(late)
        process.begin(early)
        await asyncio.sleep(1.0)
        assert ([], []) == (late.got, process.joined)
        process.fanout.exit.open(log)
        log.publish(1)
        await asyncio.sleep(1.0)
        assert ([112], numbers(1, 112)) == (late.got, early.got)


async def test_a_queue_that_is_full_is_waited_for() -> None:
    """What was parked is kept twice, so it is not much."""
    log = Log()
    log.publish(1000)
    async with Process(log) as process:
        trigger = Beginner("t")
        trigger.lane.parked = PARKED_MAX
        process.begin(trigger)
        await asyncio.sleep(1.0)
        assert [] == trigger.got
        trigger.lane.parked = PARKED_MAX - 1
        await asyncio.sleep(1.0)
        assert numbers(1, 1000) == trigger.got


async def test_a_crash_of_the_reader_loses_and_repeats_nothing(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    log.publish(1000)
    async with Process(log) as process:
        trigger = Beginner("t")
        process.begin(trigger)
        log.faults.append(ChannelUnavailable("gone for a moment"))
        await asyncio.sleep(10.0)
        assert (numbers(1, 1000), [trigger]) == (trigger.got, process.joined)
        assert ["start of ns/b/t: gone for a moment; starts again in 0.1 s"] == caplog.messages


async def test_a_trigger_joins_once_though_its_reader_crashes_when_it_leaves(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    log.publish(1000)
    async with Process(log) as process:
        trigger = Beginner("t")
        process.begin(trigger)
        log.leave_faults.append(ChannelUnavailable("gone for a moment"))
        await asyncio.sleep(10.0)
        assert (numbers(1, 1000), [trigger], 1) == (trigger.got, process.joined, len(caplog.messages))
        assert ([GROUP], {}) == ([*log.groups], log.remembered)


async def test_another_process_goes_on_where_one_stopped() -> None:
    """Also where some event was not settled by the fan out, which is then judged without the one that catches up."""
    log = Log()
    log.publish(500)
    trigger = Beginner("t")
    async with Process(log) as process:
        log.publish(500)
        await asyncio.sleep(0.1)
        trigger.lane.parked = PARKED_MAX
        process.begin(trigger)
        await asyncio.sleep(0.1)
        trigger.lane.parked = 0
        for _ in range(3):
            await asyncio.sleep(0)
        trigger.lane.parked = PARKED_MAX
        await asyncio.sleep(0.1)
        process.subscription.todo = [990]
    log.publish(100)
    trigger.lane.parked = 0
    async with Process(log) as process:
        process.resume(trigger)
        await asyncio.sleep(1.0)
        log.publish(1)
        await asyncio.sleep(1.0)
    async with Process(log) as process:
        process.resume(trigger)
        log.publish(1)
        await asyncio.sleep(1.0)
    assert (numbers(1, 1102), [GROUP], {}) == (trigger.got, [*log.groups], log.remembered)


async def test_a_trigger_that_is_removed_leaves_nothing() -> None:
    """Before its reader began, and in the middle of the past."""
    log = Log()
    log.publish(10_000)
    async with Process(log) as process:
        trigger = Beginner("t")
        for wait_s, turns in ((0.0, 0), (0.0005, 0), (0.001, 1), (0.001, 10)):
            process.begin(trigger)
            await asyncio.sleep(wait_s)
            for _ in range(turns):
                await asyncio.sleep(0)
            process.catchups.stop("t")
            assert "t" not in process.catchups
        process.catchups.stop("t")
        await asyncio.sleep(1.0)
        assert ([], [GROUP], {}) == (process.joined, [*log.groups], log.remembered)


async def test_another_trigger_of_the_same_name_inherits_nothing() -> None:
    """Though it came in the very moment in which the other one went, again and again."""
    log = Log()
    log.publish(1000)
    async with Process(log) as process:
        old = Beginner("t")
        process.begin(old)
        for _ in range(8):
            await asyncio.sleep(0)
        for _ in range(3):
            new = Beginner("t")
            process.catchups.stop("t")
            process.begin(new)
            await asyncio.sleep(0.0005)
        await asyncio.sleep(1.0)
        assert (numbers(1, 1000), [new]) == (new.got, process.joined)
        assert ([GROUP], {}) == ([*log.groups], log.remembered)


@pytest.mark.parametrize("found", [b"due", b"over"])
async def test_what_a_crash_left_of_an_earlier_trigger_is_not_gone_on_with(found: bytes) -> None:
    """A group of the name that a new Trigger has, or one that nobody needs any more."""
    log = Log()
    log.publish(10)
    log.groups["start/t"] = Group(log, 7)
    log.remembered["start/t"] = found
    async with Process(log) as process:
        trigger = Beginner("t")
        process.resume(trigger)
        await asyncio.sleep(1.0)
        assert (numbers(1, 10) if found == b"due" else [], [trigger]) == (trigger.got, process.joined)
        assert ([GROUP], {}) == ([*log.groups], log.remembered)


async def test_a_process_that_ends_while_a_reader_leaves_tidies_up_next_time() -> None:
    log = Log()
    log.publish(10)
    trigger = Beginner("t")
    async with Process(log) as process:
        process.begin(trigger)
        while "t" in process.catchups:
            await asyncio.sleep(0.0001)
    assert b"over" == log.remembered["start/t"]
    async with Process(log):
        await asyncio.sleep(1.0)
    assert (numbers(1, 10), [GROUP], {}) == (trigger.got, [*log.groups], log.remembered)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 300)),
        st.tuples(st.just("pass"), st.floats(0.0, 0.05)),
        st.tuples(st.just("turn"), st.integers(1, 5)),
        st.tuples(st.just("begin"), st.integers(1, 700)),
        st.tuples(st.just("stop"), st.integers(0, 5)),
        st.tuples(st.just("hold back"), st.booleans()),
        st.tuples(st.just("restart"), st.booleans()),
    ),
    min_size=5,
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_nothing_twice_and_nothing_missed(steps: list[tuple[str, Any]]) -> None:
    """In any history each Trigger gets each event from its start on, once and in order, while producers never rest."""

    async def take(process: Process, step: str, what: Any, alive: dict[Any, Beginner]) -> None:
        if step == "publish":
            process.log.publish(what)
        elif step == "pass":
            await asyncio.sleep(what)
        elif step == "turn":
            for _ in range(what):
                process.log.publish(1)
                await asyncio.sleep(0)
        elif step == "begin":
            name = f"t{len(alive) % 6}"
            if name not in alive:
                alive[name] = Beginner(name, min(what, len(process.log.events) + 1))
                process.begin(alive[name])
        elif step == "stop" and f"t{what}" in alive:
            gone = alive.pop(f"t{what}")
            process.catchups.stop(gone.name)
            process.joined = [trigger for trigger in process.joined if trigger is not gone]
            process.index()
        elif step == "hold back":
            (process.fanout.exit.close if what else process.fanout.exit.open)("test")

    async def history() -> None:
        log = Log()
        log.publish(500)
        process = Process(log)
        await process.__aenter__()
        alive: dict[Any, Beginner] = {}
        for step, what in steps:
            if step == "restart":
                await process.__aexit__()
                process = Process(log)
                await process.__aenter__()
                for trigger in alive.values():
                    process.resume(trigger)
            else:
                await take(process, step, what, alive)
        process.fanout.exit.open("test")
        await asyncio.sleep(10.0)
        log.publish(1)
        await asyncio.sleep(10.0)
        for trigger in alive.values():
            assert numbers(trigger.spec.start, len(log.events)) == trigger.got
        assert len(alive) == len(process.joined)
        assert ([GROUP], {}) == ([*log.groups], log.remembered)
        await process.__aexit__()

    in_virtual_time(history)
