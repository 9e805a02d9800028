"""What members of this process park in one channel, take out and settle.

Events stay where they are, in the log: what is written of them is where they rest, many at a time.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final

from channels.contract import Delivery, Position
from channels.event import Event
from channels.kafka.batch import Found
from channels.kafka.bodies import Bodies
from channels.kafka.index import Index
from channels.kafka.link import Link
from channels.kafka.sheet import Sheet, Taken
from channels.kafka.shelf import Clock
from channels.kafka.state import PARKED
from channels.kafka.topic import PARTITION_MASK, Topic
from channels.kafka.writer import Put, Writer

_REFUSED_US: Final = 600_000_000
"""A copy that was too large is tried again after so long: the topic may take it by then."""


class Parking:
    """`origin` names this process in the keys of what it parks; `event_of` says which event a record of the log is."""

    def __init__(
        self, link: Link, topic: Topic, writer: Writer[Put], origin: bytes, *, event_of: Callable[[int, Found], Event],
        hear: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._prefix: Final = PARKED + origin
        self._clock: Final = Clock()
        self._bodies: Final = Bodies(link, topic, event_of)
        self.index: Final = Index(writer, self._bodies, self._clock, self._prefix, hear)
        self._made = 0

    def park(
        self, group: str, queue: str, deliveries: Sequence[Delivery], after_s: float, attempts: int, note: bytes,
        *, is_ordered: bool,
    ) -> None:  # fmt: skip
        """Each is parked, and will be stored. What is another process's by now is that one's to park."""
        by_partition: dict[int, list[Delivery]] = defaultdict(list)
        for one in deliveries:
            by_partition[one.position & PARTITION_MASK].append(one)
        for partition, ones in by_partition.items():
            while ones and partition in self.index.owned[group]:
                sheet = self._sheet(
                    group, queue, partition, ones[0].position, after_s, attempts, note, is_ordered=is_ordered
                )
                ones = self._extend(sheet, ones)

    async def take(self, group: str, queue: str, max_events: int) -> list[Taken]:
        """Up to so many that are due are the caller's. Raises ChannelUnavailable."""
        shelves = self.index.shelves.get(group)
        drawn = [] if shelves is None else shelves.draw(queue, max_events)
        if shelves is None or not drawn:
            return []
        try:
            events = await self._bodies.fetch(drawn)
        except BaseException:
            shelves.put_back(drawn)
            raise
        taken = []
        for sheet, number in drawn:
            event = events.get((sheet, number))
            if not self._is_drawn(sheet, number):
                continue
            if event is None:
                self.index.damaged += 1
                self.index.settle(sheet, number)
                continue
            one = sheet.taken[number] = Taken(sheet, number, event)
            taken.append(one)
        return taken

    def settle(self, taken: Iterable[Taken]) -> None:
        """They are parked no more."""
        for one in taken:
            self.index.settle(one.sheet, one.number)

    def put_back(self, taken: Iterable[Taken]) -> None:
        """Nobody has them any more."""
        for one in taken:
            if one.sheet.group in self.index.shelves:
                self.index.shelves[one.sheet.group].put_back([(one.sheet, one.number)])

    def clear(self, group: str, queue: str) -> int:
        """All of that queue is settled; how many that was."""
        shelves = self.index.shelves.get(group)
        shelf = None if shelves is None else shelves.by_name.get(queue)
        if shelf is None:
            return 0
        events = shelf.events
        for sheet in [*shelf.sheets.values()]:
            for number in [*sheet.numbers()]:
                self.index.settle(sheet, number)
        return events

    # What waits for long

    @property
    def oldest_us(self) -> int | None:
        """When the oldest of this process's was parked that rests in the log alone; None where there is none."""
        return min([sheet.parked_us for sheet in self._uncopied()], default=None)

    async def copy(self, before_us: int, max_events: int) -> bool:
        """Of what was parked before that and waits, keep copies, of about so many: the log need not have it any more.
        True where that was all. Raises ChannelUnavailable.
        """
        old = sorted([sheet for sheet in self._uncopied() if sheet.parked_us < before_us], key=attrgetter("parked_us"))
        for sheet in old:
            if max_events <= 0:
                return False
            max_events -= await self._copy(sheet)
        return True

    def _uncopied(self) -> Iterator[Sheet]:
        tried_us = self._clock.now_us() - _REFUSED_US
        refused = {key for key, at_us in self.index.refused.items() if at_us > tried_us}
        mine = self.index.mine()
        return (sheet for sheet in mine if sheet.body_offset is None and sheet.waiting and sheet.key not in refused)

    async def _copy(self, sheet: Sheet) -> int:
        """Each that waits gets a sheet of its own, beside the others of its queue; how many did."""
        shelves, shelf = self.index.shelves.get(sheet.group), self.index.shelf_of(sheet)
        if shelves is None or shelf is None:
            return 0
        drawn = [(sheet, sheet.draw()) for _ in range(sheet.waiting)]
        shelf.count(0, -len(drawn), 0)
        try:
            events = await self._bodies.fetch(drawn)
        finally:
            drawn = [one for one in drawn if self._is_drawn(*one)]
            shelves.put_back(drawn)
        for one in drawn:
            if one in events:
                self._add_copy(sheet, one[1], events[one])
                self.index.settle(*one)
        return len(drawn)

    def _add_copy(self, sheet: Sheet, number: int, event: Event) -> None:
        copy = Sheet(
            self._next_key(), sheet.group, sheet.queue, sheet.partition, is_ordered=sheet.is_ordered,
            parked_us=sheet.parked_us, due_us=sheet.due_us, due_s=sheet.due_s, attempts=sheet.attempts,
            note=sheet.note, sequence=next(self._clock.sequence),
        )  # fmt: skip
        copy.body_offset = -1
        self.index.add(copy)
        self._extend(copy, [Delivery(event, sheet.position(number), sheet.sizes[number])])

    # Sheets

    def _sheet(
        self, group: str, queue: str, partition: int, position: Position, after_s: float, attempts: int, note: bytes,
        *, is_ordered: bool,
    ) -> Sheet:  # fmt: skip
        """One that takes what is parked so, at that position."""
        is_plain = after_s <= 0.0 and not attempts and not note
        opened = self.index.open.get((group, queue, partition)) if is_plain else None
        if opened is not None and self.index.is_here(opened) and opened.takes(position):
            return opened
        clock, parked_us, after_s = self._clock, self._clock.now_us(), max(0.0, after_s)
        sheet = Sheet(
            self._next_key(), group, queue, partition, is_ordered=is_ordered, parked_us=parked_us,
            due_us=parked_us + round(after_s * 1_000_000), due_s=clock.due_s(after_s), attempts=attempts, note=note,
            sequence=next(clock.sequence),
        )  # fmt: skip
        self.index.add(sheet)
        if is_plain:
            self.index.open[group, queue, partition] = sheet
        return sheet

    def _next_key(self) -> bytes:
        self._made += 1
        return self._prefix + self._made.to_bytes(8, "big")

    def _extend(self, sheet: Sheet, deliveries: list[Delivery]) -> list[Delivery]:
        """As many of these as it takes; the others."""
        left, size_bytes = sheet.left, sheet.size_bytes
        others = sheet.extend(deliveries)
        self.index.grew(sheet, sheet.left - left, sheet.size_bytes - size_bytes)
        return others

    def _is_drawn(self, sheet: Sheet, number: int) -> bool:
        """Whether what was drawn is still there, for this process: it may have been settled meanwhile, or lost."""
        return self.index.is_here(sheet) and sheet.is_out(number)
