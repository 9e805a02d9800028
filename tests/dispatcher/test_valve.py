"""Who waits for whom, and for how long."""

import asyncio

import pytest

from dispatcher.valve import (
    LATENCY_MAX_S,
    LOOK_INTERVAL_S,
    STALL_MAX_S,
    VERDICT_MAX_S,
    WINDOW_MIN_S,
    Brake,
    Flow,
    Valve,
)


def test_a_valve_is_closed_while_anybody_holds_it() -> None:
    valve, one, other = Valve(), object(), object()
    valve.close(one)
    valve.close(other)
    valve.open(one)
    assert valve.is_closed
    valve.open(other)
    assert not valve.is_closed


def test_closing_twice_is_closing_once() -> None:
    valve, holder = Valve(), object()
    valve.close(holder)
    valve.close(holder)
    valve.open(holder)
    assert not valve.is_closed


def test_opening_what_one_does_not_hold_changes_nothing() -> None:
    valve, holder = Valve(), object()
    valve.close(holder)
    valve.open(object())
    assert valve.is_closed


def test_those_who_wait_enter_in_order_once() -> None:
    valve, holder = Valve(), object()
    entered: list[int] = []
    valve.close(holder)
    for number in range(3):
        valve.wait(lambda number=number: entered.append(number))
    assert [] == entered
    valve.open(holder)
    valve.open(holder)
    assert [0, 1, 2] == entered


def test_whoever_enters_may_close_it_before_the_next() -> None:
    """One opening does not let in a crowd that would be too much at once."""
    valve, holder = Valve(), object()
    entered: list[int] = []

    def enter() -> None:
        entered.append(len(entered))
        valve.close(holder)

    valve.close(holder)
    valve.wait(enter)
    valve.wait(enter)
    valve.open(holder)
    assert [0] == entered
    valve.open(holder)
    assert [0, 1] == entered


def test_a_flow_is_not_judged_before_it_was_watched() -> None:
    flow = Flow()
    assert flow.is_fast(0.0, 100, 1.0, -1.0) is None
    assert flow.is_fast(WINDOW_MIN_S / 2, 200, 1.0, 0.0) is None
    assert flow.is_fast(WINDOW_MIN_S, 200, 1.0 + 100 * LATENCY_MAX_S, 0.0) is True


def test_a_sink_that_takes_longer_is_not_fast() -> None:
    flow = Flow()
    flow.is_fast(0.0, 0, 0.0, 0.0)
    assert flow.is_fast(1.0, 10, 10 * LATENCY_MAX_S * 1.01, 1.0) is False
    assert flow.is_fast(2.0, 20, 10 * LATENCY_MAX_S * 1.01, 2.0) is True, "each window is judged on its own"


def test_a_sink_that_takes_nothing_is_not_fast() -> None:
    """One that hangs has no answers at all, one that refuses has no successes."""
    flow = Flow()
    flow.is_fast(0.0, 5, 1.0, 0.0)
    assert flow.is_fast(1.0, 5, 1.0, 0.9) is False
    assert flow.is_fast(2.0, 0, 1.0, 0.0) is False


def test_a_sink_that_was_always_fast_may_pause_for_a_moment() -> None:
    flow = Flow()
    flow.is_fast(9.0, 100, 100 * LATENCY_MAX_S, 9.0)
    assert flow.is_fast(9.1, 100, 100 * LATENCY_MAX_S, 9.0) is True
    assert flow.is_fast(9.0 + STALL_MAX_S, 100, 100 * LATENCY_MAX_S, 9.0) is False


def test_a_sink_that_was_slow_may_not() -> None:
    """It answers in bursts, and between two of them it would look like one that pauses."""
    flow = Flow()
    flow.is_fast(9.0, 100, 100.0, 9.0)
    assert flow.is_fast(9.1, 100, 100.0, 9.0) is False


def test_a_flow_that_was_forgotten_is_watched_anew() -> None:
    flow = Flow()
    flow.is_fast(0.0, 0, 0.0, 0.0)
    flow.forget()
    assert flow.is_fast(100.0, 1, 0.0, 100.0) is None


def test_a_sink_that_was_fast_a_moment_ago_is_fast() -> None:
    """What waits has little room: there is no time to watch a sink that is behind again."""
    flow = Flow()
    flow.is_fast(0.0, 0, 0.0, 0.0)
    assert flow.is_fast(1.0, 100, 0.1, 1.0) is True
    flow.forget()
    assert [True, True] == [flow.is_fast(1.0 + VERDICT_MAX_S / 2, 100, 0.1, 1.0) for _ in range(2)]
    flow.forget()
    assert flow.is_fast(10.0, 100, 0.1, 1.0) is None, "that was long ago"


def test_a_sink_that_was_not_fast_a_moment_ago_is_watched() -> None:
    """Whatever it was before."""
    flow = Flow()
    flow.is_fast(0.0, 1000, 0.1, 0.0)
    assert flow.is_fast(1.0, 1001, 0.5, 1.0) is False
    flow.forget()
    assert [None, None] == [flow.is_fast(1.1, 1001, 0.5, 1.0) for _ in range(2)]


def test_a_sink_that_has_always_been_fast_is_fast_at_the_first_look() -> None:
    assert Flow().is_fast(5.0, 1000, 1.0, 4.9) is True


@pytest.mark.looptime
async def test_a_brake_holds_the_valve_while_the_sink_is_fast() -> None:
    """It looks from time to time."""
    valve, is_fast = Valve(), True
    brake = Brake(valve, lambda: is_fast, asyncio.get_running_loop())
    brake.pull()
    assert (True, True) == (brake.is_on, valve.is_closed)
    await asyncio.sleep(10 * LOOK_INTERVAL_S)
    assert valve.is_closed
    is_fast = False
    await asyncio.sleep(2 * LOOK_INTERVAL_S)
    assert (False, False) == (brake.is_on, valve.is_closed)


@pytest.mark.looptime
async def test_a_brake_keeps_hold_while_nobody_can_tell() -> None:
    """And does not begin to, for a sink of which nothing is known."""
    valve = Valve()
    answers = [None, True, None, None]
    brake = Brake(valve, lambda: answers.pop(0), asyncio.get_running_loop())
    brake.pull()
    assert not valve.is_closed
    brake.pull()
    await asyncio.sleep(2.5 * LOOK_INTERVAL_S)
    assert (True, []) == (valve.is_closed, answers)
    brake.release()
    brake.release()
    await asyncio.sleep(2.5 * LOOK_INTERVAL_S)
    assert (False, False) == (brake.is_on, valve.is_closed)
