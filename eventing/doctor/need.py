"""Which servers a configuration needs, and what for. Pure: objects are seen through a lookup."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from eventing.doctor.check import Check
from eventing.doctor.finding import Finding, failure
from eventing.errors import InvalidResource, ResolutionError
from eventing.resources.admission import admit
from eventing.resources.broker import BROKER, Broker
from eventing.resources.broker_channel import choose_channel
from eventing.resources.catalogue import Catalogue
from eventing.resources.channel import CHANNEL, Channel
from eventing.resources.channel_engine import KINDS, channel_engine, default_engine
from eventing.resources.engine import Engine, EngineDefaults, Kafka, Redis
from eventing.resources.identity import Key, Lookup, Object, key_of
from eventing.resources.kind import Context

_NOBODY: Final = ("default", "default")
"""In whose name the server's own default is asked for."""


@dataclass(frozen=True, slots=True)
class Need:
    """A server, and with Kafka a topic there; `size_max_bytes` is the largest event that is admitted.

    `owner` is the Broker or Channel; None for the server's own default.
    """

    engine: Redis | Kafka
    owner: Key | None
    size_max_bytes: int


def needs(
    items: Iterable[Object], lookup: Lookup, defaults: EngineDefaults, *, size_max_bytes: int
) -> Iterator[Need | Finding]:
    """Of each object that was admitted; where it cannot be told, what its condition will say."""
    for item in items:
        key = key_of(item)
        try:
            engine = _engine(item, key, lookup, defaults)
        except ResolutionError as error:
            yield failure(Check.CHANNELS, f"{key}: {error}", "mend what it names: until then it takes no events")
        except InvalidResource as error:
            yield failure(Check.CHANNELS, f"{key}: {error}", "mend its template")
        else:
            if isinstance(engine, Redis | Kafka):
                bound = Broker.of(item).event_size_max_bytes if key.group_kind == BROKER.group_kind else None
                yield Need(engine, key, bound or size_max_bytes)


def default_need(lookup: Lookup, defaults: EngineDefaults, *, size_max_bytes: int) -> Need | Finding | None:
    """What the server's own settings need; None where that is no other server."""
    try:
        engine = default_engine(*_NOBODY, lookup, defaults)
    except ResolutionError as error:
        return failure(Check.CHANNELS, f"the default channel: {error}", "apply what it names")
    return Need(engine, None, size_max_bytes) if isinstance(engine, Redis | Kafka) else None


def _engine(item: Object, key: Key, lookup: Lookup, defaults: EngineDefaults) -> Engine | None:
    """None for what holds no events."""
    if key.group_kind == BROKER.group_kind:
        return choose_channel(Broker.of(item), lookup, defaults)
    if key.group_kind == CHANNEL.group_kind:
        backing = _backing(Channel.of(item))
        return None if backing is None else _engine(backing, key_of(backing), lookup, defaults)
    name = KINDS.get(key.group_kind)
    return None if name is None else channel_engine(name, key.namespace, key.name, item["spec"], lookup, defaults)


def _backing(channel: Channel) -> Object | None:
    """The channel that will be made for it; None where there is no such kind. Raises InvalidResource."""
    served = Catalogue().find(channel.backing_api_version, channel.backing_kind)
    if served is None or served.kind.group_kind not in KINDS:
        return None
    given = {
        "apiVersion": channel.backing_api_version,
        "kind": channel.backing_kind,
        "metadata": {"name": channel.key.name, "namespace": channel.key.namespace},
        "spec": channel.backing_spec,
    }
    return admit(served, given, context=Context(), is_strict=False).item
