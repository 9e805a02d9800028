"""The redrives of a store in memory: each ends with its last letter, in whatever order they end."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from channels.dead_letter import EVERYTHING, Redrive
from channels.memory_redrive import MemoryRedrives


def a_book() -> MemoryRedrives:
    """Whose clock says 1, 2, 3."""
    times = count(1.0)
    return MemoryRedrives(lambda: next(times))


def test_a_redrive_without_letters_ends_when_it_begins() -> None:
    """And is told of among those that ended."""
    book = a_book()
    redrive = book.begin(EVERYTHING, 2.0, [])
    assert Redrive("m1", EVERYTHING, 2.0, 1.0, 0, ended_s=1.0) == redrive
    assert [redrive] == book.told
    assert [] == [*book.pending("m1")]


def test_they_are_told_in_the_order_of_their_beginnings() -> None:
    """Whichever ends first, and also past the ninth."""
    book = a_book()
    redrives = [book.begin(EVERYTHING, None, [number]) for number in range(12)]
    book.end("m12", 11, is_delivered=True)
    book.end("m2", 1, is_delivered=False)
    assert [f"m{number}" for number in range(1, 13)] == [one.id for one in book.told]
    assert [0, 1] == [one.failed for one in book.told[:2]]
    assert [one.started_s for one in redrives] == [one.started_s for one in book.told]


@given(st.data(), st.integers(1, 8))
def test_a_redrive_ends_with_its_last_letter(data: st.DataObject, total: int) -> None:
    """Until then it tells of those that are left, the oldest first; delivered and failed make the total."""
    book = a_book()
    numbers = list(range(10, 10 + total))
    redrive = book.begin(EVERYTHING, None, numbers)
    delivered = 0
    for number in data.draw(st.permutations(numbers)):
        assert book.told[0].ended_s is None
        is_delivered = data.draw(st.booleans())
        delivered += is_delivered
        book.end(redrive.id, number, is_delivered=is_delivered)
        numbers.remove(number)
        assert numbers == [*book.pending(redrive.id)]
    [ended] = book.told
    assert (delivered, total - delivered, 2.0) == (ended.delivered, ended.failed, ended.ended_s)
