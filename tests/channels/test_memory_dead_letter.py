"""The memory store of dead letters obeys the laws, and is bounded: oldest out first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import Delivery
from channels.dead_letter import EVERYTHING, Address, AttemptRecord, DeadLetter, Selector
from channels.dead_letter_conformance import LAWS, Law
from channels.dead_letter_witness import event_ids, letters_of, redrive_of
from channels.event import Event
from channels.memory_dead_letter import MemoryDeadLetters
from tests.channels.faulty import name_of

EVENT = Event.from_attributes({"id": "1", "source": "/s", "type": "t"}, b"data")
ATTEMPT = AttemptRecord(1.0, "http://sink", 503, 0.1, None, b"busy")
ADDRESS = Address("ns", "b", "t")


async def add(
    store: MemoryDeadLetters, *, data: bytes = b"", attempts: tuple[AttemptRecord, ...] = (ATTEMPT,)
) -> DeadLetter:
    event = Event.from_attributes({"id": "1", "source": "/s", "type": "t"}, data)
    store.add(ADDRESS, "retriesexhausted", event, attempts)
    return (await store.find(EVERYTHING, limit=1))[0]


async def room_for(count: int) -> MemoryDeadLetters:
    """A store for that many small letters."""
    return MemoryDeadLetters(size_max_bytes=count * (await add(MemoryDeadLetters(size_max_bytes=10**6))).size)


@asynccontextmanager
async def make(*, storage: str = "a") -> AsyncIterator[MemoryDeadLetters]:
    yield MemoryDeadLetters(size_max_bytes=2**30)


@pytest.mark.looptime
@pytest.mark.parametrize("law", LAWS, ids=name_of)
async def test_the_memory_store_obeys(law: Law) -> None:
    """Every law of dead letters."""
    await law(make)


async def test_the_time_is_that_of_the_clock() -> None:
    """Of the failure, and of a redrive's beginning and end."""
    times = iter([10.0, 20.0, 30.0])
    store = MemoryDeadLetters(size_max_bytes=10**6, clock=lambda: next(times))
    letter = await add(store)
    redrive = await store.claim(EVERYTHING, rate=None)
    store.redriven((await store.claimed(redrive.id, 1))[0])
    assert (10.0, 20.0, 30.0) == (letter.time_s, redrive.started_s, redrive_of(store, redrive.id).ended_s)


async def test_ids_are_those_of_this_kind_of_store() -> None:
    """Another store's are never found here, nor what only looks like a number."""
    store = MemoryDeadLetters(size_max_bytes=10**6)
    letters = [await add(store) for _ in range(2)]
    assert ["m1", "m2"] == [letter.id for letter in letters]
    for foreign in ("1", "M1", "m01", "m+1", "m\u0661", "m", "m" + "1" * 5000):
        assert await store.get(foreign) is None
        assert [] == await store.find(EVERYTHING, limit=9, before=foreign)


async def test_the_oldest_make_room() -> None:
    """The bound holds, what left is counted, and ids go on."""
    store = await room_for(2)
    first, second, third = [await add(store) for _ in range(3)]
    assert ([second, third], 1) == (await letters_of(store), store.evicted)
    assert [None, second, third] == [await store.get(letter.id) for letter in (first, second, third)]


async def test_the_newest_stays_however_large() -> None:
    """A letter that alone is over the bound is kept: it is the one somebody will look for."""
    store = MemoryDeadLetters(size_max_bytes=10)
    await add(store)
    large = await add(store, data=bytes(10**6))
    assert [large] == await letters_of(store)


async def test_what_made_room_on_its_way_counts_as_failed() -> None:
    """Or its redrive would never end. What is told of it later is told too late."""
    store = await room_for(2)
    await add(store)
    redrive = await store.claim(EVERYTHING, rate=None)
    [claimed] = await store.claimed(redrive.id, 1)
    await add(store)
    await add(store)
    ended = redrive_of(store, redrive.id)
    assert (1, 0, 1, True) == (store.evicted, ended.delivered, ended.failed, ended.ended_s is not None)
    store.redriven(claimed)
    store.failed_again(claimed, (ATTEMPT,))
    assert [ended] == list(store.redrives)


