"""Where requests come in: the ingress, the API, and what a process without an API tells of itself."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from starlette.types import ASGIApp

from dispatcher.lane import LATENCY_BOUNDS_S
from eventing import kubeconfig
from eventing.access import Access
from eventing.apiserver.registry import Registry
from eventing.app.late_app import LateApp
from eventing.collector import freeze
from eventing.ingress.asgi import IngressApp
from eventing.ingress.intake import Intake
from eventing.ingress.protocol import IngressProtocol
from eventing.listener import Listener
from eventing.overview import Overview
from eventing.settings import IngressEngine, Settings

INGRESS_SWEEP_INTERVAL_S: Final = 1.0
API_GOODBYE_MAX_S: Final = 3.0
"""How long answers of the API may take to go out at the end: a client that has ceased to read is not waited for."""


@dataclass(slots=True, kw_only=True)
class Doors:
    """Those that this process has."""

    intake: Intake
    access: Access
    ingress: Listener | None = None
    api: Listener | None = None
    health: Listener | None = None
    """Open from the first moment, where there is no API."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set before the doors close: watches end, which would otherwise be waited for."""

    async def open(self, overview: Overview, registry: Registry, engine: IngressEngine) -> None:
        """Answer at all of them, then say so."""
        if self.ingress is not None:
            protocol = IngressProtocol.bound_to(self.intake) if engine == "protocol" else "httptools"
            await self.ingress.start(IngressApp(self.intake), protocol=protocol)
        if self.api is not None:
            app = LateApp(lambda: self._create_api(overview, registry))
            await self.api.start(self.access.guard(app, self.api))
        self.intake.is_ready = True
        freeze()
        sys.stdout.write("".join(self._lines()))
        sys.stdout.flush()

    def _create_api(self, overview: Overview, registry: Registry) -> ASGIApp:
        # FastAPI and the models are a quarter of a start and 13 MB, which events do not wait for.
        from eventing.api.app import create_api
        from eventing.apiserver.router import create_router
        from eventing.resources.crd import served_crd_of
        from eventing.resources.openapi_document import OpenApiDocuments

        api = create_api(overview, latency_bounds_s=LATENCY_BOUNDS_S)
        documents = OpenApiDocuments(registry.catalogue)
        api.include_router(create_router(registry, crd_of=served_crd_of, openapi=documents, closing=self.closing))
        return api

    def _lines(self) -> Iterator[str]:
        if self.ingress is not None:
            yield f"events  {self.ingress.url}/NAMESPACE/BROKER\n"
        if self.api is not None:
            yield f"api     {self.api.url}\n"
        if self.health is not None:
            yield f"health  {self.health.url}\n"

    def write_kubeconfig(self, settings: Settings) -> None:
        """Tell commands where the API is, and what to say there."""
        if self.api is not None:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
            connection = self.access.connection(self.api, settings.api_host)
            kubeconfig.write(settings.data_dir / kubeconfig.FILE_NAME, connection)

    def sweep(self) -> None:
        """Once a second: dates of answers, and requests that take too long."""
        self.intake.tick()
        now_s = asyncio.get_running_loop().time()
        for connection in () if self.ingress is None else self.ingress.connections:
            if isinstance(connection, IngressProtocol):
                connection.sweep(now_s)

    async def close(self, timeout_s: float) -> None:
        """Accept no connection more; requests that came get their answers within that time."""
        self.closing.set()
        others = [door.stop(min(timeout_s, API_GOODBYE_MAX_S)) for door in (self.api, self.health) if door is not None]
        await asyncio.gather(*others, *([] if self.ingress is None else [self.ingress.stop(timeout_s)]))

    def hurry(self) -> None:
        """Wait for nobody."""
        for door in (self.ingress, self.api, self.health):
            if door is not None:
                door.hurry()
