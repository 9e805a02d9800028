"""A lane in virtual time, before a scripted sink: order, bounds, retries, replies and the breaker."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from channels.dead_letter import ANSWER_MAX_BYTES
from dispatcher.attempt import Attempt
from dispatcher.lane import LATENCY_BOUNDS_S
from dispatcher.outcome import Outcome
from dispatcher.retry import Policy
from tests.dispatcher.stage import (
    LIMITS,
    REPLY,
    SERIAL,
    STUBBORN,
    Owner,
    ScriptedSink,
    a_delivery,
    a_lane,
    fill,
    outcome,
    positions,
)

pytestmark = pytest.mark.looptime


async def test_an_event_is_sent_at_once_and_settled_when_delivered() -> None:
    """The plain way."""
    sink = ScriptedSink()
    lane, owner = a_lane(sink)
    fill(lane, 1)
    assert (["1"], 1, 0, []) == (sink.ids, lane.in_flight, lane.waiting, owner.settled)
    sink.end(204)
    assert (0, 1, [1]) == (lane.in_flight, lane.done, positions(owner.settled))


async def test_no_more_than_the_limit_are_in_flight_and_the_oldest_goes_first() -> None:
    """Each end lets the next one go."""
    sink = ScriptedSink()
    lane, owner = a_lane(sink)
    fill(lane, 7)
    assert (["1", "2", "3", "4"], 4, 3) == (sink.ids, lane.in_flight, lane.waiting)
    sink.end(204)
    await asyncio.sleep(0)
    assert (["5"], 4, 2) == (sink.ids[4:], lane.in_flight, lane.waiting)
    sink.end(400)
    assert (["5", "6"], 4, 1) == (sink.ids[4:], lane.in_flight, lane.waiting)
    while sink.held:
        sink.end(204)
        await asyncio.sleep(0)
    assert (["5", "6", "7"], 0, 0) == (sink.ids[4:], lane.in_flight, lane.waiting)
    assert 6 == len(owner.settled)


async def test_one_in_flight_keeps_the_order() -> None:
    """A sink that is asked one by one gets events as they came."""
    sink = ScriptedSink(lambda _: 204, delay_s=0.1)
    lane, owner = a_lane(sink, limits=SERIAL)
    fill(lane, 20)
    await asyncio.sleep(3.0)
    assert list(range(1, 21)) == positions(owner.settled)
    assert pytest.approx([n / 10 for n in range(20)]) == [when for when, _, _ in sink.sent]


async def test_each_retry_has_its_own_time() -> None:
    """However the times of several lie to each other, and though no attempt ends in between."""
    waits = iter([b"30", b"10", b"20", b"40"])
    sink = ScriptedSink(
        lambda attempt: outcome(429, headers={b"retry-after": next(waits)}) if attempt.number < 2 else None
    )
    lane, _ = a_lane(sink, Policy(retry=1, backoff_delay_s=0.1))
    fill(lane, 4)
    await asyncio.sleep(100.0)
    assert [("2", 10), ("3", 20), ("1", 30), ("4", 40)] == [
        (identity, round(when)) for when, identity, _ in sink.sent[4:]
    ]


async def test_a_retry_may_go_out_again_on_another_connection() -> None:
    """As every first attempt may: what was done for the one before does not count."""
    sink = ScriptedSink()
    lane, _ = a_lane(sink, Policy(retry=1, backoff_delay_s=0.1))
    fill(lane, 1)
    sink.held[0].is_resent = True
    sink.end(503)
    await asyncio.sleep(1.0)
    assert [False] == [attempt.is_resent for attempt in sink.held]


@pytest.mark.parametrize(
    ("policy", "waits"),
    [
        (Policy(retry=4, backoff_policy="linear", backoff_delay_s=2.0), [2.0, 4.0, 6.0, 8.0]),
        (Policy(retry=4, backoff_policy="exponential", backoff_delay_s=2.0), [2.0, 4.0, 8.0, 16.0]),
        (Policy(retry=2, backoff_policy="linear", backoff_delay_s=0.0), [0.0, 0.0]),
        (Policy(retry=0), []),
    ],
)
async def test_retries_come_when_they_are_due(policy: Policy, waits: list[float]) -> None:
    """After the policy's waits, each with its jitter; then the event is given up with the last outcome."""
    sink = ScriptedSink(lambda _: 503)
    lane, owner = a_lane(sink, policy)
    fill(lane, 1)
    await asyncio.sleep(100.0)
    times = [when for when, _, _ in sink.sent]
    assert len(waits) + 1 == len(times)
    for wait, before, after in zip(waits, times[:-1], times[1:], strict=True):
        assert 0.8 * wait - 1e-3 <= after - before <= 1.2 * wait + 1e-3
    ((attempt, reason, last),) = owner.given_up
    assert ("retriesexhausted", outcome(503)) == (reason, last)
    assert [(503, "http://sink/")] * len(times) == [(record.status, record.destination) for record in attempt.history]
    assert (len(waits), 0, 0) == (lane.retried, lane.waiting, lane.in_flight)