async def test_what_failed_again_and_made_room_was_counted_before() -> None:
    """Its redrive has ended, and is left alone."""
    store = await room_for(3)
    await add(store)
    redrive = await store.claim(EVERYTHING, rate=None)
    store.failed_again((await store.claimed(redrive.id, 1))[0], ())
    ended = redrive_of(store, redrive.id)
    for _ in range(3):
        await add(store)
    assert (1, [ended]) == (store.evicted, list(store.redrives))


async def test_attempts_of_a_redrive_are_charged() -> None:
    """What failed again is larger than before, and older ones make room for it."""
    store = await room_for(2)
    await add(store)
    young = await add(store)
    redrive = await store.claim(Selector(ids=(young.id,)), rate=None)
    store.failed_again((await store.claimed(redrive.id, 1))[0], (ATTEMPT,))
    assert ([young.id], 1) == ([letter.id for letter in await letters_of(store)], store.evicted)


async def test_what_has_left_makes_room() -> None:
    """Discarded or delivered, out of the middle of many that came together; none is evicted for the next."""
    store = MemoryDeadLetters(size_max_bytes=64 * EVENT.size)
    for _ in range(16):
        store.extend(ADDRESS, "backlogfull", [Delivery(EVENT, number, EVENT.size) for number in range(4)])
    letters = await letters_of(store)
    assert 2 == sum((await store.discard(Selector(ids=(letters[1].id, letters[6].id)))).values())
    redrive = await store.claim(Selector(ids=(letters[2].id,)), rate=None)
    store.redriven((await store.claimed(redrive.id, 1))[0])
    for _ in range(3):
        store.add(ADDRESS, "refused", EVENT, ())
    assert (0, 64) == (store.evicted, len(await letters_of(store)))
    store.add(ADDRESS, "refused", EVENT, ())
    assert (2, 63) == (store.evicted, len(await letters_of(store)))


async def test_nothing_is_kept_of_those_that_are_gone() -> None:
    """A store that is emptied again and again does not grow."""
    store = MemoryDeadLetters(size_max_bytes=10**6)
    for _ in range(5):
        store.extend(ADDRESS, "backlogfull", [Delivery(EVENT, number, EVENT.size) for number in range(4)])
        redrive = await store.claim(EVERYTHING, rate=None, limit=3)
        for letter in await store.claimed(redrive.id, 3):
            store.redriven(letter)
        await store.discard(EVERYTHING)
    assert (0, 0, 0) == (len(store._runs), len(store._marks), store._size_bytes)


sizes = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 3)), max_size=50)


@settings(deadline=None)
@given(sizes, st.integers(0, 20_000))
async def test_the_bound_holds_after_every_letter(sizes: list[tuple[int, int]], size_max_bytes: int) -> None:
    """At most the bound, or one letter; every letter is kept or counted as evicted; each id finds its own."""
    store = MemoryDeadLetters(size_max_bytes=size_max_bytes)
    for count, (size, attempts) in enumerate(sizes, 1):
        assert f"m{count}" == (await add(store, data=bytes(size), attempts=(ATTEMPT,) * attempts)).id
        kept = await letters_of(store)
        assert sum(letter.size for letter in kept) <= size_max_bytes or len(kept) == 1
        assert count == len(kept) + store.evicted
        assert kept == [await store.get(letter.id) for letter in kept]


@settings(deadline=None)
@given(st.lists(st.integers(1, 4), max_size=20), st.integers(1, 60))
async def test_many_at_once_are_found_and_bounded_as_one_by_one(runs: list[int], room: int) -> None:
    """Ids have no gap, every letter that is there is found by its own, and the bound holds but for the newest."""
    store = MemoryDeadLetters(size_max_bytes=room * EVENT.size)
    added = 0
    for run in runs:
        events = [EVENT.with_attributes({"id": f"m{number}"}) for number in range(added + 1, added + run + 1)]
        store.extend(ADDRESS, "backlogfull", [Delivery(event, 1, EVENT.size) for event in events])
        added += run
        assert len(await letters_of(store)) <= max(1, room)
    letters = await letters_of(store)
    assert [f"m{number}" for number in range(store.evicted + 1, added + 1)] == [letter.id for letter in letters]
    assert [letter.id for letter in letters] == event_ids(letters)
    assert letters == [await store.get(letter.id) for letter in letters]
    assert await store.get(f"m{added + 1}") is None
