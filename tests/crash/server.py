"""The server under test, as an operator would start it, with signals at hand."""

import asyncio
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.ledger.conservation import Lane, lanes

COMMAND: Final = str(Path(sys.executable).with_name("eventing"))
READY_MAX_S: Final = 30.0
EXIT_MAX_S: Final = 60.0
JOURNAL: Final = "journal.db"


class NotReady(Exception):  # noqa: N818 - said as it is in the verdict
    """The server ended, or took too long, instead of taking events."""


class Server:
    """One folder's server: started and ended any number of times. Its log goes on in `folder`/server.log."""

    def __init__(self, folder: Path, *, data_dir: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder, self.data_dir = folder, data_dir
        self.manifests = folder / "manifests"
        self.manifests.mkdir(exist_ok=True)
        self.environment: dict[str, str] = {"EVENTING_LOG_LEVEL": "warning", **(environment or {})}
        self.log = folder / "server.log"
        self._log_read = 0
        self.events_url = self.api_url = ""
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("the server was never started")
        return self._process

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def journal(self) -> Path:
        return self.data_dir / JOURNAL

    async def spawn(self) -> None:
        """Start the process, and return while it is still starting."""
        options = (
            "-f",
            str(self.manifests),
            "--prune",
            "--data-dir",
            str(self.data_dir),
            "--port",
            "0",
            "--api-port",
            "0",
        )
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                COMMAND,
                *("serve", *options),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, **self.environment},
            )

    async def start(self) -> float:
        """Start it, and return once it takes events: after how many seconds. Raises NotReady."""
        began_s = time.monotonic()
        await self.spawn()
        await self.wait_ready()
        return time.monotonic() - began_s

    async def wait_ready(self) -> None:
        """Until it has said where it takes events. Raises NotReady."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(READY_MAX_S):
                lines = [await self.process.stdout.readline() for _ in range(2)]
        except TimeoutError as error:
            raise NotReady(f"not within {READY_MAX_S:g} s: {self.last_words}") from error
        if not all(lines):
            await self.process.wait()
            raise NotReady(f"it ended with {self.process.returncode}: {self.last_words}")
        events, api = (line.decode().split()[1] for line in lines)
        self.events_url, self.api_url = events.removesuffix("/NAMESPACE/BROKER"), api

    @property
    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])

    def new_traces(self) -> list[str]:
        """What its log has of tracebacks since this was asked last: the line that each begins with, and its error."""
        with self.log.open("rb") as log:
            log.seek(self._log_read)
            text = log.read()
        self._log_read += len(text)
        lines = text.decode(errors="replace").splitlines()
        starts = [at for at, line in enumerate(lines) if "Traceback (most recent call last)" in line]
        return [f"{lines[at - 1] if at else ''} ... {_error(lines[at + 1 :])}" for at in starts]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; where it has just ended, nobody gets it."""
        if self.is_running:
            self.process.send_signal(number)

    async def wait(self) -> int:
        """Its exit code, negative where a signal ended it."""
        async with asyncio.timeout(EXIT_MAX_S):
            return await self.process.wait()

    async def kill(self) -> None:
        """SIGKILL, and its end."""
        if self.is_running:
            self.signal(signal.SIGKILL)
        if self._process is not None:
            await self.wait()

    def limit_files(self, size_max_bytes: int | None) -> None:
        """Let no file of the running server grow beyond that size; None for no limit."""
        soft = resource.RLIM_INFINITY if size_max_bytes is None else size_max_bytes
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))

    async def ask(self, path: str) -> Any:
        """The ops API's answer."""
        async with httpx2.AsyncClient(timeout=30) as client:
            answer = await client.get(f"{self.api_url}/ops/v1/{path}")
        answer.raise_for_status()
        return answer.json()

    async def order(self, path: str, **body: Any) -> Any:
        """Have the ops API do something."""
        async with httpx2.AsyncClient(timeout=30) as client:
            answer = await client.post(f"{self.api_url}/ops/v1/{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    async def readiness(self) -> str:
        """What it says of itself, line by line."""
        async with httpx2.AsyncClient(timeout=30) as client:
            return (await client.get(f"{self.api_url}/readyz?verbose")).text

    async def lanes(self) -> dict[str, Lane]:
        """The counters of every Trigger."""
        return lanes(await self.ask("triggers"))


def _error(lines: Sequence[str]) -> str:
    """The last line of the traceback whose frames these lines begin with."""
    frame = next((line for line in lines if line.strip()), "")
    indent = len(frame) - len(frame.lstrip())
    return next((line.strip() for line in lines if line.strip() and len(line) - len(line.lstrip()) < indent), "")
