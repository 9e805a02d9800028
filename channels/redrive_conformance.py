"""The laws of `DeadLetters` about redrives: what is claimed, and how it comes to an end."""

from dataclasses import replace
from typing import Final

from channels.dead_letter import EVERYTHING, DeadLetter, DeadLetters, Redrive, Selector
from channels.dead_letter_witness import (
    REFUSED,
    SHIP,
    SILENT,
    Factory,
    Law,
    comes,
    deliveries_of,
    event_ids,
    filled,
    kept,
    letters_of,
    redrive_of,
)

_TOLD: Final = 100
"""Redrives that ended and are still told of."""


async def a_claim_is_recorded(make: Factory) -> None:
    """As it was asked, with what it claimed: the letters say that they are on their way, and with which redrive."""
    async with make() as store:
        letters = await filled(store, 3)
        selector = Selector(*letters[0].address, reason="retriesexhausted", until_s=4e9, ids=_ids(letters[1:]))
        redrive = await store.claim(selector, rate=2.5)
        assert (selector, 2.5, 2, 0, 0, None) == _book(redrive)
        assert [redrive] == list(store.redrives)
        marked = [replace(letter, redrive_state="pending", redrive_id=redrive.id) for letter in letters[1:]]
        assert [letters[0], *marked] == await letters_of(store)


async def the_oldest_are_claimed_first(make: Factory) -> None:
    """Up to a limit, of those that no other redrive has claimed; later ones are none of its business."""
    async with make() as store:
        await filled(store, 4)
        one = await store.claim(EVERYTHING, rate=None, limit=2)
        other = await store.claim(EVERYTHING, rate=None, limit=1)
        await filled(store, 1)
        rest = await store.claim(EVERYTHING, rate=None)
        claims = [event_ids(await store.claimed(redrive.id, 10)) for redrive in (one, other, rest)]
        assert [["1", "2"], ["3"], ["4", "5"]] == claims
        assert [2, 1, 2] == [redrive.total for redrive in (one, other, rest)]
        assert 3 == len({redrive.id for redrive in (one, other, rest)})
        assert [one, other, rest] == list(store.redrives)


async def a_claim_of_nothing_has_ended(make: Factory) -> None:
    """Where nothing fulfils its selector, or all that does is claimed."""
    async with make() as store:
        await filled(store, 1)
        await store.claim(EVERYTHING, rate=None)
        for selector in (EVERYTHING, Selector(reason="nothing")):
            redrive = await store.claim(selector, rate=None)
            assert 0 == redrive.total
            assert redrive.ended_s is not None
            assert redrive == redrive_of(store, redrive.id)
            assert [] == await store.claimed(redrive.id, 10)


async def what_is_claimed_is_told_until_its_end(make: Factory) -> None:
    """Up to a limit, the oldest first, however often it is asked; of no other redrive."""
    async with make() as store:
        await filled(store, 3)
        redrive = await store.claim(EVERYTHING, rate=None)
        first = await store.claimed(redrive.id, 2)
        assert ["1", "2"] == event_ids(first)
        assert first == await store.claimed(redrive.id, 2)
        assert ["1", "2", "3"] == event_ids(await store.claimed(redrive.id, 10))
        store.redriven(first[0])
        await comes(["2", "3"], lambda: _claimed(store, redrive.id))
        store.failed_again(first[1], ())
        await comes(["3"], lambda: _claimed(store, redrive.id))
        assert [] == await store.claimed("nothing", 10)


async def what_was_redriven_is_gone(make: Factory) -> None:
    """And counted; with the last one the redrive ends."""
    async with make() as store:
        letters = await filled(store, 3)
        redrive = await store.claim(Selector(ids=_ids(letters[:2])), rate=None)
        first, second = await store.claimed(redrive.id, 2)
        store.redriven(second)
        assert replace(redrive, delivered=1) == redrive_of(store, redrive.id)
        store.redriven(first)
        ended = redrive_of(store, redrive.id)
        assert ended.ended_s is not None
        assert ended.ended_s >= redrive.started_s
        assert replace(redrive, delivered=2, ended_s=ended.ended_s) == ended
        assert letters[2:] == await kept(store, 1)
        assert [None, None] == [await store.get(letter.id) for letter in letters[:2]]


async def what_fails_again_stays(make: Factory) -> None:
    """Marked, with its attempts of before and those of the redrive. It may be claimed anew, by the next one."""
    async with make() as store:
        [letter] = await filled(store, 1)
        for number in (1, 2):
            redrive = await store.claim(EVERYTHING, rate=None)
            assert 1 == redrive.total
            [claimed] = await store.claimed(redrive.id, 1)
            store.failed_again(claimed, (REFUSED, SILENT))
            ended = redrive_of(store, redrive.id)
            assert (0, 1, True) == (ended.delivered, ended.failed, ended.ended_s is not None)
            expected = replace(
                letter,
                attempts=letter.attempts + (REFUSED, SILENT) * number,
                redrives=number,
                redrive_state="failed",
                redrive_id=redrive.id,
            )
            await comes([expected], lambda: letters_of(store))
            assert [] == await store.claimed(redrive.id, 1)


