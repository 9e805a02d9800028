"""What the events of a Broker or Channel rest in: the channels this server has, each with its dead letter store and
its limits.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeGuard

from channels.contract import Channel
from channels.dead_letter import DeadLetters
from channels.journal import Journal, JournalChannel, Retention
from channels.memory import MemoryChannel
from channels.memory_dead_letter import MemoryDeadLetters
from dispatcher.broker import label_of
from dispatcher.lane import LaneLimits
from eventing.backend.contract import Backend, Remote
from eventing.backend.pool import BackendPool
from eventing.errors import ResolutionError
from eventing.resources import engine as engines
from eventing.resources import retention
from eventing.resources.broker import BROKER
from eventing.resources.broker_channel import TEMPLATE_FAILED
from eventing.resources.broker_default import SYSTEM_NAMESPACE
from eventing.resources.engine import Engine, EngineDefaults, ServerKey, Topic
from eventing.resources.identity import Key
from eventing.settings import Settings

OWN_STORES: Final = frozenset({"memory", "journal"})
"""The dead letter stores that every process has for itself. Their ids differ: `m17` and `17`."""


@dataclass(frozen=True, slots=True)
class Place:
    """A channel that was not entered yet, and what belongs to it. `backend` is the server's connection, where there is
    a server.
    """

    engine: Engine
    channel: Channel
    dead_letters: DeadLetters
    limits: LaneLimits
    backend: Backend | None = None

    @property
    def fault(self) -> str:
        """Why the channel takes nothing at this moment; empty where it does, or cannot say."""
        return "" if self.backend is None else self.backend.fault_of(self.channel)

    @property
    def persistence(self) -> str:
        """What its server does to keep events, in its own word; empty where there is none."""
        return "" if self.backend is None else self.backend.persistence


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

    def __init__(
        self,
        *,
        journal: Journal | None,
        settings: Settings,
        backends: BackendPool,
        may_drop: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self.journal = journal
        self.may_drop: Final = may_drop or _always
        """Asked before something is dropped on a server: of several processes one does that."""
        self.dead_letters: Final[Mapping[str, DeadLetters]] = _Stores(self._stores)
        """All stores of dead letters by name, as they are at any moment."""
        self._settings = settings
        self._backends = backends
        self._memory_dead_letters = MemoryDeadLetters(size_max_bytes=settings.dead_letter_size_max_bytes)

    async def create(self, engine: Engine, owner: Owner) -> Place:
        """A channel for it, at its place; to be left by `leave`, also where this raises ChannelUnavailable.

        Raises ResolutionError where the server has no such engine.
        """
        settings = self._settings
        if settings.role and not is_remote(engine):
            message = f"{_kind_of(engine)} is one process's own, and this server is several: use Redis or Kafka"
            raise ResolutionError(TEMPLATE_FAILED, f"Error on setting up the ChannelTemplate: {message}")
        if isinstance(engine, engines.Memory):
            return Place(engine, self._create_memory(), self._memory_dead_letters, _memory_limits(settings))
        kept = self._retention(engine, owner)
        if not isinstance(engine, engines.Journal):
            backend = await self._backends.use(_reached(engine, owner.key), owner.key)
            channel: Channel = backend.channel(_name(owner.key), engine, kept)
            return Place(engine, channel, backend.dead_letters, _durable_limits(settings), backend)
        if self.journal is None:
            message = "the server runs without a journal; start it with EVENTING_DEFAULT_CHANNEL=journal"
            raise ResolutionError(TEMPLATE_FAILED, f"Error on setting up the ChannelTemplate: {message}")
        channel = self.journal.channel(_name(owner.key), retention=Retention(kept.age_s, kept.size_max_bytes))
        return Place(engine, channel, self.journal.dead_letters, _durable_limits(settings))

    def update(self, place: Place, engine: Engine, owner: Owner) -> None:
        """Carry out what the owner says about its channel now, and what has changed of how to reach it."""
        kept = self._retention(engine, owner)
        if isinstance(place.channel, JournalChannel):
            place.channel.retention = Retention(kept.age_s, kept.size_max_bytes)
        elif place.backend is not None:
            place.backend.keep(place.channel, kept)
        self.renew(engine, owner.key)

    def renew(self, engine: Engine, key: Key) -> None:
        """The login may have changed, by which that owner is there."""
        if is_remote(engine):
            self._backends.renew(_reached(engine, key))

    def is_away(self, engine: Engine, key: Key) -> bool:
        """Whether a channel that takes nothing has its server to thank for it: a topic has troubles of its own, a
        stream has none.
        """
        backend = self._backends.find(_reached(engine, key).server) if is_remote(engine) else None
        return backend is not None and (bool(backend.fault) or isinstance(engine, engines.Redis))

    async def drop(self, engine: Engine, key: Key) -> None:
        """The owner is deleted, and its channel closed: nothing of it is kept. Raises ChannelUnavailable: later, then.
        Twice is once.
        """
        if is_remote(engine):
            backend = await self._backends.use(_reached(engine, key), key)
            await backend.drop(_name(key), engine)
        elif self.journal is not None:
            self.journal.drop(_name(key))

    async def leave(self, engine: Engine, key: Key) -> None:
        """The owner's channel is closed, and the owner needs no connection."""
        if is_remote(engine):
            await self._backends.leave(_reached(engine, key).server, key)

    async def close(self) -> None:
        """Close the connections to all servers: no channel is open there any more."""
        await self._backends.close()

    def _stores(self) -> dict[str, DeadLetters]:
        stores: dict[str, DeadLetters] = {"memory": self._memory_dead_letters}
        if self.journal is not None:
            stores["journal"] = self.journal.dead_letters
        return {**stores, **self._backends.dead_letters}

    def _create_memory(self) -> MemoryChannel:
        settings = self._settings
        return MemoryChannel(events_max=settings.memory_events_max, size_max_bytes=settings.memory_size_max_bytes)

    def _retention(self, engine: Engine, owner: Owner) -> retention.Retention:
        """What the owner says, else what its channel's template does, else the server."""
        template = engine.retention if isinstance(engine, engines.Journal) else None
        given = owner.retention or template
        settings = self._settings
        return given or retention.Retention(settings.retention_age_s, settings.retention_size_max_bytes)


class _Stores(Mapping[str, DeadLetters]):
    """A view: what it holds is asked for with every look."""

    def __init__(self, read: Callable[[], Mapping[str, DeadLetters]]) -> None:
        self._read = read

    def __getitem__(self, name: str) -> DeadLetters:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


async def _always() -> bool:
    return True


def is_remote(engine: Engine) -> TypeGuard[Remote]:
    """True where events rest on a server, which may be away."""
    return isinstance(engine, engines.Redis | engines.Kafka)


def _reached(engine: Remote, key: Key) -> Remote:
    """As that owner reaches it."""
    return engines.engine_for(engine, _name(key))


def _kind_of(engine: Engine) -> str:
    return "a journal" if isinstance(engine, engines.Journal) else "memory"


def engine_defaults(settings: Settings) -> EngineDefaults:
    """What counts where no object says otherwise."""
    return EngineDefaults(
        engine=settings.default_channel,
        redis=ServerKey("redis", settings.redis_url, _secret_key(settings.redis_secret)),
        kafka=ServerKey("kafka", settings.kafka_bootstrap_servers, _secret_key(settings.kafka_secret)),
        topic=Topic("", settings.kafka_partitions, settings.kafka_replication_factor),
    )


def _secret_key(name: str | None) -> Key | None:
    return Key("", "Secret", SYSTEM_NAMESPACE, name) if name else None


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
