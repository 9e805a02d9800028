"""Acks in any order, commits without a gap."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.offsets import METADATA_MAX_CHARACTERS, Offsets, settled_by_all

SPAN = st.integers(0, 60)


@given(st.permutations(range(12)), st.integers(0, 2**40))
def test_in_whatever_order_all_are_settled_the_floor_is_the_end(order: list[int], first: int) -> None:
    """And on the way it is the first that is not, while each that was settled is known to be."""
    offsets, settled = Offsets(first), set()
    for at in order:
        offsets.settle(first + at)
        settled.add(at)
        gap = next(one for one in range(13) if one not in settled)
        assert first + gap == offsets.floor
        assert settled == {one for one in range(12) if offsets.has_settled(first + one)}
        assert 12 - len(settled) == offsets.unsettled(first + 12)
    assert (first + 12, set()) == (offsets.floor, offsets.beyond)


@given(st.sets(SPAN), st.lists(SPAN))
def test_settling_twice_is_settling_once(some: set[int], again: list[int]) -> None:
    """Also what is below the floor."""
    one, other = Offsets(0), Offsets(0)
    for at in some:
        one.settle(at)
        other.settle(at)
    for at in again:
        if at in some:
            other.settle(at)
    assert (one.floor, one.beyond) == (other.floor, other.beyond)


@given(st.sets(SPAN), st.integers(0, 2**40))
def test_what_was_committed_is_restored(some: set[int], first: int) -> None:
    """The floor, and what lies beyond it."""
    offsets = Offsets(first)
    for at in some:
        offsets.settle(first + at)
    restored = Offsets.restore(offsets.floor, offsets.metadata())
    assert (offsets.floor, offsets.beyond) == (restored.floor, restored.beyond)


def test_of_too_much_the_lowest_is_kept() -> None:
    """What does not fit beside a commit comes again after a restart: more of it than of what is near."""
    offsets = Offsets(0)
    state = 12_345
    for at in range(1, 200_000):
        state = state * 1_103_515_245 + 12_345 & 0x7FFFFFFF
        if state & 0x10000:
            offsets.settle(at)
    metadata = offsets.metadata()
    assert len(metadata) <= METADATA_MAX_CHARACTERS
    kept = Offsets.restore(0, metadata).beyond
    assert 5_000 < len(kept) < len(offsets.beyond)
    assert sorted(offsets.beyond)[: len(kept)] == sorted(kept)


def test_what_is_too_far_for_a_bitmap_is_let_go() -> None:
    """It would have to be a million events beyond one that is still open."""
    offsets = Offsets(0)
    offsets.settle(2**40)
    offsets.settle(5)
    assert {5} == Offsets.restore(0, offsets.metadata()).beyond


def test_what_was_far_is_near_once_the_floor_has_moved() -> None:
    """It counts all the time, and is part of the metadata then."""
    far = 2**20 + 5
    offsets = Offsets(0)
    offsets.settle(far)
    assert (True, far) == (offsets.has_settled(far), offsets.unsettled(far + 1))
    offsets.skip(0, 100)
    assert {far} == Offsets.restore(offsets.floor, offsets.metadata()).beyond
    offsets.skip(100, far)
    assert (far + 1, set()) == (offsets.floor, offsets.beyond)


def test_metadata_of_others_says_nothing() -> None:
    """Any client may commit for a group, with whatever it likes."""
    for metadata in ("", "leader-epoch-7", "é\x00", "ok", "0" * 4096):
        assert (7, set()) == (Offsets.restore(7, metadata).floor, Offsets.restore(7, metadata).beyond)


def test_what_will_never_come_is_settled() -> None:
    """At the floor, beyond it, and where it joins what was settled."""
    offsets = Offsets(0)
    offsets.settle(3)
    offsets.skip(5, 7)
    assert {3, 5, 6} == offsets.beyond
    offsets.skip(0, 2)
    assert 2 == offsets.floor
    offsets.settle(2)
    assert (4, {5, 6}) == (offsets.floor, offsets.beyond)
    offsets.skip(4, 6)
    assert (7, set()) == (offsets.floor, offsets.beyond)
    offsets.skip(1, 3)
    assert (7, set()) == (offsets.floor, offsets.beyond)
    offsets.skip(7, 8)
    assert 8 == offsets.floor


_GAPS = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 40), st.booleans()), max_size=12)


@given(_GAPS, st.sampled_from([1, 8, 24, 2**20]), st.integers(0, 2**40))
def test_gaps_are_settled_as_each_of_them_would_be(steps: list[tuple[int, int, bool]], bits: int, floor: int) -> None:
    """Whatever was settled before, near or far, and however long they are: with bitmaps of all sizes the same is known,
    and none of it is counted twice.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("channels.offsets._BITS_MAX", bits)
        offsets, settled = Offsets(floor), set()
        for first, count, is_gap in steps:
            if is_gap:
                offsets.skip(floor + first, floor + first + count)
                settled.update(range(first, first + count))
            else:
                offsets.settle(floor + first)
                settled.add(first)
            gap = next(one for one in range(200) if one not in settled)
            beyond = {floor + one for one in settled if one > gap}
            assert (floor + gap, beyond) == (offsets.floor, offsets.beyond)
            assert beyond == {one for one in range(floor + gap, floor + 200) if offsets.has_settled(one)}
            assert 200 - len(settled) == offsets.unsettled(floor + 200)
            assert max([floor + gap, *[one + 1 for one in beyond]]) == offsets.end
            assert (floor + gap, len(beyond)) == offsets.mark


def test_a_gap_of_millions_costs_a_bitmap() -> None:
    """Compaction and transactions leave such, while one event before it is on its way: nothing is kept for each."""
    offsets, end = Offsets(0), 2**40
    tracemalloc.start()
    try:
        offsets.skip(1, end)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2**22
    assert (True, False, 1) == (offsets.has_settled(end - 1), offsets.has_settled(end), offsets.unsettled(end))
    offsets.settle(0)
    assert (end, end) == (offsets.floor, offsets.end)


@given(st.lists(st.tuples(st.integers(0, 30), st.sets(SPAN)), min_size=1, max_size=4), st.integers(0, 80))
def test_what_all_have_settled_is_what_each_has(several: list[tuple[int, set[int]]], end: int) -> None:
    """Before that end."""
    books = [Offsets(floor, beyond) for floor, beyond in several]
    assert sum(all(one.has_settled(at) for one in books) for at in range(end)) == settled_by_all(books, end)
