"""What waits in memory, and whose turn it is."""

from itertools import pairwise
from typing import Any

from channels.contract import Parked
from dispatcher.attempt import Attempt
from dispatcher.waiting import Waiting
from tests.dispatcher.stage import ScriptedSink, a_delivery, an_event

LANE: Any = None
SINK = ScriptedSink()


def fresh(number: int, key: str | None = None) -> Attempt:
    delivery = a_delivery(number)
    attempt = Attempt(LANE, SINK, delivery, delivery.event)
    attempt.key = key
    return attempt


def returned(number: int, key: str | None = None) -> Attempt:
    attempt = Attempt.of_parked(LANE, SINK, Parked(an_event(number), number, 1000, 0, b""))
    attempt.key = key
    return attempt


def drained(waiting: Waiting, now_s: float = 0.0, *, is_blocked: bool = False) -> list[int]:
    numbers = []
    while waiting.has_ready(now_s, is_blocked=is_blocked):
        attempt = waiting.pop(now_s, is_blocked=is_blocked)
        assert attempt is not None
        numbers.append(attempt.delivery.position)
    assert waiting.pop(now_s, is_blocked=is_blocked) is None
    return numbers


def test_a_retry_that_is_due_goes_first_then_fresh_and_parked_ones_take_turns() -> None:
    waiting = Waiting()
    for number in (1, 2, 3, 4):
        waiting.add(fresh(number))
    for number in (11, 12):
        waiting.add(returned(number), is_returned=True)
    waiting.add_retry(fresh(22), 2.0)
    waiting.add_retry(fresh(21), 1.0)
    waiting.add_retry(fresh(29), 9.0)
    assert (9, 9000) == (len(waiting), waiting.size_bytes)
    assert [21, 22, 11, 1, 12, 2, 3, 4] == drained(waiting, 5.0)
    assert (1, 1000, [29]) == (len(waiting), waiting.size_bytes, drained(waiting, 9.0))


def test_a_lane_with_too_many_blocked_keys_begins_nothing_fresh() -> None:
    waiting = Waiting()
    waiting.add(fresh(1))
    waiting.add(returned(11), is_returned=True)
    waiting.add(returned(12), is_returned=True)
    waiting.add_retry(fresh(21), 0.0)
    assert [21, 11, 12] == drained(waiting, is_blocked=True)
    assert [1] == drained(waiting)


def test_of_a_key_one_is_ready() -> None:
    """The next one is when that has ended, with those it belongs to."""
    waiting = Waiting()
    heads = [fresh(1, "a"), returned(2, "a"), fresh(3, "a")]
    for attempt in heads:
        waiting.add_in_order(attempt, is_returned=attempt.is_as_parked)
    assert (3, [1]) == (len(waiting), drained(waiting))
    for before, after in pairwise(heads):
        head = waiting.keys.leave(before)
        assert head is after
        waiting.resume(after)
        assert (after.is_as_parked, 1) == (bool(waiting.returned), len(waiting.returned) + len(waiting.ready))
        drained(waiting)
    assert (0, 0) == (len(waiting), waiting.size_bytes)


def test_all_but_retries_may_be_taken_out() -> None:
    """Followers last, of each key in order; what is in flight keeps its key."""
    waiting = Waiting()
    in_flight = fresh(1, "a")
    waiting.keys.enter(in_flight)
    waiting.add_in_order(fresh(2, "a"), is_returned=False)
    waiting.add_in_order(fresh(3, "b"), is_returned=False)
    waiting.add_in_order(returned(4, "c"), is_returned=True)
    waiting.add_retry(fresh(5), 1.0)
    assert [4, 3, 2] == [attempt.delivery.position for attempt in waiting.clear_ready()]
    assert (1, 1000) == (len(waiting), waiting.size_bytes)
    assert [True, False, False] == [waiting.keys.holds(key) for key in "abc"]


def test_retries_may_be_taken_out_in_the_order_of_their_time_but_for_redriven_ones() -> None:
    waiting = Waiting()
    redriven, late, soon = fresh(1), fresh(2), fresh(3, "a")
    redriven.is_redriven = True
    waiting.keys.enter(soon)
    waiting.add_retry(redriven, 1.0)
    waiting.add_retry(late, 3.0)
    waiting.add_retry(soon, 2.0)
    assert [(2.0, soon), (3.0, late)] == [(retry.due_s, retry.attempt) for retry in waiting.clear_retries()]
    assert (1, 1000, False) == (len(waiting), waiting.size_bytes, waiting.keys.holds("a"))


def test_a_head_may_be_taken_out_with_those_behind_it() -> None:
    waiting = Waiting()
    head = fresh(1, "a")
    waiting.keys.enter(head)
    for number in (2, 3):
        waiting.add_in_order(fresh(number, "a"), is_returned=False)
    assert [2, 3] == [attempt.delivery.position for attempt in waiting.cut(head)]
    assert (0, 0, False) == (len(waiting), waiting.size_bytes, waiting.keys.holds("a"))


def test_everything_may_be_taken_out() -> None:
    waiting = Waiting()
    waiting.add(fresh(1))
    waiting.add_retry(fresh(2), 1.0)
    assert [1, 2] == [attempt.delivery.position for attempt in waiting.clear()]
    assert (0, 0) == (len(waiting), waiting.size_bytes)