async def test_a_busy_sink_says_when() -> None:
    """Retry-After is obeyed to the second at least; meanwhile the event is waiting and retrying."""
    answers = [outcome(429, headers={b"retry-after": b"30"}), outcome(204)]
    sink = ScriptedSink(lambda _: answers.pop(0))
    lane, owner = a_lane(sink, Policy(retry=3, backoff_delay_s=0.1))
    fill(lane, 1)
    assert (1, 1, 0) == (lane.waiting, lane.retrying, lane.in_flight)
    await asyncio.sleep(29.9)
    assert 1 == len(sink.sent)
    await asyncio.sleep(0.2)
    assert (2, [1]) == (len(sink.sent), positions(owner.settled))


async def test_a_refusal_is_not_retried() -> None:
    """400 says the same tomorrow."""
    sink = ScriptedSink(lambda _: 400)
    lane, owner = a_lane(sink, Policy(retry=9))
    fill(lane, 1)
    assert [("refused", outcome(400))] == [(reason, last) for _, reason, last in owner.given_up]
    assert 0 == lane.waiting


async def test_what_is_due_goes_before_what_waits() -> None:
    """It is older. Of two that are due, the one that was due first."""
    sink = ScriptedSink()
    lane, _ = a_lane(sink, Policy(retry=1, backoff_delay_s=1.0), replace(LIMITS, concurrency_min=2, concurrency_max=2))
    fill(lane, 5)
    sink.end(503)
    await asyncio.sleep(0.5)
    sink.end(503)
    await asyncio.sleep(5.0)
    assert ["1", "2", "3", "4"] == sink.ids
    for _ in range(3):
        sink.end(204)
        await asyncio.sleep(0)
    assert ["1", "2", "3", "4", "1", "2", "5"] == sink.ids


async def test_the_backlog_is_bounded_by_events() -> None:
    """What is waiting for a retry counts; what is in flight does not."""
    sink = ScriptedSink()
    lane, owner = a_lane(sink, Policy(retry=1, backoff_delay_s=1.0), replace(LIMITS, window_events_max=3))
    fill(lane, 7)
    assert (4, 3, []) == (lane.in_flight, lane.waiting, owner.overflown)
    sink.end(503)
    assert (4, 3, 1) == (lane.in_flight, lane.waiting, lane.retrying)
    fill(lane, 2, first=8)
    assert [8, 9] == positions(owner.overflown)
    assert (9, 4, 3) == (lane.matched, lane.in_flight, lane.waiting)
    sink.end(204)
    await asyncio.sleep(0)
    fill(lane, 1, first=10)
    assert (3, 2) == (lane.waiting, len(owner.overflown))


async def test_the_backlog_is_bounded_by_bytes() -> None:
    """The event that reaches the bound is the last one; one that went makes room."""
    sink = ScriptedSink()
    lane, owner = a_lane(sink, None, replace(SERIAL, window_size_max_bytes=2500))
    fill(lane, 5)
    assert (3, [5]) == (lane.waiting, positions(owner.overflown))
    sink.end(204)
    await asyncio.sleep(0)
    fill(lane, 2, first=6)
    assert (3, [5, 7]) == (lane.waiting, positions(owner.overflown))


