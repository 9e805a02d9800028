"""The laws of `DeadLetters`, one short function each, for every store of dead letters to pass.

A store's test runs each of `LAWS` with a factory of its stores. What a store is told it may show some time later, so
the laws look until it does. Laws about a restart hold where the store `is_durable`.
"""

import asyncio
import time
from typing import Final

from channels import redrive_conformance
from channels.dead_letter import EVERYTHING, Address, Selector, Tally, matches
from channels.dead_letter_witness import (
    BILL,
    REFUSED,
    SHIP,
    SILENT,
    Factory,
    Law,
    deliveries_of,
    event_ids,
    filled,
    kept,
    letters_of,
)
from channels.event import Event
from channels.witness import content

__all__ = ["LAWS", "Factory", "Law"]

_APART_S: Final = 0.01
"""Between two failures of which a time is to tell the one from the other."""
_CLOCK_S: Final = 60.0
"""By how much the time of a failure may be beside the wall clock here: a server of its own has its own."""


async def a_letter_keeps_everything(make: Factory) -> None:
    """Whose it is, when and why it failed, the event as it was, and every attempt."""
    raw = {"specversion": b"1.0", "id": b"1", "source": b"/%7Ea", "type": b"caf\xc3\xa9 \xff"}
    event = Event(raw, {}, bytes(range(256)), ttl=7)
    async with make() as store:
        began_s = time.time()
        store.add(SHIP, "retriesexhausted", event, (REFUSED, SILENT))
        [letter] = await kept(store, 1)
        assert (SHIP, "retriesexhausted", (REFUSED, SILENT)) == (letter.address, letter.reason, letter.attempts)
        assert content(event) == content(letter.event)
        assert (0, "", "") == (letter.redrives, letter.redrive_state, letter.redrive_id)
        assert abs(letter.time_s - began_s) < _CLOCK_S
        assert letter == await store.get(letter.id)


async def many_are_kept_as_one_by_one(make: Factory) -> None:
    """Those that were never tried, in their order; none of none."""
    async with make() as store:
        store.extend(BILL, "backlogfull", deliveries_of(1, 3))
        store.extend(BILL, "backlogfull", [])
        store.add(SHIP, "refused", deliveries_of(4, 4)[0].event, (SILENT,))
        store.extend(SHIP, "backlogfull", deliveries_of(5, 6))
        letters = await kept(store, 6)
        assert ["1", "2", "3", "4", "5", "6"] == event_ids(letters)
        assert [(BILL, "backlogfull", ())] * 3 == [(one.address, one.reason, one.attempts) for one in letters[:3]]
        assert [(SHIP, "backlogfull", ())] * 2 == [(one.address, one.reason, one.attempts) for one in letters[4:]]
        assert letters == [await store.get(one.id) for one in letters]


async def ids_sort_by_age(make: Factory) -> None:
    """The longer is the younger, of equal length the greater. None is given twice, whatever has left."""
    async with make() as store:
        letters = await filled(store, 11)
        await store.discard(Selector(ids=(letters[-1].id,)))
        letters += (await filled(store, 1))[-1:]
        ids = [letter.id for letter in letters]
        assert ids == sorted(set(ids), key=lambda one: (len(one), one))


async def nothing_is_found_by_an_id_that_is_not_there(make: Factory) -> None:
    """Never given, no id at all, or gone."""
    async with make() as store:
        gone, there = await filled(store, 2)
        await store.discard(Selector(ids=(gone.id,)))
        for letter_id in ("", "0", "-1", "nothing", f"{there.id}0", f" {there.id}", f"0{there.id}", "é", gone.id):
            assert await store.get(letter_id) is None, f"{letter_id!r} is found"
            assert [] == await letters_of(store, Selector(ids=(letter_id,)))
        assert [there] == await letters_of(store, Selector(ids=("nothing", there.id, there.id)))


async def the_newest_are_found_first(make: Factory) -> None:
    """By pages: each goes on before the last of the one before it, whether or not that is there any more."""
    async with make() as store:
        letters = await filled(store, 7)
        first = await store.find(EVERYTHING, limit=3)
        assert letters[:3:-1] == first
        await store.discard(Selector(ids=(first[-1].id,)))
        second = await store.find(EVERYTHING, limit=3, before=first[-1].id)
        assert letters[3:0:-1] == second
        assert letters[:1] == await store.find(EVERYTHING, limit=3, before=second[-1].id)
        assert [] == await store.find(EVERYTHING, limit=3, before=letters[0].id)
        assert letters[:1] == await store.find(Selector(ids=(letters[0].id,)), limit=1)


