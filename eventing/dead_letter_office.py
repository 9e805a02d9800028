"""All dead letter stores of a server as one: what is asked of dead letters without asking where they rest."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import islice

from channels.dead_letter import Address, DeadLetter, DeadLetters, Redrive, Selector, Tally
from dispatcher.redrive import Redriver


class UnknownPage(ValueError):  # noqa: N818 - named for what it is
    """The caller must act: that page's name was given by no page of this server."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some dead letters, newest first. `next` names the page after it, empty where there is none."""

    letters: tuple[DeadLetter, ...]
    next: str


class DeadLetterOffice:
    """Over stores by name, whose ids differ; they may come and go. Everything that awaits raises ChannelUnavailable."""

    def __init__(self, stores: Mapping[str, DeadLetters], redriver: Redriver) -> None:
        self._stores = stores
        self._redriver = redriver

    @property
    def evicted(self) -> int:
        """Dead letters that left a bounded store for younger ones."""
        return sum(store.evicted for store in self._stores.values())

    async def find(self, selector: Selector, *, limit: int, before: str = "") -> Page:
        """Up to `limit` of them, from the page on that `before` names. Raises UnknownPage.

        A page is named by where it ends in each store: the store, and the last id from there.
        """
        stores = {_tag(name): store for name, store in self._stores.items()}
        ends = _ends(before)
        if not ends.keys() <= stores.keys():
            raise UnknownPage(before)
        found = [
            [(tag, letter) for letter in await store.find(selector, limit=limit + 1, before=ends.get(tag, ""))]
            for tag, store in stores.items()
        ]
        # By the time of the failure among stores, and by the store's own order within one.
        letters = list(islice(merge(*found, key=lambda one: -one[1].time_s), limit))
        for tag, letter in letters:
            ends[tag] = letter.id
        has_more = sum(map(len, found)) > limit
        page = ",".join(f"{tag}.{end}" for tag, end in ends.items())
        return Page(tuple(letter for _, letter in letters), page if has_more else "")

    async def get(self, letter_id: str) -> DeadLetter | None:
        """The one with that id, None where there is none (any more)."""
        for store in self._stores.values():
            if (letter := await store.get(letter_id)) is not None:
                return letter
        return None

    async def tally(self, selector: Selector) -> list[Tally]:
        """How many there are, by Trigger and reason, the most first. Those that a redrive claimed are among them."""
        found = [tally for store in self._stores.values() for tally in await store.tally(selector)]
        joined: dict[tuple[Address, str], Tally] = {}
        for one in found:
            place = (one.address, one.reason)
            joined[place] = _joined(joined[place], one) if place in joined else one
        return sorted(joined.values(), key=lambda one: (-one.count, one.address, one.reason))

    async def discard(self, selector: Selector, *, limit: int | None = None) -> Mapping[Address, int]:
        """Let the oldest of them go, up to `limit`, and say how many for whom."""
        gone: Counter[Address] = Counter()
        for store in self._stores.values():
            left = None if limit is None else limit - gone.total()
            if left != 0:
                gone.update(await store.discard(selector, limit=left))
        return gone

    async def redrive(self, selector: Selector, *, rate: float | None, limit: int | None = None) -> list[Redrive]:
        """Deliver the oldest of them once more, up to `limit` of those that no other redrive has claimed: one redrive
        for each store that holds any. `rate` is events a second, of all of them together.
        """
        holding = [store for store in self._stores.values() if await store.tally(selector)]
        share = None if rate is None else rate / len(holding or self._stores)
        begun: list[Redrive] = []
        for store in holding:
            left = None if limit is None else limit - sum(one.total for one in begun)
            if left != 0:
                begun.append(await store.claim(selector, rate=share, limit=left))
        self._redriver.wake()
        return [one for one in begun if one.total]

    @property
    def redrives(self) -> list[Redrive]:
        """Those under way and the last that ended, newest first."""
        return sorted(
            (one for store in self._stores.values() for one in store.redrives), key=lambda one: -one.started_s
        )

    def find_redrive(self, redrive_id: str) -> Redrive | None:
        """The one with that id, None where there is none (any more)."""
        return next((one for one in self.redrives if one.id == redrive_id), None)


def _tag(name: str) -> str:
    """A store's name as short as a page's name wants it."""
    return hashlib.blake2s(name.encode(), digest_size=4).hexdigest()


def _ends(page: str) -> dict[str, str]:
    """Where that page begins in each store, the last id before it by the store's tag. Raises UnknownPage."""
    parts = [part.partition(".") for part in page.split(",")] if page else []
    if not all(dot and end for _, dot, end in parts):
        raise UnknownPage(page)
    return {tag: end for tag, _, end in parts}


def _joined(one: Tally, other: Tally) -> Tally:
    first_s, last_s = min(one.first_s, other.first_s), max(one.last_s, other.last_s)
    return Tally(one.address, one.reason, one.count + other.count, first_s, last_s)
