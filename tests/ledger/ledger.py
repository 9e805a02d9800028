"""The ledger: follows sends and requests as they happen, and says at the end what became of every event. Pure.

Laws, for each Trigger that an event is to reach:

1. An event that was acknowledged is delivered, dead-lettered or waiting; else it is lost.
2. So is an event whose sender got no answer, once any sink saw it: it was stored whole.
3. An event comes to those Triggers only that its route names; one that was refused, or never sent, comes to none.
   Where a server keeps the events, its answer may be lost: then 503 is no more than no answer.
4. A second delivery needs a stop of the server since the event was sent. (Not since the first one: an event that was on
   its way at a crash may come from the log again, and once more from where one of its Triggers had it wait.) A stop
   may last: what is sent before it is over counts as sent before it.
5. Of an ordered Trigger: an event comes only after all older ones of its producer and key that are ever accepted, and
   were sent in the same era. An era begins where keys are told to move.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tests.ledger.record import DEAD_LETTER, NO_ANSWER, Received, Sent
from tests.ledger.verdict import Place, Verdict


@dataclass(frozen=True, slots=True)
class Route:
    """Who gets the events of a route: these Triggers, and perhaps those."""

    must: frozenset[str]
    may: frozenset[str] = frozenset()


class _Book:
    """What one sink saw of one producer's events, by sequence number."""

    __slots__ = ("_epochs", "_seen", "tops")

    def __init__(self) -> None:
        self._seen = bytearray()
        self._epochs = array("I")
        self.tops: dict[tuple[str, int], int] = {}
        """By key and era, the youngest event that came."""

    def _grow(self, seq: int) -> None:
        if (missing := seq + 1 - len(self._seen)) > 0:
            self._seen.extend(bytes(missing + 256))
            self._epochs.extend([0] * (missing + 256))

    def arrive(self, seq: int) -> bool:
        """Note a request, and say whether it is the first one for the event."""
        self._grow(seq)
        is_first = not self._seen[seq]
        self._seen[seq] = 1
        return is_first

    def accept(self, seq: int, epoch: int) -> int | None:
        """Note that it was accepted. Returns the epoch of the last time that it was before, None if never."""
        self._grow(seq)
        before, self._epochs[seq] = self._epochs[seq], epoch + 1
        return before - 1 if before else None

    def is_accepted(self, seq: int) -> bool:
        return seq < len(self._epochs) and self._epochs[seq] > 0

    def arrived(self) -> Iterator[int]:
        """The events that came, oldest first."""
        at = self._seen.find(1)
        while at >= 0:
            yield at
            at = self._seen.find(1, at + 1)

    def has_arrived(self, seq: int) -> bool:
        return seq < len(self._seen) and bool(self._seen[seq])


class _Era(NamedTuple):
    """Of the sends, by producer from this number on."""

    starts: Mapping[int, int]
    is_ordered: bool


