"""The laws of `DeadLetters` about letters that cannot be read any more, for stores whose storage may be damaged.

A damaged letter is told of nowhere. It costs nothing but itself: no other letter, and no redrive its end.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from channels.dead_letter import EVERYTHING, DeadLetters
from channels.dead_letter_witness import Factory, comes, event_ids, filled, letters_of, redrive_of

Damage = Callable[[DeadLetters, str], Awaitable[None]]
"""Spoil the body of the letter of that id, where the store keeps it."""
DamageLaw = Callable[[Factory, Damage], Awaitable[None]]
"""Raises AssertionError where it is broken."""


async def a_damaged_letter_hides_no_other(make: Factory, damage: Damage) -> None:
    """A page has as many letters as were asked for, while there are so many: a shorter one is the last."""
    async with make() as store:
        letters = await filled(store, 7)
        for number in (2, 4, 5, 7):
            await damage(store, letters[number - 1].id)
        assert ["6", "3"] == event_ids(await store.find(EVERYTHING, limit=2))
        assert ["3", "1"] == event_ids(await store.find(EVERYTHING, limit=2, before=letters[5].id))
        assert ["6", "3", "1"] == event_ids(await store.find(EVERYTHING, limit=7))
        assert [] == await store.find(EVERYTHING, limit=0)
        assert await store.get(letters[6].id) is None


async def a_damaged_letter_keeps_no_redrive_from_its_end(make: Factory, damage: Damage) -> None:
    """It counts as failed, once, when its turn comes."""
    async with make() as store:
        letters = await filled(store, 3)
        for number in (1, 3):
            await damage(store, letters[number - 1].id)
        redrive = await store.claim(EVERYTHING, rate=None)
        assert 3 == redrive.total
        await comes(["2"], lambda: _claimed(store, redrive.id))
        [whole] = await store.claimed(redrive.id, 3)
        store.redriven(whole)
        await comes(0, lambda: _count(store))
        ended = redrive_of(store, redrive.id)
        assert (1, 2, True) == (ended.delivered, ended.failed, ended.ended_s is not None)


async def _claimed(store: DeadLetters, redrive_id: str) -> list[str]:
    return event_ids(await store.claimed(redrive_id, 3))


async def _count(store: DeadLetters) -> int:
    return len(await letters_of(store))


LAWS: Final[tuple[DamageLaw, ...]] = (
    a_damaged_letter_hides_no_other,
    a_damaged_letter_keeps_no_redrive_from_its_end,
)
