"""Of each key one is the head, and the others wait behind it in order."""

from collections import deque
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.attempt import Attempt
from dispatcher.ordering import Keys
from tests.dispatcher.stage import ScriptedSink, a_delivery


def of_key(key: str | None, number: int = 1) -> Attempt:
    lane: Any = None
    delivery = a_delivery(number)
    attempt = Attempt(lane, ScriptedSink(), delivery, delivery.event)
    attempt.key = key
    return attempt


def test_the_first_of_a_key_is_its_head_and_the_next_ones_wait() -> None:
    keys = Keys()
    first, second, third, other = of_key("a"), of_key("a"), of_key("a"), of_key("b")
    assert [True, False, False, True] == [keys.enter(one) for one in (first, second, third, other)]
    assert (2, 2, 0, True) == (keys.waiting, keys.depth("a"), keys.depth("b"), keys.holds("b"))
    assert [second, third, None] == [keys.leave(one) for one in (first, second, third)]
    assert (0, False) == (keys.waiting, keys.holds("a"))


def test_what_is_no_head_leaves_nothing() -> None:
    """One that waits, one that has left, one of another time."""
    keys = Keys()
    head, waiting = of_key("a"), of_key("a")
    keys.enter(head)
    keys.enter(waiting)
    assert [None, None, None] == [keys.leave(waiting), keys.leave(of_key("a")), keys.leave(of_key(None))]
    assert (1, True) == (keys.waiting, keys.holds("a"))


def test_those_who_wait_may_be_taken_out_and_the_head_stays() -> None:
    keys = Keys()
    attempts = [of_key(key) for key in "aaabbc"]
    for attempt in attempts:
        keys.enter(attempt)
    assert (attempts[1:3], []) == (keys.cut("a"), keys.cut("c"))
    assert 1 == keys.waiting
    assert [attempts[4]] == keys.cut_all()
    assert (0, True, True) == (keys.waiting, keys.holds("a"), keys.holds("b"))
    assert None is keys.leave(attempts[0])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_each_key_is_a_queue_of_its_own(steps: list[tuple[str, bool]]) -> None:
    """Against plain queues: in order, one at a time; a key without events is not held."""
    keys, model, heads = Keys(), {key: deque[Attempt]() for key in "abc"}, dict[str, Attempt]()
    for number, (key, enters) in enumerate(steps):
        if enters:
            attempt = of_key(key, number)
            assert (not model[key]) == keys.enter(attempt)
            model[key].append(attempt)
            heads.setdefault(key, attempt)
        elif key in heads:
            model[key].popleft()
            head = keys.leave(heads.pop(key))
            assert (model[key][0] if model[key] else None) is head
            if head is not None:
                heads[key] = head
        assert sum(max(0, len(queue) - 1) for queue in model.values()) == keys.waiting
        assert [bool(model[one]) for one in "abc"] == [keys.holds(one) for one in "abc"]
