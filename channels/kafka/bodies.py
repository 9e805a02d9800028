"""Events of what is parked: the first at hand, others where they rest, in the log or as a copy in the state topic."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from channels.event import Event
from channels.kafka.batch import Found
from channels.kafka.link import Link
from channels.kafka.sheet import Drawn, Sheet
from channels.kafka.state import parked_event
from channels.kafka.topic import Topic

_KEPT_SIZE_MAX_BYTES: Final = 16 * 2**20
_READ_SIZE_MAX_BYTES: Final = 2**20
_NEAR: Final = 64
"""Records that are read together, though nobody asked for those between them: fewer than a request costs."""
_Wanted = dict[int, list[Drawn]]


class Bodies:
    """`event_of` says which event a record of the log is."""

    def __init__(self, link: Link, topic: Topic, event_of: Callable[[int, Found], Event]) -> None:
        self._link: Final = link
        self._topic: Final = topic
        self._event_of: Final = event_of
        self._kept: Final[dict[bytes, int]] = {}
        """Bytes of the events at hand, by their sheet's key."""
        self._size_bytes = 0

    def keep(self, sheet: Sheet, size_bytes: int) -> None:
        """So much came onto a sheet: its events stay at hand while there is room. What came first is wanted first, so
        it makes none for what comes later. A copy's event is at hand until it is stored.
        """
        if sheet.events is None or sheet.body_offset is not None:
            return
        if self._size_bytes + size_bytes > _KEPT_SIZE_MAX_BYTES:
            self.drop(sheet)
            sheet.events = None
            return
        self._kept[sheet.key] = self._kept.get(sheet.key, 0) + size_bytes
        self._size_bytes += size_bytes

    def drop(self, sheet: Sheet) -> None:
        """They need not be at hand any more."""
        if sheet.key in self._kept:
            self._size_bytes -= self._kept.pop(sheet.key)
            sheet.events = None

    async def fetch(self, drawn: Sequence[Drawn]) -> dict[Drawn, Event]:
        """Their events; without those that are nowhere any more: where something else is at their place, its topic was
        made anew. Raises ChannelUnavailable.
        """
        found: dict[Drawn, Event] = {}
        logged: dict[int, _Wanted] = defaultdict(lambda: defaultdict(list))
        copied: dict[int, _Wanted] = defaultdict(lambda: defaultdict(list))
        for one in drawn:
            sheet, number = one
            if sheet.events is not None:
                found[one] = sheet.events[number]
            elif sheet.body_offset is None:
                logged[sheet.partition][sheet.offsets[number]].append(one)
            else:
                copied[sheet.partition][sheet.body_offset].append(one)
        for partition, wanted in logged.items():
            await self._read(self._topic.name, partition, wanted, found, self._event_of)
        for partition, wanted in copied.items():
            await self._read(self._topic.state, partition, wanted, found, _copy_of)
        return found

    async def _read(
        self, topic: str, partition: int, wanted: _Wanted, found: dict[Drawn, Event],
        event_of: Callable[[int, Found], Event | None],
    ) -> None:  # fmt: skip
        while wanted:
            first, size_bytes = _run(wanted)
            place = (topic, partition)
            records, after = (await self._link.fetch({place: first}, wait_s=0.0, size_max_bytes=size_bytes))[place]
            for record in records:
                for one in wanted.pop(record.offset, ()):
                    event = event_of(partition, record)
                    if event is not None and one[0].is_of(one[1], event):
                        found[one] = event
            for offset in [offset for offset in wanted if offset < max(after, first + 1)]:
                del wanted[offset]


def _run(wanted: _Wanted) -> tuple[int, int]:
    """The first, and how many bytes to ask for, so that those near behind it come along."""
    first, *others = sorted(wanted)
    last, size_bytes = first, 0
    for offset in (first, *others):
        if offset - last > _NEAR:
            break
        last = offset
        size_bytes += wanted[offset][0][0].sizes[wanted[offset][0][1]]
    return first, min(2 * size_bytes + 1024, _READ_SIZE_MAX_BYTES)


def _copy_of(_: int, record: Found) -> Event | None:
    return None if record.value is None else parked_event(record.value)
