"""The shapes of the ops API's answers. The OpenAPI page is made from them."""

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import from_json

from channels.attribute import Value, canonical, is_json
from channels.event import Event
from dispatcher.deadletter import AttemptRecord, DeadLetter
from eventing.operations import LaneStatus


class Model(BaseModel):
    """What all answers share: camelCase outside, the code's names inside, made from the object they describe."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, from_attributes=True, use_attribute_docstrings=True
    )


class Message(Model):
    """Why there is no other answer."""

    message: str


class Statistics(Model):
    """What a channel holds, and its bounds."""

    events: int
    size_bytes: int
    events_max: int
    size_max_bytes: int


class Broker(Model):
    """One Broker."""

    namespace: str
    name: str
    ready: bool
    reason: str
    """One word for why it is not ready; empty where it is."""
    message: str
    address: str
    """Where events are sent to."""
    channel: str
    """The kind of its channel."""
    durable: bool
    """Events survive the process."""
    statistics: Statistics | None
    """None where there is no channel."""
    accepted: int
    """Events stored, replies among them."""
    replies: int
    triggers: int


class Lane(Model):
    """The lane of one Trigger: matched = waiting + inFlight + delivered + deadLettered + dropped, at every moment."""

    waiting: int
    """Events that wait for an attempt, retries among them."""
    in_flight: int
    retrying: int
    """Waiting events whose retry is due later."""
    matched: int
    filtered: int
    """Events that the filters kept away."""
    delivered: int
    retried: int
    """Attempts after the first."""
    dead_lettered: int
    replies: int
    replies_ignored: int
    """Answers with a body that was no event."""
    breaker: str
    """`closed`, `open` or `half-open`."""
    latency_mean_s: float | None = None
    """Mean time of an attempt, None before the first."""


def _lane_of(status: LaneStatus | None) -> Lane | None:
    if status is None:
        return None
    attempts = sum(status.latency_buckets)
    lane = Lane.model_validate(status)
    return lane.model_copy(update={"latency_mean_s": status.latency_sum_s / attempts}) if attempts else lane


class Trigger(Model):
    """One Trigger."""

    namespace: str
    name: str
    broker: str
    ready: bool
    reason: str
    """One word for why it is not ready; empty where it is."""
    message: str
    subscriber_uri: str
    dead_letter_sink_uri: str
    """Empty where dead letters are kept in the built-in store."""
    lane: Annotated[Lane | None, BeforeValidator(_lane_of)]
    """None where nothing is delivered."""


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
    """The beginning of the answer's body, as text."""

    @classmethod
    def of(cls, record: AttemptRecord) -> Self:
        """The shape of an attempt."""
        return cls(
            time=datetime.fromtimestamp(record.time_s, UTC),
            destination=record.destination,
            status=record.status,
            latency_s=record.latency_s,
            error=record.error,
            answer=record.answer.decode("utf-8", errors="replace"),
        )


class DeadLetterSummary(Model):
    """One event that failed for good for one Trigger."""

    id: int
    time: datetime
    namespace: str
    broker: str
    trigger: str
    reason: str
    """One word, such as `retriesexhausted`."""
    attributes: dict[str, str | int | bool]
    """The event's context attributes; binary ones as base64."""
    attempt_count: int

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
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
    def of(cls, letter: DeadLetter) -> Self:
        """The shape of a dead letter on its own."""
        attempts = [Attempt.of(record) for record in letter.attempts]
        return cls(**_summary_of(letter), **_data_of(letter.event), attempts=attempts)


class BrokerList(Model):
    """Brokers, by namespace and name."""

    items: list[Broker]


class TriggerList(Model):
    """Triggers, by namespace and name."""

    items: list[Trigger]


class DeadLetterList(Model):
    """Dead letters that match the query, newest first."""

    items: list[DeadLetterSummary]
    """At most `limit` of them."""
    total: int
    """How many match."""
    count_by_reason: dict[str, int]
    """How many match, by reason."""
    evicted: int
    """Dead letters that left the bounded store for younger ones, since the server began."""

    @classmethod
    def of(cls, letters: Sequence[DeadLetter], *, limit: int, evicted: int) -> Self:
        """The first `limit` of these letters, and counts of all."""
        items = [DeadLetterSummary.of(letter) for letter in letters[:limit]]
        return cls(items=items, total=len(letters), count_by_reason=_count_by_reason(letters), evicted=evicted)


def _count_by_reason(letters: Iterable[DeadLetter]) -> dict[str, int]:
    return dict(Counter(letter.reason for letter in letters).most_common())


def _summary_of(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "time": datetime.fromtimestamp(letter.time_s, UTC),
        "namespace": letter.namespace,
        "broker": letter.broker,
        "trigger": letter.trigger,
        "reason": letter.reason,
        "attributes": {name: _shown(value) for name, value in letter.event.attributes.items()},
        "attempt_count": len(letter.attempts),
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
