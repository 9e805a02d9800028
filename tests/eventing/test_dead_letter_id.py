"""Ids of dead letters as a server tells them, and back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.dead_letter import EVERYTHING, Redrive, Selector
from eventing.dead_letter_id import mark_of, own_id, own_selector, told_id, told_letter, told_redrive
from tests.eventing.small_operations import SmallStore

MARK, OTHER = mark_of("redis one:6379/0"), mark_of("redis two:6379/0")
OWN_IDS = st.from_regex(r"[a-z]?[1-9][0-9]{0,17}|k[0-9]{19}[0-9a-f]{4}", fullmatch=True)
MARKS = st.one_of(st.just(""), st.text(max_size=30).map(mark_of))


def test_a_mark_is_the_same_for_ever() -> None:
    """Ids are written down."""
    assert ("8ba58ed6", True) == (mark_of("redis 127.0.0.1:6379/0"), bool(re.fullmatch("[0-9a-f]{8}", OTHER)))


@given(OWN_IDS, MARKS, MARKS)
def test_what_a_store_calls_so_it_finds_again_and_no_other_does(own: str, mark: str, other: str) -> None:
    """An id needs no quoting in a URL or a shell."""
    told = told_id(own, mark)
    assert re.fullmatch(r"[A-Za-z0-9.]+", told)
    assert own == own_id(told, mark)
    assert (own if other == mark else "") == own_id(told, other)


@pytest.mark.parametrize(
    "told", ["", ".", f".{MARK}", "r1", "r1.", f"r1.{OTHER}", f"r1.{MARK}.{MARK}", f"r1.{MARK[:7]}"]
)
def test_what_is_of_another_store_is_nothing_here(told: str) -> None:
    """Nor is what is of none."""
    assert "" == own_id(told, MARK)


@pytest.mark.parametrize("told", ["", ".", "r1.", f"r1.{MARK}", ".r1"])
def test_a_store_without_a_mark_has_no_id_with_a_dot(told: str) -> None:
    """So an id of a server is never its own."""
    assert "" == own_id(told, "")


def test_what_there_is_not_has_no_mark() -> None:
    """A letter that no redrive has claimed names none."""
    assert "" == told_id("", MARK)


async def test_a_letter_is_told_with_the_redrive_that_claimed_it() -> None:
    """Both are of its store."""
    store = SmallStore()
    store.fill("1")
    await store.claim(EVERYTHING, rate=None)
    (letter,) = await store.find(EVERYTHING, limit=1)
    told = told_letter(letter, MARK)
    assert (f"m1.{MARK}", f"m1.{MARK}", letter.event) == (told.id, told.redrive_id, told.event)
    assert letter is told_letter(letter, "")


@pytest.mark.parametrize("mark", ["", MARK])
def test_a_redrive_is_told_with_the_letters_it_was_asked_for(mark: str) -> None:
    """By ids that find them."""
    redrive = Redrive("r3", Selector(broker="b", ids=("r1", "r2")), 1.0, 2.0, 2)
    told = told_redrive(redrive, mark)
    assert ("r3", ("r1", "r2")) == (own_id(told.id, mark), tuple(own_id(one, mark) for one in told.selector.ids))
    assert "b" == told.selector.broker


def test_a_store_is_asked_for_its_own_letters_alone() -> None:
    """For all where no ids are given, and not at all where none is its own."""
    selector = Selector(broker="b", ids=(f"r1.{MARK}", f"r1.{OTHER}", "7", f"r2.{MARK}"))
    assert Selector(broker="b", ids=("r1", "r2")) == own_selector(selector, MARK)
    assert Selector(broker="b", ids=("7",)) == own_selector(selector, "")
    assert own_selector(selector, mark_of("third")) is None
    assert EVERYTHING is own_selector(EVERYTHING, MARK)
