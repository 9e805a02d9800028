"""The health of a process without the ops API."""

from typing import Any

import httpx2
import pytest

from dispatcher.lane import LATENCY_BOUNDS_S
from eventing.api.health import HealthApp
from tests.eventing.small_operations import SmallOperations


def client(fault: str = "", operations: Any = None) -> httpx2.AsyncClient:
    app = HealthApp(lambda: fault, lambda: operations, latency_bounds_s=LATENCY_BOUNDS_S)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://h")


@pytest.mark.parametrize(
    ("path", "fault", "expected"),
    [
        ("/healthz", "", (200, "ok")),
        ("/healthz", "no store", (200, "ok")),
        ("/readyz", "", (200, "ok")),
        ("/readyz", "no store", (503, "no store")),
        ("/metrics", "", (503, "nothing is counted yet")),
        ("/ops/v1/brokers", "", (404, "there are /healthz, /readyz and /metrics")),
    ],
)
async def test_it_answers_what_probes_ask(path: str, fault: str, expected: tuple[int, str]) -> None:
    async with client(fault) as one:
        answer = await one.get(path)
        assert expected == (answer.status_code, answer.text)
        head = await one.head(path)
        assert (expected[0], "") == (head.status_code, head.text)
        assert (405 if expected[0] != 404 else 404) == (await one.post(path)).status_code


async def test_metrics_are_those_of_the_ops_api() -> None:
    """In the format that is asked for."""
    async with client(operations=SmallOperations()) as one:
        text = await one.get("/metrics")
        assert "eventing_ingress_connections" in text.text
        opened = await one.get("/metrics", headers={"accept": "application/openmetrics-text"})
        assert opened.headers["content-type"].startswith("application/openmetrics-text")
