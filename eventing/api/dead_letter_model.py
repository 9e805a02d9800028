"""The shapes of what the ops API is asked and answers about dead letters and redrives."""

import base64
import time
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, PositiveFloat, PositiveInt
from pydantic_core import from_json

from channels import dead_letter
from channels.attribute import Value, canonical, is_json
from channels.event import Event
from eventing.api.model import Model
from eventing.api.moment import parse_moment


def _checked(text: str) -> str:
    parse_moment(text, 0.0)
    return text


Moment = Annotated[str, AfterValidator(_checked)]
"""An RFC 3339 time, or how long ago: `1h`."""


class Selection(Model):
    """Which dead letters: those that fulfil all that is given, and all where nothing is."""

    model_config = ConfigDict(extra="forbid")  # a word with a typo in it would select everything

    namespace: str | None = None
    broker: str | None = None
    trigger: str | None = None
    reason: str | None = None
    since: Moment | None = None
    """Failed then or later: an RFC 3339 time, or how long ago, such as `1h`."""
    until: Moment | None = None
    """Failed before that."""
    id: list[str] = Field(default_factory=list, max_length=1000)
    """Those with one of these ids."""

    def selector(self) -> dead_letter.Selector:
        """What a store is asked, as of this moment."""
        now_s = time.time()
        return dead_letter.Selector(
            namespace=self.namespace,
            broker=self.broker,
            trigger=self.trigger,
            reason=self.reason,
            since_s=None if self.since is None else parse_moment(self.since, now_s),
            until_s=None if self.until is None else parse_moment(self.until, now_s),
            ids=tuple(self.id),
        )


class PageQuery(Selection):
    """Some of them, newest first."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    before: Annotated[str, Field(max_length=4096, pattern=r"^([0-9a-f]{8}\.[A-Za-z0-9:_-]{1,128}(,|$))*$")] = ""
    """`next` of the page before."""


class DiscardOrder(Selection):
    """Let them go."""

    limit: PositiveInt | None = None
    """No more than so many: the oldest."""
    dry_run: bool = False
    """Only say how many that would be."""


class RedriveOrder(DiscardOrder):
    """Deliver them once more, to the Triggers that they failed for."""

    rate: Annotated[PositiveFloat, Field(le=1_000_000, allow_inf_nan=False)] | None = None
    """Events a second; unset for as fast as the subscribers take them."""


class Selector(Model):
    """Which dead letters, with times instead of durations: `since` 1 h ago is a moment."""

    namespace: str | None
    broker: str | None
    trigger: str | None
    reason: str | None
    since: datetime | None
    until: datetime | None
    id: list[str]

    @classmethod
    def of(cls, selector: dead_letter.Selector) -> Self:
        """The shape of a selector."""
        return cls(
            namespace=selector.namespace,
            broker=selector.broker,
            trigger=selector.trigger,
            reason=selector.reason,
            since=None if selector.since_s is None else _time(selector.since_s),
            until=None if selector.until_s is None else _time(selector.until_s),
            id=list(selector.ids),
        )


class Attempt(Model):
    """One request to one sink."""

    time: datetime
    destination: str
    status: int | None
    """None where no answer came."""
    latency_s: float
    error: str | None
    """What kept an answer away."""
    answer: str
    """The first 1024 bytes of the answer's body, as text."""

    @classmethod
    def of(cls, record: dead_letter.AttemptRecord) -> Self:
        """The shape of an attempt."""
        return cls(
            time=_time(record.time_s),
            destination=record.destination,
            status=record.status,
            latency_s=record.latency_s,
            error=record.error,
            answer=record.answer.decode("utf-8", errors="replace"),
        )


class DeadLetterSummary(Model):
    """One event that failed for good for one Trigger."""

    id: str
    time: datetime
    namespace: str
    broker: str
    trigger: str
    reason: str
    """One word, such as `retriesexhausted`."""
    attributes: dict[str, str | int | bool]
    """The event's context attributes; binary ones as base64."""
    attempt_count: int
    redrives: int
    """How often it was redriven and failed again."""
    redrive_state: str
    """`pending` while a redrive is under way that claimed it, `failed` where one brought no success, else empty."""
    redrive_id: str
    """The redrive that claimed it last."""

    @classmethod
    def of(cls, letter: dead_letter.DeadLetter) -> Self:
        """The shape of a dead letter in a list."""
        return cls(**_summary_of(letter))


