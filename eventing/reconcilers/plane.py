"""What is at work in this process: Brokers and Channels, each over a channel of its engine, and the ways to them."""

import logging
from collections.abc import Callable
from typing import Final, Protocol

from dispatcher.broker import Broker
from dispatcher.sighting import Sightings
from dispatcher.sink import Sink
from eventing.engine import Engines, Owner
from eventing.errors import ResolutionError
from eventing.ingress.host import channel_hosts
from eventing.ingress.intake import Intake
from eventing.reconcilers.served import Readiness, ServedBroker, View
from eventing.resources.broker import BROKER
from eventing.resources.broker_channel import Engine
from eventing.resources.identity import Key
from eventing.settings import Settings

NAME_TAKEN: Final = "NameTaken"

_log = logging.getLogger(__name__)


class AtWork(View, Owner, Protocol):
    """The view of a Broker, or of a channel that holds events itself."""


class Plane:
    """Owns the Brokers and Channels at work, by the keys of their resources.

    `sightings_of` gives each what notices types of events in it, or None.
    """

    def __init__(
        self,
        *,
        engines: Engines,
        intake: Intake,
        settings: Settings,
        base_url: str,
        sightings_of: Callable[[Key], Sightings | None],
    ) -> None:
        self.brokers: dict[Key, ServedBroker] = {}
        self._engines = engines
        self._intake = intake
        self._settings = settings
        self._base_url = base_url
        self._sightings_of = sightings_of
        self._gone: list[tuple[Key, Broker]] = []

    async def keep(self, key: Key, view: AtWork | None, choose: Callable[[], Engine]) -> ServedBroker | None:
        """Make at work what the view says, or nothing. It gets its channel once: engines never change.

        `choose` says which engine its channel is of, and raises ResolutionError where there is none: it is asked again
        with every call. What is wrong stands in `readiness`.
        """
        served = self.brokers.get(key)
        if served is not None and (view is None or view.uid != served.view.uid):
            self._gone.append((key, self.brokers.pop(key).broker))
            await self.close_gone()  # or another one of its name would find what it left
            served = None
        if view is None:
            return None
        if served is None:
            served = self.brokers[key] = self._serve(key, view)
        served.view = view
        size = getattr(view, "event_size_max_bytes", None)
        served.broker.event_size_max_bytes = size or self._settings.event_size_max_bytes
        served.readiness = await self._give_channel(key, served, view, choose)
        return served

    def sink(self, key: Key) -> Sink:
        """The sink that is that Broker or Channel, which is at work."""
        return self.brokers[key].sink

    def is_served(self, key: Key) -> bool:
        """True for what is at work here."""
        return key in self.brokers

    def publish(self) -> None:
        """Let Brokers judge by what was placed, and requests find them."""
        for served in self.brokers.values():
            served.apply()
        found = [served.broker for served in self.brokers.values() if served.readiness.reason != NAME_TAKEN]
        self._intake.routes = {broker.path: broker for broker in found}
        domain = self._settings.cluster_domain
        self._intake.hosts = {
            host: broker
            for broker in found
            if broker.is_channel
            for host in channel_hosts(broker.namespace, broker.name, domain)
        }

    def hold(self) -> None:
        """Begin nothing more where channels keep what waits: what is in flight ends."""
        for served in self.brokers.values():
            served.hold()

    @property
    def is_moving(self) -> bool:
        """True while events are on their way that need no more than time: not those that wait for a failing sink."""
        return any(served.is_moving for served in self.brokers.values())

    async def close_gone(self) -> None:
        """Close what was deleted, and let nothing of it stay."""
        while self._gone:
            key, broker = self._gone[-1]
            await broker.close(is_deleted=True)
            self._engines.drop(key)
            self._gone.pop()

    async def close(self) -> None:
        """Close everything; what channels cannot keep is gone."""
        self._intake.routes = {}
        self._intake.hosts = {}
        await self.close_gone()
        brokers = [served.broker for served in self.brokers.values()]
        self.brokers.clear()
        for broker in brokers:
            await broker.close()

    def _serve(self, key: Key, view: View) -> ServedBroker:
        broker = Broker(
            key.namespace,
            key.name,
            event_size_max_bytes=self._settings.event_size_max_bytes,
            is_channel=key.group_kind != BROKER.group_kind,
            ttl_max=self._settings.ttl_max,
            sightings=self._sightings_of(key),
        )
        return ServedBroker(view, broker, address=f"{self._base_url}{broker.path.decode()}")

    async def _give_channel(
        self, key: Key, served: ServedBroker, view: Owner, choose: Callable[[], Engine]
    ) -> Readiness:
        broker = served.broker
        if broker.channel is not None:
            self._engines.update(broker.channel, view)
            return Readiness()
        try:
            self._check_name(key, broker)
            place = self._engines.create(choose(), view)
        except ResolutionError as error:
            broker.unready = error.message
            return Readiness.of(error)
        await broker.open(place.channel, dead_letters=place.dead_letters, limits=place.limits)
        served.engine = place.engine
        return Readiness()

    def _check_name(self, key: Key, broker: Broker) -> None:
        """Channels of different kinds share their paths: the first one has it."""
        for other, served in self.brokers.items():
            if other != key and served.broker.label == broker.label and served.broker.channel is not None:
                raise ResolutionError(NAME_TAKEN, f"{other.kind} {other.name} has this name already")
