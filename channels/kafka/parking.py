"""What is parked in one channel, in all processes: known by following the state topic.

Events stay where they are, in the log: what is written of them is where they rest, many at a time. Who owns a partition
of the log owns what was parked of it, which is in the partition of the same number of the state topic. So only one
process at a time takes it and settles it, while all know how much there is.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from channels.contract import Delivery, Position
from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.kafka.bodies import Bodies
from channels.kafka.link import Found, Link, Record
from channels.kafka.sheet import Sheet, Taken
from channels.kafka.shelf import Clock, Shelf, Shelves
from channels.kafka.state import PARKED, pack_parked, unpack_parked
from channels.kafka.topic import PARTITION_MASK, Topic
from channels.kafka.writer import Put, Writer, size_of

if TYPE_CHECKING:
    from channels.kafka.member import Member

WRITE_S: Final = 0.05
"""What was settled of sheets so long before a crash comes again, as with the log itself."""


class Parking:
    """`origin` names this process in the keys of what it parks. `hear` is told of a group whose queues hold something
    that another process left too late.
    """

    def __init__(
        self, link: Link, topic: Topic, writer: Writer, origin: bytes, *, event_of: Callable[[int, Found], Event],
        hear: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.events = 0
        self.size_bytes = 0
        self.damaged = 0
        self.shelves: Final[dict[str, Shelves]] = {}
        """By group, of those that have members here."""
        self.owned: Final[dict[str, set[int]]] = defaultdict(set)
        """By group the partitions that are this process's."""
        self._writer: Final = writer
        self._prefix: Final = PARKED + origin
        self._hear: Final = hear
        self._clock: Final = Clock()
        self._bodies: Final = Bodies(link, topic, event_of)
        self._sheets: Final[dict[bytes, Sheet]] = {}
        self._open: Final[dict[tuple[str, str, int], Sheet]] = {}
        """By group, queue and partition those that were not given to be written yet, and are due at once."""
        self._changed: Final[dict[bytes, Sheet]] = {}
        """To be written, in this order."""
        self._gone: Final[set[bytes]] = set()
        """Keys of what is no more, until the state topic says so: it may say something older before."""
        self._timer: asyncio.TimerHandle | None = None
        self._made = 0

    # What members say

    def park(
        self, group: str, queue: str, deliveries: Sequence[Delivery], after_s: float, attempts: int, note: bytes,
        *, is_ordered: bool,
    ) -> None:  # fmt: skip
        """Each is parked, and will be stored. What is another process's by now is that one's to park."""
        by_partition: dict[int, list[Delivery]] = defaultdict(list)
        for one in deliveries:
            by_partition[one.position & PARTITION_MASK].append(one)
        for partition, ones in by_partition.items():
            while ones and partition in self.owned[group]:
                sheet = self._sheet(
                    group, queue, partition, ones[0].position, after_s, attempts, note, is_ordered=is_ordered
                )
                ones = self._extend(sheet, ones)

    def settle(self, taken: Iterable[Taken]) -> None:
        """They are parked no more."""
        for one in taken:
            self._settle(one.sheet, one.number)

    def put_back(self, taken: Iterable[Taken]) -> None:
        """Nobody has them any more."""
        for one in taken:
            if one.sheet.group in self.shelves:
                self.shelves[one.sheet.group].put_back([(one.sheet, one.number)])

    def clear(self, group: str, queue: str) -> int:
        """All of that queue is settled; how many that was."""
        shelf = self.shelves[group].by_name.get(queue) if group in self.shelves else None
        if shelf is None:
            return 0
        events = shelf.events
        for sheet in [*shelf.sheets.values()]:
            for number in [*sheet.numbers()]:
                self._settle(sheet, number)
        return events

    async def take(self, group: str, name: str, max_events: int, member: "Member") -> list[Taken]:
        """Up to so many that are due are the member's. Raises ChannelUnavailable."""
        shelves = self.shelves.get(group)
        drawn = [] if shelves is None else shelves.draw(name, max_events)
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
                self.damaged += 1
                self._settle(sheet, number)
                continue
            one = sheet.taken[number] = Taken(sheet, number, event, member)
            taken.append(one)
        return taken

    # What other processes do

    def forget(self, group: str) -> None:
        """Nothing is parked for it, wherever it was."""
        for sheet in [one for one in self._sheets.values() if one.group == group]:
            self._remove(sheet)
            self._changed.pop(sheet.key, None)
            if sheet.is_written:
                self._write(sheet, None)
        for place in [place for place in self._open if place[0] == group]:
            del self._open[place]

    def tell(self, partition: int, found: Found) -> None:
        """A record of the state topic about something parked."""
        key, value = found.key or b"", found.value
        sheet = self._sheets.get(key)
        if value is None:
            self._gone.discard(key)
            if sheet is not None:
                self._remove(sheet, is_said=True)
            return
        if key in self._gone or (sheet is None and key.startswith(self._prefix)):
            return
        if sheet is not None and partition in self.owned[sheet.group]:
            return  # an echo: its owner knows best
        said = self._restored(key, partition, found.offset, value)
        if said is None:
            self.damaged += 1
        elif sheet is None:
            self._appear(said)
        else:
            for number in sheet.missing_from({*said.offsets}):
                self._settle(sheet, number, is_said=True)

    def own(self, group: str, partition: int) -> None:
        """That partition is this process's, with all that was parked of it."""
        self.owned[group].add(partition)
        shelves = self.shelves.setdefault(group, Shelves())
        for sheet in self._sheets.values():
            if sheet.group == group and sheet.partition == partition:
                shelves.add(sheet)

    def lose(self, group: str, partition: int) -> None:
        """It is another one's, as it was written last."""
        self.owned[group].discard(partition)
        for place in [place for place in self._open if place[0] == group and place[2] == partition]:
            del self._open[place]
        for sheet in [*{**self._sheets, **self._changed}.values()]:
            if sheet.group == group and sheet.partition == partition:
                self._changed.pop(sheet.key, None)
                if sheet.key in self._sheets:
                    self._remove(sheet)
                sheet.give_up()
                self._gone.discard(sheet.key)
                if sheet.is_written:
                    self._appear(sheet)

    # How it is written

    def write_out(self) -> None:
        """Whatever has changed is given to be stored."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._open.clear()
        changed = [*self._changed.values()]
        self._changed.clear()
        for sheet in changed:
            if sheet.left:
                self._write(sheet, pack_parked(sheet.state, self._body(sheet)))
            elif sheet.is_written:
                self._write(sheet, None)
            sheet.saved()

    def _write(self, sheet: Sheet, value: bytes | None) -> None:
        record = Record(sheet.key, value, [])

        def stored(offset: int) -> None:
            if value is not None and sheet.body_offset is not None:
                sheet.body_offset, sheet.events = offset, None

        def failed(error: ChannelUnavailable) -> None:
            """Only with the end of the channel."""

        self._writer.put(sheet.partition, Put((record,), size_of(record), stored, failed))

    def _sheet(
        self, group: str, queue: str, partition: int, position: Position, after_s: float, attempts: int, note: bytes,
        *, is_ordered: bool,
    ) -> Sheet:  # fmt: skip
        """One that takes what is parked so, at that position."""
        is_plain = after_s <= 0.0 and not attempts and not note
        opened = self._open.get((group, queue, partition)) if is_plain else None
        if opened is not None and opened.key in self._sheets and opened.takes(position):
            return opened
        clock, parked_us = self._clock, self._clock.now_us()
        self._made += 1
        sheet = Sheet(
            self._prefix + self._made.to_bytes(8, "big"), group, queue, partition, is_ordered=is_ordered,
            parked_us=parked_us, due_us=parked_us + round(max(0.0, after_s) * 1_000_000),
            due_s=clock.due_s(max(0.0, after_s)), attempts=attempts, note=note, sequence=next(clock.sequence),
        )  # fmt: skip
        sheet.events = []
        if is_plain:
            self._open[group, queue, partition] = sheet
        self._sheets[sheet.key] = sheet
        self.shelves[group].add(sheet)
        return sheet

    def _extend(self, sheet: Sheet, deliveries: list[Delivery]) -> list[Delivery]:
        """As many of these as it takes; the others."""
        left, size_bytes = sheet.left, sheet.size_bytes
        others = sheet.extend(deliveries)
        left, size_bytes = sheet.left - left, sheet.size_bytes - size_bytes
        shelf = self.shelves[sheet.group].by_name[sheet.queue]
        shelf.count(left, left, size_bytes)
        shelf.push(sheet)
        self.events += left
        self.size_bytes += size_bytes
        self._bodies.keep(sheet, size_bytes)
        self._change(sheet)
        return others

    def _settle(self, sheet: Sheet, number: int, *, is_said: bool = False) -> None:
        """`is_said` in the state topic, by another process."""
        waiting = sheet.waiting
        if self._sheets.get(sheet.key) is not sheet or not sheet.settle(number):
            return
        size_bytes = sheet.sizes[number]
        self.events -= 1
        self.size_bytes -= size_bytes
        shelf = self._shelf_of(sheet)
        if shelf is not None:
            shelf.count(-1, sheet.waiting - waiting, -size_bytes)
        if not sheet.left:
            self._remove(sheet)
        if is_said:
            sheet.unsaved.clear()
        else:
            self._change(sheet)

    def _change(self, sheet: Sheet) -> None:
        self._changed[sheet.key] = sheet
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WRITE_S, self.write_out)

    def _appear(self, sheet: Sheet) -> None:
        """It is parked, by another process or for another one."""
        self._sheets[sheet.key] = sheet
        self.events += sheet.left
        self.size_bytes += sheet.size_bytes
        if sheet.partition in self.owned[sheet.group]:
            self.shelves[sheet.group].add(sheet)
            self._hear(sheet.group)

    def _remove(self, sheet: Sheet, *, is_said: bool = False) -> None:
        del self._sheets[sheet.key]
        self.events -= sheet.left
        self.size_bytes -= sheet.size_bytes
        sheet.taken.clear()
        self._bodies.drop(sheet)
        if sheet.group in self.shelves:
            self.shelves[sheet.group].remove(sheet)
        if is_said:
            self._changed.pop(sheet.key, None)
        elif sheet.is_written:
            self._gone.add(sheet.key)

    def _shelf_of(self, sheet: Sheet) -> Shelf | None:
        shelves = self.shelves.get(sheet.group)
        shelf = None if shelves is None else shelves.by_name.get(sheet.queue)
        return shelf if shelf is not None and sheet.key in shelf.sheets else None

    def _is_drawn(self, sheet: Sheet, number: int) -> bool:
        """Whether what was drawn is still there, for this process: it may have been settled meanwhile, or lost."""
        is_here = self._sheets.get(sheet.key) is sheet and sheet.partition in self.owned[sheet.group]
        return is_here and sheet.is_out(number)

    def _restored(self, key: bytes, partition: int, offset: int, value: bytes) -> Sheet | None:
        """None where it is damaged."""
        state = unpack_parked(value)
        if state is None:
            return None
        due_s = self._clock.due_from(state.parked_us, state.due_us)
        try:
            sheet = Sheet.restored(key, partition, state, due_s=due_s, sequence=next(self._clock.sequence))
        except ValueError:
            return None
        if state.body:
            sheet.body_offset = offset
        return sheet

    def _body(self, sheet: Sheet) -> Event | None:
        """What a copy has to be written with."""
        return sheet.events[0] if sheet.body_offset is not None and sheet.events is not None else None