async def an_end_is_told_once(make: Factory) -> None:
    """What is told of a letter again, or of one that nobody claimed, does nothing."""
    async with make() as store:
        letters = await filled(store, 4)
        redrive = await store.claim(Selector(ids=_ids(letters[:3])), rate=None)
        first, second, _ = await store.claimed(redrive.id, 3)
        for _ in range(2):
            store.redriven(first)
            store.failed_again(second, (SILENT,))
        store.failed_again(first, ())
        store.redriven(second)
        store.redriven(letters[3])
        store.failed_again(letters[3], (SILENT,))
        assert replace(redrive, delivered=1, failed=1) == redrive_of(store, redrive.id)
        after = await kept(store, 3)
        assert ["2", "3", "4"] == event_ids(after)
        assert [2, 1, 1] == [len(letter.attempts) for letter in after]


async def what_is_discarded_on_its_way_counts_as_failed(make: Factory) -> None:
    """Once, whatever is told of it afterwards. So the redrive ends."""
    async with make() as store:
        letters = await filled(store, 3)
        redrive = await store.claim(EVERYTHING, rate=None)
        first, second, third = await store.claimed(redrive.id, 3)
        assert 1 == sum((await store.discard(Selector(ids=_ids(letters[:1])))).values())
        assert replace(redrive, failed=1) == redrive_of(store, redrive.id)
        store.redriven(first)
        assert replace(redrive, failed=1) == redrive_of(store, redrive.id)
        store.redriven(second)
        assert 1 == sum((await store.discard(EVERYTHING)).values())
        store.failed_again(third, (SILENT,))
        ended = redrive_of(store, redrive.id)
        assert (1, 2, True) == (ended.delivered, ended.failed, ended.ended_s is not None)
        assert [] == await letters_of(store)


async def what_failed_again_is_discarded_as_any_other(make: Factory) -> None:
    """Its redrive has counted it already."""
    async with make() as store:
        await filled(store, 2)
        redrive = await store.claim(EVERYTHING, rate=None)
        first, second = await store.claimed(redrive.id, 2)
        store.failed_again(first, ())
        await comes(["2"], lambda: _claimed(store, redrive.id))
        await store.discard(Selector(ids=(first.id,)))
        assert replace(redrive, failed=1) == redrive_of(store, redrive.id)
        store.redriven(second)
        assert (1, 1) == (redrive_of(store, redrive.id).delivered, redrive_of(store, redrive.id).failed)


async def the_last_hundred_are_told(make: Factory) -> None:
    """And those under way, however old they are."""
    async with make() as store:
        await filled(store, 2)
        open_ = await store.claim(EVERYTHING, rate=None, limit=1)
        ended = [await store.claim(Selector(reason="nothing"), rate=None) for _ in range(_TOLD + 2)]
        young = await store.claim(EVERYTHING, rate=None)
        assert [open_, *ended[2:], young] == list(store.redrives)


async def redrives_survive_a_restart(make: Factory) -> None:
    """Where the store is durable: how far they came, and what they have still to bring to an end."""
    async with make() as store:
        if not store.is_durable:
            return
        store.extend(SHIP, "backlogfull", deliveries_of(1, 4))
        letters = await kept(store, 4)
        ended = await store.claim(Selector(reason="nothing"), rate=1.0)
        redrive = await store.claim(Selector(since_s=1.0), rate=7.5, limit=3)
        first, second, _ = await store.claimed(redrive.id, 3)
        store.redriven(first)
        store.failed_again(second, (SILENT,))
    async with make() as store:
        assert [ended, replace(redrive, delivered=1, failed=1)] == list(store.redrives)
        assert [("2", "failed", 1), ("3", "pending", 0), ("4", "", 0)] == [
            (one.event.id, one.redrive_state, one.redrives) for one in await letters_of(store)
        ]
        assert (SILENT,) == (await letters_of(store))[0].attempts
        [third] = await store.claimed(redrive.id, 10)
        assert letters[2].id == third.id
        store.redriven(third)
        after = redrive_of(store, redrive.id)
        assert (2, 1, True) == (after.delivered, after.failed, after.ended_s is not None)
    async with make() as store:
        assert [_book(ended)[:-1], _book(after)[:-1]] == [_book(one)[:-1] for one in store.redrives]
        assert all(one.ended_s is not None for one in store.redrives)
        assert ["2", "4"] == event_ids(await letters_of(store))
        later = await store.claim(EVERYTHING, rate=None)
        assert (2, 3) == (later.total, len({one.id for one in store.redrives}))


async def _claimed(store: DeadLetters, redrive_id: str) -> list[str]:
    return event_ids(await store.claimed(redrive_id, 10))


def _ids(letters: list[DeadLetter]) -> tuple[str, ...]:
    return tuple(letter.id for letter in letters)


def _book(redrive: Redrive) -> tuple[object, ...]:
    return redrive.selector, redrive.rate, redrive.total, redrive.delivered, redrive.failed, redrive.ended_s


LAWS: Final[tuple[Law, ...]] = (
    a_claim_is_recorded,
    the_oldest_are_claimed_first,
    a_claim_of_nothing_has_ended,
    what_is_claimed_is_told_until_its_end,
    what_was_redriven_is_gone,
    what_fails_again_stays,
    an_end_is_told_once,
    what_is_discarded_on_its_way_counts_as_failed,
    what_failed_again_is_discarded_as_any_other,
    the_last_hundred_are_told,
    redrives_survive_a_restart,
)
