"""What the suite needs from the machine, and what a reader must know about it to judge the figures."""

import importlib.metadata
import os
import platform
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.rig.kafka_jars import VERSION, has_kafka

CACHE: Final = Path(__file__).resolve().parents[2] / ".cache"
"""What can be made again: `make bench` puts programs here that no package has, and a run its files, since a folder for
temporary ones is often in memory.
"""
_PLACES: Final = f":{CACHE / 'bin'}:/usr/local/sbin:/usr/sbin:/sbin"
"""Where programs are that PATH may not name: those of `make bench`, and nginx, where Debian puts it."""
_NEEDED: Final = {"wrk": "wrk", "nginx": "nginx-light", "taskset": "util-linux"}
"""Programs that every scenario needs, and their Debian packages."""
_REMEDIES: Final = {
    "nats-server": "`make bench` builds it",
    "redis-server": "apt-get install redis-server",
    "redis-benchmark": "apt-get install redis-tools",
    **{name: f"apt-get install {package}" for name, package in _NEEDED.items()},
}
_FSYNCS: Final = 100
_PYTHON_PACKAGES: Final = (
    "eventing",
    "uvicorn",
    "uvloop",
    "httptools",
    "hiredis",
    "aiokafka",
    "fastapi",
    "cloudevents",
    "aiohttp",
)


class CannotRun(Exception):  # noqa: N818 - said to the person at the terminal, word for word
    """The machine, or a process of a scenario, did not do what the measurement stands on."""


def program(name: str) -> str:
    """The path of an installed program. Raises CannotRun."""
    if found := shutil.which(name, path=os.environ.get("PATH", os.defpath) + _PLACES):
        return found
    raise CannotRun(f"{name} is not installed: {_REMEDIES[name]}")


def preflight() -> tuple[int, ...]:
    """The core of what is measured, the core of everything else, and further ones. Raises CannotRun, naming all that is
    missing.
    """
    missing = [package for name, package in _NEEDED.items() if not _is_installed(name)]
    if missing:
        raise CannotRun(f"missing on this machine; on Debian: apt-get install {' '.join(missing)}")
    if "http_stub_status_module" not in _output(program("nginx"), "-V"):
        raise CannotRun(
            "this nginx lacks stub_status, which counts the deliveries; on Debian: apt-get install nginx-light"
        )
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise CannotRun("two cores are needed: one for what is measured, one for everything else")
    return tuple(cores)


def description(cores: Sequence[int], folder: Path) -> str:
    """One line about the hardware and the system, and what an fsync costs in that folder."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    total = re.search(r"^MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    parts = [
        model[1] if model else platform.machine(),
        f"{os.cpu_count()} cores (measured on core {cores[0]}, the rest on core {cores[1]})",
        f"{int(total[1]) / 2**20:.0f} GB" if total else "",
        f"Linux {platform.release().partition('-')[0]}",
        f"fsync of 4 KiB {_fsync_s(folder) * 1e6:.0f} us",
    ]
    return ", ".join(part for part in parts if part)


def _fsync_s(folder: Path) -> float:
    """The median duration of an fsync after 4 KiB were appended."""
    durations = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_FSYNCS):
            os.write(file.fileno(), bytes(4096))
            began = time.perf_counter()
            os.fsync(file.fileno())
            durations.append(time.perf_counter() - began)
    return statistics.median(durations)


def versions() -> dict[str, str]:
    """The versions of everything that the figures depend on."""
    found = {"python": platform.python_version()}
    for name in _PYTHON_PACKAGES:
        found[name] = importlib.metadata.version(name)
    for name, option in (("nginx", "-v"), ("wrk", "-v"), ("nats-server", "-v"), ("redis-server", "-v")):
        if not _is_installed(name):
            continue
        number = re.search(r"\d+\.\d+(?:\.\d+)?", _output(program(name), option))
        found[name] = number[0] if number else "unknown"
    if has_kafka():
        found["kafka"] = VERSION
    return found


def _is_installed(name: str) -> bool:
    try:
        program(name)
    except CannotRun:
        return False
    return True


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    return done.stdout + done.stderr
