"""Several processes on one machine, by one command: workers that share a port, one process with the API, and this one,
which keeps them running.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from eventing.app.stop import Stop
from eventing.listener import reserved, url_of
from eventing.settings import Role, Settings
from eventing.worker import Worker, worker_environment

GOODBYE_S: Final = 5.0
"""What a process may need beyond its time to finish what is in flight; then it is killed."""
_LINES: Final = 2
"""Of each process: its door for events or the API, and the one for its health."""


async def serve_workers(settings: Settings, *, paths: Sequence[Path], watch: bool, prune: bool) -> int:
    """So many workers, until this process is asked to stop. Raises PortTaken, CannotListen and WorkerRefused."""
    async with AsyncExitStack() as stack:
        stop = Stop(timeout_s=settings.shutdown_timeout_s + GOODBYE_S)
        stack.enter_context(stop.on_signals())
        port = stack.enter_context(reserved("--port", settings.host, settings.port))
        team = _Team(settings, port, [*_api_arguments(paths, watch=watch, prune=prune)])
        stop.reloads, stop.hurry = [team.reload], team.stop
        await team.run(stop)
    return 0


def _api_arguments(paths: Sequence[Path], *, watch: bool, prune: bool) -> list[str]:
    files = [word for path in paths for word in ("-f", str(path))]
    return [*files, *(["--watch"] if watch else []), *(["--prune"] if prune else [])]


class _Team:
    """The processes."""

    def __init__(self, settings: Settings, port: int, api_arguments: Sequence[str]) -> None:
        self._settings = settings
        self._port = port
        self._api = self._create("api", 0, ("controller", "sources"), api_arguments)
        numbers = range(1, settings.workers + 1)
        self._workers = [self._create(f"worker-{n}", n, ("ingress", "dispatcher")) for n in numbers]

    async def run(self, stop: Stop) -> None:
        """Until it is asked to stop, or one of them cannot work; all have ended when this returns."""
        everybody = (self._api, *self._workers)
        running = [asyncio.create_task(worker.run(), name=worker.name) for worker in everybody]
        others = [asyncio.create_task(stop.wait()), asyncio.create_task(self._announce())]
        try:
            await asyncio.wait([others[0], *running], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in others:
                one.cancel()
            if not stop.is_asked:
                stop.ask()
            self.stop()
            _, late = await asyncio.wait(running, timeout=stop.left_s)
            for one in late:
                one.cancel()
            await asyncio.wait([*others, *running])
        for one in running:
            if not one.cancelled():
                one.result()

    def stop(self) -> None:
        """Ask all of them to stop; called again, to stop at once."""
        for worker in (self._api, *self._workers):
            worker.stop()

    def reload(self) -> None:
        """Have the files read again."""
        self._api.signal(signal.SIGHUP)

    async def _announce(self) -> None:
        """Say where the doors are, once all are open."""
        for worker in (self._api, *self._workers):
            await worker.wait_ready()
        sys.stdout.write(f"{self._workers[0].lines[0]}\n{self._api.lines[0]}\n")
        sys.stdout.flush()

    def _create(self, name: str, number: int, roles: tuple[Role, ...], arguments: Sequence[str] = ()) -> Worker:
        settings = self._settings
        own: dict[str, Any] = {
            "role": roles,
            "workers": 0,
            "port": self._port,
            "port_shared": True,
            "health_port": settings.health_port and settings.health_port + number,
            "ingress_url": settings.ingress_url or url_of(settings.host, self._port),
            "process_name": f"{settings.process_name}/{name}" if settings.process_name else name,
            "supervised": True,
        }
        given = settings.model_dump(include=settings.model_fields_set)
        return Worker(name, ("serve", *arguments), worker_environment(given | own), lines=_LINES)
