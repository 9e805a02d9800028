"""Several stores of dead letters answer as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.dead_letter import EVERYTHING, Address, Selector
from dispatcher.redrive import Redriver
from eventing.dead_letter_office import DeadLetterOffice, UnknownPage
from tests.eventing.small_operations import FAILED_S, SmallStore

BILL = Address("default", "shop", "bill")
MAIL = Address("default", "shop", "mail")


class PrefixedStore(SmallStore):
    """As the other kind of store: its ids differ."""

    async def get(self, letter_id: str) -> object:  # type: ignore[override]
        return await super().get(letter_id.removeprefix("x")) if letter_id.startswith("x") else None


def office(*stores: SmallStore) -> DeadLetterOffice:
    named = {f"store {number}": store for number, store in enumerate(stores)}
    return DeadLetterOffice(named, Redriver(lambda address: None, named))


def filled(*times: float, trigger: str = "bill") -> SmallStore:
    """A store of letters that failed so many seconds after the first; their events' ids are these numbers."""
    store = SmallStore()
    for time_s in times:
        store.now_s = FAILED_S + time_s
        store.fill(f"{time_s:g}", trigger=trigger)
    return store


async def pages(one: DeadLetterOffice, limit: int) -> list[list[str]]:
    """The ids of events, page by page."""
    found: list[list[str]] = []
    before = ""
    while True:
        page = await one.find(EVERYTHING, limit=limit, before=before)
        found.append([letter.event.id for letter in page.letters])
        before = page.next
        if not before:
            return found


async def test_letters_of_all_stores_are_found_newest_first() -> None:
    """Page by page, none twice and none missed."""
    one = office(filled(1, 3, 5, 7), filled(2, 4, 6))
    assert [["7", "6", "5"], ["4", "3", "2"], ["1"]] == await pages(one, 3)
    assert [["7", "6", "5", "4", "3", "2", "1"]] == await pages(one, 7)
    assert [[]] == await pages(office(SmallStore(), SmallStore()), 3)


@given(st.lists(st.lists(st.integers(0, 20), max_size=20), min_size=1, max_size=3), st.integers(1, 9))
async def test_pages_hold_every_letter_once(times: list[list[int]], limit: int) -> None:
    """Whatever clocks did: within a store the order is the store's own."""
    found = await pages(office(*(filled(*map(float, one)) for one in times)), limit)
    assert sorted(str(one) for store in times for one in store) == sorted(
        event_id for page in found for event_id in page
    )
    assert all(limit == len(page) for page in found[:-1])


async def test_a_page_of_another_server_is_refused() -> None:
    """Its stores were others."""
    with pytest.raises(UnknownPage):
        await office(SmallStore()).find(EVERYTHING, limit=1, before="m1,m2")


async def test_a_letter_is_found_in_whichever_store_has_it() -> None:
    """None where none has."""
    one = office(filled(1), PrefixedStore())
    letter = await one.get("m1")
    assert letter is not None
    assert "1" == letter.event.id
    assert await one.get("x1") is None


async def test_a_tally_joins_what_stores_have_of_one_trigger_and_reason() -> None:
    """Counts add up; the first and the last are those of all; the most first."""
    first, second = filled(2, 3), filled(1, 5)
    second.fill("6", trigger="mail")
    told = await office(first, second).tally(EVERYTHING)
    assert [(BILL, 4, FAILED_S + 1, FAILED_S + 5), (MAIL, 1, FAILED_S + 5, FAILED_S + 5)] == [
        (one.address, one.count, one.first_s, one.last_s) for one in told
    ]


async def test_a_discard_counts_over_all_stores_and_stops_at_its_limit() -> None:
    """Nothing more is asked of a store once it is reached."""
    first, second, third = filled(1, 2), filled(3, 4), filled(5, trigger="mail")
    one = office(first, second, third)
    assert {BILL: 3} == await one.discard(EVERYTHING, limit=3)
    assert [1, 1] == [tally.count for tally in await one.tally(EVERYTHING)]
    assert {BILL: 1, MAIL: 1} == await one.discard(EVERYTHING)


async def test_a_redrive_begins_in_each_store_that_holds_any() -> None:
    """The rate is that of all together; one store with nothing records nothing."""
    first, second, third = filled(1), SmallStore(), filled(2, 3)
    begun = await office(first, second, third).redrive(EVERYTHING, rate=10.0)
    assert [(1, 5.0), (2, 5.0)] == [(one.total, one.rate) for one in begun]
    assert [] == list(second.redrives)


async def test_a_redrive_stops_at_its_limit() -> None:
    """Over all stores; and where all is claimed, it tells of none."""
    first, second, third = filled(1), filled(2, 3), filled(4)
    one = office(first, second, third)
    assert [1, 1] == [begun.total for begun in await one.redrive(EVERYTHING, rate=None, limit=2)]
    assert [] == list(third.redrives)
    assert [1, 1] == [begun.total for begun in await one.redrive(EVERYTHING, rate=None)]
    assert [] == await one.redrive(EVERYTHING, rate=None)
    assert [] == await one.redrive(Selector(broker="x"), rate=1.0)


async def test_redrives_are_told_newest_first() -> None:
    """And found by id."""
    first, second = filled(1), filled(2)
    one = office(first, second)
    await one.redrive(Selector(since_s=FAILED_S + 2), rate=None)
    first.now_s = FAILED_S + 9
    (begun,) = await one.redrive(Selector(until_s=FAILED_S + 2), rate=None)
    assert begun == one.redrives[0]
    assert 2 == len(one.redrives)
    assert begun == one.find_redrive(begun.id)
    assert one.find_redrive("none") is None


async def test_what_made_room_is_counted_over_all_stores() -> None:
    """A bounded store lets the oldest go."""
    first, second = SmallStore(size_max_bytes=1), SmallStore(size_max_bytes=1)
    first.fill("1", "2", "3")
    second.fill("1", "2")
    assert 3 == office(first, second).evicted
