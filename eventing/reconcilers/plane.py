"""What is at work in this process: Brokers and Channels, each over a channel of its engine, and the ways to them."""

from collections.abc import Callable
from typing import Final, Protocol

from dispatcher.broker import Broker
from dispatcher.sighting import Sightings
from dispatcher.sink import Sink
from eventing.engine import Engines, Owner, is_remote
from eventing.errors import ResolutionError
from eventing.ingress.host import channel_hosts
from eventing.ingress.intake import Intake
from eventing.reconcilers.remote_channel import RemoteChannels
from eventing.reconcilers.served import Readiness, ServedBroker, View
from eventing.resources.broker import BROKER
from eventing.resources.engine import Engine
from eventing.resources.identity import Key, Object
from eventing.settings import Settings

NAME_TAKEN: Final = "NameTaken"
NOT_MADE: Final = "ChannelNotMade"
"""Never in a status: who writes these makes channels."""


class AtWork(View, Owner, Protocol):
    """The view of a Broker, or of a channel that holds events itself."""


class Plane:
    """Owns the Brokers and Channels at work, by the keys of their resources.

    `sightings_of` gives each what notices types of events in it, or None. `touch` hears of those whose channel opened,
    failed or healed: they are to be kept once more. Unless the process `reads`, its Brokers only publish; unless it
    `makes` them, they get their channels once another process has made these.
    """

    def __init__(
        self,
        *,
        engines: Engines,
        intake: Intake,
        settings: Settings,
        base_url: str,
        sightings_of: Callable[[Key], Sightings | None],
        touch: Callable[[Key], None] = lambda _: None,
        reads: bool = True,
        makes: Callable[[], bool] = lambda: True,
    ) -> None:
        self.brokers: dict[Key, ServedBroker] = {}
        self._engines = engines
        self._intake = intake
        self._settings = settings
        self._base_url = base_url
        self._sightings_of = sightings_of
        self._reads = reads
        self._makes = makes
        self._remote = RemoteChannels(engines=engines, reads=reads, touch=touch)
        self._gone: list[tuple[Key, ServedBroker]] = []

    async def keep(self, key: Key, view: AtWork | None, choose: Callable[[], Engine]) -> ServedBroker | None:
        """Make at work what the view says, or nothing. A channel in this process it gets once, one on a server may
        move: it is opened beside, and so is `readiness` told of later.

        `choose` says which engine its channel is of, and raises ResolutionError where there is none: it is asked again
        with every call. What is wrong stands in `readiness`.
        """
        served = self.brokers.get(key)
        if served is not None and (view is None or view.uid != served.view.uid):
            await self._remove(key, self.brokers.pop(key))  # or another one of its name would find what it left
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

    def check_made(self, item: Object) -> None:
        """Raise ResolutionError where the channel is to be made, and another process does that: what is left there of
        another one of that name is gone by then. One that has an address was made.
        """
        if not self._makes() and "address" not in item.get("status", {}):
            raise ResolutionError(NOT_MADE, "its channel is made by a controller, which has not done so yet")

    def sink(self, key: Key) -> Sink:
        """The sink that is that Broker or Channel, which is at work."""
        return self.brokers[key].sink

    def is_served(self, key: Key) -> bool:
        """True for what is at work here."""
        return key in self.brokers

    def publish(self) -> None:
        """Let Brokers judge by what was placed, and requests find them.

        One whose channel opens beside begins once it was kept as an open one: by then its Triggers know what the
        channel remembers of them.
        """
        for key, served in self.brokers.items():
            if served.ground is not None or not self._remote.has(key):
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

    @property
    def fault(self) -> str:
        """Why nothing can be stored at all, where all that is at work rests on servers that take nothing."""
        is_local = any(served.ground is not None and not self._remote.has(key) for key, served in self.brokers.items())
        return "" if is_local else self._remote.fault

    @property
    def missing(self) -> str:
        """Which channels on servers do not answer, empty where all do."""
        return self._remote.missing

    @property
    def opened(self) -> int:
        """Channels on servers that are open."""
        return self._remote.opened

    def inspect(self) -> None:
        """Look whether channels have failed or healed, whoever noticed."""
        self._remote.inspect()

    async def wait_tried(self, timeout_s: float) -> None:
        """Until it is known of each whether its channel can be had, or that time has passed."""
        await self._remote.wait_tried(timeout_s)

    async def close_gone(self) -> None:
        """Close what was deleted, and let nothing of it stay."""
        while self._gone:
            key, served = self._gone[-1]
            await served.broker.close(is_deleted=True)
            if served.engine is not None:
                await self._engines.drop(served.engine, key)
            self._gone.pop()

    async def close(self) -> None:
        """Close everything; what channels cannot keep is gone."""
        self._intake.routes = {}
        self._intake.hosts = {}
        await self.close_gone()
        remote = [served for key, served in self.brokers.items() if self._remote.has(key)]
        local = [served for key, served in self.brokers.items() if not self._remote.has(key)]
        self.brokers.clear()
        for served in local:
            await served.broker.close()
        await self._remote.close(remote)

    async def _remove(self, key: Key, served: ServedBroker) -> None:
        if self._remote.has(key):
            self._remote.remove(key, served, is_deleted=True)
        else:
            self._gone.append((key, served))
            await self.close_gone()

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
        """What its readiness is, by its channel. Where nobody can say which one it is to have, it keeps what it has."""
        broker = served.broker
        try:
            self._check_name(key, broker)
            engine = choose()
            if served.ground is not None and not self._remote.has(key):
                self._engines.update(served.ground, served.ground.engine, view)
                return Readiness()
            served.engine = engine
            if is_remote(engine) or self._remote.has(key):
                return self._remote.keep(key, served, engine, view)
            place = await self._engines.create(engine, view)
        except ResolutionError as error:
            broker.unready = error.message
            return Readiness.of(error)
        await broker.open(place.channel, dead_letters=place.dead_letters, limits=place.limits, reads=self._reads)
        served.ground = place
        return Readiness()

    def _check_name(self, key: Key, broker: Broker) -> None:
        """Channels of different kinds share their paths: the first one has it."""
        for other, served in self.brokers.items():
            if other != key and served.broker.label == broker.label and served.engine is not None:
                raise ResolutionError(NAME_TAKEN, f"{other.kind} {other.name} has this name already")
