"""Dead letters: events that failed for good for one Trigger, and what may be asked of the store that keeps them. Pure.

`channels.dead_letter_conformance` holds the store's laws as tests, `channels.damage_conformance` those about damage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from channels.contract import Delivery
from channels.event import Event

ANSWER_MAX_BYTES: Final = 1024
"""How much of a sink's answer an attempt keeps (`knativeerrordata`, Knative's data plane contract)."""
_ATTEMPT_BYTES: Final = 128

RedriveState = Literal["", "pending", "failed"]
"""Of one dead letter: never redriven, claimed by a redrive that is under way, or redriven and failed again."""


class Address(NamedTuple):
    """Whose dead letter it is."""

    namespace: str
    broker: str
    """The Broker's name; of a Channel `channels/` and its name."""
    trigger: str
    """The Trigger's name, or that of the Channel's Subscription."""


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One request to one sink.

    `time_s` is seconds since the epoch; `status` is None where no answer came, and `error` has the words for that.
    """

    time_s: float
    destination: str
    status: int | None
    latency_s: float
    error: str | None
    answer: bytes

    @property
    def size(self) -> int:
        """Bytes charged against the bound of whatever holds it."""
        return _ATTEMPT_BYTES + len(self.answer)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event that failed for good for one Trigger.

    `id` is unique within its store, and sorts by age there; stores of one kind may have the same ids, so who tells of
    several stores says which one it is of. No id has a dot or a comma. `reason` is one of the words in
    docs/delivery.md, such as `retriesexhausted`.
    """

    id: str
    time_s: float
    address: Address
    reason: str
    event: Event
    attempts: tuple[AttemptRecord, ...]
    redrives: int = 0
    """How often it was redriven and failed again."""
    redrive_state: RedriveState = ""
    redrive_id: str = ""
    """The redrive that claimed it last."""

    @property
    def size(self) -> int:
        """Bytes charged against the store's bound."""
        return self.event.size + sum(attempt.size for attempt in self.attempts)


@dataclass(frozen=True, slots=True)
class Selector:
    """Which dead letters: those that fulfil all that is given. Times are seconds since the epoch, of the failure."""

    namespace: str | None = None
    broker: str | None = None
    trigger: str | None = None
    reason: str | None = None
    since_s: float | None = None
    """That time or later."""
    until_s: float | None = None
    """Before that time."""
    ids: tuple[str, ...] = ()


EVERYTHING: Final = Selector()


def number_in(letter_id: str, mark: str, *, digits_max: int = 18) -> int:
    """The number in an id that is the mark and a number; 0, which no letter has, where it is no such id."""
    digits = letter_id.removeprefix(mark)
    is_ours = letter_id.startswith(mark) and digits.isascii() and digits.isdigit()
    return int(digits) if is_ours and digits[0] != "0" and len(digits) <= digits_max else 0


def matches(selector: Selector, letter: DeadLetter) -> bool:
    """Whether it fulfils all that is given."""
    is_meant = is_about(selector, letter.address, letter.reason, letter.time_s)
    return is_meant and (not selector.ids or letter.id in selector.ids)


def is_about(selector: Selector, address: Address, reason: str, time_s: float) -> bool:
    """Whether a letter of that address, reason and time fulfils all that is given but the ids."""
    return (
        selector.namespace in (None, address.namespace)
        and selector.broker in (None, address.broker)
        and selector.trigger in (None, address.trigger)
        and selector.reason in (None, reason)
        and (selector.since_s is None or time_s >= selector.since_s)
        and (selector.until_s is None or time_s < selector.until_s)
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """How many dead letters of one Trigger have one reason, and when the first and the last of them failed."""

    address: Address
    reason: str
    count: int
    first_s: float
    last_s: float


@dataclass(frozen=True, slots=True)
class Redrive:
    """A record of one redrive. `selector` is as it was asked; it ended when `ended_s` is set."""

    id: str
    """As a dead letter's: unique within its store."""
    selector: Selector
    rate: float | None
    """Events a second, None for as fast as the sink takes them."""
    started_s: float
    total: int
    """Dead letters it claimed when it began. What fails later is none of its business: so it cannot loop."""
    delivered: int = 0
    failed: int = 0
    """Those that failed again, or were discarded meanwhile, or whose Trigger is gone."""
    ended_s: float | None = None


class DeadLetters(Protocol):
    """A store of dead letters. One for each kind of channel; the verbs that await nothing never fail, as in
    `channels.contract`, and become durable together with what the channel is told in the same turn.
    """

    is_durable: bool

    def add(self, address: Address, reason: str, event: Event, attempts: tuple[AttemptRecord, ...]) -> None:
        """Keep one, as the newest."""

    def extend(self, address: Address, reason: str, deliveries: Sequence[Delivery]) -> None:
        """Keep the events of many that were never tried; the last one becomes the newest."""

    @property
    def evicted(self) -> int:
        """Those that a bounded store let go for younger ones."""

    async def find(self, selector: Selector, *, limit: int, before: str = "") -> list[DeadLetter]:
        """Up to `limit` of them, newest first; with `before`, only those older than the one of that id, there or not.
        Fewer only where there are no more: one that is damaged is none. Raises ChannelUnavailable.
        """

    async def get(self, letter_id: str) -> DeadLetter | None:
        """The one with that id, None where there is none (any more). Raises ChannelUnavailable."""

    async def tally(self, selector: Selector) -> list[Tally]:
        """How many there are, by Trigger and reason. Raises ChannelUnavailable."""

    async def discard(self, selector: Selector, *, limit: int | None = None) -> Mapping[Address, int]:
        """Let the oldest of them go, up to `limit`, and say how many for whom. Raises ChannelUnavailable."""

    async def claim(self, selector: Selector, *, rate: float | None, limit: int | None = None) -> Redrive:
        """Begin a redrive of the oldest of them, up to `limit`, that no other redrive has claimed; recorded before this
        returns. One that claimed nothing has ended. It begins whole or not at all: no letter stays claimed by one
        that nobody carries out. Raises ChannelUnavailable.
        """

    @property
    def redrives(self) -> Sequence[Redrive]:
        """The redrives under way and the last hundred that ended, oldest first."""

    async def claimed(self, redrive_id: str, limit: int) -> list[DeadLetter]:
        """Up to `limit` that this redrive has still to bring to an end, oldest first, whether or not they were taken
        before: who drives remembers what is on its way. One that is damaged has failed again. Raises
        ChannelUnavailable.
        """

    def redriven(self, letter: DeadLetter) -> None:
        """It was delivered at last: it is a dead letter no more, and its redrive counts it."""

    def failed_again(self, letter: DeadLetter, attempts: tuple[AttemptRecord, ...]) -> None:
        """It stays, marked `failed`, with these attempts as well, and its redrive counts it."""
