"""Each law of damaged letters is shown to catch a store that breaks it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from channels import damage_conformance as laws
from channels.damage_conformance import DamageLaw
from channels.dead_letter import DeadLetter, DeadLetters, Selector
from channels.memory_dead_letter import MemoryDeadLetters
from tests.channels.faulty import name_of


class Damaged(MemoryDeadLetters):
    """A model of a store that can be damaged."""

    def __init__(self) -> None:
        super().__init__(size_max_bytes=2**30)
        self.damaged: set[str] = set()

    async def find(self, selector: Selector, *, limit: int, before: str = "") -> list[DeadLetter]:
        found = await super().find(selector, limit=10_000, before=before)
        return self.whole(found)[:limit]

    async def get(self, letter_id: str) -> DeadLetter | None:
        return None if letter_id in self.damaged else await super().get(letter_id)

    async def claimed(self, redrive_id: str, limit: int) -> list[DeadLetter]:
        found = await super().claimed(redrive_id, limit)
        for letter in found:
            if letter.id in self.damaged:
                self.failed_again(letter, ())
        return self.whole(found)

    def whole(self, found: list[DeadLetter]) -> list[DeadLetter]:
        return [one for one in found if one.id not in self.damaged]


class FindsFewer(Damaged):
    async def find(self, selector: Selector, *, limit: int, before: str = "") -> list[DeadLetter]:
        return self.whole(await MemoryDeadLetters.find(self, selector, limit=limit, before=before))


class TellsOfTheDamaged(Damaged):
    async def get(self, letter_id: str) -> DeadLetter | None:
        return await MemoryDeadLetters.get(self, letter_id)


class WaitsForTheDamaged(Damaged):
    async def claimed(self, redrive_id: str, limit: int) -> list[DeadLetter]:
        return self.whole(await MemoryDeadLetters.claimed(self, redrive_id, limit))


async def damage(store: DeadLetters, letter_id: str) -> None:
    assert isinstance(store, Damaged)
    store.damaged.add(letter_id)


async def hold(law: DamageLaw, kind: type[Damaged]) -> None:
    @asynccontextmanager
    async def make(*, storage: str = "a") -> AsyncIterator[DeadLetters]:
        del storage
        yield kind()

    await law(make, damage)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("law", "faulty"),
    [
        (laws.a_damaged_letter_hides_no_other, FindsFewer),
        (laws.a_damaged_letter_hides_no_other, TellsOfTheDamaged),
        (laws.a_damaged_letter_keeps_no_redrive_from_its_end, WaitsForTheDamaged),
    ],
    ids=name_of,
)
async def test_the_law_catches_a_store_that_breaks_it(law: DamageLaw, faulty: type[Damaged]) -> None:
    """And not the model that it is made of."""
    await hold(law, Damaged)
    with pytest.raises(AssertionError):
        await hold(law, faulty)
