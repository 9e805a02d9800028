"""One of several processes over one database: it opens what its roles ask for, and waits while the database is away."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from dispatcher.lane import LATENCY_BOUNDS_S
from dispatcher.tasks import every
from eventing.access import Access
from eventing.access_renewal import AccessRenewal
from eventing.api.health import HealthApp
from eventing.app.bound import request_limits
from eventing.app.data_plane import CHANNELS_WAIT_MAX_S, DataPlane, open_data_plane
from eventing.app.doors import INGRESS_SWEEP_INTERVAL_S, Doors
from eventing.app.duty import Duties, holder_name
from eventing.app.goodbye import run_until_drained
from eventing.app.process import Loops, running
from eventing.app.resource_side import ResourceSide, fill, open_resources
from eventing.app.stop import Stop
from eventing.collector import patient_collector
from eventing.errors import StoreUnavailable
from eventing.ingress.intake import Intake
from eventing.listener import Listener, url_of
from eventing.overview import Overview
from eventing.pen import Pen
from eventing.role import roles_of
from eventing.settings import Settings

STORE_WAIT_S: Final = 1.0
"""Between attempts to reach a database that is away at the start."""
STDIN: Final = 0
T = TypeVar("T")

_log = logging.getLogger(__name__)


async def serve_roles(settings: Settings, *, paths: Sequence[Path], watch: bool, prune: bool) -> int:
    """What the roles of the settings say, until it is asked to stop."""
    async with AsyncExitStack() as stack:
        stack.enter_context(patient_collector())
        return await _Member(settings, stack).serve(paths, watch=watch, prune=prune)


class _Member:
    """The process. Health is told from the first moment on, everything else once the resources were seen."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._roles = roles_of(settings)
        self._intake = Intake(request_limits(settings))
        self._doors = Doors(intake=self._intake, access=Access.of(settings))
        self._stop = Stop(timeout_s=settings.shutdown_timeout_s)
        self._overview: Overview | None = None

    async def serve(self, paths: Sequence[Path], *, watch: bool, prune: bool) -> int:
        settings = self._settings
        self._stop.hurry = self._doors.hurry
        self._stack.enter_context(self._stop.on_signals())
        if settings.supervised:
            self._stack.enter_context(_lifeline(self._stop))
        await self._listen()
        resources = await self._reach(lambda: open_resources(self._stack, settings, paths=paths, prune=prune))
        if resources is not None and "controller" in self._roles:
            await self._reach(lambda: fill(resources))
        if resources is None or self._stop.is_asked:
            return 0
        plane = await self._begin(resources, watch=watch)
        await self._wait_seen(plane)
        if not self._stop.is_asked:
            await self._open(plane, resources)
        await run_until_drained(self._doors, plane.controller, self._stop)
        return 0

    async def _listen(self) -> None:
        settings, doors = self._settings, self._doors
        doors.health = await self._stack.enter_async_context(
            Listener("--health-port", settings.health_host, settings.health_port)
        )
        if "controller" in self._roles:
            opening = doors.access.listen(settings.api_host, settings.api_port)
            doors.api = await self._stack.enter_async_context(opening)
        app = HealthApp(self._fault, lambda: self._overview, latency_bounds_s=LATENCY_BOUNDS_S)
        await doors.health.start(app)

    async def _reach(self, do: Callable[[], Awaitable[T]]) -> T | None:
        """Do that, again and again until the database is there; None where it was asked to stop before."""
        is_told = False
        while not self._stop.is_asked:
            try:
                return await do()
            except StoreUnavailable as error:
                if not is_told:
                    _log.warning("waiting: %s", error)
                    is_told = True
                await self._stop.wait_at_most(STORE_WAIT_S)
        return None

    async def _begin(self, resources: ResourceSide, *, watch: bool) -> DataPlane:
        """Follow the resources, and do what the roles say, but for what comes in by doors."""
        settings, pen = self._settings, Pen()
        duties = Duties(resources=resources, holder=holder_name(settings), duration_s=settings.lease_duration_s)
        keeper = duties.keep_sources() if "sources" in self._roles else None

        def look() -> None:
            if keeper is not None:
                keeper.want(plane.controller.find(keeper.kinds))

        plane = await open_data_plane(
            self._stack,
            settings,
            resources,
            intake=self._intake,
            base_url=settings.ingress_url or url_of(settings.host, settings.port),
            pen=pen,
            reads="dispatcher" in self._roles,
            looked=look,
            may_drop=partial(duties.may_drop, pen, is_controller="controller" in self._roles),
        )
        if "ingress" not in self._roles:
            # Nobody sends here, so nobody is cut off by an answer that counts every channel; other roles read none.
            self._intake.fault = (lambda: plane.controller.plane.missing) if "dispatcher" in self._roles else str
        loops = plane.loops | {"ingress sweep": lambda: every(INGRESS_SWEEP_INTERVAL_S, self._doors.sweep)}
        if "controller" in self._roles:
            loops |= plane.writing_loops | self._reading_loops(resources, watch=watch)
            resources.store.hear = plane.maker.hear
            loops["statuses"] = duties.rule(pen, plane.controller)
        if "dispatcher" in self._roles:
            loops["redriver"] = duties.redrive(plane.redriver)
        if keeper is not None:
            loops["sources"] = keeper.run
        await self._stack.enter_async_context(running(loops))
        self._overview = plane.overview
        return plane

    def _reading_loops(self, resources: ResourceSide, *, watch: bool) -> Loops:
        """What follows files."""
        doors, settings, reloader = self._doors, self._settings, resources.reloader
        renewal = AccessRenewal(doors.access, settings, renewed=lambda: doors.write_kubeconfig(settings))
        self._stop.reloads += [reloader.request, renewal.read]
        loops: Loops = {"reloader": reloader.run, "access renewal": renewal.run}
        return loops | ({"file watch": reloader.watch} if watch else {})

    async def _wait_seen(self, plane: DataPlane) -> None:
        """Until everything was read once, or it is asked to stop."""
        waits = [asyncio.ensure_future(plane.controller.wait_seen()), asyncio.ensure_future(self._stop.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()
        if not self._stop.is_asked:
            with suppress(StoreUnavailable):
                await plane.controller.settle(CHANNELS_WAIT_MAX_S)

    async def _open(self, plane: DataPlane, resources: ResourceSide) -> None:
        """Producers reach a process that knows its Brokers, or none: so the ingress listens this late."""
        settings, doors = self._settings, self._doors
        if "ingress" in self._roles:
            opening = Listener("--port", settings.host, settings.port, is_shared=settings.port_shared)
            doors.ingress = await self._stack.enter_async_context(opening)
        await doors.open(plane.overview, resources.registry, settings.ingress)
        doors.write_kubeconfig(settings)

    def _fault(self) -> str:
        """Why the process is not ready, empty where it is."""
        if self._intake.takes_events:
            return ""
        if self._stop.is_asked:
            return "stopping"
        return self._intake.fault() if self._intake.is_ready else "starting: the resources were not seen yet"


@contextmanager
def _lifeline(stop: Stop) -> Iterator[None]:
    """For the length of the context, stop when the standard input ends: who started this process has gone."""
    loop = asyncio.get_running_loop()

    def look() -> None:
        if not os.read(STDIN, 4096):
            loop.remove_reader(STDIN)
            _log.warning("the process that started this one has gone")
            if not stop.is_asked:
                stop.ask()

    loop.add_reader(STDIN, look)
    try:
        yield
    finally:
        loop.remove_reader(STDIN)
