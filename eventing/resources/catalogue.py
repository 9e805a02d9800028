"""Every kind the server has, in an order in which objects can be created. A kind is one file and a line here. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from eventing.resources.api_server_source import API_SERVER_SOURCE
from eventing.resources.broker import BROKER
from eventing.resources.channel import CHANNEL
from eventing.resources.container_source import CONTAINER_SOURCE
from eventing.resources.core import CONFIG_MAP, NAMESPACE, SECRET
from eventing.resources.core_event import EVENT
from eventing.resources.event_type import EVENT_TYPE
from eventing.resources.github_source import GITHUB_SOURCE
from eventing.resources.identity import GroupKind, group_of
from eventing.resources.in_memory_channel import IN_MEMORY_CHANNEL
from eventing.resources.journal_channel import JOURNAL_CHANNEL
from eventing.resources.kafka_channel import KAFKA_CHANNEL
from eventing.resources.kafka_source import KAFKA_SOURCE
from eventing.resources.kind import Kind, Served
from eventing.resources.ping_source import PING_SOURCE
from eventing.resources.redis_stream_channel import REDIS_STREAM_CHANNEL
from eventing.resources.service import SERVICE
from eventing.resources.sink_binding import SINK_BINDING
from eventing.resources.subscription import SUBSCRIPTION
from eventing.resources.trigger import TRIGGER

KINDS: Final = (
    *(NAMESPACE, SECRET, CONFIG_MAP, SERVICE, EVENT),
    *(BROKER, TRIGGER, EVENT_TYPE),
    *(IN_MEMORY_CHANNEL, JOURNAL_CHANNEL, REDIS_STREAM_CHANNEL, KAFKA_CHANNEL, CHANNEL, SUBSCRIPTION),
    *(PING_SOURCE, API_SERVER_SOURCE, CONTAINER_SOURCE, SINK_BINDING, KAFKA_SOURCE, GITHUB_SOURCE),
)


class Catalogue:
    """Kinds by group and name, and their order."""

    def __init__(self, kinds: Iterable[Kind] = KINDS) -> None:
        self._kinds = {kind.group_kind: kind for kind in kinds}
        self._ranks = {group_kind: rank for rank, group_kind in enumerate(self._kinds)}
        self._served = {
            (kind.group, version.name, kind.plural): Served(kind, version)
            for kind in self._kinds.values()
            for version in kind.versions
        }

    def get(self, group_kind: GroupKind) -> Kind | None:
        """The kind of that group and name, None where there is none."""
        return self._kinds.get(group_kind)

    def find(self, api_version: str, name: str) -> Served | None:
        """The kind of that name as it is served under that version, None where there is none."""
        kind = self._kinds.get(GroupKind(group_of(api_version), name))
        version = None if kind is None else kind.find_version(api_version.rpartition("/")[2])
        return None if kind is None or version is None else Served(kind, version)

    def find_plural(self, group: str, version: str, plural: str) -> Served | None:
        """What is served at that path, None where nothing is."""
        return self._served.get((group, version, plural))

    def rank(self, group_kind: GroupKind) -> int:
        """Its place in the order of creation; deletion goes the other way."""
        return self._ranks[group_kind]

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())
