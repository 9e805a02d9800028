"""What is parked in one channel, in all processes: an index kept by following the state topic, and the bodies' cache.

The owner of a partition of the log owns what was parked of it: the partition of the same number in the state topic. So
only one process at a time takes it and settles it, while all know how much there is.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from channels.contract import Delivery
from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.kafka.link import Found, Link, Record
from channels.kafka.shelf import Clock, Entry, Shelves, Taken
from channels.kafka.state import PARKED, pack_parked, parked_event, unpack_parked
from channels.kafka.topic import place_of
from channels.kafka.writer import Put, Writer, size_of

if TYPE_CHECKING:
    from channels.kafka.member import Member

_CACHE_SIZE_MAX_BYTES: Final = 16 * 2**20
_READ_SIZE_BYTES: Final = 2**20


class Parking:
    """`origin` names this process: what it has written itself it knows before it reads it."""

    def __init__(self, link: Link, topic: str, writer: Writer, origin: bytes) -> None:
        self.events = 0
        self.size_bytes = 0
        self.damaged = 0
        self.shelves: Final[dict[str, Shelves]] = {}
        """By group, of those that have members here."""
        self.owned: Final[dict[str, set[int]]] = defaultdict(set)
        """By group the partitions that are this process's."""
        self._link: Final = link
        self._topic: Final = topic
        self._writer: Final = writer
        self._prefix: Final = PARKED + origin
        self._clock: Final = Clock()
        self._entries: Final[dict[bytes, Entry]] = {}
        self._cache: Final[OrderedDict[bytes, Entry]] = OrderedDict()
        self._cached_bytes = 0
        self._made = 0

    def park(
        self, group: str, queue: str, deliveries: Sequence[Delivery], after_s: float, attempts: int, note: bytes,
        *, is_ordered: bool,
    ) -> None:  # fmt: skip
        """A copy of each is parked, and will be stored."""
        after_s = max(0.0, after_s)
        due_s = self._clock.due_s(after_s)
        parked_us = self._clock.now_us()
        due_us = parked_us + round(after_s * 1_000_000)
        for one in deliveries:
            self._made += 1
            partition = place_of(one.position)[0]
            entry = Entry(
                self._prefix + self._made.to_bytes(8, "big"), group, queue, partition, one.position, one.size_bytes,
                is_ordered=is_ordered, due_s=due_s, attempts=attempts, note=note, sequence=next(self._clock.sequence),
                event=one.event,
            )  # fmt: skip
            value = pack_parked(
                one, group=group, queue=queue, is_ordered=is_ordered, parked_us=parked_us, due_us=due_us,
                attempts=attempts, note=note,
            )  # fmt: skip
            self._add(entry)
            self._write(entry, value)

    def settle(self, entries: Sequence[Entry]) -> None:
        """They are parked no more."""
        for entry in entries:
            if self._entries.get(entry.key) is entry:
                self._remove(entry)
                self._write(entry, None)

    def forget(self, group: str) -> None:
        """Nothing is parked for it, wherever it was."""
        self.settle([entry for entry in self._entries.values() if entry.group == group])

    def tell(self, partition: int, found: Found) -> None:
        """A record of the state topic about something parked."""
        key, value = found.key or b"", found.value
        entry = self._entries.get(key)
        if value is None:
            if entry is not None and not key.startswith(self._prefix):
                self._remove(entry)
            return
        if entry is not None or key.startswith(self._prefix):
            return
        state = unpack_parked(value)
        if state is None:
            self.damaged += 1
            return
        due_s = self._clock.due_from(state.parked_us, state.due_us)
        self._add(
            Entry(
                key,
                state.group,
                state.queue,
                partition,
                state.position,
                state.size_bytes,
                is_ordered=state.is_ordered,
                due_s=due_s,
                attempts=state.attempts,
                note=state.note,
                sequence=next(self._clock.sequence),
                offset=found.offset,
            )
        )

    def own(self, group: str, partition: int) -> None:
        """That partition is this process's, with all that was parked of it."""
        self.owned[group].add(partition)
        shelves = self.shelves.setdefault(group, Shelves())
        for entry in self._entries.values():
            if entry.group == group and entry.partition == partition:
                shelves.add(entry)

    def lose(self, group: str, partition: int) -> None:
        """It is another one's."""
        self.owned[group].discard(partition)
        if group in self.shelves:
            self.shelves[group].lose(partition)

    async def take(self, group: str, name: str, max_events: int, member: "Member") -> list[Taken]:
        """Up to so many that are due are the member's. Raises ChannelUnavailable."""
        shelves = self.shelves.get(group)
        entries = [] if shelves is None else shelves.pop(name, max_events)
        if shelves is None or not entries:
            return []
        try:
            await self._fetch([entry for entry in entries if entry.event is None])
        except BaseException:
            shelves.put_back(entries)
            raise
        taken, damaged = [], []
        for entry in entries:
            if self._entries.get(entry.key) is not entry or entry.partition not in self.owned[group]:
                continue
            if entry.event is None:
                damaged.append(entry)
                continue
            entry.taken = Taken(entry, entry.event, member)
            taken.append(entry.taken)
        self.damaged += len(damaged)
        self.settle(damaged)
        return taken

    def _add(self, entry: Entry) -> None:
        self._entries[entry.key] = entry
        self.events += 1
        self.size_bytes += entry.size_bytes
        if entry.partition in self.owned[entry.group]:
            self.shelves[entry.group].add(entry)
        if entry.event is not None:
            self._keep(entry, entry.event)

    def _remove(self, entry: Entry) -> None:
        del self._entries[entry.key]
        self.events -= 1
        self.size_bytes -= entry.size_bytes
        if self._cache.pop(entry.key, None) is not None:
            self._cached_bytes -= entry.size_bytes
        if entry.group in self.shelves:
            self.shelves[entry.group].remove(entry)

    def _write(self, entry: Entry, value: bytes | None) -> None:
        record = Record(entry.key, value, [])

        def stored(offset: int) -> None:
            if value is not None:
                entry.offset = offset
                self._shrink()

        def failed(error: ChannelUnavailable) -> None:
            """Only with the end of the channel, or for what no topic takes: then it is kept until that end."""

        self._writer.put(entry.partition, Put((record,), size_of(record), stored, failed))

    def _keep(self, entry: Entry, event: Event) -> None:
        entry.event = event
        self._cache[entry.key] = entry
        self._cached_bytes += entry.size_bytes

    def _shrink(self) -> None:
        while self._cached_bytes > _CACHE_SIZE_MAX_BYTES and self._cache:
            key, entry = next(iter(self._cache.items()))
            if entry.offset < 0:
                return  # it is nowhere else yet
            del self._cache[key]
            self._cached_bytes -= entry.size_bytes
            entry.event = None

    async def _fetch(self, entries: Sequence[Entry]) -> None:
        """Bring their events into memory; what is damaged has none afterwards."""
        wanted = sorted(entries, key=lambda entry: (entry.partition, entry.offset))
        while wanted:
            partition, offset = wanted[0].partition, wanted[0].offset
            place = (self._topic, partition)
            found = await self._link.fetch({place: offset}, wait_s=0.0, size_max_bytes=_READ_SIZE_BYTES)
            records, after = found[place]
            values = {one.key: one.value for one in records if one.value is not None}
            for entry in wanted:
                event = None
                if entry.partition == partition and entry.offset < after and entry.key in values:
                    event = parked_event(values[entry.key] or b"")
                if event is not None:
                    self._keep(entry, event)
            after = max(after, offset + 1)
            wanted = [
                one for one in wanted if one.event is None and (one.partition != partition or one.offset >= after)
            ]
        self._shrink()
