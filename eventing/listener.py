"""Sockets and the HTTP servers on them: uvicorn without its signal handlers, which belong to the application."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from eventing.settings import PortTaken

BACKLOG: Final = 2048
"""Connections that may wait to be accepted: uvicorn's own default."""


class Listener:
    """One HTTP server on one socket. Bound when made, so that a taken port is known before anything starts."""

    def __init__(self, option: str, host: str, port: int) -> None:
        self._socket = _bind(option, host, port)
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it can be reached, with the port it really has."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def connections(self) -> list[Any]:
        """The protocol objects of its open connections."""
        return [] if self._server is None else [*self._server.server_state.connections]

    async def start(self, app: Any, *, protocol: Any = "httptools", stop_timeout_s: float) -> None:
        """Accept connections from now on."""
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="warning",
            backlog=BACKLOG,
            timeout_graceful_shutdown=max(1, int(stop_timeout_s)),
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve([self._socket]))
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0)
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        """Accept nothing more; answers that are due go out before their connections close."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        self._socket.close()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bind(option: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(option, host, port) from error
        raise
    listening.setblocking(False)
    return listening
