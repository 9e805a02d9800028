"""What the suite needs from the machine, and what a reader must know about it to judge the figures."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_SBIN: Final = ":/usr/local/sbin:/usr/sbin:/sbin"
"""Where Debian puts nginx, and where an ordinary user's PATH does not look."""
_DEBIAN_PACKAGES: Final = {"wrk": "wrk", "nginx": "nginx-light", "taskset": "util-linux"}
_PYTHON_PACKAGES: Final = ("eventing", "uvicorn", "uvloop", "httptools", "fastapi", "cloudevents", "aiohttp")


class CannotRun(Exception):  # noqa: N818 - said to the person at the terminal, word for word
    """The machine, or a process of a scenario, did not do what the measurement stands on."""


def program(name: str) -> str:
    """The path of an installed program. Raises CannotRun."""
    if found := shutil.which(name, path=os.environ.get("PATH", os.defpath) + _SBIN):
        return found
    raise CannotRun(f"{name} is not installed: apt-get install {_DEBIAN_PACKAGES.get(name, name)}")


def preflight() -> tuple[int, int]:
    """The core of what is measured and the core of everything else. Raises CannotRun, naming all that is missing."""
    missing = [package for name, package in _DEBIAN_PACKAGES.items() if not _is_installed(name)]
    if missing:
        raise CannotRun(f"missing on this machine; on Debian: apt-get install {' '.join(missing)}")
    if "http_stub_status_module" not in _output(program("nginx"), "-V"):
        raise CannotRun(
            "this nginx lacks stub_status, which counts the deliveries; on Debian: apt-get install nginx-light"
        )
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise CannotRun("two cores are needed: one for what is measured, one for everything else")
    return cores[0], cores[1]


def description(cores: Sequence[int]) -> str:
    """One line about the hardware and the system."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    total = re.search(r"^MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    parts = [
        model[1] if model else platform.machine(),
        f"{os.cpu_count()} cores (measured on core {cores[0]}, the rest on core {cores[1]})",
        f"{int(total[1]) / 2**20:.0f} GB" if total else "",
        f"Linux {platform.release().partition('-')[0]}",
    ]
    return ", ".join(part for part in parts if part)


def versions() -> dict[str, str]:
    """The versions of everything that the figures depend on."""
    found = {"python": platform.python_version()}
    for name in _PYTHON_PACKAGES:
        found[name] = importlib.metadata.version(name)
    for name, option in (("nginx", "-v"), ("wrk", "-v")):
        number = re.search(r"\d+\.\d+(?:\.\d+)?", _output(program(name), option))
        found[name] = number[0] if number else "unknown"
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
