"""What lanes play before: a scripted sink at the wall, an owner that writes down, and virtual time to wait in."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

import looptime

from channels.contract import Delivery, Queue, Receipt, Subscription
from channels.event import Event
from dispatcher.attempt import Attempt
from dispatcher.fanout import Taker
from dispatcher.lane import Lane, LaneLimits
from dispatcher.manner import DEFAULT, Manner
from dispatcher.outcome import Outcome, Reason
from dispatcher.retry import Policy
from dispatcher.sighting import Sightings
from dispatcher.valve import Valve

LIMITS = LaneLimits(
    concurrency_min=4,
    concurrency_max=4,
    window_events_max=1000,
    window_size_max_bytes=10_000_000,
    backlog_events_max=1000,
    backlog_size_max_bytes=10_000_000,
    park_after_s=1.0,
    breaker_failures=1000,
    breaker_pause_s=1.0,
)
"""As for a channel that keeps nothing; the pace is fixed."""
DURABLE = replace(LIMITS, backlog_events_max=None, backlog_size_max_bytes=None)
"""As for a channel that parks."""
SERIAL = replace(LIMITS, concurrency_max=1)
STUBBORN = Policy(retry=1000, backoff_policy="linear", backoff_delay_s=0.0)
REPLY_HEADERS = {b"ce-specversion": b"1.0", b"ce-id": b"r", b"ce-source": b"/reply", b"ce-type": b"re"}

Answer = int | Outcome | None
"""What a sink says: a status, a whole outcome, or nothing yet."""


def outcome(status: int | None, *, headers: dict[bytes, bytes] | None = None, body: bytes = b"") -> Outcome:
    return Outcome(status, headers or {}, body, None if status else "no answer", 0.0)


REPLY = outcome(200, headers=REPLY_HEADERS, body=b"reply")


def an_event(number: int = 1, *, data: bytes | None = None, type: str = "t") -> Event:  # noqa: A002
    return Event.from_attributes({"id": str(number), "source": "/s", "type": type}, data)


def a_delivery(number: int = 1, *, size_bytes: int = 1000, ttl: int | None = None) -> Delivery:
    return Delivery(an_event(number).with_ttl(ttl), number, size_bytes)


def saying(answer: Answer) -> Callable[[Attempt], Answer]:
    """Always the same."""
    return lambda _: answer


class ScriptedSink:
    """Answers by a function of the attempt, at once or after a delay; where that says None, by `end` later."""

    def __init__(
        self, answer: Callable[[Attempt], Answer] = lambda _: None, *, delay_s: float = 0.0, uri: str = "http://sink/"
    ) -> None:
        self.uri = uri
        self.answer = answer
        self.delay_s = delay_s
        self.held: list[Attempt] = []
        """Attempts without an answer yet, the oldest first."""
        self.sent: list[tuple[float, str, int]] = []
        """Time, id of the event and number of the attempt, for each request."""
        self.events: list[Event] = []
        """The events of all requests."""

    def send(self, attempt: Attempt) -> None:
        loop = asyncio.get_running_loop()
        assert self is attempt.sink, "the lane says where the attempt goes"
        attempt.started_s = loop.time()
        self.sent.append((loop.time(), attempt.event.id, attempt.number))
        self.events.append(attempt.event)
        self.held.append(attempt)
        answer = self.answer(attempt)
        if answer is None:
            return
        if self.delay_s:
            loop.call_later(self.delay_s, self.end, answer, attempt)
        else:
            self.end(answer, attempt)

    def end(self, answer: int | Outcome, attempt: Attempt | None = None) -> None:
        """End an attempt, the oldest if none is named."""
        attempt = attempt or self.held[0]
        self.held.remove(attempt)
        if answer == 204:
            attempt.lane.delivered(attempt)
        else:
            attempt.lane.finish(attempt, answer if isinstance(answer, Outcome) else outcome(answer))

    def request(self, event: Event) -> bytes:
        raise NotImplementedError

    @property
    def ids(self) -> list[str]:
        """Of all requests."""
        return [identity for _, identity, _ in self.sent]


class NoQueues:
    """A membership that nothing is parked with."""

    lag = 0
    queues: Mapping[str, Queue] = {}

    async def receive(self, max_events: int) -> list[Delivery]:
        raise NotImplementedError

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        raise NotImplementedError

    def nack(self, deliveries: Sequence[Delivery]) -> None:
        raise NotImplementedError

    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        raise NotImplementedError


class Owner:
    """What a lane tells. Where a membership is given, what has settled is acked there."""

    def __init__(self, subscription: Subscription | None = None) -> None:
        self.subscription = subscription
        self.touched = 0
        self.settled: list[Delivery] = []
        self.replies: list[tuple[Attempt, Event]] = []
        self.given_up: list[tuple[Attempt, Reason, Outcome | None]] = []
        self.overflown: list[Delivery] = []

    def settle(self, delivery: Delivery) -> None:
        self.settled.append(delivery)
        if self.subscription is not None:
            self.subscription.ack([delivery])

    def touch(self) -> None:
        self.touched += 1

    def reply(self, attempt: Attempt, event: Event) -> None:
        self.replies.append((attempt, event))

    def give_up(self, attempt: Attempt, reason: Reason, outcome: Outcome | None) -> None:
        self.given_up.append((attempt, reason, outcome))

    def overflow(self, deliveries: Sequence[Delivery]) -> None:
        self.overflown += deliveries


class SmallBroker:
    """Settles, and stores replies or refuses them with an error."""

    def __init__(self, subscription: Subscription) -> None:
        self.settled: list[Delivery] = []
        self.published: list[Event] = []
        self.judged = 0
        self.replies = 0
        self.exit = Valve()
        self.sightings: Sightings | None = None
        self.error: Exception | None = None
        self.notes: dict[str, bytes] = {}
        self.watched: dict[Delivery, Callable[[], None]] = {}
        self._subscription = subscription
        self.touched = 0
        """How often a Trigger said that there is going to be something to write down."""

    def settle(self, delivery: Delivery) -> None:
        delivery.pending -= 1
        assert 0 == delivery.pending, "each is settled once"
        if delivery in self.watched:
            self.watched.pop(delivery)()
        else:
            self.settled.append(delivery)
            self._subscription.ack([delivery])

    def settle_all(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self.settle(delivery)

    def watch(self, delivery: Delivery, do: Callable[[], None]) -> None:
        self.watched[delivery] = do

    def touch(self, taker: Taker) -> None:
        self.touched += 1

    def remember(self, trigger: str, note: bytes | None) -> None:
        if note is None:
            del self.notes[trigger]
        else:
            self.notes[trigger] = note

    def publish_reply(self, event: Event, receipt: Receipt) -> None:
        if self.error is not None:
            receipt.refused(self.error)
        else:
            self.published.append(event)
            receipt.stored()


def positions(deliveries: Sequence[Delivery]) -> list[int]:
    return [delivery.position for delivery in deliveries]


def in_virtual_time(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine where waiting takes no time, for tests that do so often. What the loop catches fails them."""
    errors: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        await main()

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(watched())
    assert [] == errors


def a_lane(
    sink: ScriptedSink,
    policy: Policy | None = None,
    limits: LaneLimits = LIMITS,
    owner: Owner | None = None,
    *,
    group: Subscription | None = None,
    manner: Manner = DEFAULT,
    valve: Valve | None = None,
    holds: Callable[[Delivery], bool] | None = None,
) -> tuple[Lane, Owner]:
    """A lane before a sink, and the owner that it tells. Its queues are of that membership, if there is one."""
    owner = owner or Owner(group)
    subscription = NoQueues() if group is None else group
    lane = Lane(
        owner,
        sink,
        policy or Policy(),
        limits,
        name="lane",
        subscription=subscription,
        manner=manner,
        valve=valve,
        spread=lambda: 1.0,
        holds=holds,
    )
    return lane, owner


def fill(lane: Lane, count: int, *, first: int = 1, size_bytes: int = 1000) -> None:
    """Offer events that are numbered from `first` on."""
    for number in range(first, first + count):
        lane.offer([a_delivery(number, size_bytes=size_bytes)])
