"""The real Kubernetes API over a store in memory and a real socket, for commands and clients that ask it."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx2
import uvicorn
from fastapi import FastAPI

from eventing.apiserver.router import create_router
from eventing.resources.crd import served_crd_of
from eventing.resources.identity import Object
from tests.eventing.apiserver.registry import registry_of
from tests.eventing.apiserver.stage import Documents
from tests.eventing.cli.process import Ended, run
from tests.eventing.store.memory_store import MemoryStore

NAMESPACES: Final = ("default", "other")
T = TypeVar("T")


@dataclass(frozen=True)
class Api:
    """A server, and what it holds."""

    url: str
    store: MemoryStore
    _loop: asyncio.AbstractEventLoop

    def run(self, *arguments: str, stdin: str = "") -> Ended:
        """The command, told of this server."""
        return run(*arguments, stdin=stdin.encode(), EVENTING_SERVER=self.url)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Work with the store, where the server runs."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def put(self, item: Object) -> Object:
        """Have it in the store, as it is."""
        metadata = {"namespace": "default", **item["metadata"]}
        return self.do(self.store.create({**item, "metadata": metadata}))

    def get(self, path: str) -> Any:
        """What the API answers."""
        return httpx2.get(f"{self.url}{path}").json()

    def after(self, delay_s: float, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Work with the store a while later."""
        self._loop.call_soon_threadsafe(lambda: self._loop.call_later(delay_s, lambda: self._loop.create_task(work())))


@contextmanager
def serving() -> Iterator[Api]:
    """An API that holds nothing but two namespaces."""
    loop, store = asyncio.new_event_loop(), MemoryStore()
    closing, app = asyncio.Event(), FastAPI()
    documents: Any = Documents()
    app.include_router(create_router(registry_of(store), crd_of=served_crd_of, openapi=documents, closing=closing))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical"))

    async def serve(listener: socket.socket) -> None:
        for name in NAMESPACES:
            await store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        await server.serve([listener])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=loop.run_until_complete, args=(serve(listener),))
        thread.start()
        try:
            yield Api(f"http://127.0.0.1:{listener.getsockname()[1]}", store, loop)
        finally:
            loop.call_soon_threadsafe(closing.set)
            server.should_exit = True
            thread.join()
            loop.close()
