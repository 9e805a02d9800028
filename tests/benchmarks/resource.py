"""Ten thousand Triggers in the resource store: how fast it starts with them, shows them and changes one, and what that
costs the events.
"""

import http.client
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from tests.benchmarks import manifest
from tests.benchmarks.bench import Bench, Subject
from tests.benchmarks.machine import CannotRun, program
from tests.benchmarks.process import free_port
from tests.benchmarks.report import Must
from tests.benchmarks.scenario import Result, Scenario, first_202_s, share
from tests.rig.kubernetes_build import kubernetes_folder

_TRIGGERS: Final = 10_000
_PAGE: Final = 500
"""What kubectl asks for at once."""
_PATIENCE_S: Final = 120.0
_CHANGE_INTERVAL_S: Final = 1.0
_TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
_COLLECTION: Final = f"/apis/eventing.knative.dev/v1/namespaces/{manifest.NAMESPACE}/triggers"


def resources(bench: Bench) -> Result:
    """A start over what an earlier process stored; then `kubectl get triggers -A`, and a change of one Trigger."""
    with _stored(bench) as (subject, api_port, start_s):
        get_s = min(_get_s(bench, api_port) for _ in range(2))
        live_ms = _live_ms(bench, subject, api_port)
        alone = bench.measure(subject)
        with _at_work(api_port):
            beside = bench.measure(subject)
    return share(alone, beside, {"start_s": start_s, "get_s": get_s, "live_ms": live_ms})


@contextmanager
def _stored(bench: Bench) -> Iterator[tuple[Subject, int, float]]:
    """A server that found its Triggers stored, the port of its API, and how long it took to the first 202."""
    documents = manifest.in_memory(manifest.one_of(_TRIGGERS, bench.sink.port))
    port, api_port = free_port(), free_port()
    with bench.data() as data:
        with bench.server(documents, port, api_port, data=data) as process:
            process.wait_ready(f"http://127.0.0.1:{api_port}/readyz", timeout_s=_PATIENCE_S)
        process, began = bench.server([], port, api_port, data=data), time.monotonic()
        with process:
            start_s = first_202_s(process, port, began)
            time.sleep(1.0)  # the event that was taken arrives
            yield Subject(process, f"http://127.0.0.1:{port}"), api_port, start_s


def _get_s(bench: Bench, api_port: int) -> float:
    kubectl = kubernetes_folder() / "kubectl"
    if not kubectl.is_file():
        raise CannotRun("kubectl is missing: make rigs")
    command = [program("taskset"), "--cpu-list", str(bench.other_core), str(kubectl)]
    command += ["--server", f"http://127.0.0.1:{api_port}", "get", "triggers", "-A"]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S)
    took_s = time.monotonic() - began
    if len(done.stdout.splitlines()) != _TRIGGERS + 1:
        raise CannotRun(f"kubectl did not show {_TRIGGERS} Triggers: {done.stderr.strip()}")
    return took_s


def _live_ms(bench: Bench, subject: Subject, api_port: int) -> float:
    """From the request that changes a Trigger's filter to the arrival of the first event that only now matches."""
    before, began = bench.sink.delivered(), time.monotonic()
    _change(api_port, "trigger-0", {"spec": {"filters": [manifest.exact("com.example.changed")]}})
    connection = http.client.HTTPConnection("127.0.0.1", int(subject.address.rpartition(":")[2]))
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/change", "ce-type": "com.example.changed"}
    while bench.sink.delivered() == before:
        if time.monotonic() - began > _PATIENCE_S:
            raise CannotRun("the change of a Trigger never became live")
        connection.request("POST", manifest.PATH, b"", headers)
        connection.getresponse().read()
    connection.close()
    return (time.monotonic() - began) * 1000


@contextmanager
def _at_work(api_port: int) -> Iterator[None]:
    """For the length of the context, somebody lists all Triggers once and again changes one, every second."""
    ended = threading.Event()

    def work() -> None:
        number = 0
        while not ended.wait(_CHANGE_INTERVAL_S):
            if number % 8 == 0:
                _list(api_port)
            number += 1
            _change(api_port, f"trigger-{number}", {"metadata": {"annotations": {"note": f"{time.time_ns()}"}}})

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _list(api_port: int) -> None:
    """All pages as kubectl asks for them, and nothing done with them."""
    token = ""
    while True:
        page = _ask(api_port, "GET", f"{_COLLECTION}?limit={_PAGE}&continue={token}", headers={"Accept": _TABLE})
        token = json.loads(page)["metadata"].get("continue", "")
        if not token:
            return


def _change(api_port: int, name: str, patch: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    _ask(api_port, "PATCH", f"{_COLLECTION}/{name}", json.dumps(patch).encode(), headers)


def _ask(api_port: int, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", api_port, timeout=_PATIENCE_S)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    words = answer.read()
    connection.close()
    if answer.status != http.client.OK:
        raise CannotRun(f"{method} {path} is answered {answer.status}: {words[:200]!r}")
    return words


_MUSTS: Final = (
    Must("start_s", 5.0),
    Must("get_s", 1.5),
    Must("live_ms", 100.0),
    Must("share", 0.90, at_least=True),
)
SCENARIOS: Final = (
    Scenario("resources", f"{_TRIGGERS:,} Triggers stored, listed and changed", resources, _MUSTS, in_units=False),
)
