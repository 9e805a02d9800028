"""What an attempt remembers and what it is charged with."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.contract import Parked
from channels.dead_letter import AttemptRecord
from dispatcher.attempt import HISTORY_MAX, Attempt, decode_history, encode_history
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


RECORDS = st.builds(
    AttemptRecord, st.floats(0, 1e10), st.text(), st.none() | st.integers(100, 599), st.floats(0, 1e4),
    st.none() | st.text(), st.binary(max_size=100),
)  # fmt: skip


@given(st.lists(RECORDS, max_size=HISTORY_MAX).map(tuple))
def test_a_history_survives_as_bytes(history: tuple[AttemptRecord, ...]) -> None:
    assert history == decode_history(encode_history(history))


def test_no_history_is_no_bytes() -> None:
    """Most that is parked was never tried."""
    assert (b"", ()) == (encode_history(()), decode_history(b""))


@pytest.mark.parametrize("note", [b"\xff", b"\x01", encode_history((a_record(1),))[:-1], b"\x91\x91\x01"])
def test_a_note_that_is_no_history_counts_as_none(note: bytes) -> None:
    """The event is delivered all the same."""
    assert () == decode_history(note)


def parked(note: bytes, attempts: int = 3) -> Attempt:
    lane: Any = None
    delivery = a_delivery(size_bytes=700)
    return Attempt.of_parked(lane, ScriptedSink(), Parked(delivery.event, 1, 700, attempts, note))


def test_what_was_parked_goes_on_where_it_was() -> None:
    """Its history is bytes until somebody asks."""
    history = (a_record(1), a_record(2))
    note = encode_history(history)
    attempt = parked(note)
    assert (4, True, note, 700 + len(note)) == (attempt.number, attempt.is_as_parked, attempt.note, attempt.size_bytes)
    attempt.record(a_record(3))
    assert ((*history, a_record(3)), False) == (attempt.history, attempt.is_as_parked)
    assert attempt.history == decode_history(attempt.note)


def test_what_was_parked_untried_is_as_it_was() -> None:
    attempt = parked(b"", 0)
    assert (1, True, b"", 700, ()) == (
        attempt.number, attempt.is_as_parked, attempt.note, attempt.size_bytes, attempt.history
    )  # fmt: skip


def test_a_history_may_be_taken_over() -> None:
    """That of an event whose dead letter this is."""
    attempt = an_attempt()
    attempt.history = (a_record(1),)
    assert ((a_record(1),), False) == (attempt.history, attempt.is_as_parked)
