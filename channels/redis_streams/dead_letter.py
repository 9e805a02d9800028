"""The dead letters of a Redis server: of all channels there, in the transactions of what the channels are told."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, Protocol

from channels.contract import Delivery
from channels.dead_letter import Address, AttemptRecord, DeadLetter, Redrive, Selector, Tally, is_about
from channels.event import Event
from channels.redis_streams.committer import Command, Committer, Owed
from channels.redis_streams.connection import Word
from channels.redis_streams.debt import Debt
from channels.redis_streams.entry import pairs
from channels.redis_streams.errors import ServerError, translate
from channels.redis_streams.letter import (
    Head,
    Row,
    number_of,
    pack_attempts,
    pack_body,
    pack_head,
    pack_record,
    read_head,
    unpack_letter,
    unpack_redrive,
)
from channels.redis_streams.link import Link
from channels.redis_streams.redriving import Redriving
from channels.redis_streams.script import DEAD_LETTER

_PAGE: Final = 500
_NEVER: Final = 2**53


class Server(Protocol):
    """What the letters need of the server that has them."""

    me: str
    link: Link
    committer: Committer

    def complain(self, error: BaseException) -> None:
        """To the log, but not too often."""

    @property
    def prefix(self) -> str:
        """What the names of all keys begin with."""

    @property
    def fence(self) -> str:
        """The key of this process's fence."""


