"""The wiring of a server: builds every object by keyword, starts what runs, and says goodbye in two phases."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from channels.journal import Journal
from dispatcher.lane import LATENCY_BOUNDS_S
from dispatcher.pool import PoolLimits
from dispatcher.redrive import Redriver
from dispatcher.sink import Pools
from dispatcher.tasks import every, supervise
from eventing import kubeconfig
from eventing.access import Access
from eventing.apiserver.configuration import StoredConfiguration
from eventing.apiserver.registry import Registry
from eventing.barrier import Barrier
from eventing.dead_letter_office import DeadLetterOffice
from eventing.engine import Engines
from eventing.ingress.asgi import IngressApp
from eventing.ingress.intake import Intake, Limits
from eventing.ingress.protocol import IngressProtocol
from eventing.listener import Listener
from eventing.overview import Overview, find_trigger
from eventing.reconcilers.controller import Controller
from eventing.reconcilers.event_type_maker import EventTypeMaker
from eventing.reconcilers.namespace import create_namespaces
from eventing.reconcilers.recorder import SWEEP_INTERVAL_S, Recorder
from eventing.reloader import Reloader
from eventing.resources.catalogue import Catalogue
from eventing.resources.channel_default import DURABLE, SHIPPED
from eventing.resources.crd import served_crd_of
from eventing.resources.kind import Context
from eventing.resources.openapi_document import OpenApiDocuments
from eventing.settings import IngressEngine, Settings
from eventing.store.sql import SqlStore, timestamp

SINK_SWEEP_INTERVAL_S: Final = 0.05
"""How exactly timeouts of attempts are kept."""
INGRESS_SWEEP_INTERVAL_S: Final = 1.0
API_GOODBYE_MAX_S: Final = 3.0
"""How long answers of the API may take to go out at the end: a client that has ceased to read is not waited for."""
DRAIN_INTERVAL_S: Final = 0.02
GC_THRESHOLDS: Final = (50_000, 20, 100)
"""Events are freed by reference counts; Python's default of 700 has the collector run for every few dozen of them."""

_log = logging.getLogger(__name__)


async def serve(settings: Settings, *, paths: Sequence[Path], watch: bool = False, prune: bool = False) -> int:
    """Run a server until SIGTERM or SIGINT; returns the exit code.

    Its resources are those that are stored, and those in these files. With `prune` what files brought earlier and do
    not hold any more is deleted.

    Two lines on stdout say where it is, once both doors are open. SIGHUP reads the files again. Raises ManifestError,
    DataDirTaken, NewerJournal, PortTaken, CannotListen, BadTokenFile, BadCertificate and UnprotectedApi before anything
    was started; whatever it raises, nothing is left open.
    """
    access = Access.of(settings)
    catalogue = Catalogue()
    context = Context(channel_defaults=DURABLE if settings.default_channel == "journal" else SHIPPED)
    intake = Intake(_limits(settings))
    async with AsyncExitStack() as stack:
        stack.enter_context(_patient_collector())
        store = await stack.enter_async_context(_create_store(settings))
        configuration = StoredConfiguration(store, context)
        registry = Registry(store=store, catalogue=catalogue, context_of=configuration.context_of)
        barrier = Barrier(store)
        reloader = Reloader(registry=registry, paths=paths, prune=prune, together=barrier.hold)
        await create_namespaces(store)
        await reloader.load()
        ingress = await stack.enter_async_context(Listener("--port", settings.host, settings.port))
        api = await stack.enter_async_context(access.listen(settings.api_host, settings.api_port))
        pools = stack.enter_context(closing(Pools(_pool_limits(settings))))
        journal = await _open_journal(stack, settings, intake)
        engines = Engines(journal=journal, settings=settings)
        recorder, maker = Recorder(store, timestamp), EventTypeMaker(store)
        controller = Controller(
            store=store,
            catalogue=catalogue,
            pools=pools,
            engines=engines,
            intake=intake,
            settings=settings,
            base_url=ingress.url,
            clock=timestamp,
            barrier=barrier,
            tell=recorder.tell,
            sightings_of=maker.sightings_of if settings.event_type_auto_create else lambda _: None,
        )
        stack.push_async_callback(controller.close)
        doors = _Doors(ingress=ingress, api=api, access=access, intake=intake, closing=asyncio.Event())
        stop = _Stop(timeout_s=settings.shutdown_timeout_s)
        stack.enter_context(stop.on_signals(reload=reloader.request, hurry=doors.hurry))
        await controller.reconcile()
        redriver = Redriver(partial(find_trigger, controller), engines.dead_letters)
        loops = _loops(intake=intake, ingress=ingress, pools=pools, controller=controller, reloader=reloader)
        loops["redriver"] = redriver.run
        loops["recorder"] = recorder.run
        loops["event sweep"] = lambda: every(SWEEP_INTERVAL_S, recorder.sweep)
        loops["event types"] = lambda: maker.run(controller.get)
        await stack.enter_async_context(_running(loops | ({"file watch": reloader.watch} if watch else {})))
        office = DeadLetterOffice(engines.dead_letters, redriver)
        overview = Overview(controller=controller, intake=intake, journal=journal, dead_letters=office)
        if not stop.is_asked:
            await doors.open(overview, registry, settings.ingress)
            kubeconfig.write(settings.data_dir / kubeconfig.FILE_NAME, access.connection(api, settings.api_host))
        await _run_until_drained(doors, controller, stop)
    return 0


