"""The laws of `DeadLetters` about their bound, for stores that have one: the oldest make room, and are counted.

The factory's stores hold `LETTERS` of such as `channels.dead_letter_witness.filled` adds.
"""

from typing import Final

from channels.dead_letter import EVERYTHING, DeadLetters
from channels.dead_letter_witness import (
    BILL,
    REFUSED,
    Factory,
    Law,
    comes,
    deliveries_of,
    event_ids,
    filled,
    letters_of,
    redrive_of,
)
from channels.witness import an_event

LETTERS: Final = 4


async def the_oldest_make_room(make: Factory) -> None:
    """One for each that comes, told alone or with others; those that are let go count as evicted no more."""
    async with make() as store:
        letters = await filled(store, LETTERS)
        await store.discard(EVERYTHING, limit=1)
        for number in (5, 6):
            store.add(BILL, "refused", an_event(str(number)), (REFUSED,))
        await comes(["3", "4", "5", "6"], lambda: _ids(store))
        await comes(1, lambda: _evicted(store))
        assert await store.get(letters[1].id) is None
        store.extend(BILL, "backlogfull", deliveries_of(7, 7))
        await comes(["4", "5", "6", "7"], lambda: _ids(store))
        await comes(2, lambda: _evicted(store))
    async with make() as store:
        if store.is_durable:
            assert ["4", "5", "6", "7"] == await _ids(store)
            assert 0 == store.evicted


async def what_makes_room_on_its_way_counts_as_failed(make: Factory) -> None:
    """So its redrive ends with the others."""
    async with make() as store:
        await filled(store, LETTERS)
        redrive = await store.claim(EVERYTHING, rate=None, limit=2)
        first, second = await store.claimed(redrive.id, 2)
        store.add(BILL, "refused", an_event("5"), (REFUSED,))
        await comes(["2", "3", "4", "5"], lambda: _ids(store))
        await comes((0, 1, False), lambda: _progress(store, redrive.id))
        store.redriven(first)
        store.redriven(second)
        await comes((1, 1, True), lambda: _progress(store, redrive.id))
        await comes(["3", "4", "5"], lambda: _ids(store))
        assert 1 == store.evicted


async def _ids(store: DeadLetters) -> list[str]:
    return event_ids(await letters_of(store))


async def _evicted(store: DeadLetters) -> int:
    return store.evicted


async def _progress(store: DeadLetters, redrive_id: str) -> tuple[int, int, bool]:
    redrive = redrive_of(store, redrive_id)
    return redrive.delivered, redrive.failed, redrive.ended_s is not None


LAWS: Final[tuple[Law, ...]] = (the_oldest_make_room, what_makes_room_on_its_way_counts_as_failed)
