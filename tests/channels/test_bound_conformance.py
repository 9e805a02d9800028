"""Each law of the bound is shown to catch a store that breaks it; the store in memory obeys them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from channels import bound_conformance as laws
from channels.dead_letter import DeadLetters
from channels.dead_letter_witness import REFUSED, Law
from channels.memory_dead_letter import MemoryDeadLetters
from channels.witness import an_event
from tests.channels.faulty import name_of


class KeepsAll(MemoryDeadLetters):
    def _make_room(self) -> None:
        """None."""


class CountsNothing(MemoryDeadLetters):
    def _make_room(self) -> None:
        super()._make_room()
        self.evicted = 0


class CountsWhatLeaves(MemoryDeadLetters):
    def _make_room(self) -> None:
        super()._make_room()
        self.evicted = self._next - 1 - len(self._runs)


class LetsTheNewestGo(MemoryDeadLetters):
    def _make_room(self) -> None:
        while self._size_bytes > self._size_max_bytes:
            self._size_bytes -= self._runs.popitem()[1].size_bytes
            self.evicted += 1


class EvictsWithoutCounting(MemoryDeadLetters):
    def _make_room(self) -> None:
        self._marks.clear()
        super()._make_room()


async def hold(law: Law, kind: type[MemoryDeadLetters]) -> None:
    @asynccontextmanager
    async def make(*, storage: str = "a") -> AsyncIterator[DeadLetters]:
        del storage
        yield kind(size_max_bytes=laws.LETTERS * (an_event("1").size + REFUSED.size))

    await law(make)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("law", "faulty"),
    [
        (laws.the_oldest_make_room, KeepsAll),
        (laws.the_oldest_make_room, CountsNothing),
        (laws.the_oldest_make_room, CountsWhatLeaves),
        (laws.the_oldest_make_room, LetsTheNewestGo),
        (laws.what_makes_room_on_its_way_counts_as_failed, EvictsWithoutCounting),
    ],
    ids=name_of,
)
async def test_the_law_catches_a_store_that_breaks_it(law: Law, faulty: type[MemoryDeadLetters]) -> None:
    """And not the store that it is made of."""
    await hold(law, MemoryDeadLetters)
    with pytest.raises(AssertionError):
        await hold(law, faulty)
