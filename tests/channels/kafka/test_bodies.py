"""Which events of what is parked are at hand."""

from collections.abc import Mapping

import pytest

from channels.contract import Delivery
from channels.event import Event
from channels.kafka.batch import Found
from channels.kafka.binding import event_of, headers_of
from channels.kafka.bodies import Bodies
from channels.kafka.link import Link
from channels.kafka.sheet import Sheet
from channels.kafka.topic import Topic, position_of
from channels.witness import an_event

MIB = 2**20


def parked(bodies: Bodies, number: int, *sizes: int) -> Sheet:
    """A sheet that grew so."""
    sheet = Sheet(
        b"%d" % number, "g", "q", 0, is_ordered=False, parked_us=0, due_us=0, due_s=0.0, attempts=0, note=b"",
        sequence=number,
    )  # fmt: skip
    for offset, size_bytes in enumerate(sizes):
        sheet.extend([Delivery(an_event("1"), position_of(0, offset), size_bytes)])
        bodies.keep(sheet, size_bytes)
    return sheet


def some_bodies() -> Bodies:
    return Bodies(Link("", {}, timeout_s=0.0), Topic("t"), _never)


def _read(_: int, record: Found) -> Event:
    return event_of(record.headers, record.value)


def _never(partition: int, record: Found) -> object:
    raise AssertionError((partition, record))


async def test_what_came_first_is_at_hand() -> None:
    """It is wanted first; what comes later takes no room, until there is some again."""
    bodies = some_bodies()
    first, second = parked(bodies, 1, 9 * MIB), parked(bodies, 2, 6 * MIB, 2 * MIB)
    third = parked(bodies, 3, 7 * MIB)
    assert [True, False, True] == [sheet.events is not None for sheet in (first, second, third)]
    bodies.drop(first)
    assert [True] == [sheet.events is not None for sheet in (parked(bodies, 4, 9 * MIB),)]
    assert {(third, 0)} == (await bodies.fetch([(third, 0)])).keys()


class Log(Link):
    """A topic whose records are these, and come all at once."""

    def __init__(self, *records: Found) -> None:
        super().__init__("", {}, timeout_s=0.0)
        self._records = records

    async def fetch(
        self, wanted: Mapping[tuple[str, int], int], *, wait_s: float, size_max_bytes: int
    ) -> dict[tuple[str, int], tuple[list[Found], int]]:
        ((place, offset),) = wanted.items()
        records = [one for one in self._records if one.offset >= offset]
        return {place: (records, max([offset, *[one.offset + 1 for one in records]]))}


@pytest.mark.parametrize(("data", "is_it"), [(b"same", True), (b"other", False)])
async def test_another_event_at_its_place_is_not_what_was_parked(data: bytes, *, is_it: bool) -> None:
    """The topic was made anew: even one of the same name, as those have that are made of records of other programs."""
    sheet = parked(some_bodies(), 1)
    sheet.extend([Delivery(Event.from_attributes(an_event("1").attributes, b"same"), position_of(0, 5), 10)])
    sheet.events = None
    found = Event.from_attributes(an_event("1").attributes, data)
    bodies = Bodies(Log(Found(5, None, data, headers_of(found), 0)), Topic("t"), _read)
    assert ([(sheet, 0)] if is_it else []) == [*await bodies.fetch([(sheet, 0)])]


async def test_a_copy_has_its_event_until_it_is_stored() -> None:
    """It is nowhere else."""
    bodies = some_bodies()
    parked(bodies, 1, 16 * MIB)
    copy = parked(bodies, 2)
    copy.body_offset = -1
    copy.extend([Delivery(an_event("1"), position_of(0, 5), MIB)])
    bodies.keep(copy, MIB)
    assert {(copy, 0)} == (await bodies.fetch([(copy, 0)])).keys()
