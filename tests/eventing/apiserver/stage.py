"""An API server over a store in memory, and a client that talks to it without a socket."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import httpx2
from fastapi import FastAPI

from eventing.apiserver.registry import Registry
from eventing.apiserver.router import create_router
from eventing.resources.catalogue import Catalogue
from eventing.resources.crd import served_crd_of
from eventing.resources.kind import Context
from tests.eventing.store.memory_store import MemoryStore

EVENTING: Final = "/apis/eventing.knative.dev/v1"
BROKERS: Final = f"{EVENTING}/namespaces/default/brokers"
TRIGGERS: Final = f"{EVENTING}/namespaces/default/triggers"
CONFIG_MAPS: Final = "/api/v1/namespaces/default/configmaps"
TABLE: Final = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
MERGE: Final = {"Content-Type": "application/merge-patch+json"}


@dataclass
class Stage:
    """What a test looks at."""

    store: MemoryStore
    registry: Registry
    app: FastAPI
    client: httpx2.AsyncClient
    closing: asyncio.Event
    documents: "Documents"


async def context_of(user: str) -> Context:
    return Context(user=user)


def suffixes() -> Iterator[str]:
    return (f"{number:05}" for number in count())


@asynccontextmanager
async def staged(
    catalogue: Catalogue | None = None, *, suffix: Iterator[str] | None = None, address: str = "192.0.2.1"
) -> AsyncIterator[Stage]:
    """A server with the namespace `default` in it, and a client at that address."""
    store, closing, endings = MemoryStore(), asyncio.Event(), suffix or suffixes()
    documents = Documents()
    await store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    registry = Registry(
        store=store, catalogue=catalogue or Catalogue(), context_of=context_of, suffix=lambda: next(endings)
    )
    app = FastAPI()
    app.include_router(create_router(registry, crd_of=served_crd_of, openapi=documents, closing=closing))
    transport = httpx2.ASGITransport(app=app, client=(address, 40_000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
        yield Stage(store, registry, app, client, closing, documents)


async def refusal(stage: Stage, method: str, path: str, **request: Any) -> tuple[int, str, str]:
    """The code, reason and message of the Status that answers the request."""
    answer = await stage.client.request(method, path, **request)
    status = answer.json()
    assert (status["kind"], status["apiVersion"], status["code"]) == ("Status", "v1", answer.status_code)
    return answer.status_code, status["reason"], status["message"]


def broker(name: str = "b", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": {"name": name, **metadata}}


def trigger(name: str = "t", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {"name": name, **metadata},
        "spec": {"broker": "b", "subscriber": {"uri": "http://sink.example"}},
    }


def config_map(name: str = "c", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


class Documents:
    """OpenAPI documents of a size that a test can read."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def v3_index(self) -> dict[str, Any]:
        self.made.append("v3")
        return {"paths": {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1?hash=1"}}}

    def v3_document(self, path: str) -> dict[str, Any] | None:
        self.made.append(path)
        return {"openapi": "3.0.0"} if path == "api/v1" else None

    def v2_document(self) -> dict[str, Any]:
        return {"swagger": "2.0"}

    def v2_protobuf(self) -> bytes:
        self.made.append("v2")
        return b"\x0a\x032.0"
