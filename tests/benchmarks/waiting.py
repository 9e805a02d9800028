"""Very many events that wait for a paused Trigger: made once per run, and left by a crash, from which servers start."""

import contextlib
import http.client
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks import manifest
from tests.benchmarks.bench import Bench
from tests.benchmarks.machine import CannotRun
from tests.benchmarks.process import free_port, get
from tests.benchmarks.scenario import first_202_s

_PARCEL: Final = 500
"""Events per batch: two thirds of a MiB, below the bound of a request."""
_IDLE_S: Final = 1.0
_PATIENCE_S: Final = 120.0
_DATA: Final = '{"note":"' + "x" * (1024 - 11) + '"}'
_HEADERS: Final = {"content-type": "application/cloudevents-batch+json"}


@dataclass(frozen=True, slots=True)
class Restart:
    """Seconds from the start of the process to its first 202, its peak memory a second later, and what waits then."""

    ready_s: float
    rss_peak_bytes: int
    waiting: int


def restarted(bench: Bench, *, count: int) -> Restart:
    """Start a server over the files of one that was killed while so many events waited; over none, if there are 0."""
    port, api_port = free_port(), free_port()
    with _left_behind(bench, count) as data:
        process = bench.server(_documents(), port, api_port, data=data)
        began = time.monotonic()
        with process:
            ready_s = first_202_s(process, port, began)
            time.sleep(_IDLE_S)
            return Restart(ready_s, process.rss_peak_bytes(), _waiting(api_port))


@contextlib.contextmanager
def _left_behind(bench: Bench, count: int) -> Iterator[Path]:
    """A copy of the killed server's files, on disk as they would be by then."""
    with bench.data() as data:
        if count:
            shutil.copytree(_killed(bench, count), data, dirs_exist_ok=True)
            os.sync()
        yield data


def _killed(bench: Bench, count: int) -> Path:
    """The folder of a server that was killed once so many events waited. Made at the first call."""
    folder = bench.folder / "waiting"
    if not folder.exists():
        filling = bench.folder / "filling"
        _fill(bench, filling, count)
        filling.rename(folder)
    return folder


def _fill(bench: Bench, data: Path, count: int) -> None:
    port, api_port = free_port(), free_port()
    with bench.server(_documents(), port, api_port, data=data) as process:
        process.wait_ready(f"http://127.0.0.1:{api_port}/readyz", timeout_s=_PATIENCE_S)
        try:
            _publish(port, count)
        except (OSError, http.client.HTTPException) as error:
            raise CannotRun(f"the events that are to wait could not be published: {error!r}") from error
        deadline = time.monotonic() + _PATIENCE_S
        while (waiting := _waiting(api_port)) < count:
            process.check()
            if time.monotonic() > deadline:
                raise CannotRun(f"only {waiting:,} of {count:,} events wait for the paused Trigger")
            time.sleep(0.1)
        process.kill()


def _publish(port: int, count: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    for first in range(0, count, _PARCEL):
        body = "[" + ",".join(_event(number) for number in range(first, min(first + _PARCEL, count))) + "]"
        connection.request("POST", manifest.PATH, body, _HEADERS)
        answer = connection.getresponse()
        words = answer.read()
        if answer.status != http.client.ACCEPTED:
            raise CannotRun(f"event {first:,} and its batch were answered {answer.status}: {words.decode()}")
    connection.close()


def _event(number: int) -> str:
    return (
        f'{{"specversion":"1.0","id":"waiting-{number}","source":"/shop/orders","type":"{manifest.MATCHING_TYPE}",'
        f'"time":"2026-01-01T00:00:00Z","tenant":"acme","datacontenttype":"application/json","data":{_DATA}}}'
    )


def _waiting(api_port: int) -> int:
    status, body = get(f"http://127.0.0.1:{api_port}/ops/v1/triggers")
    if status != http.client.OK:
        raise CannotRun(f"the ops API answers {status} when asked for Triggers")
    return sum(item["lane"]["waiting"] for item in json.loads(body)["items"])


def _documents() -> list[manifest.Document]:
    """A Broker of the journal with a paused Trigger, whose sink is never asked."""
    return manifest.journalled(manifest.one(1, annotations=manifest.PAUSED))