async def test_what_was_answered_is_part_of_the_backlogs_bytes() -> None:
    """A sink that fails with long answers uses up the room; when there is none, older answers are forgotten."""
    sink = ScriptedSink(lambda _: outcome(503, body=bytes(ANSWER_MAX_BYTES)))
    policy = Policy(retry=20, backoff_policy="linear", backoff_delay_s=0.01)
    lane, owner = a_lane(sink, policy, replace(LIMITS, window_size_max_bytes=3500))
    fill(lane, 1, size_bytes=1000)
    await asyncio.sleep(0.05)
    fill(lane, 1, first=2, size_bytes=1000)
    await asyncio.sleep(10.0)
    fill(lane, 1, first=3)
    assert 0 <= lane._waiting.size_bytes <= 2 * 3500
    assert [1, 2] == sorted(positions([attempt.delivery for attempt, _, _ in owner.given_up]))
    assert any(len(attempt.history) < 20 for attempt, _, _ in owner.given_up)
    lane.close()
    assert 0 == lane._waiting.size_bytes


async def test_kept_is_what_there_is_room_for() -> None:
    """An attempt made elsewhere goes behind those that wait, or back with its history."""
    sink = ScriptedSink()
    lane, owner = a_lane(sink, None, replace(SERIAL, window_events_max=1))
    fill(lane, 1)
    attempts = [Attempt(lane, sink, a_delivery(n), a_delivery(n).event) for n in (2, 3)]
    for attempt in attempts:
        lane.keep(attempt)
    assert (1, [(attempts[1], "backlogfull", None)]) == (lane.waiting, owner.given_up)
    sink.end(204)
    await asyncio.sleep(0)
    assert ["1", "2"] == sink.ids


async def test_an_open_breaker_lets_one_attempt_through_per_pause() -> None:
    """Events wait meanwhile, and use up no attempt; one that succeeds opens the way for all."""
    is_well = False
    sink = ScriptedSink(lambda _: 204 if is_well else 503)
    limits = replace(LIMITS, breaker_failures=3, breaker_pause_s=10.0)
    lane, owner = a_lane(sink, STUBBORN, limits)
    fill(lane, 3)
    assert ("open", 3) == (lane.breaker.state, len(sink.sent))
    fill(lane, 50, first=4)
    await asyncio.sleep(9.9)
    assert 3 == len(sink.sent)
    for probes in range(1, 6):
        await asyncio.sleep(10.0)
        assert (3 + probes, "open", 53) == (len(sink.sent), lane.breaker.state, lane.waiting)
    is_well = True
    await asyncio.sleep(10.0)
    assert ("closed", 0, 53) == (lane.breaker.state, lane.waiting, len(owner.settled))


async def test_a_probe_that_is_slow_is_the_only_one() -> None:
    """However many pauses pass."""
    sink = ScriptedSink()
    lane, _ = a_lane(sink, STUBBORN, replace(LIMITS, breaker_failures=1))
    fill(lane, 1)
    sink.end(503)
    fill(lane, 9, first=2)
    await asyncio.sleep(100.0)
    assert (2, "half-open") == (len(sink.sent), lane.breaker.state)
    sink.end(204)
    await asyncio.sleep(0)
    assert (6, "closed") == (len(sink.sent), lane.breaker.state)


async def test_a_probe_that_tells_nothing_is_followed_by_another() -> None:
    """An event whose hops are used up is no sign of the sink's health, and must not close the lane for ever."""
    sink = ScriptedSink()
    lane, owner = a_lane(sink, STUBBORN, replace(LIMITS, breaker_failures=1))
    fill(lane, 3)
    sink.end(503)
    sink.end(503)
    sink.end(503)
    await asyncio.sleep(1.5)
    (probe,) = sink.held
    sink.held.clear()
    lane.exhaust_ttl(probe)
    assert ("open", [("ttlexhausted", None)]) == (lane.breaker.state, [end[1:] for end in owner.given_up])
    await asyncio.sleep(1.5)
    assert 1 == len(sink.held)
    sink.end(204)
    assert "closed" == lane.breaker.state


async def test_a_probe_that_another_process_has_by_now_leaves_the_next_one_its_turn() -> None:
    """It is not sent, and tells nothing either."""
    lost: set[int] = set()
    sink = ScriptedSink()
    limits = replace(LIMITS, breaker_failures=1)
    lane, owner = a_lane(sink, STUBBORN, limits, holds=lambda one: one.position not in lost)
    fill(lane, 3)
    for _ in range(3):
        sink.end(503)
    lost.add(1)
    await asyncio.sleep(1.5)
    assert ("open", 1, [1], 0) == (lane.breaker.state, lane.ceded, positions(owner.settled), len(sink.held))
    await asyncio.sleep(1.5)
    assert ("half-open", ["2"]) == (lane.breaker.state, sink.ids[3:])
    sink.end(204)
    assert "closed" == lane.breaker.state


