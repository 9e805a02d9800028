"""Processes that take over from each other: nothing is lost, counted twice or overtaken, in any history of them."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.manner import Manner, Order
from dispatcher.takeover import PATIENCE_S
from tests.dispatcher.fleet import Fleet, Process
from tests.dispatcher.stage import in_virtual_time, outcome

ANSWERS = st.sampled_from([204, 204, 503, 503, 400, None, outcome(503, headers={b"retry-after": b"5"})])
GRACEFUL = st.one_of(
    st.tuples(st.just("publish"), st.integers(1, 30)),
    st.tuples(st.just("pass"), st.floats(0.0, 3.0)),
    st.tuples(st.just("pass"), st.floats(0.0, 0.03)),
    st.tuples(st.just("subscriber"), ANSWERS.filter(lambda answer: answer is not None)),
    st.tuples(st.just("enter"), st.none()),
    st.tuples(st.just("leave"), st.integers(0, 3)),
    st.tuples(st.just("rebalance"), st.integers(0, 3)),
)
CHANGING = st.one_of(
    st.tuples(st.just("dead"), ANSWERS),
    st.tuples(st.just("dead letter sink"), st.booleans()),
    st.tuples(
        st.just("manner"),
        st.builds(
            Manner,
            order=st.sampled_from([None, Order()]),
            concurrency=st.sampled_from([None, 1]),
            rate=st.sampled_from([None, 100.0]),
            is_paused=st.booleans(),
        ),
    ),
)
ROUGH = st.one_of(
    st.tuples(st.just("subscriber"), st.none()),
    st.tuples(st.just("end"), st.sampled_from([204, 503, 400])),
    st.tuples(st.just("vanish"), st.integers(0, 3)),
    st.tuples(st.just("lose"), st.integers(0, 3)),
)


def histories(*steps: st.SearchStrategy[tuple[str, Any]]) -> st.SearchStrategy[list[tuple[str, Any]]]:
    return st.lists(st.one_of(*steps), min_size=10, max_size=25)


async def take(fleet: Fleet, step: str, what: Any) -> None:
    """One step of a history."""
    if step == "publish":
        fleet.publish(what)
    elif step == "pass":
        await asyncio.sleep(what)
    elif step in ("subscriber", "dead"):
        fleet.answers[step] = what
    elif step == "enter" and len(fleet.processes) < 3:
        await fleet.enter()
    elif step in ("leave", "vanish", "lose") and len(fleet.processes) > 1:
        await asyncio.sleep(0)
        await getattr(fleet, step)(fleet.processes[what % len(fleet.processes)])
    elif step == "rebalance":
        await fleet.rebalance(what)
    elif step == "manner":
        fleet.manner = what
        fleet.apply()
    elif step == "dead letter sink":
        fleet.has_dead_letter_sink = what
        fleet.apply()
    elif step == "end":
        fleet.end(what)


async def live(fleet: Fleet, steps: list[tuple[str, Any]]) -> None:
    await fleet.enter()
    await fleet.enter()
    await fleet.rebalance(0)
    for step, what in steps:
        await take(fleet, step, what)
        fleet.check()
    await fleet.drain()


@settings(max_examples=80, deadline=None)
@given(histories(GRACEFUL, CHANGING))
def test_each_event_is_settled_once_while_processes_come_and_go(steps: list[tuple[str, Any]]) -> None:
    """accepted = delivered + dead-lettered + waiting, over all processes, those that left among them."""

    async def main() -> None:
        fleet = Fleet()
        await live(fleet, steps)
        assert [*range(1, fleet.published + 1)] == sorted(await fleet.settled("a"))
        counted = [process.broker.triggers["a"] for process in fleet.processes]
        assert 0 == sum(trigger.waiting + trigger.in_flight for trigger in counted)
        await fleet.close()

    in_virtual_time(main)


@settings(max_examples=120, deadline=None)
@given(histories(GRACEFUL, CHANGING, ROUGH))
def test_nothing_is_lost_whoever_vanishes(steps: list[tuple[str, Any]]) -> None:
    """And no more comes twice than was on its way when another process took it over."""

    async def main() -> None:
        fleet = Fleet()
        await live(fleet, steps)
        settled = await fleet.settled("a")
        assert {*range(1, fleet.published + 1)} == {*settled}
        assert len(settled) - fleet.published <= fleet.at_risk
        await fleet.close()

    in_virtual_time(main)


@settings(max_examples=80, deadline=None)
@given(histories(GRACEFUL, ROUGH))
def test_keys_are_never_overtaken(steps: list[tuple[str, Any]]) -> None:
    """Whichever process a key's events are in, and wherever in it."""

    async def main() -> None:
        fleet = Fleet()
        fleet.manner = Manner(order=Order())
        fleet.storage.delay_s = 0.02  # what the log gives out once more comes later than what was parked
        await live(fleet, steps)
        fleet.check_order("a")
        assert {*range(1, fleet.published + 1)} == {*await fleet.settled("a")}
        await fleet.close()

    in_virtual_time(main)


async def two(answer: Any) -> tuple[Fleet, Process, Process]:
    """Processes that have half of the partitions each, and sinks that say that."""
    fleet = Fleet()
    fleet.answers["subscriber"] = answer
    await fleet.enter()
    await fleet.enter()
    await fleet.rebalance(0)
    one, other = fleet.processes
    return fleet, one, other


