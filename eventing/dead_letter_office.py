"""All dead letter stores of a server as one: what is asked of dead letters without asking where they rest.

Stores on servers count their letters and redrives each on its own, so the ids told here bear a mark of the store
(`eventing.dead_letter_id`). A store that is away keeps nobody from what the others have: each answer says who is
missing in it. Only where all that are asked are away does the call raise.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from channels.dead_letter import Address, DeadLetter, DeadLetters, Redrive, Selector, Tally
from channels.errors import ChannelUnavailable
from dispatcher.redrive import Redriver
from eventing.dead_letter_id import mark_of, own_id, own_selector, told_letter, told_redrive

T = TypeVar("T")


class UnknownPage(ValueError):  # noqa: N818 - named for what it is
    """The caller must act: that page's name was given by no page of this server."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A store that was asked and did not answer, and why."""

    store: str
    message: str


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """What the stores that answered have, or did. `missing` are the others that were asked."""

    value: T
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some dead letters, newest first. `next` names the page after it, empty where there is none.

    Where a store is missing and there are letters, there is a next page: with what the store has had since the page
    that `next` names last heard of it. A page without letters is the last one.
    """

    letters: tuple[DeadLetter, ...]
    next: str
    missing: tuple[Missing, ...]


class DeadLetterOffice:
    """Over stores by name, which may come and go. `plain` names those whose ids are told as they are: no other of them
    may have the same.

    Everything that awaits raises ChannelUnavailable where each store that it has to ask is away.
    """

    def __init__(self, stores: Mapping[str, DeadLetters], redriver: Redriver, *, plain: Collection[str] = ()) -> None:
        self._stores = stores
        self._redriver = redriver
        self._plain = plain

    @property
    def evicted(self) -> int:
        """Dead letters that left a bounded store for younger ones."""
        return sum(store.evicted for store in self._stores.values())

    async def find(self, selector: Selector, *, limit: int, before: str = "") -> Page:
        """Up to `limit` of them, from the page on that `before` names. Raises UnknownPage.

        A page is named by where it ends in each store: the store's mark, and the store's own id of the last letter from
        there. A store that was away ends where it did before.
        """
        ends = _ends(before)
        if not ends.keys() <= {mark_of(name) for name in self._stores}:
            raise UnknownPage(before)
        found, missing = await _ask(
            self._addressed(selector),
            lambda desk, own: desk.store.find(own, limit=limit + 1, before=ends.get(mark_of(desk.name), "")),
        )
        rows = [[(desk, letter) for letter in letters] for desk, letters in found]
        # By the time of the failure among stores, and by the store's own order within one.
        chosen = list(islice(merge(*rows, key=lambda one: -one[1].time_s), limit))
        for desk, letter in chosen:
            ends[mark_of(desk.name)] = letter.id
        has_more = sum(map(len, rows)) > limit or bool(chosen and missing)
        page = ",".join(f"{mark}.{end}" for mark, end in ends.items())
        return Page(tuple(told_letter(letter, desk.mark) for desk, letter in chosen), page if has_more else "", missing)

    async def get(self, letter_id: str) -> DeadLetter | None:
        """The one with that id, None where there is none (any more), and where the id names no store."""
        for desk in self._desks:
            own = own_id(letter_id, desk.mark)
            if own and (letter := await desk.store.get(own)) is not None:
                return told_letter(letter, desk.mark)
        return None

    async def tally(self, selector: Selector) -> Told[list[Tally]]:
        """How many there are, by Trigger and reason, the most first. Those that a redrive claimed are among them."""
        found, missing = await _ask(self._addressed(selector), lambda desk, own: desk.store.tally(own))
        joined: dict[tuple[Address, str], Tally] = {}
        for one in (tally for _, tallies in found for tally in tallies):
            place = (one.address, one.reason)
            joined[place] = _joined(joined[place], one) if place in joined else one
        return Told(sorted(joined.values(), key=lambda one: (-one.count, one.address, one.reason)), missing)

    async def discard(self, selector: Selector, *, limit: int | None = None) -> Told[Mapping[Address, int]]:
        """Let the oldest of them go, up to `limit`, and say how many for whom.

        Of a store that went away in the midst of it, it is not known how many it let go: none of them is counted.
        """
        gone: Counter[Address] = Counter()

        async def discard(desk: _Desk, own: Selector) -> None:
            left = None if limit is None else limit - gone.total()
            if left != 0:
                gone.update(await desk.store.discard(own, limit=left))

        _, missing = await _ask_in_turn(self._addressed(selector), discard)
        return Told(gone, missing)

    async def redrive(self, selector: Selector, *, rate: float | None, limit: int | None = None) -> Told[list[Redrive]]:
        """Deliver the oldest of them once more, up to `limit` of those that no other redrive has claimed: one redrive
        for each store that holds any. `rate` is events a second, of all of them together.
        """
        asked = self._addressed(selector)
        tallies, away = await _ask(asked, lambda desk, own: desk.store.tally(own))
        holding = {desk for desk, tally in tallies if tally}
        share = None if rate is None else rate / max(1, len(holding))
        begun: list[Redrive] = []

        async def claim(desk: _Desk, own: Selector) -> None:
            left = None if limit is None else limit - sum(one.total for one in begun)
            if left != 0:
                redrive = await desk.store.claim(own, rate=share, limit=left)
                begun.append(told_redrive(redrive, desk.mark))

        _, lost = await _ask_in_turn([(desk, own) for desk, own in asked if desk in holding], claim)
        self._redriver.wake()
        return Told([one for one in begun if one.total], away + lost)

    @property
    def redrives(self) -> list[Redrive]:
        """Those under way and the last that ended, newest first."""
        told = [told_redrive(one, desk.mark) for desk in self._desks for one in desk.store.redrives]
        return sorted(told, key=lambda one: -one.started_s)

    def find_redrive(self, redrive_id: str) -> Redrive | None:
        """The one with that id, None where there is none (any more)."""
        return next((one for one in self.redrives if one.id == redrive_id), None)

    @property
    def _desks(self) -> "list[_Desk]":
        return [
            _Desk(name, "" if name in self._plain else mark_of(name), store) for name, store in self._stores.items()
        ]

    def _addressed(self, selector: Selector) -> "list[_Asked]":
        """Who has to be asked, and what."""
        asked = [(desk, own_selector(selector, desk.mark)) for desk in self._desks]
        return [(desk, own) for desk, own in asked if own is not None]


class _Desk(NamedTuple):
    """A store as the office sees it. `mark` is what its ids bear, empty where they are told as they are."""

    name: str
    mark: str
    store: DeadLetters


_Asked = tuple[_Desk, Selector]
_Answers = tuple[list[tuple[_Desk, T]], tuple[Missing, ...]]


async def _ask(asked: Sequence[_Asked], question: Callable[[_Desk, Selector], Awaitable[T]]) -> _Answers[T]:
    """All at once: one that is away may take its time to say so. Raises ChannelUnavailable where all are."""
    return _answers(await asyncio.gather(*(_answer(desk, question(desk, own)) for desk, own in asked)))


async def _ask_in_turn(asked: Sequence[_Asked], question: Callable[[_Desk, Selector], Awaitable[T]]) -> _Answers[T]:
    """One after the other. Raises ChannelUnavailable where all are away."""
    return _answers([await _answer(desk, question(desk, own)) for desk, own in asked])


async def _answer(desk: _Desk, answer: Awaitable[T]) -> tuple[_Desk, T] | Missing:
    try:
        return desk, await answer
    except ChannelUnavailable as error:
        return Missing(desk.name, str(error))


def _answers(heard: Iterable[tuple[_Desk, T] | Missing]) -> _Answers[T]:
    """Raises ChannelUnavailable where all are missing, and there are any."""
    given: list[tuple[_Desk, T]] = []
    missing: list[Missing] = []
    for one in heard:
        if isinstance(one, Missing):
            missing.append(one)
        else:
            given.append(one)
    if missing and not given:
        raise ChannelUnavailable("; ".join(f"{one.store}: {one.message}" for one in missing))
    return given, tuple(missing)


def _ends(page: str) -> dict[str, str]:
    """Where that page begins in each store, the last id before it by the store's mark. Raises UnknownPage."""
    parts = [part.partition(".") for part in page.split(",")] if page else []
    if not all(dot and end for _, dot, end in parts):
        raise UnknownPage(page)
    return {mark: end for mark, _, end in parts}


def _joined(one: Tally, other: Tally) -> Tally:
    first_s, last_s = min(one.first_s, other.first_s), max(one.last_s, other.last_s)
    return Tally(one.address, one.reason, one.count + other.count, first_s, last_s)
