"""The real ops API over a real socket, for commands that ask it."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from eventing.api.app import create_api
from tests.eventing.small_operations import BOUNDS_S, SmallOperations


@contextmanager
def serving(operations: SmallOperations) -> Iterator[str]:
    """The address of an ops API for these operations, whose redrives are carried out."""
    config = uvicorn.Config(create_api(operations, latency_bounds_s=BOUNDS_S), lifespan="off", log_level="critical")
    server = uvicorn.Server(config)

    async def serve(listener: socket.socket) -> None:
        redriver = asyncio.create_task(operations.redriver.run())
        await server.serve([listener])
        redriver.cancel()
        await asyncio.wait([redriver])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=asyncio.run, args=(serve(listener),))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def cells(line: str) -> list[str]:
    """The cells of a line of a table."""
    return [cell.strip() for cell in line.split("  ") if cell.strip()]
