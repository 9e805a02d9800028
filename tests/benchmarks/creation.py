"""Brokers, each with a Trigger, created one after the other, and each used the moment it says Ready."""

import http.client
import json
import statistics
import time
from typing import Any, Final

from tests.benchmarks import manifest
from tests.benchmarks.bench import Bench
from tests.benchmarks.machine import CannotRun
from tests.benchmarks.process import free_port
from tests.benchmarks.report import Must
from tests.benchmarks.scenario import Result, Scenario

_BROKERS: Final = 50
_PATIENCE_S: Final = 10.0
_POLL_S: Final = 0.001
_COLLECTIONS: Final = f"/apis/eventing.knative.dev/v1/namespaces/{manifest.NAMESPACE}"


def creation(bench: Bench) -> Result:
    """From the first POST of its resources until a Broker says Ready, and the event sent right then has arrived."""
    port, api_port = free_port(), free_port()
    with bench.data() as data, bench.server([], port, api_port, data=data) as process:
        process.wait_ready(f"http://127.0.0.1:{api_port}/readyz", timeout_s=_PATIENCE_S)
        taken_ms, missing = [], 0
        for number in range(_BROKERS):
            before, began = bench.sink.delivered(), time.monotonic()
            _create(api_port, f"broker-{number}", bench.sink.port)
            _publish(port, f"broker-{number}")
            if not _has_arrived(bench, before):
                missing += 1
            taken_ms.append((time.monotonic() - began) * 1000)
    return Result({"p50_ms": statistics.median(taken_ms), "worst_ms": max(taken_ms)}, missing=missing)


def _create(api_port: int, name: str, sink_port: int) -> None:
    """The Trigger before its Broker: what a Broker's Ready tells of is then all there. Returns once it says so."""
    trigger = manifest.trigger(name, manifest.exact(manifest.MATCHING_TYPE), sink_port)
    trigger["spec"]["broker"] = name
    broker = manifest.journalled([])[0]
    broker["metadata"]["name"] = name
    connection = http.client.HTTPConnection("127.0.0.1", api_port, timeout=_PATIENCE_S)
    _ask(connection, "POST", f"{_COLLECTIONS}/triggers", trigger)
    found = _ask(connection, "POST", f"{_COLLECTIONS}/brokers", broker)
    deadline = time.monotonic() + _PATIENCE_S
    while not _is_ready(found):
        if time.monotonic() > deadline:
            raise CannotRun(f"{name} is not Ready within {_PATIENCE_S:.0f} s: {found.get('status')}")
        time.sleep(_POLL_S)
        found = _ask(connection, "GET", f"{_COLLECTIONS}/brokers/{name}")
    connection.close()


def _is_ready(item: dict[str, Any]) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, document: manifest.Document | None = None
) -> dict[str, Any]:
    body = b"" if document is None else json.dumps(document).encode()
    connection.request(method, path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    words = answer.read()
    if answer.status not in (http.client.OK, http.client.CREATED):
        raise CannotRun(f"{method} {path} is answered {answer.status}: {words[:200]!r}")
    found: dict[str, Any] = json.loads(words)
    return found


def _publish(port: int, name: str) -> None:
    """One event, once: a Broker that is Ready takes the first."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/creation", "ce-type": manifest.MATCHING_TYPE}
    connection.request("POST", f"/{manifest.NAMESPACE}/{name}", b"", headers)
    status = connection.getresponse().status
    connection.close()
    if status != http.client.ACCEPTED:
        raise CannotRun(f"{name} says Ready, and answers its first event {status}")


def _has_arrived(bench: Bench, before: int) -> bool:
    deadline = time.monotonic() + _PATIENCE_S
    while bench.sink.delivered() == before:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


_TITLE: Final = f"{_BROKERS} Brokers with a Trigger, created and used"
_MUSTS: Final = (Must("p50_ms", 200.0),)
SCENARIOS: Final = (Scenario("creation", _TITLE, creation, _MUSTS, in_units=False),)
