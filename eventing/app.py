"""The wiring of a server: builds every object by keyword, starts what runs, and says goodbye in two phases."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from dispatcher.deadletter import DeadLetterStore
from dispatcher.lane import LATENCY_BOUNDS_S
from dispatcher.pool import PoolLimits
from dispatcher.sink import Pools
from dispatcher.tasks import every, supervise
from eventing.ingress.asgi import IngressApp
from eventing.ingress.intake import Intake, Limits
from eventing.ingress.protocol import IngressProtocol
from eventing.listener import Listener
from eventing.overview import Overview
from eventing.reconciler import Reconciler
from eventing.reloader import Reloader
from eventing.resources.catalogue import Catalogue
from eventing.settings import Settings
from eventing.store.memory import MemoryStore

SINK_SWEEP_INTERVAL_S: Final = 0.05
"""How exactly timeouts of attempts are kept."""
INGRESS_SWEEP_INTERVAL_S: Final = 1.0
DRAIN_INTERVAL_S: Final = 0.02

_log = logging.getLogger(__name__)


async def serve(settings: Settings, *, paths: Sequence[Path], watch: bool = False) -> int:
    """Run a server with the resources in these files until SIGTERM or SIGINT; returns the exit code.

    SIGHUP reads the files again. Raises ManifestError and PortTaken before anything was started.
    """
    catalogue = Catalogue()
    store = MemoryStore()
    reloader = Reloader(store=store, catalogue=catalogue, paths=paths)
    await reloader.load()
    ingress = Listener("--port", settings.host, settings.port)
    api = Listener("--api-port", settings.api_host, settings.api_port)
    intake = Intake(_limits(settings))
    dead_letters = DeadLetterStore(size_max_bytes=settings.dead_letter_size_max_bytes)
    pools = Pools(_pool_limits(settings))
    reconciler = Reconciler(
        store=store,
        catalogue=catalogue,
        pools=pools,
        dead_letters=dead_letters,
        intake=intake,
        settings=settings,
        base_url=ingress.url,
    )
    overview = Overview(reconciler=reconciler, intake=intake, dead_letters=dead_letters)
    stop = _Stop()
    async with AsyncExitStack() as stack:
        stack.callback(pools.close)
        stack.push_async_callback(reconciler.close)
        await reconciler.reconcile()
        await stack.enter_async_context(_running(intake, ingress, pools, reconciler, reloader if watch else None))
        await _start(ingress, api, intake=intake, overview=overview, settings=settings)
        with stop.on_signals(reloader):
            sys.stdout.write(f"events  {ingress.url}/NAMESPACE/BROKER\napi     {api.url}\n")
            sys.stdout.flush()
            await stop.wait()
            await _drain(intake, reconciler, stop, settings.shutdown_timeout_s)
        await ingress.stop()
        await api.stop()
        _report_left(reconciler)
    return 0


async def _start(ingress: Listener, api: Listener, *, intake: Intake, overview: Overview, settings: Settings) -> None:
    """Open both doors. The objects made so far live as long as the process: the collector need not visit them again."""
    protocol = IngressProtocol.bound_to(intake) if settings.ingress == "protocol" else "httptools"
    await ingress.start(IngressApp(intake), protocol=protocol, stop_timeout_s=settings.shutdown_timeout_s)
    from eventing.api.app import create_api

    await api.start(
        create_api(overview, latency_bounds_s=LATENCY_BOUNDS_S), stop_timeout_s=settings.shutdown_timeout_s
    )
    intake.is_ready = True
    gc.collect()
    gc.freeze()
    # Events are freed by reference counts; the default of 700 has the collector run for every few dozen of them.
    gc.set_threshold(50_000, 20, 100)


@asynccontextmanager
async def _running(
    intake: Intake, ingress: Listener, pools: Pools, reconciler: Reconciler, watched: Reloader | None
) -> AsyncIterator[None]:
    """What runs beside the servers, from before the first request until after the last."""

    def sweep_ingress() -> None:
        intake.tick()
        now_s = asyncio.get_running_loop().time()
        for connection in ingress.connections:
            if isinstance(connection, IngressProtocol):
                connection.sweep(now_s)

    loops = {
        "reconciler": reconciler.run,
        "sink sweep": lambda: every(SINK_SWEEP_INTERVAL_S, pools.sweep),
        "ingress sweep": lambda: every(INGRESS_SWEEP_INTERVAL_S, sweep_ingress),
    }
    if watched is not None:
        loops["file watch"] = watched.watch
    tasks = [asyncio.create_task(supervise(name, run), name=name) for name, run in loops.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _drain(intake: Intake, reconciler: Reconciler, stop: "_Stop", timeout_s: float) -> None:
    """Refuse new events, and go on delivering until nothing moves any more, the time is over, or it was asked twice."""
    intake.is_draining = True
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    while reconciler.is_moving and loop.time() < deadline_s and not stop.is_urgent:
        await asyncio.sleep(DRAIN_INTERVAL_S)


def _report_left(reconciler: Reconciler) -> None:
    for broker in reconciler.brokers.values():
        left = 0 if broker.channel is None else broker.channel.statistics().events
        if left and broker.channel is not None and not broker.channel.features.durable:
            words = "%d undelivered events of Broker %s/%s are lost: its channel is in memory"
            _log.warning(words, left, broker.namespace, broker.name)


class _Stop:
    """What signals ask for: once to stop, twice to stop at once."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self.is_urgent = False

    async def wait(self) -> None:
        """Until somebody asks."""
        await self._asked.wait()

    @contextmanager
    def on_signals(self, reloader: Reloader) -> Iterator[None]:
        """For the length of the context, take SIGTERM, SIGINT and SIGHUP."""
        loop = asyncio.get_running_loop()
        handlers = {signal.SIGTERM: self._ask, signal.SIGINT: self._ask, signal.SIGHUP: reloader.request}
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    def _ask(self) -> None:
        self.is_urgent = self._asked.is_set()
        if not self.is_urgent:
            _log.info("stopping: no new events, finishing what is under way; ask again to stop at once")
        self._asked.set()


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
