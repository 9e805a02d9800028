"""The shapes of the ops API's answers about resources and the server. The OpenAPI page is made from them."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

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
    stored: int
    """Events stored since the channel came to be: where it is durable, over restarts."""
    damaged: int
    """Records found unreadable and set aside, ever."""


class Retention(Model):
    """How long events are kept that were settled; 0 sets no such bound, and with neither nothing is kept."""

    age_s: float
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
    """What its events rest in: `journal`, `memory`, `redis` or `kafka`; empty where there is no channel."""
    durable: bool
    """What was answered with 202 survives a crash of whatever keeps it."""
    server: str
    """Where its channel is; empty where it is in this process."""
    persistence: str
    """What that server does to keep events, in its own word: Redis' `appendfsync` (`none` without an AOF, `unknown`
    where one may not ask), Kafka's `acks`."""
    retention: Retention | None
    """None where settled events cannot be kept."""
    statistics: Statistics | None
    """None where there is no channel."""
    accepted: int
    """Events stored, replies among them."""
    replies: int
    triggers: int
    orphans: dict[str, int]
    """How many events are kept for Triggers that do not exist and may come back, by name."""
    unaccounted: int
    """Events that were accepted and that nobody can tell of: 0, unless there is a bug."""


class Lane(Model):
    """The lanes of one Trigger in one process: matched + redriven + adopted = waiting + inFlight + delivered +
    deadLettered + dropped + ceded, at every moment.
    """

    waiting: int
    """Events that wait for an attempt, retries and parked ones among them."""
    in_flight: int
    retrying: int
    """Waiting events whose retry is due later."""
    parked: int
    """Waiting events that rest in the channel, not in memory."""
    matched: int
    filtered: int
    """Events that the filters kept away."""
    delivered: int
    retried: int
    """Attempts after the first."""
    dead_lettered: int
    redriven: int
    """Dead letters that are under way once more, or were delivered in the end."""
    dropped: int
    """Events given up because what they waited for was deleted."""
    adopted: int
    """Events that other processes had parked, and left to this one."""
    ceded: int
    """Events that other processes took over from this one."""
    balance: int
    """What the two sides of the equation differ by: 0, unless there is a bug."""
    replies: int
    replies_ignored: int
    """Answers with a body that was no event."""
    paused: bool
    """Nothing is sent until it is resumed."""
    ordered: bool
    """One event of a key at a time, in order."""
    blocked_keys: int
    """Keys whose events wait for the first of them."""
    catching_up: bool
    """It began in the past and has not reached the present yet."""
    concurrency: int
    """Attempts that may be in flight."""
    rate: float | None
    """Attempts begun per second; None for no limit."""
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


class BrokerList(Model):
    """Brokers, by namespace and name."""

    items: list[Broker]


class TriggerList(Model):
    """Triggers, by namespace and name."""

    items: list[Trigger]


class Journal(Model):
    """The one file that all durable Brokers share."""

    size_bytes: int
    """What it holds, dead letters among it."""
    size_max_bytes: int
    """The bound of that; producers get 503 above."""
    file_size_bytes: int
    """What that takes on disk."""
    commits: int
    """Transactions since the server began."""
    damaged: int
    """Records found unreadable and set aside, ever."""
    fault: str
    """Why nothing can be stored at this moment; empty where it can."""
