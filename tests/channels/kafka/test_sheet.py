"""What was parked together, and what becomes of each."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from channels.contract import Delivery
from channels.kafka.sheet import EVENTS_MAX, Sheet
from channels.kafka.state import pack_parked, unpack_parked
from channels.kafka.topic import position_of
from channels.witness import an_event

_OFFSETS = st.lists(st.integers(0, 2**40), min_size=1, max_size=20, unique=True).map(sorted)


def a_sheet(*offsets: int, is_ordered: bool = False, due_s: float = 0.0) -> Sheet:
    """Of these in partition 3, of which each is charged with its offset."""
    sheet = Sheet(
        b"key", "g", "q", 3, is_ordered=is_ordered, parked_us=1, due_us=2, due_s=due_s, attempts=4, note=b"n",
        sequence=5,
    )  # fmt: skip
    assert [] == sheet.extend(deliveries(*offsets))
    return sheet


def deliveries(*offsets: int) -> list[Delivery]:
    return [Delivery(an_event(str(offset)), position_of(3, offset), offset % 1000) for offset in offsets]


def again(sheet: Sheet) -> Sheet:
    """As another process reads what was written."""
    state = unpack_parked(pack_parked(sheet.state))
    assert state is not None
    return Sheet.restored(sheet.key, sheet.partition, state, due_s=0.0, sequence=6)


def left(sheet: Sheet) -> list[int]:
    return [sheet.offsets[number] for number in sheet.numbers()]


@given(_OFFSETS, st.data())
def test_what_is_left_is_what_others_read(offsets: list[int], data: st.DataObject) -> None:
    """With what it was parked with, and what each is charged with; taken or not."""
    sheet = a_sheet(*offsets)
    for number in data.draw(st.sets(st.integers(0, len(offsets) - 1), max_size=len(offsets) - 1)):
        assert sheet.settle(number)
        assert not sheet.settle(number)
    sheet.draw()
    found = again(sheet)
    assert left(sheet) == left(found)
    for number, offset in enumerate(left(sheet)):
        assert [True, False] == [found.is_of(number, an_event(str(one))) for one in (offset, offset + 1)]
    assert sheet.size_bytes == found.size_bytes == sum(offset % 1000 for offset in left(sheet))
    assert sheet.left == found.left == found.waiting == sheet.waiting + 1
    assert ("g", "q", False, 1, 2, 4, b"n") == (
        found.group, found.queue, found.is_ordered, found.parked_us, found.due_us, found.attempts, found.note,
    )  # fmt: skip


def test_offsets_only_grow() -> None:
    """One that is lower, or there already, has to go elsewhere with those behind it; so has what is too much."""
    sheet = a_sheet(5)
    assert [5, 9] == [one.position >> 12 for one in sheet.extend(deliveries(7, 5, 9))]
    assert [5, 7] == left(sheet)
    assert not sheet.takes(position_of(3, 7))
    assert sheet.takes(position_of(3, 8))
    many = deliveries(*range(8, 8 + EVENTS_MAX))
    assert many[EVENTS_MAX - 2 :] == sheet.extend(many)
    assert not sheet.takes(position_of(3, 2**30))


def test_the_lowest_that_waits_is_drawn() -> None:
    """One that was put back is drawn again; one that was settled meanwhile is not put back."""
    sheet = a_sheet(10, 20, 30)
    assert [0, 1] == [sheet.draw(), sheet.draw()]
    sheet.settle(1)
    assert [True, False, False] == [sheet.put_back(0), sheet.put_back(0), sheet.put_back(1)]
    assert [0, 2] == [sheet.draw(), sheet.draw()]
    assert 0 == sheet.waiting


def test_rank_is_due_time_or_position() -> None:
    """Of the first that waits."""
    assert 7.5 == a_sheet(1, 2, due_s=7.5).rank
    sheet = a_sheet(1, 2, is_ordered=True)
    sheet.draw()
    assert position_of(3, 2) == sheet.rank


def test_what_is_given_up_is_as_it_was_written() -> None:
    """What was settled since then was not said, and waits; what was said stays settled."""
    sheet = a_sheet(1, 2, 3, 4)
    sheet.settle(0)
    sheet.saved()
    sheet.settle(1)
    sheet.draw()
    sheet.give_up()
    assert [2, 3, 4] == left(sheet)
    assert (3, 3, 9) == (sheet.left, sheet.waiting, sheet.size_bytes)
    assert 1 == sheet.draw()


def test_of_two_that_differ_both_are_right() -> None:
    """What either has settled is settled."""
    sheet = a_sheet(1, 2, 3)
    sheet.settle(0)
    assert [2] == [sheet.offsets[number] for number in sheet.missing_from({1, 3})]


def test_what_is_no_sheet_is_refused() -> None:
    """A record that somebody else wrote, or half of one."""
    state = a_sheet(1).state
    offsets = [{"offsets": damaged} for damaged in (state.offsets + state.offsets, state.offsets[:-1], b"")]
    for damage in (*offsets, {"stamps": b""}):
        try:
            Sheet.restored(b"k", 0, replace(state, **damage), due_s=0, sequence=0)
        except ValueError:
            continue
        raise AssertionError(damage)
