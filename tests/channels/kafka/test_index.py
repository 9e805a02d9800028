"""What this process and others say of what is parked, in whatever order it is heard."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from channels.contract import Delivery
from channels.kafka.batch import Found
from channels.kafka.link import Link
from channels.kafka.parking import Parking
from channels.kafka.sheet import Drawn, Sheet
from channels.kafka.state import PARKED
from channels.kafka.topic import Topic, position_of
from channels.kafka.writer import Load, Writer
from channels.witness import an_event


class Said(Writer):
    """Keeps what is to be stored, in order."""

    def __init__(self) -> None:
        super().__init__(_NOWHERE, "t", is_owed=True)
        self.found: list[Found] = []

    def put(self, partition: int, load: Load) -> None:
        for record in load.records:
            self.found.append(Found(len(self.found), record.key, record.value, (), 0))


class Process:
    """What is parked in the queue `q` of the group `g`, as one process knows it; all of it is partition 0's."""

    def __init__(self, origin: bytes) -> None:
        self.said = Said()
        self.heard: list[str] = []
        self.parking = Parking(_NOWHERE, Topic("t"), self.said, origin, event_of=_never, hear=self.heard.append)
        self.index = self.parking.index

    def park(self, *offsets: int) -> None:
        held = [Delivery(an_event(str(offset)), position_of(0, offset), 10) for offset in offsets]
        self.parking.park("g", "q", held, 0.0, 0, b"", is_ordered=False)

    def write(self) -> list[Found]:
        """What has changed is said: its records."""
        before = len(self.said.found)
        self.index.write_out()
        return self.said.found[before:]

    def hear(self, records: list[Found]) -> None:
        for record in records:
            self.index.tell(0, record)

    def settle(self, *offsets: int) -> None:
        for sheet in self.sheets():
            for number in [*sheet.numbers()]:
                if sheet.offsets[number] in offsets:
                    self.index.settle(sheet, number)

    def sheets(self) -> list[Sheet]:
        return [*self.index._sheets.values()]

    @property
    def left(self) -> list[int]:
        return sorted([sheet.offsets[number] for sheet in self.sheets() for number in sheet.numbers()])

    @property
    def waiting(self) -> int:
        shelf = self.index.shelves["g"].by_name.get("q")
        return 0 if shelf is None else shelf.waiting


def _never(partition: int, record: Found) -> object:
    raise AssertionError((partition, record))


_NOWHERE = Link("", {}, timeout_s=0.0)


async def test_what_was_settled_soon_is_never_written() -> None:
    """It was in memory alone, and nobody needs to know."""
    one = Process(b"one")
    one.index.own("g", 0)
    one.park(1, 2)
    one.settle(1, 2)
    assert ([], 0, 0) == (one.write(), one.index.events, one.waiting)


async def test_what_is_written_is_joined_by_nothing() -> None:
    """And is not remembered: queues come and go with the keys of events."""
    one = Process(b"one")
    one.index.own("g", 0)
    one.park(1)
    one.park(2)
    assert (1, 1) == (len(one.sheets()), len(one.index.open))
    one.write()
    assert {} == one.index.open
    one.park(3)
    assert [[1, 2], [3]] == [[*sheet.offsets] for sheet in one.sheets()]


async def test_an_echo_brings_nothing_back() -> None:
    """What a process reads of itself is older than what it knows."""
    one = Process(b"one")
    one.index.own("g", 0)
    one.park(1, 2, 3)
    written = one.write()
    one.settle(1)
    rest = one.write()
    one.settle(2, 3)
    gone = one.write()
    assert [1, 1, 1] == [len(written), len(rest), len(gone)]
    for records in (written, rest, gone):
        one.hear(records)
        assert ([], 0) == (one.left, one.waiting)


async def test_an_echo_of_what_another_had_parked_brings_nothing_back() -> None:
    """Its key is the other's, though this process wrote it last."""
    one, other = Process(b"one"), Process(b"other")
    one.index.own("g", 0)
    one.park(1, 2)
    other.hear(one.write())
    other.index.own("g", 0)
    other.settle(1)
    rest = other.write()
    other.settle(2)
    gone = other.write()
    for records in (rest, gone):
        other.hear(records)
        assert ([], 0) == (other.left, other.waiting)
    one.index.lose("g", 0)
    one.hear(rest)
    assert [2] == one.left
    one.hear(gone)
    assert ([], 0, 0) == (one.left, one.index.events, one.index.size_bytes)


async def test_what_was_not_said_did_not_happen_where_a_partition_is_lost() -> None:
    """What was parked since then, and what was settled: the next one has it as it was written, and so has this one."""
    one = Process(b"one")
    one.index.own("g", 0)
    one.park(1, 2)
    one.write()
    one.settle(1)
    one.park(3)
    one.index.lose("g", 0)
    assert ([1, 2], 2, 20) == (one.left, one.index.events, one.index.size_bytes)
    assert [] == one.write()
    one.index.own("g", 0)
    assert 2 == one.waiting


async def test_what_was_settled_whole_and_not_said_comes_back_where_a_partition_is_lost() -> None:
    one = Process(b"one")
    one.index.own("g", 0)
    one.park(1)
    one.write()
    one.settle(1)
    one.index.lose("g", 0)
    one.index.own("g", 0)
    assert ([1], 1) == (one.left, one.waiting)


async def test_what_comes_late_is_told() -> None:
    """The process that had the partition before may have been slow."""
    one, other = Process(b"one"), Process(b"other")
    one.index.own("g", 0)
    other.index.own("g", 0)
    one.park(1)
    other.hear(one.write())
    assert (["g"], 1) == (other.heard, other.waiting)


