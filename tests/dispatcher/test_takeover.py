"""Processes that take over from each other: nothing is lost, counted twice or overtaken, in any history of them."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.manner import Manner, Order
from tests.dispatcher.fleet import Fleet
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
        await live(fleet, steps)
        fleet.check_order("a")
        assert {*range(1, fleet.published + 1)} == {*await fleet.settled("a")}
        await fleet.close()

    in_virtual_time(main)
