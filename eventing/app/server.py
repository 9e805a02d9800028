"""A server from its first line to its last: what it opens in which order, and how it leaves."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from dispatcher.tasks import every
from eventing import kubeconfig
from eventing.access import Access
from eventing.access_renewal import AccessRenewal
from eventing.app.bound import request_limits
from eventing.app.data_plane import open_data_plane
from eventing.app.doors import Doors
from eventing.app.process import patient_collector, running
from eventing.app.resource_side import fill, open_resources
from eventing.app.stop import Stop
from eventing.ingress.intake import Intake
from eventing.listener import Listener
from eventing.reconcilers.controller import Controller
from eventing.settings import Settings

INGRESS_SWEEP_INTERVAL_S: Final = 1.0
DRAIN_INTERVAL_S: Final = 0.02
CHANNELS_WAIT_MAX_S: Final = 3.0
"""How long the doors stay closed for channels on servers: those that are there are open by then, others open later."""

_log = logging.getLogger(__name__)


async def serve(settings: Settings, *, paths: Sequence[Path], watch: bool = False, prune: bool = False) -> int:
    """Run a server until SIGTERM or SIGINT; returns the exit code.

    Its resources are those that are stored, and those in these files. With `prune` what files brought earlier and do
    not hold any more is deleted.

    Two lines on stdout say where it is, once both doors are open. SIGHUP reads the files again, those of access, too.
    Raises ManifestError, DataDirTaken, NewerJournal, PortTaken, CannotListen, BadTokenFile, BadCertificate and
    UnprotectedApi before anything was started; whatever it raises, nothing is left open.
    """
    access = Access.of(settings)
    intake = Intake(request_limits(settings))
    async with AsyncExitStack() as stack:
        stack.enter_context(patient_collector())
        resources = await open_resources(stack, settings, paths=paths, prune=prune)
        await fill(resources)
        ingress = await stack.enter_async_context(Listener("--port", settings.host, settings.port))
        api = await stack.enter_async_context(access.listen(settings.api_host, settings.api_port))
        plane = await open_data_plane(stack, settings, resources, intake=intake, base_url=ingress.url)
        doors = Doors(ingress=ingress, api=api, access=access, intake=intake, closing=asyncio.Event())
        stop = Stop(timeout_s=settings.shutdown_timeout_s)

        def write_kubeconfig() -> None:
            kubeconfig.write(settings.data_dir / kubeconfig.FILE_NAME, access.connection(api, settings.api_host))

        renewal = AccessRenewal(access, settings, renewed=write_kubeconfig)
        reloads = (resources.reloader.request, renewal.read)
        stack.enter_context(stop.on_signals(reload=reloads, hurry=doors.hurry))
        await plane.controller.reconcile()
        await plane.controller.settle(CHANNELS_WAIT_MAX_S)
        loops = plane.loops | {"reloader": resources.reloader.run, "access renewal": renewal.run}
        loops["ingress sweep"] = lambda: every(INGRESS_SWEEP_INTERVAL_S, doors.sweep)
        await stack.enter_async_context(running(loops | ({"file watch": resources.reloader.watch} if watch else {})))
        if not stop.is_asked:
            await doors.open(plane.overview, resources.registry, settings.ingress)
            write_kubeconfig()
        await _run_until_drained(doors, plane.controller, stop)
    return 0


async def _run_until_drained(doors: Doors, controller: Controller, stop: Stop) -> None:
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


def _report_left(controller: Controller) -> None:
    """Nothing that was accepted goes without a word."""
    words = "%d undelivered events of Broker %s/%s are lost: its channel is in memory"
    for key, served in controller.brokers.items():
        channel = served.broker.channel
        if channel is not None and not channel.features.persistent and (left := channel.statistics().events):
            _log.warning(words, left, key.namespace, key.name)