def _create_store(settings: Settings) -> SqlStore:
    """Where resources are: the database that the operator names, else a file in the data folder."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return SqlStore(settings.resources_url, secret_key=settings.secret_key_file)


async def _open_journal(stack: AsyncExitStack, settings: Settings, intake: Intake) -> Journal | None:
    """The journal, where the server is to have one. While it cannot store, the server is not ready."""
    if settings.default_channel != "journal":
        return None
    opening = Journal(settings.data_dir, size_max_bytes=settings.journal_size_max_bytes)
    journal = await stack.enter_async_context(opening)
    intake.fault = lambda: journal.fault
    return journal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doors:
    """Where requests come in."""

    ingress: Listener
    api: Listener
    access: Access
    intake: Intake
    closing: asyncio.Event
    """Set before the doors close: watches end, which would otherwise be waited for."""

    async def open(self, overview: Overview, registry: Registry, engine: IngressEngine) -> None:
        """Answer at both, then say so."""
        protocol = IngressProtocol.bound_to(self.intake) if engine == "protocol" else "httptools"
        await self.ingress.start(IngressApp(self.intake), protocol=protocol)
        from eventing.api.app import create_api
        from eventing.apiserver.router import create_router

        api = create_api(overview, latency_bounds_s=LATENCY_BOUNDS_S)
        documents = OpenApiDocuments(registry.catalogue)
        api.include_router(create_router(registry, crd_of=served_crd_of, openapi=documents, closing=self.closing))
        await self.api.start(self.access.guard(api, self.api))
        self.intake.is_ready = True
        # What was made so far lives as long as the process: the collector need not visit it again.
        gc.collect()
        gc.freeze()
        sys.stdout.write(f"events  {self.ingress.url}/NAMESPACE/BROKER\napi     {self.api.url}\n")
        sys.stdout.flush()

    async def close(self, timeout_s: float) -> None:
        """Accept no connection more; requests that came get their answers within that time."""
        self.closing.set()
        await asyncio.gather(self.ingress.stop(timeout_s), self.api.stop(min(timeout_s, API_GOODBYE_MAX_S)))

    def hurry(self) -> None:
        """Wait for nobody."""
        self.ingress.hurry()
        self.api.hurry()


class _Stop:
    """What signals ask for: once to stop, twice to stop at once. From the first on, time runs."""

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        self._deadline_s = 0.0

    @property
    def is_asked(self) -> bool:
        """Somebody asked."""
        return self._asked.is_set()

    @property
    def left_s(self) -> float:
        """Time left for the whole goodbye, since it was asked for."""
        return max(0.0, self._deadline_s - self._loop.time())

    async def wait(self) -> None:
        """Until somebody asks."""
        await self._asked.wait()

    @contextmanager
    def on_signals(self, *, reload: Callable[[], None], hurry: Callable[[], None]) -> Iterator[None]:
        """For the length of the context, take SIGTERM, SIGINT and SIGHUP."""

        def ask() -> None:
            if self.is_asked:
                self._deadline_s = 0.0
                hurry()
                return
            _log.info("stopping: no new events, finishing what is under way; ask again to stop at once")
            self._deadline_s = self._loop.time() + self._timeout_s
            self._asked.set()

        handlers = {signal.SIGTERM: ask, signal.SIGINT: ask, signal.SIGHUP: reload}
        for number, handler in handlers.items():
            self._loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                self._loop.remove_signal_handler(number)


def _loops(
    *, intake: Intake, ingress: Listener, pools: Pools, controller: Controller, reloader: Reloader
) -> dict[str, Callable[[], Awaitable[None]]]:
    """What runs beside the servers, from before the first request until after the last."""

    def sweep_ingress() -> None:
        intake.tick()
        now_s = asyncio.get_running_loop().time()
        for connection in ingress.connections:
            if isinstance(connection, IngressProtocol):
                connection.sweep(now_s)

    return {
        "controller": controller.run,
        "reloader": reloader.run,
        "sink sweep": lambda: every(SINK_SWEEP_INTERVAL_S, pools.sweep),
        "ingress sweep": lambda: every(INGRESS_SWEEP_INTERVAL_S, sweep_ingress),
    }


@asynccontextmanager
async def _running(loops: Mapping[str, Callable[[], Awaitable[None]]]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(supervise(name, run), name=name) for name, run in loops.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _run_until_drained(doors: _Doors, controller: Controller, stop: _Stop) -> None:
    """Serve until it is asked to stop, then leave in two phases within one time limit.

    First the doors stay open and refuse events (503 with Retry-After; health and the ops API still answer), while what
    was accepted is delivered: until nothing moves any more. What waits for a failing sink, or for a retry that is due
    later, does not move. Then the doors close.
    """
    await stop.wait()
    doors.intake.is_draining = True
    controller.plane.hold()
    while stop.left_s and controller.plane.is_moving:  # noqa: ASYNC110 - counters on the hot path set no asyncio.Event
        await asyncio.sleep(DRAIN_INTERVAL_S)
    await doors.close(stop.left_s)
    _report_left(controller)


@contextmanager
def _patient_collector() -> Iterator[None]:
    """Have the collector run seldom, for the length of the context."""
    thresholds = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _report_left(controller: Controller) -> None:
    """Nothing that was accepted goes without a word."""
    words = "%d undelivered events of Broker %s/%s are lost: its channel is in memory"
    for key, served in controller.brokers.items():
        channel = served.broker.channel
        if channel is not None and not channel.features.persistent and (left := channel.statistics().events):
            _log.warning(words, left, key.namespace, key.name)


def _limits(settings: Settings) -> Limits:
    return Limits(
        header_count_max=settings.header_count_max,
        header_size_max_bytes=settings.header_size_max_bytes,
        request_timeout_s=settings.request_timeout_s,
        keep_alive_timeout_s=settings.keep_alive_timeout_s,
        connections_max=settings.connections_max,
        batch_events_max=settings.batch_events_max,
    )


def _pool_limits(settings: Settings) -> PoolLimits:
    return PoolLimits(
        connections_max=settings.sink_connections_max,
        connection_age_max_s=settings.sink_connection_age_max_s,
        connect_timeout_s=settings.sink_connect_timeout_s,
        reply_size_max_bytes=settings.reply_size_max_bytes,
    )
