"""What is parked in one channel, in all processes: known by following the state topic, which says it.

Who owns a partition of the log owns what was parked of it, which is in the partition of the same number of the state
topic. So only one process at a time takes it and settles it, while all know how much there is.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from channels.errors import ChannelUnavailable
from channels.kafka.batch import Found
from channels.kafka.bodies import Bodies
from channels.kafka.producing import Record
from channels.kafka.sheet import Sheet
from channels.kafka.shelf import Clock, Shelf, Shelves
from channels.kafka.state import pack_parked, unpack_parked
from channels.kafka.writer import Put, Writer, size_of

WRITE_S: Final = 0.05
"""What was settled of sheets so long before a crash comes again, as with the log itself."""


class Index:
    """`prefix` begins the keys of this process's own sheets. `hear` is told of a group whose queues hold something that
    another process left too late.
    """

    def __init__(
        self, writer: Writer[Put], bodies: Bodies, clock: Clock, prefix: bytes, hear: Callable[[str], None]
    ) -> None:
        self.events = 0
        self.size_bytes = 0
        self.damaged = 0
        self.shelves: Final[dict[str, Shelves]] = {}
        """By group, of those that have members here."""
        self.owned: Final[dict[str, set[int]]] = defaultdict(set)
        """By group the partitions that are this process's."""
        self.open: Final[dict[tuple[str, str, int], Sheet]] = {}
        """By group, queue and partition the last that is due at once, was never tried and is to be written yet: others
        may join it.
        """
        self.refused: Final[dict[bytes, int]] = {}
        """When a copy of that sheet's only event was too large for the state topic: it rests in the log."""
        self._writer: Final = writer
        self._bodies: Final = bodies
        self._clock: Final = clock
        self._prefix: Final = prefix
        self._hear: Final = hear
        self._sheets: Final[dict[bytes, Sheet]] = {}
        self._changed: Final[dict[bytes, Sheet]] = {}
        """To be written, in this order."""
        self._gone: Final[set[bytes]] = set()
        """Keys of what is no more, until the state topic says so: it may say something older before."""
        self._timer: asyncio.TimerHandle | None = None

    # What this process does

    def is_here(self, sheet: Sheet) -> bool:
        """Whether it is this process's, and something of it is left."""
        return self._sheets.get(sheet.key) is sheet and sheet.partition in self.owned[sheet.group]

    def shelf_of(self, sheet: Sheet) -> Shelf | None:
        """Where it is, if that is here."""
        shelves = self.shelves.get(sheet.group)
        shelf = None if shelves is None else shelves.by_name.get(sheet.queue)
        return shelf if shelf is not None and sheet.key in shelf.sheets else None

    def mine(self) -> Iterator[Sheet]:
        """Those of this process's partitions."""
        return (sheet for sheet in self._sheets.values() if sheet.partition in self.owned[sheet.group])

    def add(self, sheet: Sheet) -> None:
        """One that is empty yet, of a partition of this process."""
        self._sheets[sheet.key] = sheet
        self.shelves[sheet.group].add(sheet)

    def grew(self, sheet: Sheet, events: int, size_bytes: int) -> None:
        """So much came onto it, and waits."""
        shelf = self.shelves[sheet.group].by_name[sheet.queue]
        shelf.count(events, events, size_bytes)
        shelf.push(sheet)
        self.events += events
        self.size_bytes += size_bytes
        self._bodies.keep(sheet, size_bytes)
        self._change(sheet)

    def settle(self, sheet: Sheet, number: int, *, is_said: bool = False) -> None:
        """It is parked no more; `is_said` in the state topic, by another process."""
        waiting = sheet.waiting
        if self._sheets.get(sheet.key) is not sheet or not sheet.settle(number):
            return
        size_bytes = sheet.sizes[number]
        self.events -= 1
        self.size_bytes -= size_bytes
        shelf = self.shelf_of(sheet)
        if shelf is not None:
            shelf.count(-1, sheet.waiting - waiting, -size_bytes)
        if not sheet.left:
            self._remove(sheet)
        if is_said:
            sheet.unsaved.clear()
        else:
            self._change(sheet)

    def forget(self, group: str) -> None:
        """Nothing is parked for it, wherever it was."""
        for sheet in [one for one in self._sheets.values() if one.group == group]:
            self._remove(sheet)
            self._changed.pop(sheet.key, None)
            if sheet.is_written:
                self._write(sheet, None)
        self.shelves.pop(group, None)
        self.owned.pop(group, None)

    def write_out(self) -> None:
        """Whatever has changed is given to be stored."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        changed = [*self._changed.values()]
        self._changed.clear()
        self.open.clear()
        for sheet in changed:
            if sheet.left:
                self._write(sheet, pack_parked(sheet.state, sheet.copied))
            elif sheet.is_written:
                self._write(sheet, None)
            sheet.saved()

    def write_anew(self) -> None:
        """What was stored is gone, with the copies of events: all that is this process's is to be written once more."""
        for sheet in [*self.mine()]:
            if sheet.events is None:
                sheet.body_offset = None  # the log may have it still
            self._change(sheet)

    # What other processes do

    def tell(self, partition: int, found: Found) -> None:
        """A record of the state topic about something parked."""
        key, value = found.key or b"", found.value
        sheet = self._sheets.get(key)
        if value is None:
            self._gone.discard(key)
            if sheet is not None:
                self._remove(sheet)
                self._gone.discard(key)
                self._changed.pop(key, None)
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
            sheet.body_offset = said.body_offset
            for number in sheet.missing_from({*said.offsets}):
                self.settle(sheet, number, is_said=True)

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
        for sheet in [*{**self._sheets, **self._changed}.values()]:
            if sheet.group == group and sheet.partition == partition:
                self._changed.pop(sheet.key, None)
                if sheet.key in self._sheets:
                    self._remove(sheet)
                sheet.give_up()
                self._gone.discard(sheet.key)
                if sheet.is_written:
                    self._appear(sheet)

    def _appear(self, sheet: Sheet) -> None:
        """It is parked, by another process or for another one."""
        self._sheets[sheet.key] = sheet
        self.events += sheet.left
        self.size_bytes += sheet.size_bytes
        if sheet.partition in self.owned[sheet.group]:
            self.shelves[sheet.group].add(sheet)
            self._hear(sheet.group)

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

    def _remove(self, sheet: Sheet) -> None:
        del self._sheets[sheet.key]
        self.events -= sheet.left
        self.size_bytes -= sheet.size_bytes
        sheet.taken.clear()
        self.refused.pop(sheet.key, None)
        self._bodies.drop(sheet)
        if sheet.group in self.shelves:
            self.shelves[sheet.group].remove(sheet)
        if sheet.is_written:
            self._gone.add(sheet.key)

    def _change(self, sheet: Sheet) -> None:
        self._changed[sheet.key] = sheet
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WRITE_S, self.write_out)

    def _write(self, sheet: Sheet, value: bytes | None) -> None:
        put = self._put(sheet, value)
        if value is not None and sheet.copied is not None:
            put = put._replace(instead=partial(self._refuse, sheet))
        self._writer.put(sheet.partition, put)

    def _refuse(self, sheet: Sheet) -> Put:
        """Its copy is too large: that it is parked is stored all the same, before anything else of its partition is."""
        sheet.body_offset = sheet.events = None
        if not sheet.left:
            return self._put(sheet, None)
        if self._sheets.get(sheet.key) is sheet:
            self.refused[sheet.key] = self._clock.now_us()
        return self._put(sheet, pack_parked(sheet.state))

    def _put(self, sheet: Sheet, value: bytes | None) -> Put:
        record = Record(sheet.key, value, [])

        def stored(offset: int) -> None:
            if value is not None and sheet.body_offset is not None:
                sheet.body_offset, sheet.events = offset, None

        def failed(error: ChannelUnavailable) -> None:
            """Only with the end of the channel."""

        return Put((record,), size_of(record), stored, failed)