async def test_a_recovery_drains_everything_without_recursion() -> None:
    """Ten thousand wait, and the sink answers each before `send` returns."""
    is_well = False
    sink = ScriptedSink(lambda _: 204 if is_well else 503)
    limits = replace(LIMITS, window_events_max=20_000, window_size_max_bytes=10**9, breaker_failures=1)
    lane, owner = a_lane(sink, STUBBORN, limits)
    fill(lane, 10_000)
    assert 10_000 == lane.waiting
    is_well = True
    await asyncio.sleep(2.0)
    assert (0, 10_000, 10_000) == (lane.waiting, lane.done, len({id(delivery) for delivery in owner.settled}))


@pytest.mark.parametrize("answer", [400, outcome(200, body=b"no event"), REPLY])
async def test_any_answer_at_once_drains_without_recursion(answer: int | Outcome) -> None:
    """Refused, ignored, or a reply that is stored at once."""

    class Storing(Owner):
        def reply(self, attempt: Attempt, event: Any) -> None:
            attempt.lane.replied(attempt, is_stored=True)

    sink = ScriptedSink()
    lane, owner = a_lane(sink, None, replace(LIMITS, window_events_max=20_000, window_size_max_bytes=10**9), Storing())
    fill(lane, 10_000)
    sink.answer = lambda _: answer
    while sink.held:
        sink.end(answer)
    assert (0, 0, 10_000) == (lane.waiting, lane.in_flight, len(owner.settled) + len(owner.given_up))


async def test_a_reply_is_in_flight_until_it_is_stored() -> None:
    """Only then is the delivery settled."""
    sink = ScriptedSink(lambda _: REPLY)
    lane, owner = a_lane(sink)
    fill(lane, 1)
    ((attempt, reply),) = owner.replies
    assert ("re", b"reply", 1, []) == (reply.type, reply.data, lane.in_flight, owner.settled)
    lane.replied(attempt, is_stored=True)
    assert (0, 1, 1, 0, [1]) == (
        lane.in_flight,
        lane.done,
        lane.replies,
        lane.replies_ignored,
        positions(owner.settled),
    )


async def test_a_reply_that_is_not_taken_is_a_delivery_that_failed() -> None:
    """It is retried as a whole, though the breaker has nothing against the sink."""
    sink = ScriptedSink(lambda _: REPLY)
    lane, owner = a_lane(sink, Policy(retry=1, backoff_delay_s=1.0))
    fill(lane, 1)
    full = replace(outcome(503), error="full")
    lane.finish_unreplied(owner.replies[0][0], full)
    assert (1, 0, 0, []) == (lane.retrying, lane.in_flight, lane.breaker.failures, owner.settled)
    await asyncio.sleep(2.0)
    assert [1, 2] == [number for _, _, number in sink.sent]
    lane.finish_unreplied(owner.replies[1][0], full)
    ((attempt, reason, _),) = owner.given_up
    assert "retriesexhausted" == reason
    assert ["full"] * 2 == [record.error for record in attempt.history]


async def test_a_reply_that_nobody_reads_is_counted() -> None:
    """A body that is no event, and a reply that the owner ignores."""
    answers = [outcome(200, body=b"thanks"), REPLY]
    sink = ScriptedSink(lambda _: answers.pop(0))
    lane, owner = a_lane(sink)
    fill(lane, 2)
    lane.replied(owner.replies[0][0], is_stored=False)
    assert (2, 0, 2) == (lane.done, lane.replies, lane.replies_ignored)


async def test_durations_are_counted_in_buckets() -> None:
    """Of every attempt, failed ones as well."""
    sink = ScriptedSink(lambda _: 204, delay_s=0.04)
    lane, _ = a_lane(sink, limits=SERIAL)
    fill(lane, 3)
    await asyncio.sleep(1.0)
    sink.answer = lambda _: replace(outcome(400), latency_s=99.0)
    fill(lane, 1, first=4)
    await asyncio.sleep(1.0)
    assert {LATENCY_BOUNDS_S.index(0.05): 3, len(LATENCY_BOUNDS_S): 1} == {
        bucket: attempts for bucket, attempts in enumerate(lane.latency_buckets) if attempts
    }
    assert pytest.approx(99.12, abs=1e-3) == lane.latency_sum_s
