"""Real processes over real sockets: a server and sinks as an operator would start them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2

EVENTING: Final = str(Path(sys.executable).with_name("eventing"))
PATIENCE_S: Final = 20.0


def wait_until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The first true value of the condition; fails with words where it stays false."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {patience_s:g} s: {what}")


class Process:
    """One `eventing` command, its output in two files."""

    def __init__(self, folder: Path, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self._out, self._err = folder / f"{name}.out", folder / f"{name}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._popen = subprocess.Popen(
                [EVENTING, *arguments], stdout=out, stderr=err, env={**os.environ, **(environment or {})}
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def wait(self) -> int:
        """Its exit code."""
        return self._popen.wait(PATIENCE_S)

    def stop(self) -> int:
        """Ask it to stop, if it still runs; kill it where it does not."""
        if self._popen.poll() is None:
            self._popen.terminate()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self._popen.kill()
            raise

    def kill(self) -> None:
        """SIGKILL, and its end."""
        self._popen.kill()
        self.wait()

    @property
    def is_running(self) -> bool:
        return self._popen.poll() is None


class Sink(Process):
    """`eventing sink`, with what it got."""

    def __init__(self, folder: Path, name: str, *options: str) -> None:
        super().__init__(folder, name, "sink", "--port", "0", "-o", "json", *options)
        line = wait_until(lambda: self.err.partition("\n")[0] if "\n" in self.err else "", "the sink listens")
        self.url = line.rpartition(" ")[2]

    @property
    def received(self) -> list[dict[str, Any]]:
        """One per request: `status` and `event`."""
        return [json.loads(line) for line in self.out.splitlines(keepends=True) if line.endswith("\n")]

    @property
    def ids(self) -> list[str]:
        return [one["event"]["id"] for one in self.received]


class Server(Process):
    """`eventing serve` on free ports; servers of one folder share its `data`."""

    def __init__(
        self, folder: Path, manifest: Path, *options: str, environment: Mapping[str, str] | None = None
    ) -> None:
        ports, data = ("--port", "0", "--api-port", "0"), ("--data-dir", str(folder / "data"))
        arguments = ("serve", "-f", str(manifest), *ports, *data, *options)
        super().__init__(folder, "server", *arguments, environment=environment)
        wait_until(lambda: self.out.count("\n") >= 2 or not self.is_running, "the server is ready")
        assert self.is_running, self.err
        events, api = (line.split()[1] for line in self.out.splitlines()[:2])
        self.events_url, self.api_url = events.removesuffix("/NAMESPACE/BROKER"), api

    def client(self) -> httpx2.Client:
        """HTTP with the API; to be closed by whoever asks."""
        return httpx2.Client(base_url=self.api_url, timeout=PATIENCE_S)

    def post(self, broker: str, event_type: str, event_id: str, **headers: str) -> int:
        """POST one binary event, and return the status."""
        attributes = {"ce-specversion": "1.0", "ce-source": "/test", "ce-type": event_type, "ce-id": event_id}
        sent = {**attributes, "content-type": "application/json", **headers}
        url = f"{self.events_url}/default/{broker}"
        return httpx2.post(url, headers=sent, content=b'{"n": 1}').status_code

    def order(self, path: str, **body: Any) -> Any:
        """Have the ops API do something."""
        response = httpx2.post(f"{self.api_url}/ops/v1/{path}", json=body)
        response.raise_for_status()
        return response.json()

    def ask(self, path: str) -> Any:
        """The ops API's answer."""
        response = httpx2.get(f"{self.api_url}/ops/v1/{path}")
        response.raise_for_status()
        return response.json()

    def lane(self, trigger: str) -> dict[str, Any]:
        return dict(self.ask(f"triggers/default/{trigger}")["lane"])

    def is_settled(self) -> bool:
        """Every accepted event was judged, and none is on its way."""
        lanes = [one["lane"] for one in self.ask("triggers")["items"]]
        brokers = self.ask("brokers")["items"]
        return not any(lane["waiting"] or lane["inFlight"] for lane in lanes) and not any(
            broker["statistics"]["events"] for broker in brokers
        )


@contextmanager
def running(*processes: Process) -> Iterator[None]:
    """Stop them all at the end."""
    try:
        yield
    finally:
        for process in processes:
            process.stop()
