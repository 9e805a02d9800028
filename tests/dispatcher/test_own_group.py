"""Triggers that start in the past of a channel that several processes share: each reads it by a group of its own."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings

from dispatcher.manner import Manner, Order
from dispatcher.own_group import FORGET_WAITS_S, PARKED_MAX
from tests.dispatcher.fleet import Fleet
from tests.dispatcher.stage import in_virtual_time
from tests.dispatcher.test_takeover import CHANGING, GRACEFUL, ROUGH, histories, take

FORGOTTEN_S = sum(FORGET_WAITS_S) + 1.0


async def a_fleet(processes: int, past: int, *, is_ordered: bool = False) -> Fleet:
    """Processes without a Trigger, events before it, and then the Trigger in each of them."""
    fleet = Fleet((), start="earliest")
    fleet.manner = Manner(order=Order() if is_ordered else None)
    for _ in range(processes):
        await fleet.enter()
    fleet.publish(past)
    await asyncio.sleep(1.0)
    fleet.alive = ["a"]
    fleet.apply()
    await asyncio.sleep(0)
    return fleet


@pytest.mark.looptime
async def test_what_was_before_it_comes_once_and_what_comes_after_too() -> None:
    """In all processes together, of each key in order; the fan out has nothing to do with it."""
    fleet = await a_fleet(3, 50, is_ordered=True)
    await fleet.rebalance(0)
    fleet.publish(50)
    await asyncio.sleep(10.0)
    fleet.check()
    assert [*range(1, 101)] == sorted(fleet.taken["a"])
    fleet.check_order("a")
    triggers = [process.broker.triggers["a"] for process in fleet.processes]
    assert all(trigger.delivered for trigger in triggers)
    assert (100, 0, False) == (
        sum(trigger.matched for trigger in triggers),
        sum(trigger.filtered for trigger in triggers),
        any(trigger.is_catching_up for trigger in triggers),
    )
    assert {"fanout", "start/a"} == fleet.storage.groups.keys()
    assert b"reading" == fleet.storage.remembered["start/a"]
    await fleet.close()


@pytest.mark.looptime
async def test_the_start_counts_once() -> None:
    """A process that begins later goes on, though all others have gone meanwhile and the Trigger says otherwise."""
    fleet = await a_fleet(1, 20)
    await asyncio.sleep(5.0)
    await fleet.close()
    fleet.start = "latest"
    process = await fleet.enter()
    fleet.publish(5)
    await asyncio.sleep(5.0)
    assert [*range(1, 26)] == sorted(fleet.taken["a"])
    assert 5 == process.broker.triggers["a"].matched
    await fleet.close()


@pytest.mark.looptime
async def test_what_waits_for_a_sink_outlives_the_process_and_reading_waits_for_it() -> None:
    """It is in the queues of the Trigger's own group, up to a bound; the rest stays in the log."""
    fleet = await a_fleet(1, 2 * PARKED_MAX)
    fleet.answers["subscriber"] = 503
    await asyncio.sleep(20.0)
    (process,) = fleet.processes
    trigger = process.broker.triggers["a"]
    assert PARKED_MAX <= trigger.parked < PARKED_MAX + 1000
    fleet.check()
    await fleet.close()
    fleet.answers["subscriber"] = 204
    await fleet.enter()
    await asyncio.sleep(1000.0)
    assert {*range(1, 2 * PARKED_MAX + 1)} == {*await fleet.settled("a")}
    await fleet.close()


