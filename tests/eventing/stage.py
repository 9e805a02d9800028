"""A controller at work on a real store, with what stands around it in a server but its sockets; and waiting."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from channels.event import Event
from channels.journal import Journal
from dispatcher.broker import Broker
from dispatcher.pool import PoolLimits
from dispatcher.redrive import Redriver
from dispatcher.sink import Pools
from dispatcher.trigger import Trigger
from eventing.app.backend import create_backend as app_backend
from eventing.backend.contract import Backend, Remote
from eventing.backend.pool import BackendPool
from eventing.dead_letter_office import DeadLetterOffice
from eventing.engine import OWN_STORES, Engines
from eventing.errors import NotFound
from eventing.ingress.intake import Intake
from eventing.overview import Overview, find_trigger
from eventing.reconcilers.controller import Controller
from eventing.reconcilers.turn import Occurrence
from eventing.resources.admission import admit
from eventing.resources.broker import BROKER
from eventing.resources.catalogue import Catalogue
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.kind import Context
from eventing.resources.trigger import TRIGGER
from eventing.settings import Settings
from eventing.store.sql import timestamp
from tests.eventing.ingress.door import LIMITS
from tests.eventing.store.memory_store import MemoryStore

PATIENCE_S = 10.0
BASE_URL = "http://events.test"
POOL_LIMITS = PoolLimits(
    connections_max=8, connection_age_max_s=60.0, connect_timeout_s=5.0, reply_size_max_bytes=1024 * 1024
)


async def eventually(condition: Callable[[], Any]) -> None:
    """Wait until it holds; TimeoutError where it never does."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.001)


async def settle(turns: int = 60) -> None:
    """Let everything go on that needs nothing but the event loop."""
    for _ in range(turns):
        await asyncio.sleep(0)


class Stage:
    """Resources go in by `apply` and `delete`; `controller.reconcile()` or `following` makes them work."""

    def __init__(
        self,
        store: MemoryStore,
        settings: Settings,
        journal: Journal | None = None,
        create_backend: Callable[[Remote], Backend] | None = None,
    ) -> None:
        self.store = store
        self.settings = settings
        self.catalogue = Catalogue()
        self.pools = Pools(POOL_LIMITS)
        backends = BackendPool(create_backend or partial(app_backend, settings))
        self.engines = Engines(journal=journal, settings=settings, backends=backends)
        self.intake = Intake(LIMITS)
        self.controller = self.create_controller()
        self.redriver = Redriver(partial(find_trigger, self.controller), self.engines.dead_letters)
        self.overview = Overview(
            controller=self.controller,
            intake=self.intake,
            journal=journal,
            dead_letters=DeadLetterOffice(self.engines.dead_letters, self.redriver, plain=OWN_STORES),
        )

    def create_controller(self, tell: Callable[[Occurrence], None] = lambda _: None, **wiring: Any) -> Controller:
        """Another one, over the same store."""
        return Controller(
            store=self.store,
            catalogue=self.catalogue,
            pools=self.pools,
            engines=self.engines,
            intake=self.intake,
            settings=self.settings,
            base_url=BASE_URL,
            clock=timestamp,
            tell=tell,
            **wiring,
        )

    async def apply(self, *items: Object) -> None:
        """Admit and store, as a manifest would be."""
        for item in items:
            kind = self.catalogue.find(item["apiVersion"], item["kind"])
            assert kind is not None
            placed = {**item, "metadata": {"namespace": "default", **item["metadata"]}}
            try:
                old = await self.store.get(key_of(placed))
            except NotFound:
                await self.store.create(admit(kind, placed, context=Context()).item)
            else:
                await self.store.update(admit(kind, placed, context=Context(), old=old).item)

    async def delete(self, *keys: Key) -> None:
        for key in keys:
            await self.store.delete(key)

    async def reconcile(self, *items: Object) -> None:
        """Apply these, then read everything."""
        await self.apply(*items)
        await self.controller.reconcile()

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """The controller follows the store, and has seen what is there at entry."""
        task = asyncio.create_task(self.controller.run())
        await settle()
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def broker(self, name: str = "b") -> Broker:
        return self.controller.brokers[broker_key(name)].broker

    def trigger(self, name: str = "t", broker: str = "b") -> Trigger:
        return self.broker(broker).triggers[name]

    def why(self, name: str = "t") -> tuple[bool, str, str]:
        """Readiness of a Trigger."""
        readiness = self.controller.triggers[trigger_key(name)].readiness
        return readiness.ready, readiness.reason, readiness.message

    async def publish(self, *ids: str, to: str = "b", event_type: str = "order") -> None:
        """Store events in a Broker, as the ingress would."""
        channel = self.broker(to).channel
        assert channel is not None
        await channel.publish([an_event(one, event_type) for one in ids])


@asynccontextmanager
async def staged(
    *,
    changes_max: int = 10_000,
    data_dir: Path | None = None,
    create_backend: Callable[[Remote], Backend] | None = None,
    **settings: Any,
) -> AsyncIterator[Stage]:
    """A stage that is taken down at the end; with a folder, events rest in a journal there."""
    async with AsyncExitStack() as stack:
        journal = None
        if data_dir is not None:
            journal = await stack.enter_async_context(Journal(data_dir, size_max_bytes=2**30))
        chosen = Settings(**{"default_channel": "memory" if journal is None else "journal", **settings})
        stage = Stage(MemoryStore(changes_max=changes_max), chosen, journal, create_backend)
        stack.callback(stage.pools.close)
        stack.push_async_callback(stage.engines.close)
        stack.push_async_callback(stage.controller.close)
        yield stage


def an_event(event_id: str, event_type: str = "order") -> Event:
    return Event.from_attributes({"id": event_id, "source": "/test", "type": event_type}, b"{}")


def broker_key(name: str = "b") -> Key:
    return BROKER.key("default", name)


def trigger_key(name: str = "t") -> Key:
    return TRIGGER.key("default", name)


def service(name: str, host: str, port: int = 80) -> Object:
    """A Service that leads out of the cluster."""
    spec = {"type": "ExternalName", "externalName": host, "ports": [{"port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def service_ref(name: str) -> Object:
    return {"ref": {"apiVersion": "v1", "kind": "Service", "name": name}}


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
