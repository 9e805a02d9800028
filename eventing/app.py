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
from eventing.dead_letter_office import DeadLetterOffice
from eventing.engine import Engines
from eventing.ingress.asgi import IngressApp
from eventing.ingress.intake import Intake, Limits
from eventing.ingress.protocol import IngressProtocol
from eventing.listener import Listener
from eventing.overview import Overview, find_trigger
from eventing.reconciler import Reconciler
from eventing.reloader import Reloader
from eventing.resources.catalogue import Catalogue
from eventing.settings import IngressEngine, Settings
from eventing.store.memory import MemoryStore

SINK_SWEEP_INTERVAL_S: Final = 0.05
"""How exactly timeouts of attempts are kept."""
INGRESS_SWEEP_INTERVAL_S: Final = 1.0
DRAIN_INTERVAL_S: Final = 0.02
GC_THRESHOLDS: Final = (50_000, 20, 100)
"""Events are freed by reference counts; Python's default of 700 has the collector run for every few dozen of them."""

_log = logging.getLogger(__name__)


async def serve(settings: Settings, *, paths: Sequence[Path], watch: bool = False) -> int:
    """Run a server with the resources in these files until SIGTERM or SIGINT; returns the exit code.

    Two lines on stdout say where it is, once both doors are open. SIGHUP reads the files again. Raises ManifestError,
    DataDirTaken, NewerJournal, PortTaken and CannotListen before anything was started; whatever it raises, nothing is
    left open.
    """
    catalogue = Catalogue()
    store = MemoryStore()
    reloader = Reloader(store=store, catalogue=catalogue, paths=paths)
    intake = Intake(_limits(settings))
    async with AsyncExitStack() as stack:
        stack.enter_context(_patient_collector())
        await reloader.load()
        ingress = await stack.enter_async_context(Listener("--port", settings.host, settings.port))
        api = await stack.enter_async_context(Listener("--api-port", settings.api_host, settings.api_port))
        pools = stack.enter_context(closing(Pools(_pool_limits(settings))))
        journal = await _open_journal(stack, settings, intake)
        engines = Engines(journal=journal, settings=settings)
        reconciler = Reconciler(
            store=store,
            catalogue=catalogue,
            pools=pools,
            engines=engines,
            intake=intake,
            settings=settings,
            base_url=ingress.url,
        )
        stack.push_async_callback(reconciler.close)
        doors = _Doors(ingress=ingress, api=api, intake=intake)
        stop = _Stop(timeout_s=settings.shutdown_timeout_s)
        stack.enter_context(stop.on_signals(reload=reloader.request, hurry=doors.hurry))
        await reconciler.reconcile()
        redriver = Redriver(partial(find_trigger, reconciler), engines.dead_letters)
        loops = _loops(intake=intake, ingress=ingress, pools=pools, reconciler=reconciler, reloader=reloader)
        loops["redriver"] = redriver.run
        await stack.enter_async_context(_running(loops | ({"file watch": reloader.watch} if watch else {})))
        office = DeadLetterOffice(engines.dead_letters, redriver)
        overview = Overview(reconciler=reconciler, intake=intake, journal=journal, dead_letters=office)
        if not stop.is_asked:
            await doors.open(overview, settings.ingress)
        await _run_until_drained(doors, reconciler, stop)
    return 0


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
    intake: Intake

    async def open(self, overview: Overview, engine: IngressEngine) -> None:
        """Answer at both, then say so."""
        protocol = IngressProtocol.bound_to(self.intake) if engine == "protocol" else "httptools"
        await self.ingress.start(IngressApp(self.intake), protocol=protocol)
        from eventing.api.app import create_api

        await self.api.start(create_api(overview, latency_bounds_s=LATENCY_BOUNDS_S))
        self.intake.is_ready = True
        # What was made so far lives as long as the process: the collector need not visit it again.
        gc.collect()
        gc.freeze()
        sys.stdout.write(f"events  {self.ingress.url}/NAMESPACE/BROKER\napi     {self.api.url}\n")
        sys.stdout.flush()

    async def close(self, timeout_s: float) -> None:
        """Accept no connection more; requests that came get their answers within that time."""
        await asyncio.gather(self.ingress.stop(timeout_s), self.api.stop(timeout_s))

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
    *, intake: Intake, ingress: Listener, pools: Pools, reconciler: Reconciler, reloader: Reloader
) -> dict[str, Callable[[], Awaitable[None]]]:
    """What runs beside the servers, from before the first request until after the last."""

    def sweep_ingress() -> None:
        intake.tick()
        now_s = asyncio.get_running_loop().time()
        for connection in ingress.connections:
            if isinstance(connection, IngressProtocol):
                connection.sweep(now_s)

    return {
        "reconciler": reconciler.run,
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


async def _run_until_drained(doors: _Doors, reconciler: Reconciler, stop: _Stop) -> None:
    """Serve until it is asked to stop, then leave in two phases within one time limit.

    First the doors stay open and refuse events (503 with Retry-After; health and the ops API still answer), while what
    was accepted is delivered: until nothing moves any more. What waits for a failing sink, or for a retry that is due
    later, does not move. Then the doors close.
    """
    await stop.wait()
    doors.intake.is_draining = True
    reconciler.hold()
    while stop.left_s and reconciler.is_moving:  # noqa: ASYNC110 - counters on the hot path set no asyncio.Event
        await asyncio.sleep(DRAIN_INTERVAL_S)
    await doors.close(stop.left_s)
    _report_left(reconciler)


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


def _report_left(reconciler: Reconciler) -> None:
    """Nothing that was accepted goes without a word."""
    words = "%d undelivered events of Broker %s/%s are lost: its channel is in memory"
    for key, served in reconciler.brokers.items():
        channel = served.broker.channel
        if channel is not None and not channel.features.durable and (left := channel.statistics().events):
            _log.warning(words, left, key.namespace, key.name)


def _limits(settings: Settings) -> Limits:
    return Limits(
        header_count_max=settings.header_count_max,
        header_size_max_bytes=settings.header_size_max_bytes,
        request_timeout_s=settings.request_timeout_s,
        keep_alive_timeout_s=settings.keep_alive_timeout_s,
        connections_max=settings.connections_max,
        ttl_max=settings.ttl_max,
        batch_events_max=settings.batch_events_max,
    )


def _pool_limits(settings: Settings) -> PoolLimits:
    return PoolLimits(
        connections_max=settings.sink_connections_max,
        connection_age_max_s=settings.sink_connection_age_max_s,
        connect_timeout_s=settings.sink_connect_timeout_s,
        reply_size_max_bytes=settings.reply_size_max_bytes,
    )
