"""What the laws of `channels.dead_letter_conformance` see with: letters to keep, and a patient look at the store."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, TypeVar

from channels.contract import Delivery
from channels.dead_letter import EVERYTHING, Address, AttemptRecord, DeadLetter, DeadLetters, Redrive, Selector
from channels.witness import WAIT_MAX_S, an_event, now_s

BILL: Final = Address("default", "orders", "bill")
SHIP: Final = Address("default", "orders", "ship")
REFUSED: Final = AttemptRecord(1.5, "http://sink/é", 503, 0.25, None, bytes(range(256)))
SILENT: Final = AttemptRecord(2.5, "http://sink/é", None, 30.0, "no answer", b"")
_PAUSE_S: Final = 0.002
_PAUSE_MAX_S: Final = 0.1
_EVERY: Final = 10_000
_T = TypeVar("_T")


class Factory(Protocol):
    """Opens a store for the length of the context. Within one run of a law the same `storage` is the same durable
    storage; where the store is not durable it means nothing. Between runs nothing is kept.
    """

    def __call__(self, *, storage: str = "a") -> AbstractAsyncContextManager[DeadLetters]:
        """One more store."""


Law = Callable[[Factory], Awaitable[None]]
"""Raises AssertionError where it is broken."""


async def filled(
    store: DeadLetters, count: int, address: Address = BILL, reason: str = "retriesexhausted"
) -> list[DeadLetter]:
    """Add that many, whose events' ids are numbers from 1 on; all that the store has then, oldest first."""
    before = len(await letters_of(store))
    for number in range(before + 1, before + count + 1):
        store.add(address, reason, an_event(str(number)), (REFUSED,))
    return await kept(store, before + count)


async def kept(store: DeadLetters, count: int) -> list[DeadLetter]:
    """All letters, oldest first, once there are so many."""
    await comes(count, lambda: _count(store))
    return await letters_of(store)


async def letters_of(store: DeadLetters, selector: Selector = EVERYTHING) -> list[DeadLetter]:
    """Those that fulfil it, oldest first."""
    return (await store.find(selector, limit=_EVERY))[::-1]


async def comes(expected: _T, look: Callable[[], Awaitable[_T]]) -> None:
    """What is told to a store may be seen some time later: look until it is as expected. AssertionError where it is
    not within `WAIT_MAX_S`.
    """
    deadline_s, pause_s = now_s() + WAIT_MAX_S, _PAUSE_S
    while (found := await look()) != expected:
        assert now_s() < deadline_s, f"expected {expected!r}, found {found!r}"
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _PAUSE_MAX_S)


def redrive_of(store: DeadLetters, redrive_id: str) -> Redrive:
    """As the store tells of it."""
    found = [one for one in store.redrives if one.id == redrive_id]
    assert len(found) == 1, f"{len(found)} redrives have the id {redrive_id}"
    return found[0]


def deliveries_of(first: int, last: int) -> list[Delivery]:
    """Small events whose ids are the numbers from first to last."""
    events = [an_event(str(number)) for number in range(first, last + 1)]
    return [Delivery(event, number, event.size) for number, event in enumerate(events, first)]


def event_ids(letters: Sequence[DeadLetter]) -> list[str]:
    """The ids of their events."""
    return [letter.event.id for letter in letters]


async def _count(store: DeadLetters) -> int:
    return len(await letters_of(store))
