"""What an attempt remembers and what it is charged with."""

from typing import Any

from dispatcher.attempt import HISTORY_MAX, Attempt
from dispatcher.deadletter import AttemptRecord
from tests.dispatcher.stage import ScriptedSink, a_delivery


def a_record(number: int, answer: bytes = b"") -> AttemptRecord:
    return AttemptRecord(float(number), "http://sink/", 503, 0.1, None, answer)


def an_attempt(size_bytes: int = 1000) -> Attempt:
    lane: Any = None
    delivery = a_delivery(size_bytes=size_bytes)
    return Attempt(lane, ScriptedSink(), delivery, delivery.event)


def test_the_last_requests_are_remembered() -> None:
    """In order, at most twenty of them."""
    attempt = an_attempt()
    for number in range(HISTORY_MAX + 5):
        attempt.record(a_record(number))
    assert [float(number) for number in range(5, 25)] == [record.time_s for record in attempt.history]


def test_all_but_the_last_request_can_be_forgotten() -> None:
    """Where memory is short."""
    attempt = an_attempt()
    attempt.record(a_record(1))
    attempt.record(a_record(2))
    attempt.forget()
    assert (a_record(2),) == attempt.history


def test_nothing_to_forget_is_no_fault() -> None:
    """An attempt that was never sent has no history."""
    attempt = an_attempt()
    attempt.forget()
    assert () == attempt.history


def test_the_history_is_charged() -> None:
    """Otherwise a sink that fails with long answers would fill the memory with them."""
    attempt = an_attempt(size_bytes=700)
    assert 700 == attempt.size_bytes
    attempt.record(a_record(1, bytes(1024)))
    attempt.record(a_record(2))
    assert 700 + a_record(1, bytes(1024)).size + a_record(2).size == attempt.size_bytes
    assert 1024 < a_record(1, bytes(1024)).size
