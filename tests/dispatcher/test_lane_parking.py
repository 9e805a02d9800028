"""A lane over a channel that parks: its window, far retries, an open breaker, a pause, and how all of it returns."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from channels.contract import Subscription
from dispatcher.attempt import Attempt
from dispatcher.lane import LaneState
from dispatcher.manner import DEFAULT, Manner, Order
from dispatcher.retry import Policy
from tests.dispatcher.stage import (
    DURABLE,
    STUBBORN,
    ScriptedSink,
    a_delivery,
    a_lane,
    fill,
    outcome,
    positions,
    saying,
)

pytestmark = pytest.mark.looptime
FAR = Policy(retry=3, backoff_policy="linear", backoff_delay_s=10.0)
SOON = Policy(retry=3, backoff_policy="linear", backoff_delay_s=0.1)
PAUSED = Manner(is_paused=True)


async def test_what_does_not_fit_is_parked_and_settled(group: Subscription) -> None:
    """In memory is the window; the log waits for nobody."""
    sink = ScriptedSink()
    lane, owner = a_lane(sink, None, replace(DURABLE, window_events_max=10), group=group)
    lane.offer([a_delivery(number) for number in range(1, 31)])
    assert (4, 26, 16) == (lane.in_flight, lane.waiting, lane.parked)
    assert ["lane"] == [*group.queues]
    assert [*range(15, 31)] == positions(owner.settled)
    assert [] == owner.overflown


async def test_what_is_parked_returns_when_there_is_room(group: Subscription) -> None:
    """All of it, once; the lane says that it took something."""
    sink = ScriptedSink(saying(204), delay_s=0.01)
    lane, owner = a_lane(sink, None, replace(DURABLE, window_events_max=10), group=group)
    lane.offer([a_delivery(number) for number in range(1, 501)])
    assert 486 == lane.parked
    await asyncio.sleep(10.0)
    assert (0, 0, 500, 500) == (lane.waiting, lane.parked, lane.done, len(set(sink.ids)))
    assert owner.touched > 0
    assert {} == group.queues


async def test_the_window_is_bounded_by_bytes(group: Subscription) -> None:
    """Also for what is taken out of a queue, whatever sizes lie there."""
    sink = ScriptedSink()
    lane, _ = a_lane(sink, None, replace(DURABLE, concurrency_max=1, window_size_max_bytes=100_000), group=group)
    fill(lane, 1000, size_bytes=1000)
    fill(lane, 100, first=1001, size_bytes=50_000)
    in_memory = 0
    while sink.held:
        sink.end(204)
        await asyncio.sleep(0.1)
        in_memory = max(in_memory, lane._waiting.size_bytes)
    assert 1100 == lane.done
    assert in_memory <= 100_000 + 50_000 * 3


async def test_half_of_the_window_is_for_those_that_were_parked_while_others_come(group: Subscription) -> None:
    """Neither starve."""
    sink = ScriptedSink(saying(204), delay_s=0.01)
    lane, _ = a_lane(sink, None, replace(DURABLE, window_events_max=100), group=group)
    fill(lane, 1000)
    for number in range(1001, 1401):
        fill(lane, 1, first=number)
        await asyncio.sleep(0.0025)
    young = sum(int(identity) > 1000 for identity in sink.ids)
    assert 100 < young < 300
    assert len(lane._waiting.returned) <= 50
    await asyncio.sleep(10.0)
    assert (0, 1400) == (lane.waiting, lane.done)


async def test_a_retry_that_is_far_off_is_parked_with_its_attempts(group: Subscription) -> None:
    """And comes back with them when it is due; the history is complete."""
    sink = ScriptedSink(saying(outcome(503, body=b"busy")))
    lane, owner = a_lane(sink, FAR, DURABLE, group=group)
    fill(lane, 1)
    assert (1, 1, 1, 1) == (lane.waiting, lane.parked, lane.retrying, len(owner.settled))
    await asyncio.sleep(200.0)
    assert [0, 10, 30, 60] == [round(when) for when, _, _ in sink.sent]
    assert [1, 2, 3, 4] == [number for _, _, number in sink.sent]
    ((attempt, reason, _),) = owner.given_up
    assert ("retriesexhausted", [b"busy"] * 4) == (reason, [record.answer for record in attempt.history])
    assert (0, 0, 3) == (lane.waiting, lane.retrying, lane.retried)


async def test_a_retry_that_is_near_waits_in_memory(group: Subscription) -> None:
    sink = ScriptedSink(saying(503))
    lane, owner = a_lane(sink, SOON, DURABLE, group=group)
    fill(lane, 1)
    assert (1, 0, 1, []) == (lane.waiting, lane.parked, lane.retrying, owner.settled)


async def test_due_ones_come_back_in_due_order(group: Subscription) -> None:
    waits = iter([b"30", b"10", b"20"])
    sink = ScriptedSink(
        lambda attempt: outcome(429, headers={b"retry-after": next(waits)}) if attempt.number < 2 else 204
    )
    lane, _ = a_lane(sink, FAR, DURABLE, group=group)
    fill(lane, 3)
    await asyncio.sleep(100.0)
    assert [("2", 10), ("3", 20), ("1", 30)] == [(identity, round(when)) for when, identity, _ in sink.sent[3:]]
    assert 0 == lane.waiting


async def test_an_open_breaker_parks_all_that_waits(group: Subscription) -> None:
    """What is in flight ends where it is; what comes is parked at once; one attempt per pause is taken out."""
    is_well = False
    sink = ScriptedSink(lambda _: 204 if is_well else 503)
    limits = replace(DURABLE, concurrency_min=1, breaker_failures=3, breaker_pause_s=10.0)
    lane, owner = a_lane(sink, STUBBORN, limits, group=group)
    lane.offer([a_delivery(number) for number in range(1, 21)])
    assert ("open", 20, 20) == (lane.breaker.state, lane.waiting, lane.parked)
    lane.offer([a_delivery(number) for number in range(21, 31)])
    assert (30, 30, 3, 30) == (lane.waiting, lane.parked, len(sink.sent), len(owner.settled))
    await asyncio.sleep(35.0)
    assert (6, 30) == (len(sink.sent), lane.waiting)
    is_well = True
    await asyncio.sleep(10.0)
    assert ("closed", 0, 30) == (lane.breaker.state, lane.waiting, lane.done)
    assert {} == group.queues


async def test_a_sink_that_returns_is_tried_slowly(group: Subscription) -> None:
    """One in flight, then two, then four."""
    is_well = False
    sink = ScriptedSink(lambda _: 204 if is_well else 503, delay_s=0.1)
    limits = replace(DURABLE, concurrency_min=1, concurrency_max=64, breaker_failures=10, breaker_pause_s=1.0)
    lane, _ = a_lane(sink, STUBBORN, limits, group=group)
    lane.offer([a_delivery(number) for number in range(1, 501)])
    await asyncio.sleep(5.0)
    assert "open" == lane.breaker.state
    assert 1 == lane.concurrency
    is_well = True
    sink.sent.clear()
    await asyncio.sleep(10.0)
    starts = [when for when, _, _ in sink.sent]
    waves = [sum(round(when - starts[0], 2) == round(wave * 0.1, 2) for when in starts) for wave in range(7)]
    assert (1, True) == (waves[0], all(wave <= 2 * before + 1 for before, wave in pairwise(waves)))
    assert (0, 64) == (lane.waiting, lane.concurrency)


async def test_a_pause_parks_what_waits_and_what_comes(group: Subscription) -> None:
    """Nothing is sent; then everything is."""
    sink = ScriptedSink()
    lane, _ = a_lane(sink, SOON, DURABLE, group=group)
    fill(lane, 10)
    lane.update(sink, SOON, PAUSED)
    assert (4, 6, 6) == (lane.in_flight, lane.waiting, lane.parked)
    fill(lane, 5, first=11)
    sink.end(204)
    sink.end(503)
    await asyncio.sleep(100.0)
    assert (4, 2, 12, 12) == (len(sink.sent), lane.in_flight, lane.waiting, lane.parked)
    sink.answer = saying(204)
    lane.update(sink, SOON, DEFAULT)
    await asyncio.sleep(1.0)
    assert (2, 0, 13) == (lane.in_flight, lane.waiting, lane.done)


async def test_a_pause_without_a_durable_channel_waits_in_memory(group: Subscription) -> None:
    sink = ScriptedSink(saying(204))
    lane, _ = a_lane(sink, SOON, group=group, manner=PAUSED)
    fill(lane, 5)
    assert ([], 5, 0) == (sink.ids, lane.waiting, lane.parked)
    lane.update(sink, SOON, DEFAULT)
    assert (5, 0) == (lane.done, lane.waiting)


async def test_holding_begins_nothing_more(group: Subscription) -> None:
    """What waits is parked, a retry with its attempts and its time, and what is in flight ends."""
    sink = ScriptedSink()
    lane, owner = a_lane(sink, SOON, DURABLE, group=group)
    fill(lane, 10)
    sink.end(503)
    lane.hold()
    assert (6, 6, 6) == (lane.waiting, lane.parked, len(owner.settled))
    sink.end(204)
    sink.end(503)
    await asyncio.sleep(100.0)
    assert (2, 7, 7, 1, 5) == (lane.in_flight, lane.waiting, lane.parked, lane.done, len(sink.sent))
    taken = await group.queue("lane").take(9)
    assert [(1, 1), (3, 1)] == sorted((one.position, one.attempts) for one in taken if one.attempts)


async def test_a_lane_that_was_left_parks_nothing_any_more(group: Subscription) -> None:
    """Another one may go on with what is in the queues."""
    sink = ScriptedSink()
    lane, _ = a_lane(sink, SOON, DURABLE, group=group)
    fill(lane, 5)
    lane.leave()
    sink.end(503)
    sink.end(204)
    assert (1, 1) == (lane.parked, group.queues["lane"].events)


async def test_holding_without_a_durable_channel_leaves_all_where_it_is(group: Subscription) -> None:
    lane, owner = a_lane(ScriptedSink(), SOON, group=group)
    fill(lane, 10)
    lane.hold()
    assert (4, 6, 0, []) == (lane.in_flight, lane.waiting, lane.parked, owner.settled)


async def test_closing_drops_what_is_parked_too(group: Subscription) -> None:
    sink = ScriptedSink()
    lane, _ = a_lane(sink, SOON, replace(DURABLE, window_events_max=10), group=group)
    fill(lane, 30)
    lane.close()
    assert (0, 0, 26, {}) == (lane.waiting, lane.parked, lane.dropped, group.queues)
    for _ in range(4):
        sink.end(204)
    assert (4, 26) == (lane.done, lane.dropped)


async def test_closing_clears_the_queues_of_keys_and_nobody_elses(group: Subscription) -> None:
    for name in ("lane", "lane#a", "lane/ordered", "lane/deadletter", "lane2"):
        group.queue(name, is_ordered=name in ("lane#a", "lane/ordered")).park([a_delivery()])
    lane, _ = a_lane(ScriptedSink(), SOON, DURABLE, group=group)
    assert 3 == lane.waiting
    lane.close()
    assert (3, {"lane/deadletter", "lane2"}) == (lane.dropped, {*group.queues})


async def test_another_process_finds_what_was_parked_and_begins_slowly(group: Subscription) -> None:
    """With the attempts that were made."""
    group.queue("lane").park([a_delivery(number) for number in range(1, 11)], attempts=2)
    sink = ScriptedSink()
    lane, _ = a_lane(sink, SOON, replace(DURABLE, concurrency_min=1, concurrency_max=64), group=group)
    assert (10, 10, 1) == (lane.waiting, lane.parked, lane.concurrency)
    await asyncio.sleep(1.0)
    assert [("1", 3)] == [(identity, number) for _, identity, number in sink.sent]


async def test_another_process_knows_the_counters_and_the_breaker(group: Subscription) -> None:
    """An open one is open for a pause from then on."""
    group.queue("lane").park([a_delivery()])
    sink = ScriptedSink(saying(204))
    lane, _ = a_lane(sink, SOON, replace(DURABLE, breaker_pause_s=5.0), group=group)
    state = LaneState(done=7, dropped=1, retried=2, replies=3, replies_ignored=4, failures=20, is_open=True)
    lane.restore(state)
    assert (state, 1) == (lane.state, lane.waiting)
    await asyncio.sleep(4.9)
    assert [] == sink.ids
    await asyncio.sleep(1.0)
    assert (["1"], replace(state, done=8, failures=0, is_open=False)) == (sink.ids, lane.state)


async def test_events_of_the_past_are_parked_and_counted(group: Subscription) -> None:
    """The caller settles them, for it has them of another group."""
    sink = ScriptedSink(saying(204))
    lane, owner = a_lane(sink, SOON, DURABLE, group=group)
    lane.park([])
    lane.park([a_delivery(number) for number in range(1, 11)])
    assert (10, 10, []) == (lane.matched, lane.parked, owner.settled)
    await asyncio.sleep(1.0)
    assert (10, 0) == (lane.done, lane.waiting)


async def test_what_is_kept_is_parked_where_there_is_no_room(group: Subscription) -> None:
    """With its history: a dead letter on its way says what it went through."""
    sink = ScriptedSink()
    lane, owner = a_lane(sink, SOON, replace(DURABLE, concurrency_max=1, window_events_max=1), group=group)
    fill(lane, 2)
    delivery = a_delivery(3)
    lane.keep(Attempt(lane, sink, delivery, delivery.event))
    assert (1, [3], []) == (lane.parked, positions(owner.settled), owner.given_up)


async def test_a_redriven_one_is_never_parked(group: Subscription) -> None:
    """In the store it is safe already: it waits in memory, whatever the wait, the breaker or the room."""
    sink = ScriptedSink(saying(503))
    lane, owner = a_lane(sink, FAR, replace(DURABLE, window_events_max=1, breaker_failures=1), group=group)
    delivery = a_delivery()
    redriven = Attempt(lane, sink, delivery, delivery.event)
    redriven.is_redriven = True
    lane.keep(redriven)
    assert (1, 0, "open") == (lane.waiting, lane.parked, lane.breaker.state)
    fill(lane, 3, first=2)
    lane.update(sink, FAR, PAUSED)
    assert (4, 3) == (lane.waiting, lane.parked)
    lane.update(sink, FAR, DEFAULT)
    await asyncio.sleep(1000.0)
    assert [(redriven, "retriesexhausted")] == [end[:2] for end in owner.given_up if end[0] is redriven]


async def test_a_redriven_one_that_waits_for_its_turn_waits_through_a_pause(group: Subscription) -> None:
    sink = ScriptedSink()
    lane, _ = a_lane(sink, SOON, DURABLE, group=group)
    fill(lane, 6)
    delivery = a_delivery(7)
    redriven = Attempt(lane, sink, delivery, delivery.event)
    redriven.is_redriven = True
    lane.keep(redriven)
    lane.update(sink, SOON, PAUSED)
    assert (3, 2) == (lane.waiting, lane.parked)
    for _ in range(4):
        sink.end(204)
    lane.update(sink, SOON, Manner(order=Order()))
    assert ["7"] == sink.ids[4:]