async def a_selector_means_what_it_says(make: Factory) -> None:
    """All that is given is fulfilled; from that time on, and before that time. Whatever verb it is given to."""
    async with make() as store:
        addresses = [BILL, SHIP, Address("other", "orders", "bill"), Address("default", "returns", "bill")]
        for number, address in enumerate([*addresses, BILL], 1):
            store.extend(address, "refused" if number == 2 else "retriesexhausted", deliveries_of(number, number))
            letters = await kept(store, number)
            await asyncio.sleep(_APART_S)
        times_s = [letter.time_s for letter in letters]
        assert sorted(set(times_s)) == times_s
        selectors = [
            EVERYTHING,
            *(Selector(namespace=one.namespace) for one in addresses),
            *(Selector(broker=one.broker, trigger=one.trigger) for one in addresses),
            *(Selector(reason=reason) for reason in ("refused", "retriesexhausted", "")),
            Selector(namespace=""),
            *(Selector(since_s=time_s) for time_s in times_s),
            *(Selector(until_s=time_s) for time_s in times_s),
            Selector(since_s=times_s[1], until_s=times_s[3]),
            Selector(since_s=times_s[3], until_s=times_s[1]),
            Selector(ids=(letters[3].id, letters[0].id)),
            Selector(*BILL, reason="retriesexhausted", since_s=times_s[1], ids=tuple(one.id for one in letters)),
        ]
        for selector in selectors:
            expected = [letter for letter in letters if matches(selector, letter)]
            assert expected == await letters_of(store, selector), f"{selector} finds something else"
            assert len(expected) == sum(one.count for one in await store.tally(selector))


async def a_tally_counts_by_trigger_and_reason(make: Factory) -> None:
    """And says when the first and the last of them failed. What was claimed is among them."""
    async with make() as store:
        store.add(BILL, "refused", deliveries_of(1, 1)[0].event, ())
        await kept(store, 1)
        await asyncio.sleep(_APART_S)
        store.extend(SHIP, "refused", deliveries_of(2, 3))
        store.extend(BILL, "backlogfull", deliveries_of(4, 6))
        store.extend(BILL, "refused", deliveries_of(7, 8))
        letters = await kept(store, 8)
        await store.claim(Selector(trigger="ship"), rate=None)
        expected = {
            Tally(BILL, "refused", 3, letters[0].time_s, letters[7].time_s),
            Tally(SHIP, "refused", 2, letters[1].time_s, letters[2].time_s),
            Tally(BILL, "backlogfull", 3, letters[3].time_s, letters[5].time_s),
        }
        found = await store.tally(EVERYTHING)
        assert (3, expected) == (len(found), set(found))
        assert [] == await store.tally(Selector(reason="nothing"))


async def the_oldest_are_discarded_first(make: Factory) -> None:
    """Up to a limit, and the store says how many were whose. They are gone, others stay."""
    async with make() as store:
        for address, first, last in ((BILL, 1, 2), (SHIP, 3, 4), (BILL, 5, 6)):
            store.extend(address, "refused", deliveries_of(first, last))
        letters = await kept(store, 6)
        assert {BILL: 2, SHIP: 1} == dict(await store.discard(EVERYTHING, limit=3))
        assert letters[3:] == await letters_of(store)
        assert [None, letters[3]] == [await store.get(letter.id) for letter in letters[2:4]]
        assert {} == dict(await store.discard(EVERYTHING, limit=0))
        assert {BILL: 2} == dict(await store.discard(Selector(trigger="bill")))
        assert {} == dict(await store.discard(Selector(trigger="bill")))
        assert letters[3:4] == await letters_of(store)
        assert [1] == [one.count for one in await store.tally(EVERYTHING)]


async def letters_survive_a_restart(make: Factory) -> None:
    """Where the store is durable: as they were, told or not; what was discarded does not come back, nor does its id."""
    async with make() as store:
        if not store.is_durable:
            return
        letters = await filled(store, 3)
        await store.discard(Selector(ids=(letters[0].id, letters[2].id)))
        store.extend(SHIP, "backlogfull", deliveries_of(4, 5))
        store.add(SHIP, "refused", deliveries_of(6, 6)[0].event, (REFUSED, SILENT))
    async with make() as store:
        after = await letters_of(store)
        assert letters[1:2] == after[:1]
        assert ["2", "4", "5", "6"] == event_ids(after)
        assert [(SHIP, (), "backlogfull")] * 2 == [(one.address, one.attempts, one.reason) for one in after[1:3]]
        assert (REFUSED, SILENT) == after[3].attempts
        await store.discard(EVERYTHING)
    async with make() as store:
        assert [] == await letters_of(store)
        ids = [letter.id for letter in (*letters, *after[1:], *await filled(store, 1))]
        assert ids == sorted(set(ids), key=lambda one: (len(one), one))


LAWS: Final[tuple[Law, ...]] = (
    a_letter_keeps_everything,
    many_are_kept_as_one_by_one,
    ids_sort_by_age,
    nothing_is_found_by_an_id_that_is_not_there,
    the_newest_are_found_first,
    a_selector_means_what_it_says,
    a_tally_counts_by_trigger_and_reason,
    the_oldest_are_discarded_first,
    letters_survive_a_restart,
    *redrive_conformance.LAWS,
)
