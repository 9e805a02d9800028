"""docs/first-session.md, typed as it stands there."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from tests.clients.transcript import Step, is_shown, steps
from tests.docs.page import ROOT, fenced, page
from tests.e2e.process import EVENTING, Process, wait_until
from tests.rig.fixture import miss

PAGE: Final = "docs/first-session.md"
EXAMPLES: Final = ROOT / "examples/first-session"
PAGE_PORTS: Final = (8080, 8081, 3000)
PATIENCE_S: Final = 60.0
LOOKING: Final = re.compile("(kubectl|eventing) get ")


class Terminals:
    """What the reader has open: `eventing serve` and `eventing sink` run in theirs, the rest is typed in the third."""

    def __init__(self, folder: Path, kubectl: Path) -> None:
        self._folder, self._ports = folder, free_ports()
        self._stack, self._exports = ExitStack(), ""
        self._running: dict[str, Process] = {}
        self._sink_read = 0
        self._environment = prepare(folder, kubectl, self._ports)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def log(self) -> str:
        """The server's."""
        return self._running["serve"].err

    def follow(self, step: Step) -> str:
        """Type it, and what only looks again and again until it shows what the page does: the server goes on by itself.

        Returns what was shown, with the ports that the page has.
        """
        shown = self._type(step)
        deadline = time.monotonic() + PATIENCE_S / 4
        while LOOKING.match(step.command) and not is_shown(step.shown, shown) and time.monotonic() < deadline:
            shown = self._type(step)
        return shown

    def _type(self, step: Step) -> str:
        command = renumbered(step.command, self._ports)
        if not command:
            return self._sink_shows(step.shown)
        if command.startswith(".venv/bin/eventing "):
            return self._start(*shlex.split(command)[1:], lines=step.shown.count("\n"))
        if command.startswith("export "):
            self._exports += f"{command}\n"
        ended = subprocess.run(
            ["bash", "-c", self._exports + command],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return self._as_on_page(ended.stdout) + (f"exit code {ended.returncode}\n" if ended.returncode else "")

    def _start(self, name: str, *options: str, lines: int) -> str:
        process = Process(self._folder, name, name, *options, environment=self._environment)
        self._stack.callback(process.stop)
        self._running[name] = process
        wait_until(lambda: (process.out + process.err).count("\n") >= lines or not process.is_running, name)
        return self._as_on_page(process.out + process.err)

    def _sink_shows(self, expected: str) -> str:
        """What came since it was looked at last, once it is as long as the page says."""
        sink, start = self._running["sink"], self._sink_read
        wait_until(lambda: sink.out[start:].count("\n") > expected.count("\n") or not sink.is_running, "the event")
        self._sink_read = len(sink.out)
        return self._as_on_page(sink.out[start:])

    def _as_on_page(self, text: str) -> str:
        return renumbered(text, {there: here for here, there in self._ports.items()})


def free_ports() -> dict[int, int]:
    """One for each of the page's, with as many digits, so that tables are as wide."""
    free: Iterator[int] = (port for port in range(5200, 9999) if port not in PAGE_PORTS and is_free(port))
    return {port: next(free) for port in PAGE_PORTS}


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def renumbered(text: str, ports: Mapping[int, int]) -> str:
    pattern = "|".join(rf"(?<=[: ]){port}\b" for port in ports)
    return re.sub(pattern, lambda found: str(ports[int(found[0])]), text)


def prepare(folder: Path, kubectl: Path, ports: Mapping[int, int]) -> dict[str, str]:
    """The reader's folder and environment: the examples, the programs, and nobody else's settings."""
    shutil.copytree(EXAMPLES, folder / EXAMPLES.relative_to(ROOT))
    for file in (folder / EXAMPLES.relative_to(ROOT)).iterdir():
        file.write_text(renumbered(file.read_text(), ports))
    programs = folder / ".venv/bin"
    programs.mkdir(parents=True)
    (programs / "kubectl").symlink_to(kubectl)
    (programs / "eventing").symlink_to(EVENTING)
    (folder / ".curlrc").write_text("silent\n")
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
    ours = {
        "EVENTING_PORT": str(ports[8080]),
        "EVENTING_API_PORT": str(ports[8081]),
        "EVENTING_DATA_DIR": str(folder / "eventing-data"),
        "EVENTING_SERVER": f"http://127.0.0.1:{ports[8081]}",
    }
    return {**kept, **ours, "HOME": str(folder), "TZ": "UTC", "NO_PROXY": "*"}


def test_every_command_shows_what_the_page_says(tmp_path: Path, kubectl_programs: dict[str, Path]) -> None:
    """From an empty folder to the end of the page."""
    if shutil.which("curl") is None:
        miss("curl", "apt-get install curl")
    told = steps(page(PAGE))
    with Terminals(tmp_path, kubectl_programs["current"]) as terminals:
        shown = [(step, terminals.follow(step)) for step in told]
        log = terminals.log
    assert [] == [(step.command, step.shown, text) for step, text in shown if not is_shown(step.shown, text)], log


def test_the_page_shows_the_file_that_it_applies() -> None:
    """Whoever reads does not have to open it."""
    assert [(EXAMPLES / "orders.yaml").read_text()] == fenced(page(PAGE), "yaml")
