"""Several stores of dead letters answer as one."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.dead_letter import EVERYTHING, Address, DeadLetter, Selector, Tally
from channels.errors import ChannelUnavailable
from dispatcher.redrive import Redriver
from eventing.dead_letter_office import DeadLetterOffice, Missing, UnknownPage
from tests.eventing.small_operations import FAILED_S, AbsentStore, SmallStore

BILL = Address("default", "shop", "bill")
MAIL = Address("default", "shop", "mail")


class NumberedStore(SmallStore):
    """As the journal: its ids are numbers."""

    async def find(self, selector: Selector, *, limit: int, before: str = "") -> list[DeadLetter]:
        found = await super().find(_marked(selector), limit=limit, before=before)
        return [replace(one, id=one.id[1:]) for one in found]

    async def get(self, letter_id: str) -> DeadLetter | None:
        found = await super().get(f"m{letter_id}")
        return None if found is None else replace(found, id=letter_id)

    async def discard(self, selector: Selector, *, limit: int | None = None) -> Mapping[Address, int]:
        return await super().discard(_marked(selector), limit=limit)


def _marked(selector: Selector) -> Selector:
    return replace(selector, ids=tuple(f"m{one}" for one in selector.ids))


def office(*stores: SmallStore) -> DeadLetterOffice:
    """Over servers, each of which counts its letters from m1."""
    named = {f"store {number}": store for number, store in enumerate(stores)}
    return DeadLetterOffice(named, Redriver(lambda address: None, named))


def away(*times: float) -> AbsentStore:
    """A store of such letters that does not answer."""
    store = AbsentStore()
    fill(store, *times)
    return store


def fill(store: SmallStore, *times: float, trigger: str = "bill") -> None:
    for time_s in times:
        store.now_s = FAILED_S + time_s
        store.fill(f"{time_s:g}", trigger=trigger)


async def ids(one: DeadLetterOffice) -> dict[str, str]:
    """The ids that the office tells, by the event's."""
    return {letter.event.id: letter.id for letter in (await one.find(EVERYTHING, limit=99)).letters}


def filled(*times: float, trigger: str = "bill") -> SmallStore:
    """A store of letters that failed so many seconds after the first; their events' ids are these numbers."""
    store = SmallStore()
    fill(store, *times, trigger=trigger)
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


async def test_letters_of_one_number_are_told_apart() -> None:
    """Each by an id of its own, which finds it, and it alone."""
    one = office(filled(1), filled(2), filled(3))
    told = await ids(one)
    assert 3 == len({*told.values()})
    for event_id, letter_id in told.items():
        letter = await one.get(letter_id)
        assert letter is not None
        assert (event_id, letter_id) == (letter.event.id, letter.id)
        found = await one.find(Selector(ids=(letter_id,)), limit=9)
        assert [letter] == list(found.letters)


async def test_ids_are_the_same_after_a_restart() -> None:
    """In whatever order stores come, and whichever else there are."""
    first, second = filled(1), filled(2)
    before = await ids(office(first, second))
    stores = {"store 7": SmallStore(), "store 1": second, "store 0": first}
    assert before == await ids(DeadLetterOffice(stores, Redriver(lambda address: None, stores)))


async def test_what_names_no_store_is_not_found() -> None:
    """Nor is the number of a letter without its store, nor another store's letter."""
    one = office(filled(1))
    (told,) = (await ids(one)).values()
    for unknown in ("m1", "m1.", ".", "", f"m2.{told[-8:]}", "m1.00000000", f"{told}.{told[-8:]}", told[:-1]):
        assert await one.get(unknown) is None
        assert () == (await one.find(Selector(ids=(unknown,)), limit=9)).letters
        assert [] == (await one.tally(Selector(ids=(unknown,)))).value
        assert {} == (await one.discard(Selector(ids=(unknown,)))).value
        assert [] == (await one.redrive(Selector(ids=(unknown,)), rate=None)).value
        assert one.find_redrive(unknown) is None
    assert {"1": told} == await ids(one)


async def test_the_processs_own_stores_keep_their_ids() -> None:
    """They differ among each other, and from those of servers."""
    stores = {"memory": filled(1), "journal": NumberedStore(), "far": filled(2)}
    fill(stores["journal"], 3)
    one = DeadLetterOffice(stores, Redriver(lambda address: None, stores), plain={"memory", "journal"})
    told = await ids(one)
    assert ("m1", "1") == (told["1"], told["3"])
    assert told["2"].startswith("m1.")
    assert ["3", "2", "1"] == [(await one.get(told[event_id])).event.id for event_id in "321"]  # type: ignore[union-attr]
    assert {BILL: 1} == (await one.discard(Selector(ids=("1",)))).value
    assert {"1", "2"} == {*await ids(one)}


