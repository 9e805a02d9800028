"""The ops API as a FastAPI application. It runs on the event loop that owns what it reads."""

from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client.exposition import choose_encoder

from channels.dead_letter import EVERYTHING, Tally
from channels.errors import ChannelUnavailable
from eventing.api import dead_letter_router, resource_router
from eventing.api.answer import answer_errors
from eventing.metrics import create_registry
from eventing.operations import BrokerStatus, Operations, TriggerStatus


def create_api(operations: Operations, *, latency_bounds_s: Sequence[float]) -> FastAPI:
    """The application that answers for these operations.

    `latency_bounds_s` are the bounds that `LaneStatus.latency_buckets` was counted with. Errors are `{"message": ...}`.
    """
    api = FastAPI(title="eventing ops API", version=version("eventing"), description="Where every event went.")
    answer_errors(api)
    api.include_router(_health_router(operations))
    api.include_router(_metrics_router(operations, latency_bounds_s))
    api.include_router(resource_router.create_router(operations), prefix="/ops/v1")
    api.include_router(dead_letter_router.create_router(operations), prefix="/ops/v1")
    return api


def _health_router(operations: Operations) -> APIRouter:
    router = APIRouter(tags=["health"], default_response_class=PlainTextResponse)

    @router.get("/healthz")
    async def healthz() -> str:
        """200 as long as the process runs its event loop."""
        return "ok"

    @router.get("/readyz", responses={503: {"description": "Not ready: starting, stopping, or nothing can be stored."}})
    async def readyz(request: Request) -> PlainTextResponse:
        """200 where events can be stored and nobody asked the server to stop; `?verbose` lists what it looked at, and
        whether all events of each Broker are accounted for.
        """
        lines = ["ready" if operations.is_ready else "not ready"]
        if "verbose" in request.query_params:
            lines = [*_verbose_lines(operations), *lines]
        return PlainTextResponse("\n".join(lines), status_code=200 if operations.is_ready else 503)

    return router


def _metrics_router(operations: Operations, latency_bounds_s: Sequence[float]) -> APIRouter:
    router = APIRouter(tags=["metrics"])

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics(request: Request) -> Response:
        """Prometheus' text format, or OpenMetrics for those who accept it."""
        tallies = await _tally(operations)
        registry = create_registry(operations, dead_letters=tallies, latency_bounds_s=latency_bounds_s)
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=media_type)

    return router


async def _tally(operations: Operations) -> Sequence[Tally]:
    """Without those of stores that do not answer: the other metrics are wanted all the more."""
    try:
        return (await operations.dead_letters.tally(EVERYTHING)).value
    except ChannelUnavailable:
        return ()


def _verbose_lines(operations: Operations) -> Iterator[str]:
    """As Kubernetes' own `?verbose` writes them."""
    journal = operations.journal()
    if journal is not None:
        yield _line("journal", journal.fault)
    brokers, triggers = operations.brokers(), operations.triggers()
    for one in brokers:
        yield _line(f"broker {one.namespace}/{one.name}", "" if one.ready else f"{one.reason}: {one.message}")
    for one in brokers:
        yield _line(f"accounts {one.namespace}/{one.name}", "; ".join(_unbalanced(one, triggers)))


def _unbalanced(broker: BrokerStatus, triggers: Iterable[TriggerStatus]) -> Iterator[str]:
    """What of the Broker's events is not accounted for."""
    if broker.unaccounted:
        yield f"the Broker is off by {broker.unaccounted}"
    for one in triggers:
        if (one.namespace, one.broker) == (broker.namespace, broker.name) and one.lane is not None and one.lane.balance:
            yield f"trigger {one.name} is off by {one.lane.balance}"


def _line(what: str, fault: str) -> str:
    return f"[-]{what}: {fault}" if fault else f"[+]{what} ok"
