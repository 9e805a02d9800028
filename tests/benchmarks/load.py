"""The load: wrk with as many connections as asked, each with one request under way, as fast as answers come."""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tests.benchmarks.machine import CannotRun, program

_SCRIPT: Final = Path(__file__).with_name("load.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """How events are offered. `mode` is the content mode of the CloudEvents HTTP binding."""

    mode: Literal["binary", "structured", "batch"] = "binary"
    events_per_request: int = 1
    connections: int = 64


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What wrk saw. `refused` requests had an answer of 400 and above, `broken` ones none at all."""

    requests: int
    refused: int
    broken: int
    duration_s: float
    answer_p50_ms: float
    answer_p99_ms: float


def offer(load: Load, url: str, *, duration_s: float, core: int) -> LoadResult:
    """Offer the load for so long and tell what came back. Requests under way at the end are in none of the counts.

    Raises CannotRun where nothing could be offered at all.
    """
    prefix = f"{time.time_ns():016x}"  # no two runs share an id
    duration = max(1, round(duration_s))  # wrk takes whole seconds
    command = [program("taskset"), "--cpu-list", str(core), program("wrk")]
    command += ["--threads", "1", "--connections", str(load.connections)]
    command += ["--duration", f"{duration}s", "--timeout", "30s", "--script", str(_SCRIPT), url]
    command += ["--", load.mode, str(load.events_per_request), prefix]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=duration + 60)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return LoadResult(**json.loads(line.removeprefix("RESULT ")))
    raise CannotRun(f"wrk could not load {url}: {done.stdout}{done.stderr}".strip())
