"""Programs under measurement: pinned to a core, followed with all their children, and never left behind."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from tests.benchmarks.machine import CannotRun, program

_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
_STOP_S: Final = 2.0
"""Patience after SIGTERM. Nobody waits for answers any more, so a long goodbye would only cost time."""


class Process:
    """A program and all its children, bound to one core, in a session of their own: so they are found, and ended.

    A context manager: started on entering, ended with all it started on leaving. Prints to `folder`/`name`.log.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, core: int, folder: Path, environment: Mapping[str, str] = {}
    ) -> None:
        self.name = name
        self._command = [program("taskset"), "--cpu-list", str(core), *command]
        self._folder = folder
        self._environment = {**os.environ, **environment}
        self._log = folder / f"{name}.log"
        self._popen: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._popen = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *error: object) -> None:
        self._signal(signal.SIGTERM)
        try:
            self._running.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._signal(signal.SIGKILL)
            self._running.wait()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._popen is None:
            raise RuntimeError(f"{self.name} was not entered")
        return self._popen

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._running.pid, number)

    @property
    def log(self) -> str:
        """What the program printed."""
        return self._log.read_text(errors="replace").strip()

    @property
    def last_words(self) -> str:
        """The last line that the program printed: of a traceback, the one that tells most."""
        return self.log.rpartition("\n")[2]

    def cpu_s(self) -> float:
        """User and system time of the program and its children so far, in seconds, exact to a clock tick (10 ms)."""
        return sum(_cpu_s(stat) for _, stat in self._members())

    def rss_bytes(self) -> int:
        """Resident memory of all its processes."""
        return self._status_sum("VmRSS")

    def rss_peak_bytes(self) -> int:
        """The most resident memory that each of its processes ever had, summed."""
        return self._status_sum("VmHWM")

    def written_bytes(self) -> int:
        """What it gave to a file system that keeps files on a disk, so far; none of it where that is in memory."""
        total = 0
        for pid, _ in self._members():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                counters = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
                total += int(counters["write_bytes"])
        return total

    def kill(self) -> None:
        """End it as a crash does, with no chance to say goodbye, and wait for it."""
        self._signal(signal.SIGKILL)
        self._running.wait()

    def check(self) -> None:
        """Raises CannotRun if the program ended."""
        if self._running.poll() is not None:
            raise CannotRun(f"{self.name} ended with {self._running.returncode}: {self.last_words}")

    def wait_ready(self, url: str, *, timeout_s: float) -> None:
        """Return once a GET answers 200. Raises CannotRun if the program ends before, or the time is over."""
        deadline = time.monotonic() + timeout_s
        while get(url)[0] != 200:
            self.check()
            if time.monotonic() > deadline:
                raise CannotRun(f"{self.name} was not ready within {timeout_s:.0f} s: {self.last_words}")
            time.sleep(0.02)

    def finished(self, *, timeout_s: float) -> str:
        """Wait for the program's own end, return what it printed. Raises CannotRun if it fails or does not end."""
        try:
            self._running.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise CannotRun(f"{self.name} did not end within {timeout_s:.0f} s: {self.last_words}") from error
        if self._running.returncode:
            self.check()
        return self.log

    def _status_sum(self, field: str) -> int:
        total = 0
        for pid, _ in self._members():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith(field + ":"):
                        total += int(line.split()[1]) * 1024
        return total

    def _members(self) -> Iterator[tuple[int, list[str]]]:
        """Each process of the session: its id, and what proc(5) says of it from the third field (the state) on."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    stat = _stat(entry)
                    if int(stat[3]) == self._running.pid:
                        yield int(entry.name), stat


def cpu_s(pid: int) -> float:
    """The same of one process that somebody else has started, without its children."""
    return _cpu_s(_stat(Path(f"/proc/{pid}")))


def _stat(folder: Path) -> list[str]:
    """What proc(5) says of a process from the third field (the state) on."""
    return (folder / "stat").read_text().rpartition(")")[2].split()


def _cpu_s(stat: list[str]) -> float:
    return (int(stat[11]) + int(stat[12])) * _TICK_S


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port where every connection is refused: bound, so that nobody else takes it, and never listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def wait_listening(process: Process, port: int, *, timeout_s: float) -> None:
    """Return once the process takes connections there. Raises CannotRun if it ends before, or the time is over."""
    deadline = time.monotonic() + timeout_s
    while not _is_listening(port):
        process.check()
        if time.monotonic() > deadline:
            raise CannotRun(f"{process.name} did not listen within {timeout_s:.0f} s: {process.last_words}")
        time.sleep(0.02)


def _is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def get(url: str) -> tuple[int, bytes]:
    """Status and body of a GET; status 0 where there was no answer."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=5)
    try:
        connection.request("GET", "/" + path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