class RedisDeadLetters:
    """Fulfils `DeadLetters`. Ids count from `r1`. At most `events_max`."""

    is_durable = True

    def __init__(self, server: Server, *, events_max: int) -> None:
        self.evicted = 0
        """Those that made room for younger ones since this process knows the server, whichever process saw to it."""
        self._server: Final = server
        self._events_max: Final = events_max
        self._evicted_before: int | None = None
        """As the server told first."""
        self._prefix: Final = f"{server.prefix}:{{dead-letters}}:"
        self.debt: Final = Debt(server, self._prefix, changed=self._change, done=self._committed, relieved=self._change)
        self._redriving: Final = Redriving(time.time)

    # What is told

    def add(self, address: Address, reason: str, event: Event, attempts: tuple[AttemptRecord, ...]) -> None:
        """Keep one, as the newest."""
        self._add(time.time(), address, reason, event, attempts)

    def extend(self, address: Address, reason: str, deliveries: Sequence[Delivery]) -> None:
        """Keep the events of many that were never tried; the last one becomes the newest."""
        now_s = time.time()
        for delivery in deliveries:
            self._add(now_s, address, reason, delivery.event, ())

    def _add(
        self, now_s: float, address: Address, reason: str, event: Event, attempts: tuple[AttemptRecord, ...]
    ) -> None:
        head, body = pack_head(now_s, address, reason), pack_body(event, attempts)
        self._owe(["add", self._events_max, repr(now_s), head, body], len(head) + len(body))

    def redriven(self, letter: DeadLetter) -> None:
        """It was delivered at last."""
        number = number_of(letter.id)
        if self._redriving.end(letter.redrive_id, number, is_delivered=True):
            self._owe(["redriven", number, number_of(letter.redrive_id), repr(time.time())])
            self._redriving.is_owed = True

    def failed_again(self, letter: DeadLetter, attempts: tuple[AttemptRecord, ...]) -> None:
        """It stays, marked `failed`, with these attempts as well."""
        self._fail(number_of(letter.id), letter.redrive_id, attempts)

    def _fail(self, number: int, redrive_id: str, attempts: tuple[AttemptRecord, ...]) -> None:
        if self._redriving.end(redrive_id, number, is_delivered=False):
            self._owe(["failed", number, number_of(redrive_id), repr(time.time()), pack_attempts(attempts)])
            self._redriving.is_owed = True

    # What is asked

    async def find(self, selector: Selector, *, limit: int, before: str = "") -> list[DeadLetter]:
        """Up to `limit` of them, newest first. Raises ChannelUnavailable."""
        letters: list[DeadLetter] = []
        found: list[tuple[int, Head]] = []
        end = number_of(before) if before else _NEVER
        async for one in self._chosen(selector, end=end, is_newest_first=True):
            # What is damaged, or left meanwhile, is no letter: a page is short only where there are no more.
            if len(letters) + len(found) >= limit or len(found) == _PAGE:
                letters += await self._letters(found)
                found = []
            if len(letters) >= limit:
                return letters
            found.append(one)
        return letters + await self._letters(found)

    async def get(self, letter_id: str) -> DeadLetter | None:
        """The one with that id. Raises ChannelUnavailable."""
        found = await self.find(Selector(ids=(letter_id,)), limit=1)
        return found[0] if found else None

    async def tally(self, selector: Selector) -> list[Tally]:
        """How many there are, in the order of their Triggers' names and reasons. Raises ChannelUnavailable."""
        tallies: dict[tuple[Address, str], Tally] = {}
        async for _, head in self._chosen(selector):
            key = (head.address, head.reason)
            old = tallies.get(key) or Tally(*key, 0, head.time_s, head.time_s)
            first_s, last_s = min(old.first_s, head.time_s), max(old.last_s, head.time_s)
            tallies[key] = Tally(*key, old.count + 1, first_s, last_s)
        return [tallies[key] for key in sorted(tallies)]

    async def discard(self, selector: Selector, *, limit: int | None = None) -> Mapping[Address, int]:
        """Let the oldest of them go, up to `limit`. Raises ChannelUnavailable."""
        await self.debt.flush()
        discarded: Counter[Address] = Counter()
        async for page in self._pages(selector, limit):
            addresses = {number: head.address for number, head in page}
            for number, redrive in await self._run("discard", repr(time.time()), len(addresses), *addresses):
                discarded[addresses[int(number)]] += 1
                if redrive:
                    self._redriving.end(f"r{redrive.decode()}", int(number), is_delivered=False)
        return discarded

    async def claim(self, selector: Selector, *, rate: float | None, limit: int | None = None) -> Redrive:
        """Begin a redrive of the oldest of them that no other redrive has claimed. Raises ChannelUnavailable."""
        await self.debt.flush()
        # What is claimed counts from `begin` on, all at once: a claim that ends before has claimed nothing.
        record, number = pack_record(selector, rate, time.time()), await self._run("number")
        left = limit
        async for page in self._pages(selector, None):
            taken = await self._claims([one for one, _ in page])
            numbers = [one for one, _ in page if one not in taken][:left]
            if numbers:
                claimed = await self._run("claim", number, len(numbers), *numbers)
                left = None if left is None else left - claimed
            if left == 0:
                break
        fields = await self._run("begin", number, record, repr(time.time()))
        redrive = unpack_redrive(b"%d" % number, pairs(fields))
        self._redriving.begin(redrive)
        return redrive

    async def claimed(self, redrive_id: str, limit: int) -> list[DeadLetter]:
        """Up to `limit` that this redrive has still to bring to an end. Raises ChannelUnavailable."""
        redrive = number_of(redrive_id)
        found = await self._call("ZRANGE", f"p:{redrive}", 0, limit - 1) if redrive and limit > 0 else []
        letters = await self._letters(await self._heads([int(number) for number in found]))
        rest = {int(number) for number in found}.difference([number_of(letter.id) for letter in letters])
        if rest:
            for number, score in zip(rest, await self._call("ZMSCORE", f"p:{redrive}", *rest), strict=True):
                # It is damaged, unless it came to its end meanwhile.
                if score is not None:
                    self._fail(number, redrive_id, ())
        return letters

    @property
    def redrives(self) -> Sequence[Redrive]:
        """The redrives under way and the last hundred that ended, oldest first."""
        return self._redriving.told

    async def refresh(self) -> None:
        """See what other processes did. Raises ChannelUnavailable."""
        told = await self._call("MGET", "version", f"{self._prefix}evicted")
        version, evicted = [int(one or 0) for one in told]
        if self._evicted_before is None:
            self._evicted_before = evicted
        self.evicted = max(0, evicted - self._evicted_before)
        if version != self._redriving.version and not self._redriving.is_owed:
            self._redriving.learn(*await self._run("redrives"))

    # Commits

    def _owe(self, words: list[Word], size_bytes: int = 0) -> None:
        self.debt.owe(words, size_bytes)
        self._change()

    def _change(self) -> None:
        self._server.committer.schedule()

    def before(self) -> None:
        """There is nothing to add."""

    def put(self) -> tuple[list[Owed], list[Command]]:
        """What was told since the last commit."""
        return self.debt.put(), []

    def _committed(self, answer: Any) -> None:
        if not self.debt.words:
            self._redriving.is_owed = False

    def refuse(self, error: Exception) -> None:
        """Nothing is published here."""

    def start_over(self) -> None:
        """What was told in the same commits as what another process has by now was not done: it will do it again."""
        self.debt.drop()
        self._redriving.is_owed = False
        self._redriving.version = -1

    # What the server has

    @property
    def _keys(self) -> tuple[str, str]:
        return self._prefix, self._server.fence

    async def _run(self, *words: Word) -> Any:
        try:
            return await self._server.link.run(DEAD_LETTER, self._keys, self._server.me, "", *words)
        except ServerError as error:
            raise translate(error) from error

    async def _call(self, verb: str, key: str, *words: Word) -> Any:
        try:
            return await self._server.link.call(verb, self._prefix + key, *words)
        except ServerError as error:
            raise translate(error) from error

    async def _chosen(
        self, selector: Selector, *, end: int = _NEVER, is_newest_first: bool = False
    ) -> AsyncIterator[tuple[int, Head]]:
        """Those that fulfil it and are older than `end`, by number."""
        wanted = sorted({number_of(one) for one in selector.ids} - {0}, reverse=is_newest_first)
        first = 0
        while True:
            if selector.ids:
                numbers = [one for one in wanted if one < end]
            elif is_newest_first:
                answer = await self._call("ZRANGE", "index", f"({end}", 0, "BYSCORE", "REV", "LIMIT", 0, _PAGE)
                numbers = [int(one) for one in answer]
            else:
                answer = await self._call("ZRANGE", "index", f"({first}", f"({end}", "BYSCORE", "LIMIT", 0, _PAGE)
                numbers = [int(one) for one in answer]
            for number, head in await self._heads(numbers):
                if is_about(selector, head.address, head.reason, head.time_s):
                    yield number, head
            if selector.ids or len(numbers) < _PAGE:
                return
            first = end = numbers[-1]
            if not is_newest_first:
                end = _NEVER

    async def _pages(self, selector: Selector, limit: int | None) -> AsyncIterator[list[tuple[int, Head]]]:
        """The same, oldest first, some at a time."""
        page: list[tuple[int, Head]] = []
        left = limit
        if left == 0:
            return
        async for one in self._chosen(selector):
            page.append(one)
            left = None if left is None else left - 1
            if len(page) == _PAGE or left == 0:
                yield page
                page = []
            if left == 0:
                return
        if page:
            yield page

    async def _claims(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """Of those that a redrive has to bring to their end, which one."""
        claims = await self._call("HMGET", "claim", *numbers)
        named = sorted({claim for claim in claims if claim is not None})
        scores = await self._call("ZMSCORE", "redrives", *named) if named else []
        begun = {redrive for redrive, score in zip(named, scores, strict=True) if score is not None}
        return {number: claim for number, claim in zip(numbers, claims, strict=True) if claim in begun}

    async def _heads(self, numbers: Sequence[int]) -> list[tuple[int, Head]]:
        heads = map(read_head, await self._call("HMGET", "head", *numbers)) if numbers else ()
        return [(number, head) for number, head in zip(numbers, heads, strict=True) if head is not None]

    async def _letters(self, found: Sequence[tuple[int, Head]]) -> list[DeadLetter]:
        """Whole, in the same order, without those that are damaged or gone."""
        letters: list[DeadLetter] = []
        for first in range(0, len(found), _PAGE):
            page = found[first : first + _PAGE]
            numbers = [number for number, _ in page]
            claims = await self._claims(numbers)
            rows = [await self._call("HMGET", name, *numbers) for name in ("body", "tried", "mark")]
            for (number, head), body, tried, mark in zip(page, *rows, strict=True):
                row = Row(body or b"", tried or b"", mark or b"")
                letter = unpack_letter(number, head, row, claims.get(number))
                if letter is not None:
                    letters.append(letter)
        return letters
