"""One queue: what is drawn, and in which order."""

from hypothesis import given
from hypothesis import strategies as st

from channels.contract import Delivery
from channels.kafka.sheet import Drawn, Sheet
from channels.kafka.shelf import Shelf
from channels.kafka.topic import position_of
from channels.witness import an_event

_SHEETS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 5), st.lists(st.integers(0, 50), min_size=1, max_size=6, unique=True)),
    max_size=6,
)
"""Partition, due time, offsets."""


def a_shelf(sheets: list[tuple[int, int, list[int]]], *, is_ordered: bool) -> Shelf:
    shelf = Shelf(is_ordered=is_ordered)
    for sequence, (partition, due_s, offsets) in enumerate(sheets):
        sheet = Sheet(
            b"%d" % sequence, "g", "q", partition, is_ordered=is_ordered, parked_us=0, due_us=0, due_s=due_s,
            attempts=0, note=b"", sequence=sequence,
        )  # fmt: skip
        sheet.extend([Delivery(an_event("1"), position_of(partition, offset), 1) for offset in sorted(offsets)])
        shelf.add(sheet)
    return shelf


def rank(shelf: Shelf, drawn: Drawn) -> tuple[float, int, int]:
    """What comes first among those that wait."""
    sheet, number = drawn
    return (sheet.position(number) if shelf.is_ordered else sheet.due_s, sheet.sequence, number)


@given(_SHEETS, st.booleans(), st.data())
def test_the_first_is_drawn_first(
    sheets: list[tuple[int, int, list[int]]], is_ordered: bool, data: st.DataObject
) -> None:
    """By due time, or by position, whatever was drawn, put back and settled before; nothing twice, all in the end."""
    shelf = a_shelf(sheets, is_ordered=is_ordered)
    waiting = {(sheet, number) for sheet in shelf.sheets.values() for number in range(sheet.left)}
    out: list[Drawn] = []
    while waiting or out:
        assert (len(waiting), len(waiting) + len(out)) == (shelf.waiting, shelf.events)
        drawn = [*shelf.draw(data.draw(st.integers(1, 4)), 10.0)]
        assert drawn == sorted(waiting, key=lambda one: rank(shelf, one))[: len(drawn)]
        assert drawn or not waiting
        waiting.difference_update(drawn)
        out += drawn
        for one in data.draw(st.lists(st.sampled_from(out), unique=True)) if out and waiting else [*out]:
            out.remove(one)
            sheet, number = one
            if waiting and data.draw(st.booleans()):
                assert sheet.put_back(number)
                shelf.count(0, 1, 0)
                shelf.push(sheet)
                waiting.add(one)
            else:
                assert sheet.settle(number)
                shelf.count(-1, 0, -1)


def test_nothing_is_drawn_before_it_is_due() -> None:
    """In order what is behind one that is not due waits, too."""
    sheets = [(0, 5, [1]), (0, 1, [2])]
    assert [(1, 2)] == [
        (sheet.due_s, sheet.offsets[at]) for sheet, at in a_shelf(sheets, is_ordered=False).draw(9, 1.0)
    ]
    assert [] == [*a_shelf(sheets, is_ordered=True).draw(9, 1.0)]
