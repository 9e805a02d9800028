"""A lane that is changed, closed, or that has a sink with a bug, in virtual time."""

import asyncio
from dataclasses import replace

import pytest

from dispatcher.attempt import Attempt
from dispatcher.retry import Policy
from tests.dispatcher.stage import LIMITS, REPLY, SERIAL, STUBBORN, ScriptedSink, a_lane, fill, outcome, positions

pytestmark = pytest.mark.looptime


async def test_closing_drops_what_waits_and_ends_what_is_in_flight() -> None:
    """Everything is settled, nothing is sent again, and nothing stays behind."""
    sink = ScriptedSink()
    lane, owner = a_lane(sink, Policy(retry=5, backoff_delay_s=1.0))
    fill(lane, 8)
    sink.end(503)
    lane.close()
    assert (0, 4, 4, 4) == (lane.waiting, lane.in_flight, lane.dropped, len(owner.settled))
    for answer in (204, 503, 400, REPLY):
        sink.end(answer)
    assert 1 == len(owner.replies)
    lane.finish_unreplied(owner.replies[0][0], outcome(503))
    assert (0, 1, 7, 8, []) == (lane.in_flight, lane.done, lane.dropped, len(owner.settled), owner.given_up)
    await asyncio.sleep(100.0)
    assert 5 == len(sink.sent)


async def test_closing_twice_is_closing_once() -> None:
    """Also where nothing was ever offered."""
    lane, owner = a_lane(ScriptedSink())
    lane.close()
    lane.close()
    assert (0, []) == (lane.dropped, owner.settled)


async def test_a_hop_too_many_in_a_closed_lane_is_dropped() -> None:
    """Nobody is left to give it up to."""
    sink = ScriptedSink()
    lane, owner = a_lane(sink)
    fill(lane, 1)
    lane.close()
    lane.exhaust_ttl(sink.held[0])
    assert (1, [1], []) == (lane.dropped, positions(owner.settled), owner.given_up)


async def test_a_change_holds_from_the_next_attempt_on() -> None:
    """What is in flight ends where it is; what waits, and what failed, goes the new way by the new policy."""
    old, new = ScriptedSink(uri="http://old/"), ScriptedSink(lambda _: 204, uri="http://new/")
    lane, owner = a_lane(old, Policy(retry=0), SERIAL)
    fill(lane, 3)
    lane.update(new, Policy(retry=1, backoff_delay_s=1.0))
    assert (1, 0) == (len(old.held), len(new.sent))
    old.end(503)
    assert ["2", "3"] == new.ids
    await asyncio.sleep(2.0)
    assert (["2", "3", "1"], ["1"], [2, 3, 1]) == (new.ids, old.ids, positions(owner.settled))


async def test_another_address_begins_with_a_closed_breaker() -> None:
    """And the same one keeps its own, whatever object stands for it."""
    old = ScriptedSink(lambda _: 503, uri="http://old/")
    lane, _ = a_lane(old, STUBBORN, replace(LIMITS, breaker_failures=1, breaker_pause_s=1000.0))
    fill(lane, 9)
    await asyncio.sleep(1.0)
    lane.update(ScriptedSink(lambda _: 204, uri="http://old/"), STUBBORN)
    assert ("open", 9) == (lane.breaker.state, lane.waiting)
    lane.update(ScriptedSink(lambda _: 204, uri="http://new/"), STUBBORN)
    await asyncio.sleep(1.0)
    assert ("closed", 0, 9) == (lane.breaker.state, lane.waiting, lane.done)


async def test_a_sink_that_breaks_down_does_not_stop_the_lane() -> None:
    """A bug in a sink is told to the event loop's handler; the events behind go on."""
    raised: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context["exception"]))
    sink = ScriptedSink()
    lane, owner = a_lane(sink, limits=SERIAL)
    fill(lane, 3)

    def broken(_: Attempt) -> int:
        raise ZeroDivisionError

    sink.answer = broken
    sink.end(204)
    await asyncio.sleep(0)
    assert [ZeroDivisionError] == [type(error) for error in raised]
    sink.answer = lambda _: None
    sink.end(204)
    await asyncio.sleep(0)
    assert (["1", "2", "3"], [1, 2]) == (sink.ids, positions(owner.settled))
