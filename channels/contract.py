"""The channel contract: few verbs, and the law of each. `channels.conformance` holds the laws as tests.

A channel rests events between the ingress and the fan out. It is an async context manager: entered once before use,
left once after. All verbs belong to the event loop that entered it.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, Self

from channels.event import Event

Position = int
"""Where an event rests in its channel; grows with every stored event."""


@dataclass(frozen=True, slots=True)
class Features:
    """What a backend can do: for suites, status and documentation to ask."""

    durable: bool = False
    """What was published survives the process."""
    ordered: bool = False
    """One member of a group receives events in the order of their publication."""


@dataclass(frozen=True, slots=True)
class ChannelStatistics:
    """What a channel holds, and its bounds. Sizes are bytes as `Event.size` counts them."""

    events: int
    size_bytes: int
    events_max: int
    size_max_bytes: int
    stored: int
    """Events stored since the channel was opened."""


class Delivery:
    """An event that one member of a group holds until it is acked or nacked.

    `size_bytes` is what it is charged with against bounds; `pending` belongs to the holder.
    """

    __slots__ = ("event", "pending", "position", "size_bytes")

    def __init__(self, event: Event, position: Position, size_bytes: int) -> None:
        self.event = event
        self.position = position
        self.size_bytes = size_bytes
        self.pending = 0


class Receipt(Protocol):
    """Who wants to know how a submit ended: exactly one of the two is called, once, perhaps before `submit` returns."""

    def stored(self) -> None:
        """The events are as safe as the backend can make them."""

    def refused(self, error: Exception) -> None:
        """None of the events was stored. `error` is ChannelFull or ChannelUnavailable."""


class Subscription(Protocol):
    """One member of a group."""

    async def receive(self, max_events: int) -> list[Delivery]:
        """Wait for at least one event, return up to `max_events` of them, oldest first.

        The caller holds each until it acks or nacks it. Raises ChannelUnavailable. A cancelled receive holds nothing.
        """

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """These are settled for the group: they come back to nobody. In any order; acking twice, or what is not held,
        does nothing.
        """

    def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Give these back: they return to a member of the group, ahead of younger ones. Nacking twice, or what is not
        held, does nothing.
        """


class Channel(Protocol):
    """Where events rest. A Protocol, because there are several."""

    features: Features

    async def __aenter__(self) -> Self:
        """Ready for use on return. Raises ChannelUnavailable."""

    async def __aexit__(self, *exc: object) -> None:
        """Stop taking events, release everything held. A durable channel has kept what was not acked."""

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        """Store all of the events or none, then tell the receipt. Never raises, never blocks; the hot path's verb.

        Events submitted earlier are received earlier where the backend is `ordered`.
        """

    async def publish(self, events: Sequence[Event]) -> list[Position]:
        """Store all of the events or none, and return their positions once they are as safe as the backend can make
        them.

        Raises ChannelFull or ChannelUnavailable. A cancelled publish stored all or nothing; which of the two is
        unknown to the caller.
        """

    def subscribe(self, group: str) -> AbstractAsyncContextManager[Subscription]:
        """Join a group as a member for the length of the context. A group begins with what is published after its
        first member joined.

        Each group gets each event; the members of one share them. On leaving, what the member still holds returns to
        the group. A group lives as long as the channel does.
        """

    def statistics(self) -> ChannelStatistics:
        """What is held at this moment."""
