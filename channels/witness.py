"""What the laws of `channels.conformance` see with: events to publish, and questions that end in an AssertionError."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar, runtime_checkable

from channels.contract import Channel, Delivery, Parked, Queue, Subscription
from channels.errors import ChannelFull, ChannelUnavailable
from channels.event import Event

WAIT_MAX_S: Final = 10.0
"""How long a law waits for what must come."""
CLOCK_SLACK_S: Final = 0.002
"""By how much two clocks may differ that measure the same while: the event loop's and a backend's own."""
_PAUSE_S: Final = 0.002
"""Between two questions for something that must come."""
_T = TypeVar("_T")


class Factory(Protocol):
    """Makes a channel that is not entered yet, with these bounds.

    Within one run of a law the same `storage` is the same durable storage: a channel made anew finds there what the one
    before it left. Where a backend is not durable it means nothing. Between runs nothing is kept.
    """

    def __call__(self, *, storage: str = "a", events_max: int = ..., size_max_bytes: int = ...) -> Channel:
        """One more channel."""


Law = Callable[[Factory], Awaitable[None]]
"""Raises AssertionError where it is broken."""


@runtime_checkable
class Vanishing(Protocol):
    """A channel that can end as that of a killed process does. Its backend may have that for its tests alone."""

    async def vanish(self) -> None:
        """Without a goodbye: what it holds is left as it is. It is not used any more; to leave it then does nothing."""


async def vanish(channel: Channel) -> None:
    """End it without a goodbye, where the backend has a way; else in the ordinary one."""
    if isinstance(channel, Vanishing):
        await channel.vanish()
    else:
        await channel.__aexit__(None, None, None)


class Watching:
    """A watcher that remembers what it was told."""

    def __init__(self) -> None:
        self.changes = 0
        """How often it heard of queues."""
        self.asked = 0
        """How often it was asked to give way."""

    def queues_changed(self) -> None:
        """Queues hold what they did not."""
        self.changes += 1

    def give_way(self) -> None:
        """Somebody wants what is held here."""
        self.asked += 1


class Told:
    """A receipt that remembers what it was told: None for stored, the error for refused."""

    def __init__(self) -> None:
        self.answers: list[Exception | None] = []
        self._told = asyncio.Event()

    def stored(self) -> None:
        """The events are stored."""
        self._tell(None)

    def refused(self, error: Exception) -> None:
        """None of them is."""
        self._tell(error)

    async def answer(self) -> Exception | None:
        """What was told first, waited for."""
        await in_time(self._told.wait(), "a receipt was not told")
        return self.answers[0]

    def _tell(self, answer: Exception | None) -> None:
        self.answers.append(answer)
        self._told.set()


def an_event(identity: str, data: bytes | None = None) -> Event:
    """A small event that came in binary mode."""
    raw = {"specversion": b"1.0", "id": identity.encode(), "source": b"/laws", "type": b"law"}
    return Event(raw, {}, data)


def events_of(first: int, last: int) -> list[Event]:
    """Small events whose ids are the numbers from first to last."""
    return [an_event(str(number)) for number in range(first, last + 1)]


async def receive(subscription: Subscription, count: int) -> list[Delivery]:
    """Exactly that many deliveries, in as many calls as the backend needs."""
    taken: list[Delivery] = []
    while len(taken) < count:
        came = await in_time(subscription.receive(count - len(taken)), f"{len(taken)} of {count} events came")
        assert 1 <= len(came) <= count - len(taken), f"{len(came)} events came, asked for were {count - len(taken)}"
        taken += came
    return taken


async def take(queue: Queue, count: int) -> list[Parked]:
    """Exactly that many parked deliveries, as soon as they come, in as many calls as the backend needs."""
    taken: list[Parked] = []
    deadline_s = now_s() + WAIT_MAX_S
    while len(taken) < count:
        came = await take_now(queue, count - len(taken))
        taken += came
        if not came:
            assert now_s() < deadline_s, f"{len(taken)} of {count} parked ones came in {WAIT_MAX_S:.0f} s"
            await asyncio.sleep(_PAUSE_S)
    return taken


async def take_now(queue: Queue, max_events: int) -> list[Parked]:
    """What one call gives, perhaps nothing."""
    taken = await in_time(queue.take(max_events), "a take did not end")
    assert len(taken) <= max_events, f"{len(taken)} parked ones came, asked for were {max_events}"
    return taken


async def comes(expected: _T, look: Callable[[], _T]) -> None:
    """What one process does another one may see some time later: look until it is as expected. AssertionError where it
    is not within `WAIT_MAX_S`.
    """
    deadline_s = now_s() + WAIT_MAX_S
    while (found := look()) != expected:
        assert now_s() < deadline_s, f"expected {expected!r}, found {found!r}"
        await asyncio.sleep(_PAUSE_S)


def now_s() -> float:
    """What the event loop's clock says."""
    return asyncio.get_running_loop().time()


def ids(deliveries: Sequence[Delivery]) -> list[str]:
    """The ids of their events."""
    return [delivery.event.id for delivery in deliveries]


async def in_time(work: Awaitable[_T], complaint: str) -> _T:
    """What the work gives. AssertionError with the complaint where it takes longer than `WAIT_MAX_S`."""
    try:
        async with asyncio.timeout(WAIT_MAX_S):
            return await work
    except TimeoutError as error:
        raise AssertionError(f"{complaint} in {WAIT_MAX_S:.0f} s") from error


def content(event: Event) -> tuple[object, ...]:
    """Everything that makes an event what it is, for comparison."""
    return event.raw, event.text, event.data, event.json_data, event.ttl, event.trace, dict(event.attributes)


async def is_refused(channel: Channel, events: Sequence[Event]) -> bool:
    """True where publishing these raises ChannelFull."""
    try:
        await channel.publish(events)
    except ChannelFull:
        return True
    return False


async def assert_unavailable(channel: Channel) -> None:
    """Every verb of the channel says that it is closed."""
    receipt = Told()
    channel.submit(events_of(1, 1), receipt)
    assert isinstance(await receipt.answer(), ChannelUnavailable)
    try:
        await channel.publish(events_of(1, 1))
    except ChannelUnavailable:
        pass
    else:
        raise AssertionError("publish does not say that the channel is closed")
    try:
        await channel.ensure("g")
    except ChannelUnavailable:
        pass
    else:
        raise AssertionError("ensure does not say that the channel is closed")
    try:
        async with channel.subscribe("g"):
            raise AssertionError("subscribe does not say that the channel is closed")
    except ChannelUnavailable:
        pass
