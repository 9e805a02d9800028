"""A server that is one process: what it opens in which order, and how it leaves."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from dispatcher.tasks import every
from eventing.access import Access
from eventing.access_renewal import AccessRenewal
from eventing.app.bound import request_limits
from eventing.app.data_plane import CHANNELS_WAIT_MAX_S, open_data_plane
from eventing.app.doors import INGRESS_SWEEP_INTERVAL_S, Doors
from eventing.app.goodbye import run_until_drained
from eventing.app.process import running
from eventing.app.resource_side import fill, open_resources
from eventing.app.stop import Stop
from eventing.collector import patient_collector
from eventing.ingress.intake import Intake
from eventing.listener import Listener
from eventing.settings import Settings


async def serve_alone(settings: Settings, *, paths: Sequence[Path], watch: bool, prune: bool) -> int:
    """Everything in this process, until it is asked to stop."""
    access = Access.of(settings)
    intake = Intake(request_limits(settings))
    async with AsyncExitStack() as stack:
        stack.enter_context(patient_collector())
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        resources = await open_resources(stack, settings, paths=paths, prune=prune)
        await fill(resources)
        ingress = await stack.enter_async_context(Listener("--port", settings.host, settings.port))
        api = await stack.enter_async_context(access.listen(settings.api_host, settings.api_port))
        plane = await open_data_plane(stack, settings, resources, intake=intake, base_url=ingress.url)
        doors = Doors(ingress=ingress, api=api, access=access, intake=intake)
        stop = Stop(timeout_s=settings.shutdown_timeout_s)
        renewal = AccessRenewal(access, settings, renewed=lambda: doors.write_kubeconfig(settings))
        stop.hurry, stop.reloads = doors.hurry, [resources.reloader.request, renewal.read]
        stack.enter_context(stop.on_signals())
        await plane.controller.reconcile()
        await plane.controller.settle(CHANNELS_WAIT_MAX_S)
        loops = plane.loops | plane.writing_loops
        loops |= {"reloader": resources.reloader.run, "redriver": plane.redriver.run, "access renewal": renewal.run}
        loops["ingress sweep"] = lambda: every(INGRESS_SWEEP_INTERVAL_S, doors.sweep)
        await stack.enter_async_context(running(loops | ({"file watch": resources.reloader.watch} if watch else {})))
        if not stop.is_asked:
            await doors.open(plane.overview, resources.registry, settings.ingress)
            doors.write_kubeconfig(settings)
        await run_until_drained(doors, plane.controller, stop)
    return 0