async def test_what_is_discarded_by_id_is_no_other() -> None:
    """Of two letters of one number, and of several stores at once."""
    one = office(filled(1, 2), filled(3, 4))
    told = await ids(one)
    assert 1 == (await one.tally(Selector(ids=(told["3"],)))).value[0].count
    assert {BILL: 1} == (await one.discard(Selector(ids=(told["3"],)))).value
    assert {"1", "2", "4"} == {*await ids(one)}
    assert {BILL: 2} == (await one.discard(Selector(ids=(told["1"], told["4"], "m9")))).value
    assert {"2"} == {*await ids(one)}


async def test_what_is_redriven_by_id_is_no_other() -> None:
    """And each redrive tells which letters it was asked for, and each letter of which redrive it is, by ids that reach
    them.
    """
    one = office(filled(1, 2), filled(3, 4))
    told = await ids(one)
    begun = (await one.redrive(Selector(ids=(told["1"], told["4"])), rate=None)).value
    assert [(told["1"],), (told["4"],)] == [redrive.selector.ids for redrive in begun]
    assert 2 == len({redrive.id for redrive in begun})
    for redrive, letter_id in zip(begun, (told["1"], told["4"]), strict=True):
        letter = await one.get(letter_id)
        assert letter is not None
        assert ("pending", redrive.id) == (letter.redrive_state, letter.redrive_id)
        assert redrive == one.find_redrive(redrive.id)
    states = {letter.event.id: letter.redrive_state for letter in (await one.find(EVERYTHING, limit=9)).letters}
    assert {"1": "pending", "2": "", "3": "", "4": "pending"} == states


async def test_a_tally_joins_what_stores_have_of_one_trigger_and_reason() -> None:
    """Counts add up; the first and the last are those of all; the most first."""
    first, second = filled(2, 3), filled(1, 5)
    second.fill("6", trigger="mail")
    told = (await office(first, second).tally(EVERYTHING)).value
    assert [(BILL, 4, FAILED_S + 1, FAILED_S + 5), (MAIL, 1, FAILED_S + 5, FAILED_S + 5)] == [
        (one.address, one.count, one.first_s, one.last_s) for one in told
    ]


async def test_a_discard_counts_over_all_stores_and_stops_at_its_limit() -> None:
    """Nothing more is asked of a store once it is reached."""
    first, second, third = filled(1, 2), filled(3, 4), filled(5, trigger="mail")
    one = office(first, second, third)
    assert {BILL: 3} == (await one.discard(EVERYTHING, limit=3)).value
    assert [1, 1] == [tally.count for tally in (await one.tally(EVERYTHING)).value]
    assert {BILL: 1, MAIL: 1} == (await one.discard(EVERYTHING)).value


async def test_a_redrive_begins_in_each_store_that_holds_any() -> None:
    """The rate is that of all together; one store with nothing records nothing."""
    first, second, third = filled(1), SmallStore(), filled(2, 3)
    begun = (await office(first, second, third).redrive(EVERYTHING, rate=10.0)).value
    assert [(1, 5.0), (2, 5.0)] == [(one.total, one.rate) for one in begun]
    assert [] == list(second.redrives)


async def test_a_redrive_stops_at_its_limit() -> None:
    """Over all stores; and where all is claimed, it tells of none."""
    first, second, third = filled(1), filled(2, 3), filled(4)
    one = office(first, second, third)
    assert [1, 1] == [begun.total for begun in (await one.redrive(EVERYTHING, rate=None, limit=2)).value]
    assert [] == list(third.redrives)
    assert [1, 1] == [begun.total for begun in (await one.redrive(EVERYTHING, rate=None)).value]
    assert [] == (await one.redrive(EVERYTHING, rate=None)).value
    assert [] == (await one.redrive(Selector(broker="x"), rate=1.0)).value


async def test_redrives_are_told_newest_first() -> None:
    """And found by id."""
    first, second = filled(1), filled(2)
    one = office(first, second)
    await one.redrive(Selector(since_s=FAILED_S + 2), rate=None)
    first.now_s = FAILED_S + 9
    (begun,) = (await one.redrive(Selector(until_s=FAILED_S + 2), rate=None)).value
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


async def test_a_store_that_is_away_keeps_nobody_from_the_others() -> None:
    """What they have is told, and who is missing, and why."""
    one = office(filled(1), away(2))
    page, tally = await one.find(EVERYTHING, limit=9), await one.tally(EVERYTHING)
    assert (["1"], [1]) == ([letter.event.id for letter in page.letters], [each.count for each in tally.value])
    assert (Missing("store 1", "the disk is away"),) == page.missing == tally.missing


