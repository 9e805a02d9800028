"""Each law of redrives is shown to catch a store that breaks it."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from channels import redrive_conformance as laws
from channels.dead_letter import Address, AttemptRecord, DeadLetter, Redrive, Selector
from channels.dead_letter_witness import Law
from channels.memory_dead_letter import MemoryDeadLetters
from tests.channels.faulty import name_of
from tests.channels.faulty_dead_letter import DurableLetters, assert_caught


class ForgetsTheRate(MemoryDeadLetters):
    async def claim(self, selector: Selector, *, rate: float | None, limit: int | None = None) -> Redrive:
        return await super().claim(selector, rate=None, limit=limit)


class MarksNothing(MemoryDeadLetters):
    async def find(self, selector: Selector, *, limit: int, before: str = "") -> list[DeadLetter]:
        found = await super().find(selector, limit=limit, before=before)
        return [replace(letter, redrive_state="", redrive_id="") for letter in found]


class ClaimsTheNewest(MemoryDeadLetters):
    async def claim(self, selector: Selector, *, rate: float | None, limit: int | None = None) -> Redrive:
        if limit is not None:
            selector = replace(selector, ids=tuple(one.id for one in await self.find(selector, limit=limit)))
        return await super().claim(selector, rate=rate, limit=limit)


class ClaimsWhatIsClaimed(MemoryDeadLetters):
    async def claim(self, selector: Selector, *, rate: float | None, limit: int | None = None) -> Redrive:
        for number, mark in self._marks.items():
            self._marks[number] = mark._replace(state="")
        return await super().claim(selector, rate=rate, limit=limit)


class NeverEnds(MemoryDeadLetters):
    async def claim(self, selector: Selector, *, rate: float | None, limit: int | None = None) -> Redrive:
        return replace(await super().claim(selector, rate=rate, limit=limit), ended_s=None)


class GivesOutOnce(MemoryDeadLetters):
    async def claimed(self, redrive_id: str, limit: int) -> list[DeadLetter]:
        given = self.__dict__.setdefault("given", set())
        letters = [one for one in await super().claimed(redrive_id, limit) if one.id not in given]
        given.update(letter.id for letter in letters)
        return letters


class GivesOutAll(MemoryDeadLetters):
    async def claimed(self, redrive_id: str, limit: int) -> list[DeadLetter]:
        return await super().claimed(redrive_id, 1000)


class KeepsTheRedriven(MemoryDeadLetters):
    def redriven(self, letter: DeadLetter) -> None:
        super().redriven(letter)
        self.add(letter.address, letter.reason, letter.event, letter.attempts)


class CountsAllAsFailed(MemoryDeadLetters):
    def redriven(self, letter: DeadLetter) -> None:
        self.failed_again(letter, ())


class LosesWhatFailsAgain(MemoryDeadLetters):
    def failed_again(self, letter: DeadLetter, attempts: tuple[AttemptRecord, ...]) -> None:
        super().failed_again(letter, attempts)
        self._remove(self._marks[int(letter.id[1:])].run, int(letter.id[1:]), is_delivered=False)


class ForgetsOldAttempts(MemoryDeadLetters):
    def failed_again(self, letter: DeadLetter, attempts: tuple[AttemptRecord, ...]) -> None:
        super().failed_again(letter, attempts)
        number = int(letter.id[1:])
        self._marks[number] = self._marks[number]._replace(attempts=attempts)


class ClaimsItOnce(MemoryDeadLetters):
    """What failed again is never claimed anew."""

    async def claim(self, selector: Selector, *, rate: float | None, limit: int | None = None) -> Redrive:
        failed = {number: mark for number, mark in self._marks.items() if mark.state == "failed"}
        self._marks.update({number: mark._replace(state="pending") for number, mark in failed.items()})
        redrive = await super().claim(selector, rate=rate, limit=limit)
        self._marks.update(failed)
        return redrive


class HearsEverything(MemoryDeadLetters):
    """Whatever is told of a letter that is there is done, claimed or not."""

    def redriven(self, letter: DeadLetter) -> None:
        for run, number in [*self._chosen(Selector(ids=(letter.id,)))]:
            self._remove(run, number, is_delivered=True)


class DiscardsWithoutCounting(MemoryDeadLetters):
    async def discard(self, selector: Selector, *, limit: int | None = None) -> Mapping[Address, int]:
        self._marks.clear()
        return await super().discard(selector, limit=limit)


class CountsEachDiscarding(MemoryDeadLetters):
    """As failed once more where it had failed again."""

    async def discard(self, selector: Selector, *, limit: int | None = None) -> Mapping[Address, int]:
        for run, number in self._chosen(selector):
            mark = self._mark(run, number)
            for other in [*self._redrives.pending(mark.redrive_id)] if mark.state == "failed" else []:
                self._redrives.end(mark.redrive_id, other, is_delivered=False)
        return await super().discard(selector, limit=limit)


class TellsOfAll(MemoryDeadLetters):
    def __init__(self, *, size_max_bytes: int) -> None:
        super().__init__(size_max_bytes=size_max_bytes)
        self._redrives._ended = deque()


class TellsOfNoOldOnes(MemoryDeadLetters):
    @property
    def redrives(self) -> Sequence[Redrive]:
        return super().redrives[-101:]


class ForgetsHowFarItCame(DurableLetters):
    def reopen(self) -> None:
        for redrive_id, redrive in self._redrives._open.items():
            self._redrives._open[redrive_id] = replace(redrive, delivered=0, failed=0)


class ForgetsClaims(DurableLetters):
    def reopen(self) -> None:
        for number, mark in self._marks.items():
            self._marks[number] = mark._replace(state="", redrive_id="")


class ForgetsEnded(DurableLetters):
    def reopen(self) -> None:
        self._redrives._ended.clear()


FAULTS: list[tuple[Law, type[MemoryDeadLetters]]] = [
    (laws.a_claim_is_recorded, ForgetsTheRate),
    (laws.a_claim_is_recorded, MarksNothing),
    (laws.the_oldest_are_claimed_first, ClaimsTheNewest),
    (laws.the_oldest_are_claimed_first, ClaimsWhatIsClaimed),
    (laws.a_claim_of_nothing_has_ended, NeverEnds),
    (laws.a_claim_of_nothing_has_ended, ClaimsWhatIsClaimed),
    (laws.what_is_claimed_is_told_until_its_end, GivesOutOnce),
    (laws.what_is_claimed_is_told_until_its_end, GivesOutAll),
    (laws.what_was_redriven_is_gone, KeepsTheRedriven),
    (laws.what_was_redriven_is_gone, CountsAllAsFailed),
    (laws.what_fails_again_stays, LosesWhatFailsAgain),
    (laws.what_fails_again_stays, ForgetsOldAttempts),
    (laws.what_fails_again_stays, ClaimsItOnce),
    (laws.an_end_is_told_once, HearsEverything),
    (laws.what_is_discarded_on_its_way_counts_as_failed, DiscardsWithoutCounting),
    (laws.what_failed_again_is_discarded_as_any_other, CountsEachDiscarding),
    (laws.the_last_hundred_are_told, TellsOfAll),
    (laws.the_last_hundred_are_told, TellsOfNoOldOnes),
    (laws.redrives_survive_a_restart, ForgetsHowFarItCame),
    (laws.redrives_survive_a_restart, ForgetsClaims),
    (laws.redrives_survive_a_restart, ForgetsEnded),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("law", "faulty"), FAULTS, ids=name_of)
async def test_the_law_catches_a_store_that_breaks_it(law: Law, faulty: type[MemoryDeadLetters]) -> None:
    """A law that no store can break proves nothing."""
    await assert_caught(law, faulty)


def test_every_law_has_a_store_that_breaks_it() -> None:
    """The list above leaves none out."""
    assert set(laws.LAWS) == {law for law, _ in FAULTS}
