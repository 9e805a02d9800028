"""Dead letters of a Kafka cluster: a compacted topic that every process follows, so that all see the same.

Each process keeps an index without bodies. The topic has one partition: its order decides between two processes that
claim one letter, and the place of a letter's first record is its number.
"""

import asyncio
import contextlib
import os
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count, islice
from typing import Any, Final, TypeVar

from channels.contract import Delivery
from channels.dead_letter import Address, AttemptRecord, DeadLetter, Redrive, Selector, Tally, is_about
from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.kafka.letter import (
    BOOK,
    CLAIM,
    LETTER,
    Entry,
    number_of,
    pack_book,
    pack_claim,
    pack_letter,
    unpack_book,
    unpack_claim,
    unpack_letter,
)
from channels.kafka.link import Found, Link
from channels.kafka.producing import Record
from channels.kafka.tail import Tail
from channels.kafka.writer import Put, Writer, size_of

REDRIVES_KEPT: Final = 100
"""Redrives that ended and are still told of."""
_READ_SIZE_BYTES: Final = 2**20
_PART: Final = 1000
"""Letters discarded, or claimed, by one record or batch."""
_CLOSE_S: Final = 5.0
_PAUSE_S: Final = 0.5
T = TypeVar("T")


class KafkaDeadLetters:
    """What is told is in the index once it came back from the topic; how redrives go is known here at once."""

    is_durable = True
    evicted = 0

    def __init__(
        self, link: Link, tail: Tail, topic: str, *, patience_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        """After `patience_s` in which the cluster stored nothing an order raises ChannelUnavailable."""
        self.topic: Final = topic
        self._link: Final = link
        self._tail: Final = tail
        self._writer: Final = Writer(link, topic, is_owed=True)
        self._patience_s: Final = patience_s
        self._clock: Final = clock
        self._going_on: Final[set[asyncio.Task[Any]]] = set()
        """Orders that the cluster has still to store."""
        self._stored = 0
        """How often it stored something."""
        self._origin: Final = os.urandom(8)
        self._made: Final = count(1)
        self._entries: dict[int, Entry] = {}
        """By number, oldest first, unless it `is_mixed`."""
        self._is_mixed = False
        self._is_known = False
        """What is there was read once."""
        self._numbers: Final[dict[bytes, int]] = {}
        self._pending: Final[dict[str, OrderedDict[int, None]]] = {}
        """By redrive the numbers of its letters that are not at their end."""
        self._redrives: Final[dict[str, Redrive]] = {}

    async def open(self) -> None:
        """Know what is there. The topic is. Raises ChannelUnavailable."""
        await self._tail.follow(self.topic, [0], self._tell)
        self._is_known = True

    async def close(self) -> None:
        """What is owed is stored where the cluster answers."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._writer.flush()
        for task in self._going_on:
            task.cancel()
        await self._writer.close()
        self._tail.leave(self.topic)

    def add(self, address: Address, reason: str, event: Event, attempts: tuple[AttemptRecord, ...]) -> None:
        """Keep one, as the newest."""
        self._write([self._letter(address, reason, event, attempts)])

    def extend(self, address: Address, reason: str, deliveries: Sequence[Delivery]) -> None:
        """Keep many that were never tried."""
        for one in deliveries:
            self._write([self._letter(address, reason, one.event, ())])

    async def find(self, selector: Selector, *, limit: int, before: str = "") -> list[DeadLetter]:
        """Up to `limit` of them, newest first. Raises ChannelUnavailable."""
        self._check_known()
        end = number_of(before) if before else None
        chosen = (one for one in self._chosen(selector, is_newest_first=True) if end is None or one.number < end)
        letters: list[DeadLetter] = []
        # What is damaged is no letter: a page is short only where there are no more.
        while found := [*islice(chosen, max(0, limit - len(letters)))]:
            letters += await self._letters(found)
        return letters

    async def get(self, letter_id: str) -> DeadLetter | None:
        """The one with that id. Raises ChannelUnavailable."""
        self._check_known()
        found = await self._letters([*self._chosen(Selector(ids=(letter_id,)))])
        return found[0] if found else None

    async def tally(self, selector: Selector) -> list[Tally]:
        """How many there are, by Trigger and reason. Raises ChannelUnavailable until they were read once."""
        self._check_known()
        tallies: dict[tuple[Address, str], Tally] = {}
        for one in self._chosen(selector):
            key = (one.address, one.reason)
            old = tallies.get(key) or Tally(*key, 0, one.time_s, one.time_s)
            first_s, last_s = min(old.first_s, one.time_s), max(old.last_s, one.time_s)
            tallies[key] = Tally(*key, old.count + 1, first_s, last_s)
        return [tallies[key] for key in sorted(tallies)]

    async def discard(self, selector: Selector, *, limit: int | None = None) -> Mapping[Address, int]:
        """Let the oldest of them go, up to `limit`. Raises ChannelUnavailable."""
        await self._catch_up()
        chosen = [*islice(self._chosen(selector), limit)]
        discarded: Counter[Address] = Counter()
        for first in range(0, len(chosen), _PART):
            records, redrives = [], set()
            for one in chosen[first : first + _PART]:
                discarded[one.address] += 1
                if one.redrive_state == "pending":
                    self._progress(one.redrive_id, one.number, is_delivered=False)
                    redrives.add(one.redrive_id)
                self._remove(one)
                records.append(Record(one.key, None, []))
            self._write([*records, *[record for one in redrives for record in self._book(one)]])
        await self._answered(self._writer.flush())
        return discarded

    async def claim(self, selector: Selector, *, rate: float | None, limit: int | None = None) -> Redrive:
        """Begin a redrive of the oldest of them. Raises ChannelUnavailable."""
        await self._catch_up()
        free = (one for one in self._chosen(selector) if one.redrive_state != "pending")
        numbers = [one.number for one in islice(free, limit)]
        now_s = self._clock()
        redrive_id = f"k{time.time_ns()}{self._origin.hex()[:4]}"
        return await self._answered(self._begin(Redrive(redrive_id, selector, rate, now_s, 0, ended_s=now_s), numbers))

    async def _begin(self, redrive: Redrive, numbers: list[int]) -> Redrive:
        """Claim those for it, and record how many it got: from the first record on there is no way back."""
        if numbers:
            self._pending[redrive.id] = OrderedDict()
            self._write([Record(CLAIM + redrive.id.encode(), pack_claim(numbers), [])])
            await self._writer.flush()
            await self._tail_is_read()
        if total := len(self._pending.get(redrive.id, ())):
            redrive = replace(redrive, total=total, ended_s=None)
        self._redrives[redrive.id] = redrive
        self._write(self._book(redrive.id))
        self._forget_old()
        await self._writer.flush()
        return redrive

    @property
    def redrives(self) -> Sequence[Redrive]:
        """Those under way and the last hundred that ended, oldest first."""
        return sorted(self._redrives.values(), key=lambda one: (one.started_s, one.id))

    async def claimed(self, redrive_id: str, limit: int) -> list[DeadLetter]:
        """Up to `limit` that this redrive has still to bring to an end. Raises ChannelUnavailable."""
        numbers = [*islice(self._pending.get(redrive_id, ()), limit)]
        entries = [self._entries[number] for number in numbers]
        found = await self._letters(entries)
        damaged = {*numbers}.difference(number_of(letter.id) for letter in found)
        for number in damaged:
            if number in self._entries:
                self._entries[number].redrive_state = "failed"
            self._progress(redrive_id, number, is_delivered=False)
        if damaged:
            self._write(self._book(redrive_id))
        return found

    def redriven(self, letter: DeadLetter) -> None:
        """It was delivered at last. O(1)."""
        entry = self._claim_of(letter)
        if entry is not None:
            self._progress(letter.redrive_id, entry.number, is_delivered=True)
            self._remove(entry)
            self._write([Record(entry.key, None, []), *self._book(letter.redrive_id)])

    def failed_again(self, letter: DeadLetter, attempts: tuple[AttemptRecord, ...]) -> None:
        """It stays, marked `failed`, with these attempts as well. O(1)."""
        entry = self._claim_of(letter)
        if entry is None:
            return
        self._progress(letter.redrive_id, entry.number, is_delivered=False)
        entry.redrive_state = "failed"
        entry.redrives += 1
        value = pack_letter(
            entry.number, entry.time_s, entry.address, entry.reason, letter.event, letter.attempts + attempts,
            redrives=entry.redrives, redrive_state="failed", redrive_id=letter.redrive_id,
        )  # fmt: skip
        self._write([Record(entry.key, value, []), *self._book(letter.redrive_id)])

    # What comes back from the topic

    def _tell(self, _: int, records: Sequence[Found]) -> None:
        for record in records:
            key, value = record.key or b"", record.value
            if key.startswith(LETTER):
                self._tell_letter(key, value, record.offset)
            elif key.startswith(CLAIM) and value is not None:
                self._tell_claim(key[1:].decode(), unpack_claim(value))
            elif key.startswith(BOOK):
                self._tell_book(key[1:].decode(), value)
        self._forget_old()

    def _tell_letter(self, key: bytes, value: bytes | None, offset: int) -> None:
        number = self._numbers.get(key)
        if value is None:
            if number is not None:
                self._remove(self._entries[number])
            return
        state = unpack_letter(value)
        if state is None:
            return
        if number is not None:
            entry = self._entries[number]
            if state.redrive_state == "failed":
                self._end(state.redrive_id, number)
            entry.follow(state, offset)
        elif not state.number or state.redrive_state != "failed" or not self._is_own(key, state.number):
            number = state.number or offset + 1
            self._is_mixed = self._is_mixed or bool(state.number)
            self._entries[number] = Entry(key, number, state, offset)
            self._numbers[key] = number

    def _is_own(self, key: bytes, number: int) -> bool:
        """A letter that this process has let go since it wrote that: its end follows."""
        return key.startswith(LETTER + self._origin) and number not in self._entries

    def _tell_claim(self, redrive_id: str, numbers: list[int]) -> None:
        known = self._redrives.get(redrive_id)
        if known is not None and known.ended_s is not None:
            return
        pending = self._pending.setdefault(redrive_id, OrderedDict())
        for number in numbers:
            entry = self._entries.get(number)
            if entry is not None and entry.redrive_state != "pending":
                entry.redrive_state, entry.redrive_id = "pending", redrive_id
                pending[number] = None

    def _tell_book(self, redrive_id: str, value: bytes | None) -> None:
        book = None if value is None else unpack_book(value)
        if book is None:
            self._redrives.pop(redrive_id, None)
        elif book.origin != self._origin:
            self._redrives[redrive_id] = book.redrive
            if book.redrive.ended_s is not None:
                self._pending.pop(redrive_id, None)

    # The books

    def _letter(self, address: Address, reason: str, event: Event, attempts: tuple[AttemptRecord, ...]) -> Record:
        key = LETTER + self._origin + next(self._made).to_bytes(8, "big")
        return Record(key, pack_letter(0, self._clock(), address, reason, event, attempts), [])

    def _book(self, redrive_id: str) -> list[Record]:
        redrive = self._redrives.get(redrive_id)
        if redrive is None:
            return []
        key = redrive_id.encode()
        records = [Record(BOOK + key, pack_book(self._origin, redrive), [])]
        if redrive.ended_s is not None and redrive.total:
            records.append(Record(CLAIM + key, None, []))
        return records

    def _progress(self, redrive_id: str, number: int, *, is_delivered: bool) -> None:
        self._end(redrive_id, number)
        old = self._redrives.get(redrive_id)
        if old is None:
            return
        new = replace(old, delivered=old.delivered + is_delivered, failed=old.failed + (not is_delivered))
        if new.delivered + new.failed >= new.total:
            new = replace(new, ended_s=self._clock())
            self._pending.pop(redrive_id, None)
        self._redrives[redrive_id] = new

    def _end(self, redrive_id: str, number: int) -> None:
        pending = self._pending.get(redrive_id)
        if pending is not None:
            pending.pop(number, None)

    def _forget_old(self) -> None:
        ended = sorted((one.ended_s, one.id) for one in self._redrives.values() if one.ended_s is not None)
        for _, redrive_id in ended[:-REDRIVES_KEPT]:
            del self._redrives[redrive_id]
            self._write([Record(BOOK + redrive_id.encode(), None, [])])

    def _remove(self, entry: Entry) -> None:
        self._entries.pop(entry.number, None)
        self._numbers.pop(entry.key, None)
        self._end(entry.redrive_id, entry.number)

    def _claim_of(self, letter: DeadLetter) -> Entry | None:
        """Its entry, where the redrive that it was given to has still to bring it to an end."""
        entry = self._entries.get(number_of(letter.id))
        is_claimed = entry is not None and (entry.redrive_state, entry.redrive_id) == ("pending", letter.redrive_id)
        return entry if is_claimed else None

    def _chosen(self, selector: Selector, *, is_newest_first: bool = False) -> Iterator[Entry]:
        """Those that fulfil it, oldest first where nothing else is said."""
        if self._is_mixed:
            self._entries = dict(sorted(self._entries.items()))
            self._is_mixed = False
        entries: Sequence[Entry]
        if selector.ids:
            numbers = sorted({number_of(one) for one in selector.ids})
            entries = [self._entries[one] for one in numbers if one in self._entries]
        else:
            entries = [*self._entries.values()]
        for one in reversed(entries) if is_newest_first else entries:
            if is_about(selector, one.address, one.reason, one.time_s):
                yield one

    # The topic

    def _write(self, records: Sequence[Record]) -> None:
        if records:
            self._writer.put(0, Put(records, sum([size_of(one) for one in records]), self._count, _nothing))

    def _count(self, _: int) -> None:
        self._stored += 1

    def _check_known(self) -> None:
        """Raises ChannelUnavailable."""
        if not self._is_known:
            raise ChannelUnavailable("Kafka: the dead letters there were not read yet")

    async def _catch_up(self) -> None:
        """The cluster answers, and what others did is known: else a record would be owed that nobody waits for. Raises
        ChannelUnavailable.
        """
        self._check_known()
        await self._tail.catch_up(self.topic, [0])

    async def _tail_is_read(self) -> None:
        """As `_catch_up`, however long the cluster takes for it."""
        while True:
            with contextlib.suppress(ChannelUnavailable):
                return await self._tail.catch_up(self.topic, [0])
            await asyncio.sleep(_PAUSE_S)

    async def _answered(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of it. Raises ChannelUnavailable where the cluster stores nothing for too long: then it goes on by
        itself, for what was told to the cluster cannot be taken back.
        """
        task = asyncio.get_running_loop().create_task(work)
        self._going_on.add(task)
        task.add_done_callback(self._going_on.discard)
        stored = -1
        while stored < self._stored:
            stored = self._stored
            if (await asyncio.wait([task], timeout=self._patience_s))[0]:
                return task.result()
        raise ChannelUnavailable(
            "Kafka: the cluster stores no records at this moment; what was asked for is done as soon as it does"
        )

    async def _letters(self, entries: Sequence[Entry]) -> list[DeadLetter]:
        """Whole, in the same order, without those that are damaged."""
        wanted = sorted(entries, key=lambda one: one.offset)
        values: dict[int, bytes] = {}
        at = 0
        while at < len(wanted):
            offset, place = wanted[at].offset, (self.topic, 0)
            found = await self._link.fetch({place: offset}, wait_s=0.0, size_max_bytes=_READ_SIZE_BYTES)
            records, after = found[place]
            kept = {one.key: one.value for one in records if one.value is not None}
            while at < len(wanted) and wanted[at].offset < max(after, offset + 1):
                values[wanted[at].number] = kept.get(wanted[at].key) or b""
                at += 1
        letters = [one.letter(values[one.number]) for one in entries]
        return [letter for letter in letters if letter is not None]


def _nothing(_: ChannelUnavailable) -> None:
    """It is owed."""