@pytest.mark.looptime
@pytest.mark.parametrize("answer", [503, 400])
async def test_what_fails_after_it_was_taken_over_is_for_the_other_process_to_decide(answer: int) -> None:
    """It is neither tried again here nor a dead letter: it would be twice."""
    fleet, one, _ = await two(None)
    fleet.publish(30)
    await asyncio.sleep(1.0)
    trigger, (sink, _) = one.broker.triggers["a"], one.sinks["a"]
    had, flying = trigger.waiting, trigger.in_flight
    assert (True, 3) == (had > 0, flying)
    await fleet.lose(one)
    fleet.check()
    assert (had, 0) == (trigger.ceded, trigger.waiting)
    for attempt in [*sink.held]:
        sink.end(answer, attempt)
    fleet.check()
    assert (had + flying, 0, 0, 3) == (trigger.ceded, trigger.waiting, trigger.dead_lettered, len(sink.sent))
    await asyncio.sleep(100.0)
    assert (3, 0) == (len(sink.sent), len(await fleet.settled("a")))
    fleet.answers["subscriber"] = 204
    await fleet.drain()
    await fleet.close()


@pytest.mark.looptime
async def test_nothing_is_sent_of_what_another_process_has_though_nobody_said_so_yet() -> None:
    """What waits is ceded when its turn comes, where its membership has it no more."""
    fleet, one, _ = await two(None)
    fleet.publish(12)
    await asyncio.sleep(1.0)
    trigger, (sink, _), place = one.broker.triggers["a"], one.sinks["a"], one.channel.places["fanout"]
    (member,) = place.members
    waiting = trigger.waiting
    assert (True, 0, 3) == (waiting > 0, trigger.parked, trigger.in_flight)
    member._held.clear()
    sink.end(204)
    await asyncio.sleep(0)
    assert (waiting, 0, 3) == (trigger.ceded, trigger.waiting, len(sink.sent))
    assert [0, 0] == [trigger.balance, one.broker.unaccounted]
    await fleet.close()


@pytest.mark.looptime
async def test_who_gives_way_holds_nothing_but_what_is_on_its_way() -> None:
    """Asked twice as well; what fails meanwhile is parked, and nothing is begun until it is over or takes too long."""
    fleet, one, _ = await two(None)
    fleet.publish(30)
    await asyncio.sleep(1.0)
    trigger, (sink, _), place = one.broker.triggers["a"], one.sinks["a"], one.channel.places["fanout"]
    (member,) = place.members
    assert trigger.parked < trigger.waiting
    for _ in range(2):
        place.tell(lambda watcher: watcher.give_way())
        fleet.check()
        assert (trigger.waiting, 3, 3) == (trigger.parked, trigger.in_flight, len(member._held))
    sink.end(500)
    sink.end(204)
    await asyncio.sleep(PATIENCE_S - 0.5)
    assert (trigger.waiting, 1, 1, 3) == (trigger.parked, trigger.in_flight, len(member._held), len(sink.sent))
    fleet.publish(4)
    fleet.check()
    assert 3 == len(sink.sent)
    await asyncio.sleep(1.0)
    fleet.check()
    assert 5 == len(sink.sent)
    place.tell(lambda watcher: watcher.give_way())
    place.tell(lambda watcher: watcher.queues_changed())
    sink.end(204)
    await asyncio.sleep(0.1)
    assert 6 == len(sink.sent)
    await fleet.drain()
    assert [*range(1, 35)] == sorted(await fleet.settled("a"))
    await fleet.close()


@pytest.mark.looptime
async def test_dead_letters_on_their_way_are_taken_over_too() -> None:
    """By a Trigger that has no dead letter sink: it stores them."""
    fleet, one, other = await two(400)
    fleet.answers["dead"] = 503
    fleet.has_dead_letter_sink = True
    one.apply()
    fleet.publish(20)
    await asyncio.sleep(0.5)
    before = other.broker.triggers["a"].stored
    assert one.broker.triggers["a"].waiting > 0
    assert other.broker.triggers["a"].dead_letter_lane is None
    await fleet.vanish(one)
    fleet.check()
    await asyncio.sleep(100.0)
    fleet.check()
    assert (20, True) == (other.broker.triggers["a"].stored, before < 20)
    await fleet.close()


@pytest.mark.looptime
async def test_counters_are_each_processes_own_and_begin_with_it() -> None:
    """What is remembered says only that the Trigger exists: whoever comes does not begin with what others counted."""
    fleet, one, _ = await two(204)
    note = fleet.storage.remembered["trigger/a"]
    fleet.publish(20)
    await asyncio.sleep(5.0)
    assert one.broker.triggers["a"].delivered > 0
    third = await fleet.enter()
    trigger = third.broker.triggers["a"]
    assert (0, 0, 0) == (trigger.matched, trigger.delivered, trigger.adopted)
    await fleet.close()
    assert note == fleet.storage.remembered["trigger/a"]


@pytest.mark.looptime
async def test_what_is_parked_for_triggers_that_do_not_exist_stays() -> None:
    """In whichever process: they may come back, or be made known later."""
    fleet, one, other = await two(503)
    fleet.publish(20)
    await asyncio.sleep(2.0)
    other.broker.replace_triggers({})
    await fleet.vanish(one)
    assert other.broker.orphans["a"] > 0
    other.apply()
    trigger = other.broker.triggers["a"]
    assert trigger.adopted == trigger.parked > 0
    fleet.check()
    await fleet.close()
