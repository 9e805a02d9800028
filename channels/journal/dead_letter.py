"""The journal's dead letters: rows of its own file, written in the same transactions as everything else."""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, Protocol, TypeVar, cast

import apsw
import msgspec

from channels.contract import Delivery
from channels.dead_letter import Address, AttemptRecord, DeadLetter, Redrive, RedriveState, Selector, Tally, number_in
from channels.event import Event
from channels.frame import decode_event, encode_event

T = TypeVar("T")
REDRIVES_KEPT: Final = 100
"""Redrives that ended and are still told of."""
_COLUMNS: Final = "id, time, namespace, broker, trigger, reason, attempts, body, redrives, redrive_state, redrive"
_REDRIVE_COLUMNS: Final = "id, selector, rate, started, total, delivered, failed, ended"
_VISIBLE: Final = "redrive_state != 'discarded'"
_INSERT: Final = (
    "INSERT INTO dead_letter (time, namespace, broker, trigger, reason, size_bytes, attempts, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_attempts: Final = msgspec.msgpack.Decoder(tuple[AttemptRecord, ...])
_selector: Final = msgspec.msgpack.Decoder(Selector)
_encode: Final = msgspec.msgpack.encode
_NO_ATTEMPTS: Final = _encode(())
_NEVER: Final = 2**63 - 1
"""Behind the id of every row."""


class File(Protocol):
    """What the dead letters need of their journal."""

    def owe(self, sql: str, bindings: Sequence[Any]) -> None:
        """Do that in the next commit, after what was owed before."""

    def committed(self) -> Awaitable[None]:
        """Wait until everything owed so far is done. Raises ChannelUnavailable."""

    def ask(self, question: Callable[[apsw.Connection], T]) -> Awaitable[T]:
        """Ask that of what is committed. Raises ChannelUnavailable."""

    def now_s(self) -> float:
        """Seconds since the epoch."""


class JournalDeadLetters:
    """`DeadLetters` in a journal. Ids are numbers that grow; none is given twice."""

    is_durable = True
    evicted = 0

    def __init__(self, file: File) -> None:
        self.count = 0
        """Those kept."""
        self.size_bytes = 0
        """Of those: what they are charged with against the journal's bound."""
        self._file = file
        self._open: dict[int, Redrive] = {}
        self._ended: deque[Redrive] = deque(maxlen=REDRIVES_KEPT)
        self._next_redrive = 1
        self._lock = asyncio.Lock()
        """One discarding at a time: each deletes what it has marked."""
        self._out: set[int] = set()
        """Ids that were claimed out and whose end is still to be told."""

    def load(self, connection: apsw.Connection) -> None:
        """See what is there; finish what a crash left half done. Once, in a transaction of the journal's opening."""
        connection.execute("DELETE FROM dead_letter WHERE redrive_state = 'discarded'")
        self.count, self.size_bytes = _row(connection, "SELECT count(*), ifnull(sum(size_bytes), 0) FROM dead_letter")
        pending = "(SELECT count(*) FROM dead_letter WHERE redrive = redrive.id AND redrive_state = 'pending')"
        connection.execute(f"UPDATE redrive SET failed = total - delivered - {pending} WHERE ended IS NULL")
        connection.execute(
            "UPDATE redrive SET ended = ? WHERE ended IS NULL AND delivered + failed >= total", (self._now_ms(),)
        )
        rows = connection.execute(
            f"SELECT {_REDRIVE_COLUMNS} FROM (SELECT * FROM redrive ORDER BY ended IS NULL DESC, id DESC LIMIT ?)"
            " ORDER BY id",
            (REDRIVES_KEPT,),
        )
        for row in rows:
            self._note(_redrive_of(row))
            self._next_redrive = row[0] + 1

    # What the dispatcher tells.

    def add(self, address: Address, reason: str, event: Event, attempts: tuple[AttemptRecord, ...]) -> None:
        """Keep one, as the newest."""
        size_bytes = event.size + sum([attempt.size for attempt in attempts])
        self._insert(address, reason, event, size_bytes, _encode(attempts))

    def extend(self, address: Address, reason: str, deliveries: Sequence[Delivery]) -> None:
        """Keep the events of many that were never tried."""
        for delivery in deliveries:
            self._insert(address, reason, delivery.event, delivery.event.size, _NO_ATTEMPTS)

    def redriven(self, letter: DeadLetter) -> None:
        """Delivered at last: gone, and counted."""
        if self._is_out(letter):
            self._forget(1, letter.size)
            self._file.owe("DELETE FROM dead_letter WHERE id = ?", (int(letter.id),))
            self._progress(int(letter.redrive_id), delivered=1)

    def failed_again(self, letter: DeadLetter, attempts: tuple[AttemptRecord, ...]) -> None:
        """Marked, with all its attempts, and counted."""
        if self._is_out(letter):
            added_bytes = sum([attempt.size for attempt in attempts])
            self._forget(0, -added_bytes)
            self._file.owe(
                "UPDATE dead_letter SET redrive_state = 'failed', redrives = redrives + 1, attempts = ?,"
                " size_bytes = size_bytes + ? WHERE id = ?",
                (_encode(letter.attempts + attempts), added_bytes, int(letter.id)),
            )
            self._progress(int(letter.redrive_id), failed=1)

    # What operators ask.

    @property
    def redrives(self) -> Sequence[Redrive]:
        """Those under way and the last that ended, oldest first."""
        return sorted((*self._ended, *self._open.values()), key=lambda redrive: int(redrive.id))

    async def find(self, selector: Selector, *, limit: int, before: str = "") -> list[DeadLetter]:
        """Up to `limit`, newest first. Raises ChannelUnavailable."""
        condition, bindings = _condition(selector)
        found: list[DeadLetter] = []
        end = _number(before) if before else _NEVER
        # Rows that are damaged are none: a page is short only where there are no more.
        while len(found) < limit:
            wanted = limit - len(found)
            rows = await self._rows(f"{condition} AND id < ? ORDER BY id DESC LIMIT ?", [*bindings, end, wanted])
            found += _whole(rows)
            if len(rows) < wanted:
                break
            end = rows[-1][0]
        return found

    async def get(self, letter_id: str) -> DeadLetter | None:
        """The one with that id. Raises ChannelUnavailable."""
        found = _whole(await self._rows(f"{_VISIBLE} AND id = ?", [_number(letter_id)]))
        return found[0] if found else None

    async def tally(self, selector: Selector) -> list[Tally]:
        """How many there are, by Trigger and reason. Raises ChannelUnavailable."""
        condition, bindings = _condition(selector)
        address = "namespace, broker, trigger, reason"
        sql = (
            f"SELECT {address}, count(*), min(time), max(time) FROM dead_letter"
            f" WHERE {condition} GROUP BY {address} ORDER BY {address}"
        )
        rows = await self._file.ask(lambda connection: list(connection.execute(sql, bindings)))
        return [Tally(Address(*row[:3]), row[3], row[4], row[5] / 1000, row[6] / 1000) for row in rows]

    async def discard(self, selector: Selector, *, limit: int | None = None) -> Mapping[Address, int]:
        """Let the oldest go, up to `limit`. Raises ChannelUnavailable.

        They are marked first, then counted, then deleted: what a crash leaves marked is deleted at the next start.
        """
        condition, bindings = _condition(selector)
        async with self._lock:
            self._file.owe(
                "UPDATE dead_letter SET redrive = iif(redrive_state = 'pending', redrive, 0),"
                " redrive_state = 'discarded'"
                f" WHERE id IN (SELECT id FROM dead_letter WHERE {condition} ORDER BY id LIMIT ?)",
                [*bindings, -1 if limit is None else limit],
            )
            await self._file.committed()
            found = await self._file.ask(_read_discarded)
            self._out -= found.ids
            for count, size_bytes in found.addresses.values():
                self._forget(count, size_bytes)
            self._file.owe("DELETE FROM dead_letter WHERE redrive_state = 'discarded'", ())
            for number, count in found.redrives.items():
                self._progress(number, failed=count)
            await self._file.committed()
        return {address: count for address, (count, _) in found.addresses.items()}

    async def claim(self, selector: Selector, *, rate: float | None, limit: int | None = None) -> Redrive:
        """Begin a redrive, and record it. Raises ChannelUnavailable."""
        number, self._next_redrive = self._next_redrive, self._next_redrive + 1
        condition, bindings = _condition(selector)
        owe, now_ms = self._file.owe, self._now_ms()
        chosen = f"SELECT id FROM dead_letter WHERE {condition} AND redrive_state != 'pending' ORDER BY id LIMIT ?"
        owe(
            "INSERT INTO redrive (id, selector, rate, started, total) VALUES (?, ?, ?, ?, 0)",
            (number, _encode(selector), rate, now_ms),
        )
        owe(
            f"UPDATE dead_letter SET redrive_state = 'pending', redrive = ? WHERE id IN ({chosen})",
            [number, *bindings, -1 if limit is None else limit],
        )
        owe(
            "UPDATE redrive SET total ="
            " (SELECT count(*) FROM dead_letter WHERE redrive = redrive.id AND redrive_state = 'pending') WHERE id = ?",
            (number,),
        )
        owe("UPDATE redrive SET ended = ? WHERE id = ? AND total = 0", (now_ms, number))
        owe("DELETE FROM redrive WHERE ended IS NOT NULL AND id <= ?", (number - 2 * REDRIVES_KEPT,))
        await self._file.committed()
        sql = f"SELECT {_REDRIVE_COLUMNS} FROM redrive WHERE id = ?"
        redrive = await self._file.ask(lambda connection: _redrive_of(_row(connection, sql, (number,))))
        self._note(redrive)
        return redrive

    async def claimed(self, redrive_id: str, limit: int) -> list[DeadLetter]:
        """Up to `limit` that this redrive has still to bring to an end, oldest first. Raises ChannelUnavailable."""
        number = _number(redrive_id)
        rows = await self._rows("redrive_state = 'pending' AND redrive = ? ORDER BY id LIMIT ?", [number, limit])
        found = _whole(rows)
        self._out.update(int(letter.id) for letter in found)
        damaged = {row[0] for row in rows} - {int(letter.id) for letter in found}
        for one in damaged:
            self._file.owe("UPDATE dead_letter SET redrive_state = 'failed' WHERE id = ?", (one,))
            self._progress(number, failed=1)
        if damaged:
            # Else the next reading would find them once more, and count them twice.
            await self._file.committed()
        return found

    async def _rows(self, condition: str, bindings: Sequence[Any]) -> list[Sequence[Any]]:
        sql = f"SELECT {_COLUMNS} FROM dead_letter WHERE {condition}"
        return await self._file.ask(lambda connection: list(connection.execute(sql, bindings)))

    # The books.

    def _insert(self, address: Address, reason: str, event: Event, size_bytes: int, attempts: bytes) -> None:
        self.count += 1
        self.size_bytes += size_bytes
        self._file.owe(_INSERT, (self._now_ms(), *address, reason, size_bytes, attempts, encode_event(event)))

    def _forget(self, count: int, size_bytes: int) -> None:
        self.count -= count
        self.size_bytes -= size_bytes

    def _is_out(self, letter: DeadLetter) -> bool:
        """True once for each letter that was claimed out, unless it was discarded meanwhile."""
        is_out = int(letter.id) in self._out
        self._out.discard(int(letter.id))
        return is_out

    def _note(self, redrive: Redrive) -> None:
        if redrive.ended_s is None:
            self._open[int(redrive.id)] = redrive
        else:
            self._open.pop(int(redrive.id), None)
            self._ended.append(redrive)

    def _progress(self, number: int, *, delivered: int = 0, failed: int = 0) -> None:
        old = self._open.get(number)
        if old is None:
            return
        new = replace(old, delivered=old.delivered + delivered, failed=old.failed + failed)
        if new.delivered + new.failed >= new.total:
            new = replace(new, ended_s=self._file.now_s())
        self._note(new)
        ended = None if new.ended_s is None else round(new.ended_s * 1000)
        sql = "UPDATE redrive SET delivered = ?, failed = ?, ended = ? WHERE id = ?"
        self._file.owe(sql, (new.delivered, new.failed, ended, number))

    def _now_ms(self) -> int:
        return round(self._file.now_s() * 1000)


class _Discarded(NamedTuple):
    """What was marked: how many and of what size for whom, how many of which redrive, and those of redrives by id."""

    addresses: Mapping[Address, tuple[int, int]]
    redrives: Mapping[int, int]
    ids: frozenset[int]


def _read_discarded(connection: apsw.Connection) -> _Discarded:
    where = "FROM dead_letter WHERE redrive_state = 'discarded'"
    sizes = connection.execute(
        f"SELECT namespace, broker, trigger, count(*), sum(size_bytes) {where} GROUP BY namespace, broker, trigger"
    )
    addresses = {Address(*row[:3]): (row[3], row[4]) for row in sizes}
    redrives = connection.execute(f"SELECT redrive, count(*) {where} AND redrive > 0 GROUP BY redrive")
    ids = connection.execute(f"SELECT id {where} AND redrive > 0")
    return _Discarded(addresses, dict(redrives), frozenset(row[0] for row in ids))


def _condition(selector: Selector) -> tuple[str, list[Any]]:
    """SQL for a selector, and its bindings."""
    terms, bindings = [_VISIBLE], []
    for column in ("namespace", "broker", "trigger", "reason"):
        if (value := getattr(selector, column)) is not None:
            terms.append(f"{column} = ?")
            bindings.append(value)
    for term, moment_s in (("time >= ?", selector.since_s), ("time < ?", selector.until_s)):
        if moment_s is not None:
            terms.append(term)
            bindings.append(math.ceil(moment_s * 1000))
    if selector.ids:
        terms.append(f"id IN ({', '.join('?' * len(selector.ids))})")
        bindings += [_number(one) for one in selector.ids]
    return " AND ".join(terms), bindings


def _number(letter_id: str) -> int:
    """The row of an id; of what is no id of this store, a row that never is."""
    return number_in(letter_id, "") or -1


def _whole(rows: Iterable[Sequence[Any]]) -> list[DeadLetter]:
    return [letter for row in rows if (letter := _letter_of(row)) is not None]


def _letter_of(row: Sequence[Any]) -> DeadLetter | None:
    """None where the record is damaged: it stays in the file, and is told of nowhere."""
    number, time_ms, namespace, broker, trigger, reason, attempts, body, redrives, state, redrive = row
    event = decode_event(body)
    try:
        tried = _attempts.decode(attempts)
    except (msgspec.MsgspecError, UnicodeDecodeError):  # the latter for text that is no UTF-8
        return None
    if event is None:
        return None
    return DeadLetter(
        str(number),
        time_ms / 1000,
        Address(namespace, broker, trigger),
        reason,
        event,
        tried,
        redrives,
        cast("RedriveState", state),
        str(redrive) if redrive else "",
    )


def _redrive_of(row: Sequence[Any]) -> Redrive:
    number, selector, rate, started, total, delivered, failed, ended = row
    ended_s = None if ended is None else ended / 1000
    return Redrive(str(number), _selector.decode(selector), rate, started / 1000, total, delivered, failed, ended_s)


def _row(connection: apsw.Connection, sql: str, bindings: Sequence[Any] = ()) -> Sequence[Any]:
    row: Sequence[Any] = next(connection.execute(sql, bindings))
    return row
