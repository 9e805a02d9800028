"""An application that is made when somebody asks it something."""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send


class LateApp:
    """An ASGI application in front of one that `create` makes, once, for the first request; those that come meanwhile
    wait with it. What it raises is raised to them, and the next request tries again.

    It is made on a thread: imports and models take tenths of a second, which the event loop has for events.
    """

    def __init__(self, create: Callable[[], ASGIApp]) -> None:
        self._create = create
        self._making: asyncio.Future[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the application does."""
        app = await self._made()
        await app(scope, receive, send)

    async def _made(self) -> ASGIApp:
        making = self._making
        if making is None or (making.done() and (making.cancelled() or making.exception() is not None)):
            making = self._making = asyncio.ensure_future(asyncio.to_thread(self._create))
        # A client that goes away takes nothing from those who wait with it.
        return await asyncio.shield(making)