async def test_nobody_is_missed_who_is_not_asked() -> None:
    """An id says where it leads."""
    absent = away(2)
    one = office(filled(1), absent)
    (near,) = (await ids(one)).values()
    assert () == (await one.find(Selector(ids=(near,)), limit=9)).missing
    assert {BILL: 1} == (told := await one.discard(Selector(ids=(near,)))).value
    assert () == told.missing


async def test_where_all_that_are_asked_are_away_nothing_can_be_said() -> None:
    """An empty answer would be a lie."""
    absent = away(2)
    one = office(filled(1), absent)
    absent.is_away = False
    far = (await ids(one))["2"]
    absent.is_away = True
    only = Selector(ids=(far,))
    for ask in (
        lambda: one.get(far),
        lambda: one.find(only, limit=9),
        lambda: one.tally(only),
        lambda: one.discard(only),
        lambda: one.redrive(only, rate=None),
        lambda: office(absent, away(3)).discard(EVERYTHING, limit=1),
    ):
        with pytest.raises(ChannelUnavailable, match="the disk is away"):
            await ask()


async def test_a_store_that_comes_back_between_pages_is_told_from_where_it_was_left() -> None:
    """So whoever pages on has all letters in the end, though not newest first."""
    absent = away(2, 4, 6)
    one = office(filled(1, 3, 5, 7), absent)
    absent.is_away = False
    first = await one.find(EVERYTHING, limit=2)
    absent.is_away = True
    second = await one.find(EVERYTHING, limit=2, before=first.next)
    absent.is_away = False
    third = await one.find(EVERYTHING, limit=9, before=second.next)
    told = [[letter.event.id for letter in page.letters] for page in (first, second, third)]
    assert [["7", "6"], ["5", "3"], ["4", "2", "1"]] == told
    assert [0, 1, 0] == [len(page.missing) for page in (first, second, third)]


@given(
    st.lists(st.integers(0, 20), max_size=9), st.lists(st.integers(0, 20), max_size=9), st.integers(1, 4),
    st.lists(st.booleans(), max_size=12),
)  # fmt: skip
async def test_no_letter_is_skipped_whenever_a_store_is_away(
    near: list[int], far: list[int], limit: int, absences: list[bool]
) -> None:
    """Who pages on, and asks once more for a page without letters that says who is missing, has each letter once."""
    absent = away(*(float(one) + 100 for one in far))
    one = office(filled(*map(float, near)), absent)
    found: list[str] = []
    before = ""
    while True:
        absent.is_away = bool(absences) and absences.pop()
        page = await one.find(EVERYTHING, limit=limit, before=before)
        found += [letter.event.id for letter in page.letters]
        if not page.next and not page.missing:
            break
        before = page.next or before
    assert sorted([*map(str, near), *(str(one + 100) for one in far)]) == sorted(found)


async def test_the_last_page_is_one_without_letters_while_a_store_is_away() -> None:
    """There is a next one as long as there are letters: the store may be back by then."""
    one = office(filled(1), away(2))
    first = await one.find(EVERYTHING, limit=9)
    assert first.next
    second = await one.find(EVERYTHING, limit=9, before=first.next)
    assert ((), "", 1) == (second.letters, second.next, len(second.missing))


async def test_what_is_away_is_neither_discarded_nor_redriven_and_that_is_told() -> None:
    """The others are."""
    absent = away(2)
    one = office(filled(1), absent, filled(3))
    begun = await one.redrive(EVERYTHING, rate=4.0)
    assert [(1, 2.0), (1, 2.0)] == [(redrive.total, redrive.rate) for redrive in begun.value]
    gone = await one.discard(EVERYTHING)
    assert {BILL: 2} == gone.value
    assert (Missing("store 1", "the disk is away"),) == begun.missing == gone.missing
    absent.is_away = False
    assert ["2"] == [*await ids(one)]
    assert [] == list(absent.redrives)


async def test_a_store_that_leaves_in_the_midst_of_an_order_is_missing_in_its_answer() -> None:
    """It was there to be counted, and away when it was to claim."""

    class LeavingStore(AbsentStore):
        is_away = False

        async def tally(self, selector: Selector) -> list[Tally]:
            found = await super().tally(selector)
            self.is_away = True
            return found

    leaving = LeavingStore()
    fill(leaving, 2)
    begun = await office(filled(1), leaving).redrive(EVERYTHING, rate=None)
    assert ([1], ["store 1"]) == ([one.total for one in begun.value], [one.store for one in begun.missing])
