"""How fast a lane goes: the limit in flight, the rate, and who has to wait for whom."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from channels.contract import Delivery, Subscription
from channels.event import Event
from dispatcher.lane import Lane
from dispatcher.manner import DEFAULT, Manner, Order
from dispatcher.retry import Policy
from dispatcher.valve import WINDOW_MIN_S, Valve
from tests.dispatcher.stage import DURABLE, ScriptedSink, a_delivery, a_lane, fill, outcome, saying

pytestmark = pytest.mark.looptime
WIDE = replace(DURABLE, concurrency_min=1, concurrency_max=64)
SOON = Policy(retry=1000, backoff_policy="linear", backoff_delay_s=0.01, backoff_max_s=0.05)


async def test_a_sink_that_has_too_much_to_do_gets_less_at_a_time(group: Subscription) -> None:
    """Until it is well again, when it gets one more with each window."""
    is_well = False

    def answer(_: Any) -> int:
        return 204 if is_well or lane.in_flight <= 8 else 429

    sink = ScriptedSink(answer, delay_s=0.01)
    lane, _ = a_lane(sink, SOON, WIDE, group=group)
    fill(lane, 1000)
    await asyncio.sleep(1.0)
    assert 4 <= lane.concurrency <= 17
    is_well = True
    fill(lane, 8000, first=1001)
    await asyncio.sleep(60.0)
    assert (64, 0, 9000) == (lane.concurrency, lane.waiting, lane.done)


async def test_a_slow_sink_that_slows_down_gets_less_at_a_time(group: Subscription) -> None:
    sink = ScriptedSink(saying(204), delay_s=0.06)
    lane, _ = a_lane(sink, None, replace(WIDE, window_events_max=100_000), group=group)
    fill(lane, 30_000)
    await asyncio.sleep(2.0)
    assert 64 == lane.concurrency
    sink.delay_s = 0.3
    await asyncio.sleep(3.0)
    assert lane.concurrency < 48


async def test_refusals_that_come_fast_say_nothing_about_latency(group: Subscription) -> None:
    """Or a sink would be cut for having been refused by somebody else before."""
    sink = ScriptedSink(saying(outcome(500)))
    lane, _ = a_lane(sink, SOON, replace(WIDE, breaker_failures=20), group=group)
    fill(lane, 1000)
    await asyncio.sleep(5.0)
    sink.answer, sink.delay_s = saying(204), 0.1
    await asyncio.sleep(10.0)
    assert (64, 0) == (lane.concurrency, lane.waiting)


async def test_a_wished_concurrency_is_kept(group: Subscription) -> None:
    """Above the lane's bound, too: who asks for it knows the sink. It may be changed, and taken back."""
    sink = ScriptedSink()
    lane, _ = a_lane(sink, SOON, DURABLE, group=group, manner=Manner(concurrency=6))
    fill(lane, 20)
    assert (6, 6) == (lane.in_flight, lane.concurrency)
    lane.update(sink, SOON, Manner(concurrency=2))
    for _ in range(5):
        sink.end(204)
    await asyncio.sleep(0)
    assert 2 == lane.in_flight
    lane.update(sink, SOON, DEFAULT)
    assert (4, 4) == (lane.in_flight, lane.concurrency)


@pytest.mark.parametrize(("rate", "expected"), [(0.5, 6), (10.0, 101), (200.0, 2020)])
async def test_a_rate_is_kept(group: Subscription, rate: float, expected: int) -> None:
    """A first one, or a tenth of a second's, at once; what does not fit is parked meanwhile."""
    sink = ScriptedSink(saying(204), delay_s=0.001)
    lane, _ = a_lane(sink, SOON, DURABLE, group=group, manner=Manner(rate=rate))
    fill(lane, 2500)
    await asyncio.sleep(10.0)
    assert expected - 0.02 * expected <= len(sink.sent) <= expected
    lane.update(sink, SOON, DEFAULT)
    await asyncio.sleep(10.0)
    assert (0, 2500) == (lane.waiting, lane.done)