class Ledger:
    """Told of every send and every request, in the order in which they happen at their producer and their sink.

    `routes` says who gets what; `ordered` Triggers keep order by key. `is_503_uncertain` where a server keeps
    the events.
    """

    def __init__(
        self, routes: Mapping[str, Route], *, ordered: Collection[str] = (), is_503_uncertain: bool = False
    ) -> None:
        self._routes = routes
        self._ordered = frozenset(ordered)
        self._uncertain = frozenset({NO_ANSWER, 503} if is_503_uncertain else {NO_ANSWER})
        self._eras = [_Era({}, is_ordered=True)]
        self._sent: defaultdict[int, list[Sent]] = defaultdict(list)
        self._sent_in: defaultdict[int, array[int]] = defaultdict(lambda: array("I"))
        self._books: defaultdict[str, defaultdict[int, _Book]] = defaultdict(lambda: defaultdict(_Book))
        self._buried: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
        self._duplicates: Counter[int] = Counter()
        self._unexplained: list[Place] = []
        self._reordered: dict[Place, None] = {}
        self._altered: list[Place] = []
        self.repeats: Counter[str] = Counter()
        """Requests, by Trigger, for events that its sink had accepted before."""
        self.epoch = 0
        """How often the server was stopped, or killed."""
        self._is_over = True

    def stopped(self, *, is_over: bool = True) -> None:
        """The server ended, and the sinks have seen the last of it: from here on an event may come again. Unless that
        `is_over`, so may those that are sent until `over` is called.
        """
        self.epoch += 1
        self._is_over = is_over

    @property
    def is_disturbed(self) -> bool:
        """The last stop is not over."""
        return not self._is_over

    def over(self) -> None:
        """Whatever the last stop brings again, it is nothing that is sent from here on."""
        self._is_over = True

    def era(self, *, is_ordered: bool) -> None:
        """What is sent from here on may overtake what was sent before, and, unless it `is_ordered`, one another."""
        self._eras.append(_Era({producer: len(sends) for producer, sends in self._sent.items()}, is_ordered))

    def sent(self, record: Sent) -> None:
        """A producer's send, with its answer. Raises ValueError where one before it is missing."""
        sends = self._sent[record.producer]
        if record.seq != len(sends):
            raise ValueError(f"producer {record.producer} wrote down {record.seq} after {len(sends) - 1}")
        sends.append(record)
        self._sent_in[record.producer].append(self.epoch if self._is_over else self.epoch - 1)

    def received(self, record: Received) -> None:
        """A request at a sink, or its end."""
        place = Place(record.trigger, record.producer, record.seq)
        if record.is_altered:
            self._altered.append(place)
        book = self._books[record.trigger][record.producer]
        self.repeats[record.trigger] += book.is_accepted(record.seq)
        is_first = book.arrive(record.seq)
        if record.is_accepted:
            last = book.accept(record.seq, self.epoch)
            if last is None:
                is_first = True
            elif last < self.epoch:
                self._duplicates[last] += 1
            elif self._epoch_of(place) < self.epoch:
                self._duplicates[self.epoch - 1] += 1
            else:
                self._unexplained.append(place)
        if record.trigger in self._ordered:
            era = self._era_of(place)
            top = book.tops.get((record.key, era), -1)
            if is_first and top > record.seq and self._eras[era].is_ordered:
                self._reordered[place] = None
            book.tops[record.key, era] = max(top, record.seq)

    def _era_of(self, place: Place) -> int:
        eras = range(len(self._eras) - 1, 0, -1)
        return next((era for era in eras if place.seq >= self._eras[era].starts.get(place.producer, 0)), 0)

    def _epoch_of(self, place: Place) -> int:
        """When the event was sent; one without an answer is being sent."""
        epochs = self._sent_in[place.producer]
        return epochs[place.seq] if place.seq < len(epochs) else self.epoch - (not self._is_over)

    def buried(self, trigger: str, producer: int, seq: int) -> None:
        """The event is in the server's own dead letter store."""
        self._buried[trigger].add((producer, seq))

    def delivered(self, trigger: str) -> int:
        """Events that the Trigger's sink accepted, each counted once."""
        books = self._books[trigger].values() if trigger in self._books else ()
        return sum(book.is_accepted(seq) for book in books for seq in book.arrived())

    def verdict(self, waiting: Mapping[str, int] | None = None) -> Verdict:
        """What became of everything. `waiting` is how many events the server says wait, by Trigger."""
        verdict = Verdict(
            duplicates=self._duplicates.total(),
            duplicates_by_stop=dict(self._duplicates),
            unexplained=list(self._unexplained),
            reordered=list(self._reordered),
            altered=list(self._altered),
        )
        missing: defaultdict[str, list[Place]] = defaultdict(list)
        for sends in self._sent.values():
            for sent in sends:
                self._judge(sent, verdict, missing)
        for trigger, places in missing.items():
            waits = min(len(places), (waiting or {}).get(trigger, 0))
            verdict.waiting += waits
            verdict.lost += places[: len(places) - waits]
        verdict.unasked += self._never_sent()
        return verdict

    def _judge(self, sent: Sent, verdict: Verdict, missing: Mapping[str, list[Place]]) -> None:
        """Add one event to the verdict."""
        seen = {trigger for trigger, books in self._books.items() if self._has_arrived(books, sent)}
        verdict.sent += 1
        is_acknowledged = 200 <= sent.status < 300
        if is_acknowledged:
            verdict.stored += 1
        elif sent.status == NO_ANSWER:
            verdict.unknown += 1
        else:
            verdict.refused += 1
        if not is_acknowledged and sent.status not in self._uncertain:
            verdict.unasked += [Place(trigger, sent.producer, sent.seq) for trigger in sorted(seen)]
        elif is_acknowledged or seen:
            self._judge_stored(sent, seen, verdict, missing)

    def _judge_stored(
        self, sent: Sent, seen: Collection[str], verdict: Verdict, missing: Mapping[str, list[Place]]
    ) -> None:
        """It is to come to all who want it, and to nobody else."""
        route = self._routes[sent.route]
        for trigger in sorted(seen):
            if trigger.removesuffix(DEAD_LETTER) not in route.must | route.may:
                verdict.misrouted.append(Place(trigger, sent.producer, sent.seq))
        for trigger in route.must:
            self._judge_at(trigger, sent, verdict, missing)

    def _judge_at(self, trigger: str, sent: Sent, verdict: Verdict, missing: Mapping[str, list[Place]]) -> None:
        if self._is_accepted(trigger, sent):
            verdict.delivered += 1
        elif self._is_accepted(trigger + DEAD_LETTER, sent) or (sent.producer, sent.seq) in self._buried[trigger]:
            verdict.dead_lettered += 1
        else:
            missing[trigger].append(Place(trigger, sent.producer, sent.seq))

    def _is_accepted(self, trigger: str, sent: Sent) -> bool:
        book = self._books[trigger].get(sent.producer) if trigger in self._books else None
        return book is not None and book.is_accepted(sent.seq)

    def _has_arrived(self, books: Mapping[int, _Book], sent: Sent) -> bool:
        book = books.get(sent.producer)
        return book is not None and book.has_arrived(sent.seq)

    def _never_sent(self) -> list[Place]:
        """What came and was sent by nobody."""
        return [
            Place(trigger, producer, seq)
            for trigger, books in self._books.items()
            for producer, book in books.items()
            for seq in book.arrived()
            if seq >= len(self._sent.get(producer, ()))
        ]
