"""What the events of a Broker or Channel rest in: the channels this server has, each with its dead letter store and
its limits.
"""

from dataclasses import dataclass
from typing import Protocol

from channels.contract import Channel
from channels.dead_letter import DeadLetters
from channels.journal import Journal, JournalChannel, Retention
from channels.memory import MemoryChannel
from channels.memory_dead_letter import MemoryDeadLetters
from dispatcher.broker import label_of
from dispatcher.lane import LaneLimits
from eventing.errors import ResolutionError
from eventing.resources import retention
from eventing.resources.broker import BROKER
from eventing.resources.broker_channel import TEMPLATE_FAILED, Engine
from eventing.resources.identity import Key
from eventing.settings import Settings


@dataclass(frozen=True, slots=True)
class Place:
    """A channel that was not entered yet, and what belongs to it."""

    engine: Engine
    channel: Channel
    dead_letters: DeadLetters
    limits: LaneLimits


class Owner(Protocol):
    """The view of a Broker, or of a Channel, of any kind."""

    @property
    def key(self) -> Key:
        """Its own."""

    @property
    def retention(self) -> retention.Retention | None:
        """How long its events are kept, where it says so."""


class Engines:
    """Makes channels. The journal is one for all owners, and None where the server runs without a folder."""

    def __init__(self, *, journal: Journal | None, settings: Settings) -> None:
        self.journal = journal
        self._settings = settings
        self._memory_dead_letters = MemoryDeadLetters(size_max_bytes=settings.dead_letter_size_max_bytes)

    @property
    def dead_letters(self) -> tuple[DeadLetters, ...]:
        """All stores of dead letters."""
        return (self._memory_dead_letters, *(() if self.journal is None else (self.journal.dead_letters,)))

    def create(self, engine: Engine, owner: Owner) -> Place:
        """A channel for it. Raises ResolutionError where the server has no such engine."""
        if engine == "memory":
            return Place(engine, self._create_memory(), self._memory_dead_letters, _memory_limits(self._settings))
        if self.journal is None:
            message = "the server runs without a journal; start it with EVENTING_DEFAULT_CHANNEL=journal"
            raise ResolutionError(TEMPLATE_FAILED, f"Error on setting up the ChannelTemplate: {message}")
        channel = self.journal.channel(_name(owner.key), retention=self._retention(owner))
        return Place(engine, channel, self.journal.dead_letters, _durable_limits(self._settings))

    def update(self, channel: Channel, owner: Owner) -> None:
        """Carry out what the owner says about its channel now."""
        if isinstance(channel, JournalChannel):
            channel.retention = self._retention(owner)

    def drop(self, key: Key) -> None:
        """The owner is deleted, and its channel closed: nothing of it is kept."""
        if self.journal is not None:
            self.journal.drop(_name(key))

    def _create_memory(self) -> MemoryChannel:
        settings = self._settings
        return MemoryChannel(events_max=settings.memory_events_max, size_max_bytes=settings.memory_size_max_bytes)

    def _retention(self, owner: Owner) -> Retention:
        if owner.retention is not None:
            return Retention(owner.retention.age_s, owner.retention.size_max_bytes)
        return Retention(self._settings.retention_age_s, self._settings.retention_size_max_bytes)


def _name(key: Key) -> str:
    return label_of(key.namespace, key.name, is_channel=key.group_kind != BROKER.group_kind)


def _memory_limits(settings: Settings) -> LaneLimits:
    """A Trigger holds its share of the channel, all of it in memory."""
    share = settings.memory_backlog_share
    events_max = max(1, int(settings.memory_events_max * share))
    size_max_bytes = max(1, int(settings.memory_size_max_bytes * share))
    return _limits(settings, events_max, size_max_bytes, events_max, size_max_bytes)


def _durable_limits(settings: Settings) -> LaneLimits:
    """A Trigger holds a window in memory, and as much in the channel as that has room for."""
    return _limits(settings, settings.lane_window_events_max, settings.lane_window_size_max_bytes, None, None)


def _limits(
    settings: Settings, window: int, window_bytes: int, backlog: int | None, backlog_bytes: int | None
) -> LaneLimits:
    return LaneLimits(
        concurrency_min=min(settings.lane_concurrency_min, settings.lane_concurrency_max),
        concurrency_max=settings.lane_concurrency_max,
        window_events_max=window,
        window_size_max_bytes=window_bytes,
        backlog_events_max=backlog,
        backlog_size_max_bytes=backlog_bytes,
        park_after_s=settings.retry_park_after_s,
        breaker_failures=settings.breaker_failures,
        breaker_pause_s=settings.breaker_pause_s,
    )
