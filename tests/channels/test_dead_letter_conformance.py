"""Each law of dead letters is shown to catch a store that breaks it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from channels import dead_letter_conformance as laws
from channels import redrive_conformance
from channels.contract import Delivery
from channels.dead_letter import EVERYTHING, Address, AttemptRecord, DeadLetter, Selector, Tally
from channels.dead_letter_witness import Law
from channels.event import Event
from channels.memory_dead_letter import MemoryDeadLetters
from tests.channels.faulty import name_of
from tests.channels.faulty_dead_letter import DurableLetters, assert_caught, factory

OWN_LAWS = [law for law in laws.LAWS if law not in redrive_conformance.LAWS]


class KeepsTheLastAttempt(MemoryDeadLetters):
    def add(self, address: Address, reason: str, event: Event, attempts: tuple[AttemptRecord, ...]) -> None:
        super().add(address, reason, event, attempts[-1:])


class LosesTheTtl(MemoryDeadLetters):
    def add(self, address: Address, reason: str, event: Event, attempts: tuple[AttemptRecord, ...]) -> None:
        super().add(address, reason, event.with_ttl(None), attempts)


class TellsTimeSinceItsStart(MemoryDeadLetters):
    def __init__(self, *, size_max_bytes: int) -> None:
        super().__init__(size_max_bytes=size_max_bytes, clock=lambda: 1.0)


class KeepsTheFirstOfMany(MemoryDeadLetters):
    def extend(self, address: Address, reason: str, deliveries: Sequence[Delivery]) -> None:
        super().extend(address, reason, deliveries[:1])


class KeepsManyBackwards(MemoryDeadLetters):
    def extend(self, address: Address, reason: str, deliveries: Sequence[Delivery]) -> None:
        super().extend(address, reason, deliveries[::-1])


class CountsFromTheNewest(MemoryDeadLetters):
    """Ids are free again when their letters have left."""

    async def discard(self, selector: Selector, *, limit: int | None = None) -> Mapping[Address, int]:
        discarded = await super().discard(selector, limit=limit)
        self._next = max((run.first + len(run.events) for run in self._runs.values()), default=1)
        return discarded


class FindsNumbers(MemoryDeadLetters):
    """Whatever stands around them."""

    async def get(self, letter_id: str) -> DeadLetter | None:
        return await super().get(letter_id.strip())


class OldestFirst(MemoryDeadLetters):
    async def find(self, selector: Selector, *, limit: int, before: str = "") -> list[DeadLetter]:
        return (await super().find(selector, limit=limit, before=before))[::-1]


class KnowsOnlyPagesOfWhatIsThere(MemoryDeadLetters):
    async def find(self, selector: Selector, *, limit: int, before: str = "") -> list[DeadLetter]:
        is_there = not before or await self.get(before) is not None
        return await super().find(selector, limit=limit, before=before if is_there else "")


class Selects(MemoryDeadLetters):
    """By what `change` makes of the selector."""

    def change(self, selector: Selector) -> Selector:
        return selector

    async def find(self, selector: Selector, *, limit: int, before: str = "") -> list[DeadLetter]:
        return await super().find(self.change(selector), limit=limit, before=before)


class SelectsAnyNamespace(Selects):
    def change(self, selector: Selector) -> Selector:
        return replace(selector, namespace=None)


class SelectsWithTheEnd(Selects):
    def change(self, selector: Selector) -> Selector:
        return selector if selector.until_s is None else replace(selector, until_s=selector.until_s + 1e-6)


class SelectsWithoutTheBeginning(Selects):
    def change(self, selector: Selector) -> Selector:
        return selector if selector.since_s is None else replace(selector, since_s=selector.since_s + 1e-6)


class SelectsByIdAlone(Selects):
    def change(self, selector: Selector) -> Selector:
        return Selector(ids=selector.ids) if selector.ids else selector


class TalliesEverything(MemoryDeadLetters):
    async def tally(self, selector: Selector) -> list[Tally]:
        return await super().tally(EVERYTHING)


class TalliesByTrigger(MemoryDeadLetters):
    async def tally(self, selector: Selector) -> list[Tally]:
        return [replace(one, reason="refused") for one in await super().tally(selector)]


class TalliesOneTime(MemoryDeadLetters):
    async def tally(self, selector: Selector) -> list[Tally]:
        return [replace(one, first_s=one.last_s) for one in await super().tally(selector)]


class DiscardsTheNewest(MemoryDeadLetters):
    async def discard(self, selector: Selector, *, limit: int | None = None) -> Mapping[Address, int]:
        chosen = await self.find(selector, limit=1000 if limit is None else limit)
        return await super().discard(Selector(ids=tuple(one.id for one in chosen))) if chosen else {}


class DiscardsInSilence(MemoryDeadLetters):
    async def discard(self, selector: Selector, *, limit: int | None = None) -> Mapping[Address, int]:
        await super().discard(selector, limit=limit)
        return {}


class LosesTheYoungest(DurableLetters):
    def reopen(self) -> None:
        if self._runs:
            self._runs.popitem()


class CountsAnew(DurableLetters):
    def reopen(self) -> None:
        if not self._runs:
            self._next = 1


FAULTS: list[tuple[Law, type[MemoryDeadLetters]]] = [
    (laws.a_letter_keeps_everything, KeepsTheLastAttempt),
    (laws.a_letter_keeps_everything, LosesTheTtl),
    (laws.a_letter_keeps_everything, TellsTimeSinceItsStart),
    (laws.many_are_kept_as_one_by_one, KeepsTheFirstOfMany),
    (laws.many_are_kept_as_one_by_one, KeepsManyBackwards),
    (laws.ids_sort_by_age, CountsFromTheNewest),
    (laws.nothing_is_found_by_an_id_that_is_not_there, FindsNumbers),
    (laws.the_newest_are_found_first, OldestFirst),
    (laws.the_newest_are_found_first, KnowsOnlyPagesOfWhatIsThere),
    (laws.a_selector_means_what_it_says, SelectsAnyNamespace),
    (laws.a_selector_means_what_it_says, SelectsWithTheEnd),
    (laws.a_selector_means_what_it_says, SelectsWithoutTheBeginning),
    (laws.a_selector_means_what_it_says, SelectsByIdAlone),
    (laws.a_selector_means_what_it_says, TalliesEverything),
    (laws.a_tally_counts_by_trigger_and_reason, TalliesByTrigger),
    (laws.a_tally_counts_by_trigger_and_reason, TalliesOneTime),
    (laws.the_oldest_are_discarded_first, DiscardsTheNewest),
    (laws.the_oldest_are_discarded_first, DiscardsInSilence),
    (laws.letters_survive_a_restart, LosesTheYoungest),
    (laws.letters_survive_a_restart, CountsAnew),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("law", "faulty"), FAULTS, ids=name_of)
async def test_the_law_catches_a_store_that_breaks_it(law: Law, faulty: type[MemoryDeadLetters]) -> None:
    """A law that no store can break proves nothing."""
    await assert_caught(law, faulty)


def test_every_law_has_a_store_that_breaks_it() -> None:
    """The list above leaves none out."""
    assert set(OWN_LAWS) == {law for law, _ in FAULTS}


def test_every_law_is_in_the_tuple() -> None:
    """A law that nobody runs is none."""
    written = {
        thing
        for module in (laws, redrive_conformance)
        for name, thing in vars(module).items()
        if asyncio.iscoroutinefunction(thing) and thing.__module__ == module.__name__ and not name.startswith("_")
    }
    assert written == set(laws.LAWS)


@pytest.mark.looptime
@pytest.mark.parametrize("law", laws.LAWS, ids=name_of)
async def test_the_model_of_a_durable_store_obeys(law: Law) -> None:
    """Or it would be no wonder that the laws catch what is made of it."""
    await law(factory(DurableLetters))
