"""kubectl as a user has it: a program, a kubeconfig, and a home folder of its own."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from tests.e2e.process import wait_until

PATIENCE_S: Final = 60.0
_KEPT: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR")
"""What it gets of this process's environment: proxies and kubeconfigs of whoever runs the tests are none of it."""


@dataclass(frozen=True)
class Ended:
    """What came of one command."""

    exit: int
    stdout: str
    stderr: str


class Watching:
    """A command that goes on until it is stopped, and what it has said so far."""

    def __init__(self, popen: "subprocess.Popen[bytes]", out: Path, err: Path) -> None:
        self._popen, self._out, self._err = popen, out, err

    def wait_lines(self, count: int, *, is_distinct: bool = False) -> None:
        """Until it has printed so many lines, all or only the distinct ones, or has ended."""
        wait_until(
            lambda: self._count(is_distinct) >= count or self._popen.poll() is not None,
            f"{count} lines, after {self._out.read_text()!r} {self._err.read_text()!r}",
        )

    def _count(self, is_distinct: bool) -> int:
        lines = self._out.read_text().splitlines()
        return len(set(lines)) if is_distinct else len(lines)

    def stop(self) -> Ended:
        """End it. The exit code of what still ran then says nothing, and is given as 0."""
        still_ran = self._popen.poll() is None
        self._popen.terminate()
        code = self._popen.wait(PATIENCE_S)
        return Ended(0 if still_ran else code, self._out.read_text(), self._err.read_text())


class Kubectl:
    """One program for one server. Its discovery cache lives in `folder`, and starts empty."""

    def __init__(self, program: Path, kubeconfig: Path, folder: Path) -> None:
        self._program, self._folder = program, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
            "HOME": str(folder),
            "KUBECONFIG": str(kubeconfig),
            "TZ": "UTC",
        }
        self._watches = 0

    @cached_property
    def version(self) -> tuple[int, int]:
        """Major and minor."""
        ended = self.run("version", "--client", "-o", "json")
        found = re.findall(r"\d+", json.loads(ended.stdout)["clientVersion"]["gitVersion"])
        return int(found[0]), int(found[1])

    def run(
        self, *arguments: str, stdin: str = "", cwd: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> Ended:
        """Run it to its end."""
        ended = subprocess.run(
            [str(self._program), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
            cwd=cwd or self._folder,
            env={**self._environment, **(environment or {})},
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def watch(self, *arguments: str, cwd: Path | None = None) -> Watching:
        """Start a command that does not end by itself."""
        self._watches += 1
        out, err = (self._folder / f"watch-{self._watches}.{suffix}" for suffix in ("out", "err"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            popen = subprocess.Popen(
                [str(self._program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                cwd=cwd or self._folder,
                env=self._environment,
            )
        return Watching(popen, out, err)
