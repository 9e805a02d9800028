"""The Kubernetes API's paths, for an application to include after its own."""

import asyncio
from collections.abc import Callable
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, Request, Response

from eventing.apiserver.clock import Clock, utc_now
from eventing.apiserver.crd_view import CRD_PATH, CrdEndpoint
from eventing.apiserver.discovery import DISCOVERY_KIND, DISCOVERY_VERSIONS, Discovery
from eventing.apiserver.document import Documents, Endpoint
from eventing.apiserver.endpoint import ResourceEndpoint
from eventing.apiserver.openapi_endpoint import OpenApi, OpenApiEndpoint
from eventing.apiserver.registry import Registry
from eventing.apiserver.review import REVIEW_PATHS, review
from eventing.resources.identity import Object
from eventing.resources.kind import Kind

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
KUBERNETES_MINOR: Final = 36
"""The version of Kubernetes whose API this is. Clients warn where they are more than one apart."""


def create_router(
    registry: Registry,
    *,
    crd_of: Callable[[Kind], Object],
    openapi: OpenApi,
    closing: asyncio.Event,
    clock: Clock = utc_now,
) -> APIRouter:
    """All paths. `crd_of` makes a kind's CustomResourceDefinition, `openapi` the documents.

    Watches end when `closing` is set: before the server stops, or it waits for them.
    """
    router = APIRouter(include_in_schema=False)

    def add(path: str, endpoint: Endpoint) -> None:
        router.add_api_route(path, endpoint, methods=list(METHODS), response_model=None)

    add("/version", _called(Documents(_version())))
    for path, documents in _discovery(Discovery.of(registry.catalogue)).items():
        add(path, _called(documents))
    for path in REVIEW_PATHS:
        add(path, review)
    crds = CrdEndpoint(registry.catalogue, crd_of=crd_of, clock=clock, closing=closing)
    add(CRD_PATH, _called(crds))
    add(CRD_PATH + "/{name}", _called(crds))
    schemas = OpenApiEndpoint(openapi)
    add("/openapi/v2", schemas.v2)
    add("/openapi/v3", schemas.v3)
    add("/openapi/v3/{path:path}", schemas.v3)
    resources = ResourceEndpoint(registry, clock=clock, closing=closing)
    add("/api/{path:path}", _called(resources))
    add("/apis/{path:path}", _called(resources))
    return router


def _called(endpoint: Endpoint) -> Endpoint:
    """A function that calls the endpoint, as FastAPI wants it."""

    async def call(request: Request) -> Response:
        return await endpoint(request)

    return call


def _discovery(discovery: Discovery) -> dict[str, Documents]:
    documents = {}
    for path, plain, is_core in (("/api", discovery.api_versions(), True), ("/apis", discovery.groups(), False)):
        others = {
            (DISCOVERY_KIND, api_version): discovery.aggregated(api_version, is_core=is_core)
            for api_version in DISCOVERY_VERSIONS
        }
        documents[path] = Documents(plain, others)
    for one in discovery.versions:
        resources, group = discovery.resources(one.group, one.version), discovery.group(one.group)
        assert resources is not None
        documents[f"/apis/{one.name}" if one.group else f"/api/{one.name}"] = Documents(resources)
        if group is not None:
            documents[f"/apis/{one.group}"] = Documents(group)
    return documents


def _version() -> Object:
    """As `kubectl version` reads it. What says how a server was built is empty here."""
    built = dict.fromkeys(("gitCommit", "buildDate", "goVersion", "compiler"), "")
    return {
        "major": "1",
        "minor": str(KUBERNETES_MINOR),
        "gitVersion": f"v1.{KUBERNETES_MINOR}.0+eventing-{version('eventing')}",
        "gitTreeState": "clean",
        **built,
        "platform": "python",
    }
