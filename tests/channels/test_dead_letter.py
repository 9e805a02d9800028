"""What a dead letter is charged with, and which letters a selector means."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.dead_letter import EVERYTHING, Address, AttemptRecord, DeadLetter, Selector, is_about, matches, number_in
from channels.event import Event

EVENT = Event.from_attributes({"id": "1", "source": "/s", "type": "t"}, b"data")
ATTEMPT = AttemptRecord(1.0, "http://sink", 503, 0.1, None, b"busy")
LETTER = DeadLetter("m1", 2.0, Address("ns", "b", "t"), "refused", EVENT, ())
FITTING = Selector("ns", "b", "t", "refused", 2.0, 2.5, ("m1", "m2"))

texts = st.none() | st.sampled_from(["ns", "b", "t", "refused", ""])
times = st.none() | st.sampled_from([1.9, 2.0, 2.1])


def test_answers_are_charged() -> None:
    """A letter's size counts its event and what each attempt kept."""
    assert EVENT.size + 3 * (128 + len(b"busy")) == replace(LETTER, attempts=(ATTEMPT,) * 3).size
    assert EVENT.size == LETTER.size


def test_everything_is_meant_by_a_selector_that_says_nothing() -> None:
    """And by one that says exactly what the letter is."""
    assert matches(EVERYTHING, LETTER)
    assert matches(FITTING, LETTER)


@pytest.mark.parametrize(
    "change",
    [
        *({"namespace": "other"}, {"broker": "other"}, {"trigger": "other"}, {"reason": "other"}, {"reason": ""}),
        *({"since_s": 2.000001}, {"until_s": 2.0}, {"ids": ("m2",)}),
    ],
)
def test_a_letter_is_not_meant_where_one_thing_is_not_fulfilled(change: dict[str, object]) -> None:
    """Whatever the others are. A time is the first that is meant, the other the first that is not any more."""
    assert not matches(replace(FITTING, **change), LETTER)


@given(st.tuples(texts, texts, texts, texts, times, times), st.sampled_from([(), ("m1",), ("m2",), ("m2", "m1")]))
def test_what_is_given_is_fulfilled_each_by_itself(given_: tuple, ids: tuple[str, ...]) -> None:
    """A selector means what all selectors with one of its parts mean."""
    parts = [Selector(*(one if place == number else None for place, one in enumerate(given_))) for number in range(6)]
    is_meant = all(matches(part, LETTER) for part in (*parts, Selector(ids=ids)))
    assert is_meant == matches(Selector(*given_, ids=ids), LETTER)
    assert matches(Selector(*given_), LETTER) == is_about(Selector(*given_, ids=ids), *LETTER_HEAD)


LETTER_HEAD = (LETTER.address, LETTER.reason, LETTER.time_s)


@pytest.mark.parametrize(
    "letter_id", ["", "k", "k0", "k01", "k1234", "k-1", "k1 ", "k\u00b2", "k\u0661", "m1", "1", "kk1"]
)
def test_what_is_no_id_has_no_number(letter_id: str) -> None:
    """Another mark, another text, or more digits than the store knows."""
    assert 0 == number_in(letter_id, "k", digits_max=3)


def test_an_id_is_a_mark_and_a_number() -> None:
    """From 1 on."""
    assert [1, 12, 999] == [number_in(letter_id, "k", digits_max=3) for letter_id in ("k1", "k12", "k999")]