class DeadLetterDetail(DeadLetterSummary):
    """One dead letter with its data, in exactly one of two forms unless there is none, and all attempts."""

    data: Any = None
    """A JSON value where the data is JSON, a number beyond a double's range as null; else the text."""
    data_base64: str | None = Field(None, alias="data_base64")
    """Data that is no text. Named as in the CloudEvents JSON format."""
    attempts: list[Attempt]

    @classmethod
    def of(cls, letter: dead_letter.DeadLetter) -> Self:
        """The shape of a dead letter on its own."""
        attempts = [Attempt.of(record) for record in letter.attempts]
        return cls(**_summary_of(letter), **_data_of(letter.event), attempts=attempts)


class Missing(Model):
    """A store of dead letters that did not answer: what it holds is in no part of this answer."""

    store: str
    """`journal`, `memory`, or the server's kind and address."""
    message: str
    """Why it did not."""


class DeadLetterList(Model):
    """Dead letters that match the query, newest first."""

    items: list[DeadLetterSummary]
    next: str
    """Where the next page begins, for `before`; empty where there is none. While a store is missing there is one until
    a page is empty: a store that is back goes on where it was left.
    """
    missing: list[Missing]


class Tally(Model):
    """How many dead letters of one Trigger have one reason."""

    namespace: str
    broker: str
    trigger: str
    reason: str
    count: int
    first: datetime
    """When the oldest of them failed."""
    last: datetime

    @classmethod
    def of(cls, tally: dead_letter.Tally) -> Self:
        """The shape of a tally."""
        first, last = _time(tally.first_s), _time(tally.last_s)
        return cls(**tally.address._asdict(), reason=tally.reason, count=tally.count, first=first, last=last)


class TallyList(Model):
    """Dead letters that match the query by Trigger and reason, the most first."""

    items: list[Tally]
    total: int
    evicted: int
    """Dead letters that left a bounded store for younger ones, since the server began."""
    missing: list[Missing]


class Discarded(Model):
    """How many dead letters of one Trigger were let go."""

    namespace: str
    broker: str
    trigger: str
    count: int


class DiscardAnswer(Model):
    """What was let go, or would be."""

    count: int
    dry_run: bool
    selector: Selector
    """What was asked for."""
    items: list[Discarded]
    """By Trigger; empty where nothing was let go."""
    missing: list[Missing]
    """Where nothing was let go, or, by one that went away meanwhile, perhaps some."""


class Redrive(Model):
    """One redrive. It is under way until `ended` is set."""

    id: str
    selector: Selector
    """What was asked for; of ids, those of its store."""
    rate: float | None
    """Events a second; None for as fast as the subscribers take them."""
    started: datetime
    ended: datetime | None
    total: int
    """Dead letters that it began with: what fails later is none of its business."""
    delivered: int
    failed: int
    """Those that failed again, or were discarded meanwhile, or whose Trigger is gone."""

    @classmethod
    def of(cls, redrive: dead_letter.Redrive) -> Self:
        """The shape of a redrive."""
        return cls(
            id=redrive.id,
            selector=Selector.of(redrive.selector),
            rate=redrive.rate,
            started=_time(redrive.started_s),
            ended=None if redrive.ended_s is None else _time(redrive.ended_s),
            total=redrive.total,
            delivered=redrive.delivered,
            failed=redrive.failed,
        )


class RedriveList(Model):
    """Redrives under way and the last that ended, newest first."""

    items: list[Redrive]


class RedriveAnswer(Model):
    """What is being redriven, or would be."""

    count: int
    dry_run: bool
    selector: Selector
    """What was asked for."""
    items: list[Redrive]
    """One for each store that holds any; empty where none began."""
    missing: list[Missing]
    """Where none began."""


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _summary_of(letter: dead_letter.DeadLetter) -> dict[str, Any]:
    return {
        **letter.address._asdict(),
        "id": letter.id,
        "time": _time(letter.time_s),
        "reason": letter.reason,
        "attributes": {name: _shown(value) for name, value in letter.event.attributes.items()},
        "attempt_count": len(letter.attempts),
        "redrives": letter.redrives,
        "redrive_state": letter.redrive_state,
        "redrive_id": letter.redrive_id,
    }


def _shown(value: Value) -> str | int | bool:
    return canonical(value) if isinstance(value, bytes) else value


def _data_of(event: Event) -> dict[str, Any]:
    """`data` or `data_base64` of an event: JSON, else text, else base64. Data that only claims to be JSON is text."""
    if event.data is None:
        return {}
    if event.json_data or is_json(event.datacontenttype or ""):
        try:
            return {"data": from_json(event.data, allow_inf_nan=False)}
        except ValueError:
            pass
    try:
        return {"data": event.data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"data_base64": base64.b64encode(event.data).decode("ascii")}