async def test_what_is_no_sheet_is_counted() -> None:
    one = Process(b"one")
    one.hear([Found(0, PARKED + b"x", b"\xc1", (), 0)])
    assert (1, []) == (one.index.damaged, one.left)


async def test_a_group_that_is_forgotten_leaves_nothing() -> None:
    """What was written is taken back; what was not needs no word."""
    one = Process(b"one")
    one.index.own("g", 0)
    one.park(1)
    one.write()
    one.park(2)
    before = len(one.said.found)
    one.index.forget("g")
    one.write()
    assert [None] == [record.value for record in one.said.found[before:]]
    assert ([], 0, 0) == (one.left, one.index.events, one.index.size_bytes)


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["park", "settle", "draw", "put back", "write", "hear", "hand over", "vanish"]),
        st.integers(0, 7),
    ),
    max_size=40,
)


@given(_STEPS)
def test_whatever_happens_all_agree_in_the_end(steps: list[tuple[str, int]]) -> None:
    """On what is left, and how much that is: what was parked and said, but for what was settled by whom it belonged to.
    A process may read later than another, leave with a word or without one.
    """
    asyncio.run(_agree(steps))


async def _agree(steps: list[tuple[str, int]]) -> None:
    owner, other = Process(b"one"), Process(b"other")
    owner.index.own("g", 0)
    log: list[Found] = []
    read = {owner.said: 0, other.said: 0}
    drawn: list[Drawn] = []
    made = 0
    parked: set[int] = set()

    def hear(process: Process, count: int | None = None) -> None:
        at = read[process.said]
        end = len(log) if count is None else min(len(log), at + count)
        process.hear(log[at:end])
        read[process.said] = end

    for step, number in steps:
        shelves = owner.index.shelves["g"]
        if step == "park":
            offsets = [made + one for one in range(number)]
            made += number
            owner.park(*offsets)
            parked.update(offsets)
        elif step == "settle" and owner.left:
            offset = owner.left[number % len(owner.left)]
            owner.settle(offset)
            parked.discard(offset)
        elif step == "draw":
            drawn += shelves.draw("q", number)
        elif step == "put back":
            shelves.put_back(drawn[:number])
            drawn = drawn[number:]
        elif step == "write":
            log += owner.write()
        elif step == "hear":
            hear((owner, other)[number % 2], number)
        elif step in ("hand over", "vanish"):
            if step == "hand over":
                log += owner.write()
            hear(other)
            owner.index.lose("g", 0)
            owner, other, drawn = other, owner, []
            owner.index.own("g", 0)
            if step == "vanish":  # what was not said did not happen: the log gives those out once more
                parked = {*owner.left}
        assert sorted(parked) == owner.left
        for process in (owner, other):
            assert sum(sheet.left for sheet in process.sheets()) == process.index.events
            assert (
                sum(sheet.size_bytes for sheet in process.sheets())
                == process.index.size_bytes
                == 10 * len(process.left)
            )
        assert sum(sheet.waiting for sheet in owner.sheets()) == owner.waiting
    log += owner.write()
    hear(owner)
    hear(other)
    assert sorted(parked) == owner.left == other.left
    owner.settle(*parked)
    log += owner.write()
    hear(owner)
    hear(other)
    assert [(0, 0, [])] * 2 == [(one.index.events, one.index.size_bytes, one.left) for one in (owner, other)]


async def test_what_the_state_topic_lost_is_written_once_more() -> None:
    """All that is left, by who has it; an event whose copy went with it rests in the log."""
    one, other = Process(b"one"), Process(b"other")
    one.index.own("g", 0)
    one.park(1, 2, 3)
    one.write()
    one.park(4)
    one.write()
    one.sheets()[1].events, one.sheets()[1].body_offset = None, 7
    one.settle(1)
    one.write()
    one.index.write_anew()
    written = one.write()
    other.hear(written)
    assert ([2, 3, 4], None) == (other.left, one.sheets()[1].body_offset)
    other.index.write_anew()
    assert [] == other.write()


async def test_where_a_copy_rests_is_what_was_said_last() -> None:
    """Its topic may be another one by then."""
    one, other = Process(b"one"), Process(b"other")
    one.index.own("g", 0)
    one.park(1)
    one.sheets()[0].body_offset = -1
    (said,) = one.write()
    other.hear([said._replace(offset=5)])
    other.hear([said._replace(offset=2)])
    assert [2] == [sheet.body_offset for sheet in other.sheets()]


async def test_a_copy_that_is_too_large_is_stored_without_its_event() -> None:
    """In its place, so that no crash comes between; the log has it. What was settled meanwhile is gone."""
    one, other = Process(b"one"), Process(b"other")
    one.index.own("g", 0)
    one.park(1)
    one.write()
    one.park(2)
    one.write()
    puts = []
    one.said.put = lambda _, load: puts.append(load)  # type: ignore[method-assign]
    for sheet in one.sheets():
        sheet.body_offset = -1
    one.index.write_anew()
    one.index.write_out()
    one.settle(2)
    ((first,), (second,)) = [one.split() for one in puts]
    assert ([[first], [second]], 1) == ([first.split(), second.split()], len(one.index.refused))
    other.hear([Found(at, put.records[0].key, put.records[0].value, (), 0) for at, put in enumerate((first, second))])
    assert ([1], [None]) == (other.left, [sheet.body_offset for sheet in other.sheets()])
    one.settle(1)
    assert {} == one.index.refused
