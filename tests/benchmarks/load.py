"""The load: wrk with as many connections as asked, each with one request under way, as fast as answers come."""

import json
import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tests.benchmarks.machine import CannotRun, program

_SCRIPT: Final = Path(__file__).with_name("load.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """How events are offered. `mode` is the content mode of the CloudEvents HTTP binding; binary events carry one of
    so many partition keys, or none.
    """

    mode: Literal["binary", "structured", "batch"] = "binary"
    events_per_request: int = 1
    connections: int = 64
    keys: int = 0


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What wrk saw, and its own CPU. `refused` requests had an answer of 400 and above, `broken` ones none at all."""

    requests: int
    refused: int
    broken: int
    duration_s: float
    answer_p50_ms: float
    answer_p99_ms: float
    cpu_s: float


def offer(load: Load, url: str, *, duration_s: float, core: int) -> LoadResult:
    """Offer the load for so long and tell what came back. Requests under way at the end are in none of the counts.

    Raises CannotRun where nothing could be offered at all.
    """
    prefix = f"{time.time_ns():016x}"  # no two runs share an id
    duration = max(1, round(duration_s))  # wrk takes whole seconds
    command = [program("wrk"), "--threads", "1", "--connections", str(load.connections)]
    command += ["--duration", f"{duration}s", "--timeout", "30s", "--script", str(_SCRIPT), url]
    command += ["--", load.mode, str(load.events_per_request), prefix, str(load.keys)]
    output, cpu_s = run(command, core=core, timeout_s=duration + 60)
    for line in output.splitlines():
        if line.startswith("RESULT "):
            return LoadResult(**json.loads(line.removeprefix("RESULT ")), cpu_s=cpu_s)
    raise CannotRun(f"wrk could not load {url}: {output}".strip())


def run(command: Sequence[str], *, core: int, timeout_s: float) -> tuple[str, float]:
    """Run a program to its end on that core: what it printed, and the CPU seconds it took.

    Other programs must not end meanwhile, or their CPU is counted with it.
    """
    before_s = _children_cpu_s()
    done = subprocess.run(
        [program("taskset"), "--cpu-list", str(core), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    return done.stdout, _children_cpu_s() - before_s


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
