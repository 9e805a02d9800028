"""The ops API as a FastAPI application. It runs on the event loop that owns what it reads, and never waits."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException as StarletteHTTPException

from eventing.api.model import (
    Broker,
    BrokerList,
    DeadLetterDetail,
    DeadLetterList,
    Message,
    Trigger,
    TriggerList,
)
from eventing.metrics import create_registry
from eventing.operations import BrokerStatus, Operations

Filter = Annotated[str | None, Query()]
"""A query parameter that keeps only what has this value."""

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": Message, "description": "There is none of that name."}}
_INVALID: dict[int | str, dict[str, Any]] = {422: {"model": Message, "description": "A parameter is out of its range."}}


def create_api(operations: Operations, *, latency_bounds_s: Sequence[float]) -> FastAPI:
    """The application that answers for these operations.

    `latency_bounds_s` are the bounds that `LaneStatus.latency_buckets` was counted with. Errors are `{"message": ...}`.
    """
    api = FastAPI(title="eventing ops API", version=version("eventing"), description="Where every event went.")
    api.exception_handler(StarletteHTTPException)(_answer_http_exception)
    api.exception_handler(RequestValidationError)(_answer_invalid_request)
    api.include_router(_health_router(operations))
    api.include_router(_metrics_router(operations, latency_bounds_s))
    api.include_router(_resource_router(operations), prefix="/ops/v1")
    api.include_router(_dead_letter_router(operations), prefix="/ops/v1")
    return api


def _health_router(operations: Operations) -> APIRouter:
    router = APIRouter(tags=["health"], default_response_class=PlainTextResponse)

    @router.get("/healthz")
    async def healthz() -> str:
        """200 as long as the process runs its event loop."""
        return "ok"

    @router.get("/readyz", responses={503: {"description": "Not ready: starting, stopping, or a channel is away."}})
    async def readyz(request: Request) -> PlainTextResponse:
        """200 where every channel answers and nobody asked the server to stop; `?verbose` lists the Brokers."""
        lines = ["ready" if operations.is_ready else "not ready"]
        if "verbose" in request.query_params:
            lines = [_verbose_line(broker) for broker in operations.brokers()] + lines
        return PlainTextResponse("\n".join(lines), status_code=200 if operations.is_ready else 503)

    return router


def _metrics_router(operations: Operations, latency_bounds_s: Sequence[float]) -> APIRouter:
    registry = create_registry(operations, latency_bounds_s=latency_bounds_s)
    router = APIRouter(tags=["metrics"])

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics(request: Request) -> Response:
        """Prometheus' text format, or OpenMetrics for those who accept it."""
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=media_type)

    return router


def _resource_router(operations: Operations) -> APIRouter:
    router = APIRouter(tags=["resources"])

    @router.get("/brokers")
    async def list_brokers(namespace: Filter = None) -> BrokerList:
        """All Brokers, or those of one namespace."""
        found = [one for one in operations.brokers() if namespace in (None, one.namespace)]
        return BrokerList(items=[Broker.model_validate(one) for one in found])

    @router.get("/brokers/{namespace}/{name}", responses=_NOT_FOUND)
    async def get_broker(namespace: str, name: str) -> Broker:
        """One Broker."""
        for one in operations.brokers():
            if (one.namespace, one.name) == (namespace, name):
                return Broker.model_validate(one)
        raise HTTPException(404, f"there is no Broker {namespace}/{name}")

    @router.get("/triggers")
    async def list_triggers(namespace: Filter = None, broker: Filter = None) -> TriggerList:
        """All Triggers, or those of one namespace, one Broker, or both."""
        found = [
            one for one in operations.triggers() if namespace in (None, one.namespace) and broker in (None, one.broker)
        ]
        return TriggerList(items=[Trigger.model_validate(one) for one in found])

    @router.get("/triggers/{namespace}/{name}", responses=_NOT_FOUND)
    async def get_trigger(namespace: str, name: str) -> Trigger:
        """One Trigger."""
        for one in operations.triggers():
            if (one.namespace, one.name) == (namespace, name):
                return Trigger.model_validate(one)
        raise HTTPException(404, f"there is no Trigger {namespace}/{name}")

    return router


def _dead_letter_router(operations: Operations) -> APIRouter:
    router = APIRouter(tags=["dead letters"])

    @router.get("/deadletters", responses=_INVALID)
    async def list_dead_letters(
        namespace: Filter = None,
        broker: Filter = None,
        trigger: Filter = None,
        reason: Filter = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> DeadLetterList:
        """Dead letters in the built-in store, newest first, and how many there are by reason."""
        wanted = {"namespace": namespace, "broker": broker, "trigger": trigger, "reason": reason}
        asked = [(name, value) for name, value in wanted.items() if value is not None]
        letters = operations.dead_letters()
        found = [one for one in letters if all(getattr(one, name) == value for name, value in asked)]
        return DeadLetterList.of(found, limit=limit, evicted=operations.dead_letters_evicted())

    @router.get("/deadletters/{letter_id}", responses=_NOT_FOUND | _INVALID)
    async def get_dead_letter(letter_id: int) -> DeadLetterDetail:
        """One dead letter with its event's data and every attempt."""
        letter = operations.dead_letter(letter_id)
        if letter is None:
            raise HTTPException(404, f"there is no dead letter {letter_id}")
        return DeadLetterDetail.of(letter)

    return router


def _verbose_line(broker: BrokerStatus) -> str:
    """As Kubernetes' own `?verbose` writes it."""
    mark, words = ("+", "ok") if broker.ready else ("-", f"{broker.reason}: {broker.message}")
    return f"[{mark}] broker {broker.namespace}/{broker.name} {words}"


async def _answer_http_exception(_: Request, error: StarletteHTTPException) -> Response:
    return JSONResponse({"message": str(error.detail)}, status_code=error.status_code, headers=error.headers)


async def _answer_invalid_request(_: Request, error: RequestValidationError) -> Response:
    faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
    return JSONResponse({"message": "; ".join(faults)}, status_code=422)
