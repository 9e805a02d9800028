"""What the API says of itself holds for whatever schemathesis sends it."""

import asyncio
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from eventing.apiserver.registry import Registry
from eventing.apiserver.router import create_router
from eventing.resources.catalogue import Catalogue
from eventing.resources.crd import served_crd_of
from eventing.resources.openapi_document import OpenApiDocuments
from tests.eventing.apiserver.stage import broker, config_map, context_of, trigger
from tests.eventing.store.memory_store import MemoryStore

EXAMPLES = 4
DOCUMENTS = tuple(OpenApiDocuments(Catalogue()).v3_index()["paths"])
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]


async def stock(store: MemoryStore) -> None:
    """So that some requests find something."""
    await store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    for item in (broker(), trigger(), config_map(a="b")):
        await store.create({**item, "metadata": {**item["metadata"], "namespace": "default"}})


def app() -> FastAPI:
    """A server that is about to stop, so that no watch lasts."""
    store, catalogue, closing = MemoryStore(), Catalogue(), asyncio.Event()
    asyncio.run(stock(store))
    closing.set()
    registry = Registry(store=store, catalogue=catalogue, context_of=context_of)
    api = FastAPI()
    documents = OpenApiDocuments(catalogue)
    api.include_router(create_router(registry, crd_of=served_crd_of, openapi=documents, closing=closing))
    return api


@cache
def schema_of(document: str) -> Any:
    return schemathesis.openapi.from_asgi(f"/openapi/v3/{document}", app())


def operations() -> Iterator[Any]:
    for document in DOCUMENTS:
        for result in schema_of(document).get_all_operations():
            operation = result.ok()
            yield pytest.param(operation, id=f"{operation.method} {operation.path}")


@pytest.mark.parametrize("operation", list(operations()))
def test_no_request_breaks_the_server_or_its_word(operation: Any) -> None:
    """No 5xx; statuses, content types and bodies as the document declares them."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(case=operation.as_strategy())
    def holds(case: Any) -> None:
        is_watch = "watch" in (case.query or {})  # which is answered with lines, as no document can say
        case.call_and_validate(checks=CHECKS if is_watch else [*CHECKS, response_schema_conformance])

    holds()
