"""What is known of the dead letters of a cluster: an index without bodies of what the topic tells. It awaits nothing.

The topic has one partition, and its order decides between two processes that claim one letter. A redrive begins with a
claim and a book, in one batch: all who read them know the same of it, and go on with it whoever is lost. Each verb here
answers the records that tell the others.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from sys import intern
from typing import Final

import msgspec

from channels.dead_letter import Address, AttemptRecord, DeadLetter, Redrive, Selector, is_about
from channels.event import Event
from channels.kafka.batch import Found
from channels.kafka.letter import (
    BOOK,
    CLAIM,
    EVICTED,
    LETTER,
    BookState,
    Entry,
    LetterState,
    number_of,
    pack_book,
    pack_claim,
    pack_letter,
    unpack_book,
    unpack_claim,
    unpack_letter,
)
from channels.kafka.piece import PIECE, Pieces, keys_of
from channels.kafka.producing import Record

PART: Final = 1000
"""Letters that go with one batch."""
REDRIVES_KEPT: Final = 100
"""Redrives that ended and are still told of."""


class LetterIndex:
    """`origin` is this process's, and no other's; `clock` tells seconds since the epoch."""

    def __init__(self, origin: bytes, clock: Callable[[], float], *, events_max: int) -> None:
        self.is_known = False
        """What is there was told once."""
        self.evicted = 0
        """Letters that made room for younger ones since then, whichever process saw to it."""
        self._events_max: Final = events_max
        self._has_added = False
        """Of the letters that came since there was room some are this process's: so it has to make room."""
        self.redrives: Final[dict[str, Redrive]] = {}
        self._origin: Final = origin
        self._clock: Final = clock
        self._made = 0
        self._entries: dict[int, Entry] = {}
        """By number, oldest first, unless it `is_mixed`."""
        self._is_mixed = False
        self._numbers: Final[dict[bytes, int]] = {}
        self._pending: Final[dict[str, OrderedDict[int, None]]] = {}
        """By redrive the numbers of its letters that are not at their end."""
        self._leaving: Final[set[bytes]] = set()
        """Keys of letters that were let go here, of which the topic does not tell yet."""
        self._pieces: Final = Pieces()

    # What is asked

    def chosen(self, selector: Selector, *, is_newest_first: bool = False) -> Iterator[Entry]:
        """Those that fulfil it, oldest first where nothing else is said."""
        self._sort()
        entries: Sequence[Entry]
        if selector.ids:
            numbers = sorted({number_of(one) for one in selector.ids})
            entries = [self._entries[one] for one in numbers if one in self._entries]
        else:
            entries = [*self._entries.values()]
        for one in reversed(entries) if is_newest_first else entries:
            if is_about(selector, one.address, one.reason, one.time_s):
                yield one

    def pending(self, redrive_id: str, limit: int) -> list[Entry]:
        """Up to `limit` that this redrive has still to bring to an end, oldest first."""
        return [self._entries[number] for number in islice(self._pending.get(redrive_id, ()), limit)]

    def rests(self, entry: Entry) -> list[tuple[int, bytes]]:
        """Offsets and keys of the records whose values are the letter."""
        if not entry.cut:
            return [(entry.offset, entry.key)]
        offsets = self._pieces.offsets
        return [(offsets[key], key) for key in keys_of(entry) if key in offsets]

    # What is done here, and is known here at once: but for a new letter and a redrive that begins, which come back

    def add(self, address: Address, reason: str, event: Event, attempts: tuple[AttemptRecord, ...]) -> list[Record]:
        """One more letter."""
        return [Record(LETTER + self.name(), pack_letter(0, self._clock(), address, reason, event, attempts), [])]

    def name(self) -> bytes:
        """One that nothing else has."""
        self._made += 1
        return self._origin + self._made.to_bytes(8, "big")

    def begin(self, redrive: Redrive, numbers: list[int]) -> list[Record]:
        """A redrive of those letters that are free when the topic tells of it. Its total follows from that."""
        key = redrive.id.encode()
        return [
            Record(CLAIM + key, pack_claim(numbers), []),
            Record(BOOK + key, pack_book(self._origin, replace(redrive, total=0, ended_s=None)), []),
        ]

    def deliver(self, letter: DeadLetter) -> list[Record]:
        """It was delivered at last. Nothing where no redrive has to bring it to its end. O(1)."""
        entry = self._claim_of(letter)
        if entry is None:
            return []
        self._let_go(entry)
        self._progress(letter.redrive_id, delivered=1)
        return [*_ends(entry), *self._book(letter.redrive_id)]

    def fail(self, letter: DeadLetter, attempts: tuple[AttemptRecord, ...]) -> list[Record]:
        """It stays, marked `failed`, with these attempts as well. Nothing as above. O(1)."""
        entry = self._claim_of(letter)
        if entry is None:
            return []
        entry.redrive_state = "failed"
        entry.redrives += 1
        self._end(letter.redrive_id, entry.number)
        self._progress(letter.redrive_id, failed=1)
        value = pack_letter(
            entry.number, entry.time_s, entry.address, entry.reason, letter.event, letter.attempts + attempts,
            redrives=entry.redrives, redrive_state="failed", redrive_id=letter.redrive_id,
        )  # fmt: skip
        # Its former pieces go with the record that names others, or none.
        return [Record(entry.key, value, []), *_ends(entry)[1:], *self._book(letter.redrive_id)]

    def spoil(self, entries: Sequence[Entry]) -> list[Record]:
        """What cannot be read has failed again."""
        redrives: dict[str, None] = {}
        for one in entries:
            if one.redrive_state == "pending" and one.number in self._entries:
                one.redrive_state = "failed"
                self._end(one.redrive_id, one.number)
                self._progress(one.redrive_id, failed=1)
                redrives[one.redrive_id] = None
        return [record for one in redrives for record in self._book(one)]

    def make_room(self) -> list[Record]:
        """Some of the oldest go where there are too many: to be called until it answers nothing."""
        surplus = len(self._entries) - self._events_max
        if surplus <= 0 or not self._has_added:
            self._has_added = False
            return []
        self._sort()
        # Some more than must go, for it takes as long to find the first of many as the first of few.
        chosen = islice(self._entries.values(), min(PART, surplus + self._events_max // PART))
        return self.discard([*chosen], headers=[(EVICTED, b"")])

    def discard(self, entries: Sequence[Entry], *, headers: Sequence[tuple[str, bytes]] = ()) -> list[Record]:
        """They are gone; what a redrive had claimed has failed."""
        records: list[Record] = []
        redrives: dict[str, None] = {}
        for one in entries:
            self._let_go(one)
            if one.redrive_state == "pending":
                self._progress(one.redrive_id, failed=1)
                redrives[one.redrive_id] = None
            records += _ends(one, headers)
        return [*records, *[record for one in redrives for record in self._book(one)]]

    # What the topic tells

    def tell(self, records: Sequence[Found]) -> list[Record]:
        """The next ones, a batch never in parts."""
        for record in records:
            key, value = record.key or b"", record.value
            if key.startswith(PIECE):
                self._pieces.tell(record)
            elif key.startswith(LETTER):
                self._tell_letter(key, record)
            elif key.startswith(CLAIM):
                self._tell_claim(key[1:].decode(), None if value is None else unpack_claim(value))
            elif key.startswith(BOOK):
                self._tell_book(key[1:].decode(), None if value is None else unpack_book(value))
        return self._look() if self.is_known else []

    def know(self) -> list[Record]:
        """All that is there was told: claims without a book are nobody's, nor are pieces without a letter."""
        self.is_known = self._has_added = True
        lost = [one for one in self._pending if one not in self.redrives]
        for redrive_id in lost:
            self._free(redrive_id)
        pieces = self._pieces.lost({one.cut for one in self._entries.values()}, self._clock())
        return [*pieces, *[Record(CLAIM + one.encode(), None, []) for one in lost], *self._look()]

    def _look(self) -> list[Record]:
        """Redrives have ended with their last letters, whoever brought these to their ends."""
        for redrive_id in [*self.redrives]:
            self._settle(redrive_id)
        return self._forget_old()

    def _tell_letter(self, key: bytes, record: Found) -> None:
        number = self._numbers.get(key)
        if record.value is None:
            self._tell_end(key, number, is_evicted=any(name == EVICTED for name, _ in record.headers))
            return
        state, offset = unpack_letter(record.value), record.offset
        if state is None or key in self._leaving:
            return
        if number is not None:
            self._follow(self._entries[number], state, offset)
        else:
            number = state.number or offset + 1
            self._is_mixed = self._is_mixed or bool(state.number)
            # Letters of one Trigger have the same names: once in memory, for there may be many.
            address, reason = Address(*map(intern, state.address)), intern(state.reason)
            named = msgspec.structs.replace(state, address=address, reason=reason)
            self._entries[number] = Entry(key, number, named, offset)
            self._numbers[key] = number
            self._has_added = self._has_added or key.startswith(LETTER + self._origin)

    def _tell_end(self, key: bytes, number: int | None, *, is_evicted: bool) -> None:
        # The first who lets it go counts: others may not have known yet that there is room.
        if self.is_known and is_evicted and (number is not None or key in self._leaving):
            self.evicted += 1
        self._leaving.discard(key)
        if number is not None:
            self._remove(self._entries[number])

    def _follow(self, entry: Entry, state: LetterState, offset: int) -> None:
        entry.rest(state, offset)
        # What was written twice, because its answer was lost, ends no claim.
        if state.redrive_state == "failed":
            self._end(state.redrive_id, entry.number)
            entry.follow(state)

    def _tell_claim(self, redrive_id: str, numbers: list[int] | None) -> None:
        if redrive_id in self.redrives:
            return
        if numbers is None:
            self._free(redrive_id)
            return
        pending = self._pending.setdefault(redrive_id, OrderedDict())
        for number in numbers:
            entry = self._entries.get(number)
            if entry is not None and entry.redrive_state != "pending":
                entry.redrive_state, entry.redrive_id = "pending", redrive_id
                pending[number] = None

    def _tell_book(self, redrive_id: str, book: BookState | None) -> None:
        if book is None:
            self.redrives.pop(redrive_id, None)
            self._free(redrive_id)
            return
        told, known = book.redrive, self.redrives.get(redrive_id)
        is_first = told.ended_s is None and not told.total
        if known is None and is_first:
            total = len(self._pending.get(redrive_id, ()))
            known = replace(told, total=total, ended_s=None if total else told.started_s)
        elif known is None and book.origin != self._origin:
            known = told
        elif known is not None and not is_first and book.origin != self._origin:
            delivered, failed = max(known.delivered, told.delivered), max(known.failed, told.failed)
            known = replace(told, delivered=delivered, failed=failed, ended_s=known.ended_s or told.ended_s)
        if known is not None:
            self.redrives[redrive_id] = known
            if known.ended_s is not None:
                self._free(redrive_id)

    # The books

    def _book(self, redrive_id: str) -> list[Record]:
        redrive = self.redrives.get(redrive_id)
        if redrive is None:
            return []
        key = redrive_id.encode()
        records = [Record(BOOK + key, pack_book(self._origin, redrive), [])]
        if redrive.ended_s is not None:
            records.append(Record(CLAIM + key, None, []))
        return records

    def _progress(self, redrive_id: str, *, delivered: int = 0, failed: int = 0) -> None:
        old = self.redrives.get(redrive_id)
        if old is not None:
            self.redrives[redrive_id] = replace(old, delivered=old.delivered + delivered, failed=old.failed + failed)
            self._settle(redrive_id)

    def _settle(self, redrive_id: str) -> None:
        """It ends with the last of its letters. What several processes told at once may not be in its counts."""
        redrive = self.redrives[redrive_id]
        if redrive.ended_s is None and not self._pending.get(redrive_id):
            failed = redrive.total - redrive.delivered
            self.redrives[redrive_id] = replace(redrive, failed=failed, ended_s=self._clock())
            self._free(redrive_id)

    def _free(self, redrive_id: str) -> None:
        for number in self._pending.pop(redrive_id, ()):
            entry = self._entries[number]
            entry.redrive_state, entry.redrive_id = ("failed", redrive_id) if entry.redrives else ("", "")

    def _end(self, redrive_id: str, number: int) -> None:
        pending = self._pending.get(redrive_id)
        if pending is not None:
            pending.pop(number, None)

    def _forget_old(self) -> list[Record]:
        ended = sorted((one.ended_s, one.id) for one in self.redrives.values() if one.ended_s is not None)
        forgotten = [redrive_id for _, redrive_id in ended[:-REDRIVES_KEPT]]
        for redrive_id in forgotten:
            del self.redrives[redrive_id]
        return [Record(mark + one.encode(), None, []) for one in forgotten for mark in (BOOK, CLAIM)]

    def _sort(self) -> None:
        if self._is_mixed:
            self._entries = dict(sorted(self._entries.items()))
            self._is_mixed = False

    def _let_go(self, entry: Entry) -> None:
        self._leaving.add(entry.key)
        self._remove(entry)

    def _remove(self, entry: Entry) -> None:
        self._entries.pop(entry.number, None)
        self._numbers.pop(entry.key, None)
        self._end(entry.redrive_id, entry.number)

    def _claim_of(self, letter: DeadLetter) -> Entry | None:
        """Its entry, where the redrive that it was given to has still to bring it to an end."""
        entry = self._entries.get(number_of(letter.id))
        is_claimed = entry is not None and (entry.redrive_state, entry.redrive_id) == ("pending", letter.redrive_id)
        return entry if is_claimed else None


def _ends(letter: Entry, headers: Sequence[tuple[str, bytes]] = ()) -> list[Record]:
    """Of its record, and of its pieces."""
    return [Record(letter.key, None, [*headers]), *[Record(key, None, []) for key in keys_of(letter)]]