async def test_retries_and_probes_keep_the_rate_too(group: Subscription) -> None:
    sink = ScriptedSink(saying(503))
    lane, _ = a_lane(sink, SOON, replace(DURABLE, breaker_failures=5, breaker_pause_s=0.01), group=group)
    lane.update(sink, SOON, Manner(rate=10.0))
    fill(lane, 100)
    await asyncio.sleep(10.0)
    assert 20 <= len(sink.sent) <= 101


def a_valve(group: Subscription, sink: ScriptedSink, manner: Manner = DEFAULT, **limits: Any) -> tuple[Lane, Valve]:
    valve = Valve()
    lane, _ = a_lane(sink, SOON, replace(DURABLE, **limits), group=group, manner=manner, valve=valve)
    return lane, valve


async def pressed(lane: Lane, until: Callable[[], bool], *, keys: int = 100) -> int:
    """Offer ten events each millisecond, until that holds or a second has passed; how many."""
    for number in range(1000):
        attributes = {"source": "/s", "type": "t", "subject": f"k{number % keys}"}
        events = [Event.from_attributes({"id": f"{number}-{one}", **attributes}, None) for one in range(10)]
        lane.offer([Delivery(event, number * 10 + place, 100) for place, event in enumerate(events)])
        await asyncio.sleep(0.001)
        if until():
            return (number + 1) * 10
    return 10_000


async def test_producers_wait_for_a_fast_sink_when_a_quarter_of_the_window_is_full(group: Subscription) -> None:
    """And no longer than until half of that has gone; nothing is parked meanwhile."""
    sink = ScriptedSink(saying(204), delay_s=0.002)
    lane, valve = a_valve(group, sink)
    await pressed(lane, lambda: valve.is_closed)
    assert (True, 0) == (250 < lane.waiting < 500, lane.parked)
    await asyncio.sleep(0.2)
    assert (False, True) == (valve.is_closed, 0 <= lane.waiting <= 125)
    await pressed(lane, lambda: valve.is_closed)
    assert 250 < lane.waiting < 300, "known to be fast, it is waited for at once"


async def test_producers_wait_for_a_fast_sink_that_keeps_order(group: Subscription) -> None:
    """As long as it is the sink that is behind."""
    sink = ScriptedSink(saying(204), delay_s=0.002)
    lane, valve = a_valve(group, sink, Manner(order=Order()))
    await pressed(lane, lambda: valve.is_closed)
    assert (True, 0) == (lane.waiting < 500, lane.parked)
    await asyncio.sleep(0.5)
    assert (False, 0) == (valve.is_closed, lane.parked)


async def test_nobody_waits_for_a_key_that_has_too_much_to_do(group: Subscription) -> None:
    """One key is one at a time: what does not fit is parked."""
    sink = ScriptedSink(saying(204), delay_s=0.002)
    lane, valve = a_valve(group, sink, Manner(order=Order()))
    assert 10_000 == await pressed(lane, lambda: valve.is_closed, keys=1)
    assert lane.parked > 0


@pytest.mark.parametrize("manner", [Manner(rate=100.0), Manner(concurrency=1), Manner(is_paused=True)])
async def test_nobody_waits_for_a_sink_that_somebody_slowed_down(group: Subscription, manner: Manner) -> None:
    sink = ScriptedSink(saying(204), delay_s=0.002)
    lane, valve = a_valve(group, sink, manner)
    assert 10_000 == await pressed(lane, lambda: valve.is_closed)
    assert lane.parked > 0


async def test_nobody_waits_while_a_fast_sink_works_off_what_was_parked(group: Subscription) -> None:
    sink = ScriptedSink(saying(204), delay_s=0.002)
    group.queue("lane").park([a_delivery(number, size_bytes=100) for number in range(900)])
    lane, valve = a_valve(group, sink)
    is_closed = []
    while lane.waiting:
        fill(lane, 1)
        await asyncio.sleep(WINDOW_MIN_S / 10)
        is_closed.append(valve.is_closed)
    assert not any(is_closed)


async def test_closing_lets_producers_go_on(group: Subscription) -> None:
    sink = ScriptedSink(saying(204), delay_s=0.002)
    for end in (Lane.close, Lane.hold):
        lane, valve = a_valve(group, sink)
        await pressed(lane, lambda valve=valve: valve.is_closed)
        end(lane)
        assert not valve.is_closed
