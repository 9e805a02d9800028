"""Dead letters of a Kafka cluster: a compacted topic that every process follows, so that all see the same.

What is known of them is `channels.kafka.letter_index`; here is what is asked of the cluster, and written there.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from channels.contract import Delivery
from channels.dead_letter import Address, AttemptRecord, DeadLetter, Redrive, Selector, Tally
from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.kafka.batch import Found
from channels.kafka.letter import Entry, number_of
from channels.kafka.letter_index import PART, LetterIndex
from channels.kafka.link import Link
from channels.kafka.piece import Post
from channels.kafka.producing import Record
from channels.kafka.tail import Tail
from channels.kafka.writer import Writer

_READ_SIZE_BYTES: Final = 2**20
_CLOSE_S: Final = 5.0
_PAUSE_S: Final = 0.5
T = TypeVar("T")
_logger: Final = logging.getLogger("channels.kafka")


class KafkaDeadLetters:
    """What is told is in the index once it came back from the topic; how redrives go is known here at once.

    At most `events_max` letters, and for a moment those that processes have just added.
    """

    is_durable = True

    def __init__(
        self,
        link: Link,
        tail: Tail,
        topic: str,
        *,
        events_max: int,
        patience_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """After `patience_s` in which the cluster stored nothing an order raises ChannelUnavailable."""
        self.topic: Final = topic
        self._link: Final = link
        self._tail: Final = tail
        self._writer: Final[Writer[Post]] = Writer(link, topic, is_owed=True)
        self._patience_s: Final = patience_s
        self._clock: Final = clock
        self._going_on: Final[set[asyncio.Task[Any]]] = set()
        """Orders that the cluster has still to store."""
        self._stored = 0
        """How often it stored something."""
        self._origin: Final = os.urandom(8)
        self._index: Final = LetterIndex(self._origin, clock, events_max=events_max)

    async def open(self) -> None:
        """Know what is there. The topic is. Raises ChannelUnavailable."""
        await self._tail.follow(self.topic, [0], self._tell)
        self._write(self._index.know())
        self._make_room()

    async def close(self) -> None:
        """What is owed is stored where the cluster answers."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._writer.flush()
        for task in self._going_on:
            task.cancel()
        await self._writer.close()
        self._tail.leave(self.topic, self._tell)

    def add(self, address: Address, reason: str, event: Event, attempts: tuple[AttemptRecord, ...]) -> None:
        """Keep one, as the newest."""
        self._write(self._index.add(address, reason, event, attempts))

    def extend(self, address: Address, reason: str, deliveries: Sequence[Delivery]) -> None:
        """Keep many that were never tried."""
        for one in deliveries:
            self._write(self._index.add(address, reason, one.event, ()))

    async def stored(self) -> None:
        """Everything that was told to it before is stored. Waits for as long as it takes."""
        await self._writer.flush()

    @property
    def fault(self) -> str | None:
        """Why something cannot be stored at this moment."""
        return self._writer.fault

    @property
    def evicted(self) -> int:
        """Those that made room for younger ones since this process reads the topic, whichever process saw to it."""
        return self._index.evicted

    async def find(self, selector: Selector, *, limit: int, before: str = "") -> list[DeadLetter]:
        """Up to `limit` of them, newest first. Raises ChannelUnavailable."""
        self._check_known()
        end = number_of(before) if before else None
        chosen = (one for one in self._index.chosen(selector, is_newest_first=True) if end is None or one.number < end)
        letters: list[DeadLetter] = []
        # What is damaged is no letter: a page is short only where there are no more.
        while found := [*islice(chosen, max(0, limit - len(letters)))]:
            letters += await self._letters(found)
        return letters

    async def get(self, letter_id: str) -> DeadLetter | None:
        """The one with that id. Raises ChannelUnavailable."""
        self._check_known()
        found = await self._letters([*self._index.chosen(Selector(ids=(letter_id,)))])
        return found[0] if found else None

    async def tally(self, selector: Selector) -> list[Tally]:
        """How many there are, by Trigger and reason. Raises ChannelUnavailable until they were read once."""
        self._check_known()
        tallies: dict[tuple[Address, str], Tally] = {}
        for one in self._index.chosen(selector):
            key = (one.address, one.reason)
            old = tallies.get(key) or Tally(*key, 0, one.time_s, one.time_s)
            first_s, last_s = min(old.first_s, one.time_s), max(old.last_s, one.time_s)
            tallies[key] = Tally(*key, old.count + 1, first_s, last_s)
        return [tallies[key] for key in sorted(tallies)]

    async def discard(self, selector: Selector, *, limit: int | None = None) -> Mapping[Address, int]:
        """Let the oldest of them go, up to `limit`. Raises ChannelUnavailable."""
        await self._catch_up()
        chosen = [*islice(self._index.chosen(selector), limit)]
        for first in range(0, len(chosen), PART):
            self._write(self._index.discard(chosen[first : first + PART]))
        await self._answered(self._writer.flush())
        return Counter([one.address for one in chosen])

    async def claim(self, selector: Selector, *, rate: float | None, limit: int | None = None) -> Redrive:
        """Begin a redrive of the oldest of them. Raises ChannelUnavailable."""
        await self._catch_up()
        free = (one for one in self._index.chosen(selector) if one.redrive_state != "pending")
        numbers = [one.number for one in islice(free, limit)]
        redrive_id = f"k{time.time_ns()}{self._origin.hex()[:4]}"
        return await self._answered(self._begin(Redrive(redrive_id, selector, rate, self._clock(), 0), numbers))

    async def _begin(self, redrive: Redrive, numbers: list[int]) -> Redrive:
        """It begins with one batch: then all know of it, and how many letters it got. Raises ChannelUnavailable."""
        self._write(self._index.begin(redrive, numbers))
        await self._writer.flush()
        await self._tail_is_read()
        begun = self._index.redrives.get(redrive.id)
        if begun is None:
            raise ChannelUnavailable("Kafka: the cluster does not take the redrive; no letter is claimed")
        return begun

    @property
    def redrives(self) -> Sequence[Redrive]:
        """Those under way and the last hundred that ended, oldest first."""
        return sorted(self._index.redrives.values(), key=lambda one: (one.started_s, one.id))

    async def claimed(self, redrive_id: str, limit: int) -> list[DeadLetter]:
        """Up to `limit` that this redrive has still to bring to an end. Raises ChannelUnavailable."""
        entries = self._index.pending(redrive_id, limit)
        found = await self._letters(entries)
        whole = {number_of(letter.id) for letter in found}
        self._write(self._index.spoil([one for one in entries if one.number not in whole]))
        return found

    def redriven(self, letter: DeadLetter) -> None:
        """It was delivered at last. O(1)."""
        self._write(self._index.deliver(letter))

    def failed_again(self, letter: DeadLetter, attempts: tuple[AttemptRecord, ...]) -> None:
        """It stays, marked `failed`, with these attempts as well. O(1)."""
        self._write(self._index.fail(letter, attempts))

    # The topic

    def _tell(self, _: int, records: Sequence[Found]) -> None:
        self._write(self._index.tell(records))
        self._make_room()

    def _make_room(self) -> None:
        while records := self._index.make_room():
            self._write(records)

    def _write(self, records: Sequence[Record]) -> None:
        if records:
            self._writer.put(0, Post(records, self._index.name, self._count, _refused))

    def _count(self, _: int) -> None:
        self._stored += 1

    def _check_known(self) -> None:
        """Raises ChannelUnavailable."""
        if not self._index.is_known:
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
        rests = [self._index.rests(one) for one in entries]
        values = await self._values(sorted([rest for ones in rests for rest in ones]))
        pairs = zip(entries, rests, strict=True)
        letters = [one.letter(b"".join([values.get(key, b"") for _, key in ones])) for one, ones in pairs]
        return [letter for letter in letters if letter is not None]

    async def _values(self, wanted: Sequence[tuple[int, bytes]]) -> dict[bytes, bytes]:
        """By key, of those at these offsets."""
        values: dict[bytes, bytes] = {}
        at = 0
        while at < len(wanted):
            offset, place = wanted[at][0], (self.topic, 0)
            found = await self._link.fetch({place: offset}, wait_s=0.0, size_max_bytes=_READ_SIZE_BYTES)
            records, after = found[place]
            kept = {one.key: one.value for one in records if one.value is not None}
            while at < len(wanted) and wanted[at][0] < max(after, offset + 1):
                key = wanted[at][1]
                values[key] = kept.get(key, values.get(key, b""))
                at += 1
        return values


def _refused(error: ChannelUnavailable) -> None:
    """Else it is owed until the end of the process. No piece is larger than what an ordinary topic takes."""
    if error.__cause__ is not None:
        _logger.error("a record about dead letters is lost: %s", error)
