"""From resources to the dispatcher: level-based. It sees the world, and makes Brokers and lanes what the world says.

Doing it twice is doing it once. A Trigger that cannot be resolved any more keeps the lane it has: its events wait or
retry there, and nothing that was accepted for it is lost.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from typing import Final

from channels.contract import Channel
from dispatcher.broker import Broker
from dispatcher.sink import Pools, Sink
from eventing.engine import Engines
from eventing.errors import Expired, ResolutionError
from eventing.ingress.intake import Intake
from eventing.pause import forget_pause, set_paused, with_pause
from eventing.resources import broker as broker_kind
from eventing.resources import trigger as trigger_kind
from eventing.resources.broker_channel import choose_channel
from eventing.resources.catalogue import Catalogue
from eventing.resources.delivery import effective
from eventing.resources.identity import Key, Lookup, Object, key_of
from eventing.served import Readiness, ServedBroker, ServedTrigger
from eventing.settings import Settings
from eventing.specification import Sinks, Specifier
from eventing.store.contract import Change, Store
from eventing.world import World

TURN_ITEMS: Final = 64
"""Changes read, or Triggers specified, without letting the event loop turn: a few milliseconds of its time."""

_log = logging.getLogger(__name__)


class Reconciler:
    """Owns the Brokers at work. `run` follows the store; `reconcile` may be called at any time."""

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        pools: Pools,
        engines: Engines,
        intake: Intake,
        settings: Settings,
        base_url: str,
    ) -> None:
        self.brokers: dict[Key, ServedBroker] = {}
        self.triggers: dict[Key, ServedTrigger] = {}
        self._store = store
        self._catalogue = catalogue
        self._engines = engines
        self._intake = intake
        self._settings = settings
        self._base_url = base_url
        sinks = Sinks(
            pools=pools,
            catalogue=catalogue,
            cluster_domain=settings.cluster_domain,
            broker_sinks=self._broker_sink,
        )
        self._specifier = Specifier(sinks, settings)
        self._world = World()
        self._gone: list[tuple[Key, Broker]] = []
        self._lock = asyncio.Lock()
        self._read_at: str | None = None
        """The store's version that the last whole reading began with, until a watch goes on from there."""

    async def run(self) -> None:
        """Reconcile what changes, many changes at once where they come fast. Until cancelled.

        Whatever ends a watch, a crash among others, the next one begins with reading everything.
        """
        while True:
            if self._read_at is None:
                await self.reconcile()
            since, self._read_at = self._read_at, None
            try:
                async with self._store.watch(since=since) as changes:
                    await self._follow(changes)
            except* Expired:
                _log.info("changes came faster than they were read; reading everything again")

    async def reconcile(self) -> None:
        """Read everything, and make the dispatcher what it says."""
        async with self._lock:
            items: dict[Key, Object] = {}
            versions: list[str] = []
            for kind in self._catalogue:
                listing = await self._store.list(kind.group_kind)
                items |= {key_of(item): item for item in listing.items}
                versions.append(listing.resource_version)
            self._world.replace(items)
            # What is at work is looked at, too: it may be gone, and a crash may have come before that was seen to.
            await self._conform({*items, *self.brokers, *self.triggers})
            # What changed between the first list and the last is seen once more, which changes nothing.
            self._read_at = versions[0]

    @property
    def is_moving(self) -> bool:
        """True while events are on their way that need no more than time: not those that wait for a failing sink."""
        return any(served.is_moving for served in self.brokers.values())

    async def set_paused(self, key: Key, *, is_paused: bool) -> None:
        """Pause a Trigger, or resume it; it is so when this returns. Raises NotFound, Conflict."""
        served = self.triggers.get(key)
        await set_paused(
            self._store, None if served is None else self._channel(served.broker), key, is_paused=is_paused
        )
        await self.reconcile()

    def hold(self) -> None:
        """Begin nothing more for Brokers that keep what waits: what is in flight ends."""
        for served in self.brokers.values():
            served.hold()

    async def close(self) -> None:
        """Close all Brokers; what their channels cannot keep is gone."""
        self._intake.routes = {}
        await self._close_gone()
        brokers = [served.broker for served in self.brokers.values()]
        self.brokers.clear()
        self.triggers.clear()
        for broker in brokers:
            await broker.close()

    # From changes to bursts of them.

    async def _follow(self, changes: AsyncIterator[Change]) -> None:
        burst: dict[Key, Change] = {}
        has_changes = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            worker = tasks.create_task(self._work(burst, has_changes))
            number = 0
            async for change in changes:
                burst[key_of(change.item)] = change
                has_changes.set()
                number += 1
                if number % TURN_ITEMS == 0:
                    await asyncio.sleep(0)
            worker.cancel()

    async def _work(self, burst: dict[Key, Change], has_changes: asyncio.Event) -> None:
        """Files that are applied at once are judged by at once: wait until a turn of the loop brings no more."""
        while True:
            await has_changes.wait()
            while has_changes.is_set():
                has_changes.clear()
                await asyncio.sleep(0)
            async with self._lock:
                changed = dict(burst)
                burst.clear()
                for key, change in changed.items():
                    self._world.put(key, None if change.type == "DELETED" else change.item)
                await self._conform(changed)

    # From the world to the dispatcher.

    async def _conform(self, changed: Iterable[Key]) -> None:
        """Make everything right that these changes concern. Brokers go last: until then events still find them."""
        affected = self._world.affected(changed)
        for key in affected:
            if key.group_kind == broker_kind.BROKER.group_kind:
                await self._reconcile_broker(key)
        triggers = [key for key in affected if key.group_kind == trigger_kind.TRIGGER.group_kind]
        for number, key in enumerate(triggers, 1):
            self._reconcile_trigger(key)
            if number % TURN_ITEMS == 0:
                await asyncio.sleep(0)
        for served in self.brokers.values():
            served.apply()
        self._intake.routes = {served.broker.path: served.broker for served in self.brokers.values()}
        await self._close_gone()

    async def _reconcile_broker(self, key: Key) -> None:
        item, served = self._world.get(key), self.brokers.get(key)
        view = None if item is None else broker_kind.Broker.of(item)
        if served is not None and (view is None or view.uid != served.view.uid):
            self._gone.append((key, self.brokers.pop(key).broker))
            await self._close_gone()  # or another one of its name would find what it left
            served = None
        if view is None:
            self._world.forget(key)
            return
        if served is None:
            served = self.brokers[key] = self._serve(view)
        served.view = view
        served.broker.event_size_max_bytes = view.event_size_max_bytes or self._settings.event_size_max_bytes
        served.readiness = await self._give_channel(served, view, self._world.read_as(key))

    async def _give_channel(self, served: ServedBroker, view: broker_kind.Broker, lookup: Lookup) -> Readiness:
        """A Broker gets its channel once: its class and config never change."""
        broker = served.broker
        if broker.channel is not None:
            self._engines.update(broker.channel, view)
            return Readiness()
        try:
            chosen = choose_channel(view, lookup, default=self._settings.default_channel)
            place = self._engines.create(chosen.engine, view)
        except ResolutionError as error:
            broker.unready = error.message
            return Readiness.of(error)
        await broker.open(place.channel, dead_letters=place.dead_letters, limits=place.limits)
        served.engine = place.engine
        return Readiness()

    def _serve(self, view: broker_kind.Broker) -> ServedBroker:
        broker = Broker(
            view.key.namespace,
            view.key.name,
            event_size_max_bytes=self._settings.event_size_max_bytes,
        )
        return ServedBroker(view, broker, address=f"{self._base_url}{broker.path.decode()}")

    def _broker_sink(self, key: Key) -> Sink:
        return self.brokers[key].sink

    def _reconcile_trigger(self, key: Key) -> None:
        item, old = self._world.get(key), self.triggers.pop(key, None)
        view = None if item is None else trigger_kind.Trigger.of(item, None if old is None else old.view)
        broker = None if view is None else broker_kind.BROKER.key(key.namespace, view.broker)
        left = None if old is None else self.brokers.get(old.broker)
        if old is not None and left is not None and (view is None or (view.uid, broker) != (old.view.uid, old.broker)):
            left.remove(key.name)
            forget_pause(left.broker.channel, key)
        if item is None or view is None or broker is None:
            self._world.forget(key)
        else:
            lookup = self._world.read_as(key)
            self.triggers[key] = self._find(with_pause(view, item, self._channel(broker)), broker, lookup)

    def _channel(self, key: Key) -> Channel | None:
        """That of this Broker, where it has one."""
        served = self.brokers.get(key)
        return None if served is None else served.broker.channel

    def _find(self, view: trigger_kind.Trigger, broker: Key, lookup: Lookup) -> ServedTrigger:
        lookup(broker)
        served = self.brokers.get(broker)
        if served is None:
            missing = ResolutionError("BrokerDoesNotExist", f'Broker "{view.broker}" does not exist')
            return ServedTrigger(view, broker, Readiness.of(missing))
        found = self._specifier.specify(view, effective(view.delivery, served.view.delivery), lookup)
        if found.spec is not None:
            served.place(view.key.name, found.spec)
        readiness = served.readiness
        if readiness.ready and found.fault is not None:
            readiness = Readiness.of(found.fault)
        return ServedTrigger(view, broker, readiness, found.subscriber_uri, found.dead_letter_sink_uri)

    async def _close_gone(self) -> None:
        while self._gone:
            key, broker = self._gone[-1]
            await broker.close(is_deleted=True)
            self._engines.drop(key)
            self._gone.pop()
