"""Where requests come in: the ingress and the API."""

import asyncio
import sys
from dataclasses import dataclass
from typing import Final

from dispatcher.lane import LATENCY_BOUNDS_S
from eventing.access import Access
from eventing.apiserver.registry import Registry
from eventing.app.process import freeze
from eventing.ingress.asgi import IngressApp
from eventing.ingress.intake import Intake
from eventing.ingress.protocol import IngressProtocol
from eventing.listener import Listener
from eventing.overview import Overview
from eventing.resources.crd import served_crd_of
from eventing.resources.openapi_document import OpenApiDocuments
from eventing.settings import IngressEngine

API_GOODBYE_MAX_S: Final = 3.0
"""How long answers of the API may take to go out at the end: a client that has ceased to read is not waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Both of them."""

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
        freeze()
        sys.stdout.write(f"events  {self.ingress.url}/NAMESPACE/BROKER\napi     {self.api.url}\n")
        sys.stdout.flush()

    def sweep(self) -> None:
        """Once a second: dates of answers, and requests that take too long."""
        self.intake.tick()
        now_s = asyncio.get_running_loop().time()
        for connection in self.ingress.connections:
            if isinstance(connection, IngressProtocol):
                connection.sweep(now_s)

    async def close(self, timeout_s: float) -> None:
        """Accept no connection more; requests that came get their answers within that time."""
        self.closing.set()
        await asyncio.gather(self.ingress.stop(timeout_s), self.api.stop(min(timeout_s, API_GOODBYE_MAX_S)))

    def hurry(self) -> None:
        """Wait for nobody."""
        self.ingress.hurry()
        self.api.hurry()