@pytest.mark.looptime
async def test_of_a_trigger_that_is_removed_nothing_is_left_in_the_end() -> None:
    """Though one process hears of it late: what others have a part in is not forgotten under their feet."""
    fleet = await a_fleet(2, 10)
    fleet.answers["subscriber"] = None
    await asyncio.sleep(1.0)
    await fleet.rebalance(1)
    fleet.alive = []
    fleet.processes[0].apply()
    await asyncio.sleep(FORGET_WAITS_S[1] - 1.0)
    assert "start/a" in fleet.storage.groups
    fleet.processes[1].apply()
    await asyncio.sleep(FORGOTTEN_S)
    assert ({"fanout"}, {}) == (fleet.storage.groups.keys(), fleet.storage.remembered)
    assert [{}, {}] == [process.broker.triggers for process in fleet.processes]
    await fleet.close()
    assert 0 == fleet.storage.statistics().events


@pytest.mark.looptime
async def test_what_no_process_had_time_to_forget_the_next_one_does() -> None:
    """The channel remembers that it is over."""
    fleet = await a_fleet(1, 10)
    await asyncio.sleep(1.0)
    fleet.alive = []
    fleet.apply()
    await fleet.vanish(fleet.processes[0])
    assert {"start/a": b"over"} == fleet.storage.remembered
    await fleet.enter()
    await asyncio.sleep(FORGOTTEN_S)
    assert ({"fanout"}, {}) == (fleet.storage.groups.keys(), fleet.storage.remembered)
    await fleet.close()


@pytest.mark.looptime
async def test_one_that_is_removed_and_made_again_begins_anew() -> None:
    """Once the group of the one before was left by all."""
    fleet = await a_fleet(1, 10)
    await asyncio.sleep(5.0)
    fleet.alive = []
    fleet.apply()
    await asyncio.sleep(1.0)
    fleet.alive = ["a"]
    fleet.apply()
    await asyncio.sleep(FORGOTTEN_S)
    assert sorted([*range(1, 11)] * 2) == sorted(fleet.taken["a"])
    assert b"reading" == fleet.storage.remembered["start/a"]
    fleet.check()
    await fleet.close()


@pytest.mark.looptime
async def test_a_change_counts_from_the_next_event_on() -> None:
    """Of its manner, and of what is asked of the channel for it."""
    fleet = await a_fleet(1, 0)
    (process,) = fleet.processes
    await asyncio.sleep(0.1)
    trigger = process.broker.triggers["a"]
    (member,) = process.channel.places["start/a"].members
    assert not member.is_order_needed
    fleet.manner = Manner(order=Order(), is_paused=True)
    fleet.apply()
    fleet.publish(5)
    await asyncio.sleep(1.0)
    assert (True, 5, []) == (member.is_order_needed, trigger.parked, fleet.begun["a"])
    (other,) = process.channel.places["fanout"].members
    assert not other.is_order_needed
    fleet.manner = Manner()
    fleet.apply()
    await asyncio.sleep(1.0)
    assert (False, [1, 2, 3, 4, 5]) == (member.is_order_needed, sorted(fleet.taken["a"]))
    await fleet.close()


async def live(fleet: Fleet, steps: list[tuple[str, Any]]) -> None:
    for step, what in steps:
        await take(fleet, step, what)
        fleet.check()
    await fleet.drain()


@settings(max_examples=60, deadline=None)
@given(histories(GRACEFUL, CHANGING))
def test_each_event_is_settled_once_while_processes_come_and_go(steps: list[tuple[str, Any]]) -> None:
    """From the first on."""

    async def main() -> None:
        fleet = await a_fleet(2, 30)
        await live(fleet, steps)
        assert [*range(1, fleet.published + 1)] == sorted(await fleet.settled("a"))
        await fleet.close()

    in_virtual_time(main)


@settings(max_examples=60, deadline=None)
@given(histories(GRACEFUL, ROUGH))
def test_nothing_is_lost_or_overtaken_whoever_vanishes(steps: list[tuple[str, Any]]) -> None:
    """Where order is kept."""

    async def main() -> None:
        fleet = await a_fleet(2, 30, is_ordered=True)
        await live(fleet, steps)
        assert {*range(1, fleet.published + 1)} == {*await fleet.settled("a")}
        fleet.check_order("a")
        await fleet.close()

    in_virtual_time(main)
