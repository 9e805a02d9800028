"""The channel contract: few verbs, and the law of each. `channels.conformance` holds the laws as tests.

A channel rests events between the ingress and the fan out. It is an async context manager: entered once before use,
left once after. All verbs belong to the event loop that entered it.

Verbs that return None and await nothing (`ack`, `nack`, `park`, `clear`, `remember`) never fail: the channel owes them.
Where it is persistent, those called in one turn of the event loop become durable together or not at all, and before
what is called later; until then a crash undoes them.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, Self

from channels.event import Event

Position = int
"""Where an event rests in its channel; grows with every stored event, where the backend is `ordered`."""
Start = Literal["latest", "earliest"] | datetime | Position
"""What a new group begins with: what comes from now on, all that is kept, what was stored at that time or later, or
that position."""


@dataclass(frozen=True, slots=True)
class Features:
    """What a backend can do: for suites, status and documentation to ask."""

    persistent: bool = False
    """What was published survives the process, and so do groups, queues and what is remembered."""
    durable: bool = False
    """What was published survives a crash of the server that keeps it as well. Only with `persistent`."""
    ordered: bool = False
    """One member of a group receives events in the order of their publication."""
    replayable: bool = False
    """Groups may start in the past. Otherwise every start means `latest`."""
    shared: bool = False
    """Several processes may enter a channel of the same storage at once: members of a group share its events wherever
    they are. A queue's content belongs to one process at a time, and what a vanished one had goes to the others."""


@dataclass(frozen=True, slots=True)
class ChannelStatistics:
    """What a channel holds, and its bounds. Sizes are bytes as `Event.size` counts them."""

    events: int
    """Events that some group has not settled, and those parked."""
    size_bytes: int
    events_max: int
    size_max_bytes: int
    stored: int
    """Events stored since the channel came to be: where it is persistent, in all processes."""
    damaged: int = 0
    """Records found unreadable and set aside, ever."""


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


class Parked(Delivery):
    """A delivery that was taken out of a queue. `attempts` and `note` are what it was parked with."""

    __slots__ = ("attempts", "note")

    def __init__(self, event: Event, position: Position, size_bytes: int, attempts: int, note: bytes) -> None:
        super().__init__(event, position, size_bytes)
        self.attempts = attempts
        self.note = note


class Receipt(Protocol):
    """Who wants to know how a submit ended: exactly one of the two is called, once, perhaps before `submit` returns."""

    def stored(self) -> None:
        """The events are as safe as the backend can make them."""

    def refused(self, error: Exception) -> None:
        """None of the events was stored. `error` is ChannelFull or ChannelUnavailable."""


class Queue(Protocol):
    """Where deliveries wait for later, by a name within their group. Members of the group share it."""

    @property
    def events(self) -> int:
        """Those parked here and not settled, taken ones among them."""

    @property
    def size_bytes(self) -> int:
        """Of the same."""

    @property
    def waiting(self) -> int:
        """Those of them that nobody has taken."""

    @property
    def due_in_s(self) -> float | None:
        """Seconds until `take` may find something, 0 for now; None while all there is has been taken. It may be too
        early, never too late.
        """

    def park(
        self, deliveries: Sequence[Delivery], *, after_s: float = 0.0, attempts: int = 0, note: bytes = b""
    ) -> None:
        """Keep a copy of each here, for `after_s` seconds at least. The given ones are still to be acked.

        Never refused for a bound: what is parked was accepted before. Time is the process's own, whatever the wall
        clock does; over a restart it is the wall clock's, which is never taken to have gone back.
        """

    async def take(self, max_events: int) -> list[Parked]:
        """Up to `max_events` of those that are due, perhaps none: those due first come first; in an ordered queue those
        of the lowest position, and none while the first of these is not due.

        The caller holds them like received ones: acked by its `Subscription.ack` they are settled, nacked, or left by a
        vanished member, they return to the queue with the attempts they had. Raises ChannelUnavailable.
        """

    def clear(self) -> int:
        """Settle all that is parked here, taken or not, and say how many. The queue is as if it had never been."""


class Watcher(Protocol):
    """Who wants to know what other processes do to a group, where the channel is `shared`. Called on the event loop."""

    def queues_changed(self) -> None:
        """Queues hold what another process left, or what they, or this member, held is another process's: look at
        `queues` and `holds` again. What the log gives out once more of the same is received after this call.
        """

    def give_way(self) -> None:
        """Another process is about to take over some of what this one holds: soon park or nack what is not on its way.

        Until `queues_changed` says that it is over, `receive` and `take` give out nothing of that. What is still held
        when the channel's patience ends comes to the other process as well.
        """


class Subscription(Protocol):
    """One member of a group."""

    @property
    def lag(self) -> int:
        """Events stored for the group that no member has received yet, or that were given back."""

    @property
    def queues(self) -> Mapping[str, Queue]:
        """The group's queues that hold something, by name."""

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

    def holds(self, delivery: Delivery) -> bool:
        """Whether this member has received or taken it, and neither acked nor nacked it since, nor has another process
        taken it over.
        """

    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        """The queue of that name, made when something is parked in it. One name is always used with one order."""

    def watch(self, watcher: Watcher) -> None:
        """Tell that one, until the member leaves. Where the channel is not `shared` there is nothing to tell."""

    def keep_order(self, *, is_needed: bool) -> None:
        """Whether events of one partition key must not overtake each other, in whichever processes the members are.

        A backend that gives a key's events to one process at a time does that in any case; another one lets a single
        process receive while it is needed, and the others stand by. Where the channel is not `shared` it means nothing.
        """


class Channel(Protocol):
    """Where events rest. A Protocol, because there are several."""

    @property
    def features(self) -> Features:
        """What it can do; of a channel on a server known once it is entered."""

    async def __aenter__(self) -> Self:
        """Ready for use on return. Raises ChannelUnavailable."""

    async def __aexit__(self, *exc: object) -> None:
        """Stop taking events, release everything held. A persistent channel has kept what was not acked."""

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

    def subscribe(self, group: str, *, start: Start = "latest") -> AbstractAsyncContextManager[Subscription]:
        """Join a group as a member for the length of the context. A new group begins where `start` says; an old one
        goes on.

        Each group gets each event; the members of one share them. On leaving, what the member still holds returns to
        the group. A group lives as long as the channel does, or until it is forgotten.
        """

    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        """The group is there on return, begun where `start` says if it was not: for who publishes and never receives.
        Raises ChannelUnavailable.

        What is stored from then on is kept for it, and counts. Nobody joins: members, wherever they are, go on with
        what they hold, and none is asked to give way.
        """

    def forget(self, group: str) -> None:
        """The group is no more, with all its queues: nothing is kept for it. It has no member here; while it has one in
        another process, or where there is no group of that name, nothing happens.
        """

    def remember(self, name: str, value: bytes | None) -> None:
        """Keep a small value by that name, or none any more, as safe as events are."""

    @property
    def remembered(self) -> Mapping[str, bytes]:
        """What was last remembered, by name."""

    def before_commit(self, do: Callable[[], None]) -> None:
        """Call that whenever a commit is put together: what it acks, parks and remembers is part of it. Where nothing
        is persistent nothing is committed.
        """

    def statistics(self) -> ChannelStatistics:
        """What is held at this moment."""
