"""The one server under test."""

import asyncio
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.crash.process import NotReady, Process
from tests.ledger.conservation import Lane, lanes

READY_MAX_S: Final = 30.0
JOURNAL: Final = "journal.db"


class Server(Process):
    """One folder's server: everything in one process, on a journal."""

    def __init__(self, folder: Path, *, data_dir: Path, environment: Mapping[str, str] | None = None) -> None:
        self.manifests = folder / "manifests"
        self.manifests.mkdir(exist_ok=True)
        ports = ("--port", "0", "--api-port", "0")
        options = ("-f", str(self.manifests), "--prune", "--data-dir", str(data_dir), *ports)
        super().__init__(folder, "server", *options, environment=environment)
        self.data_dir = data_dir
        self.events_url = self.api_url = ""

    @property
    def journal(self) -> Path:
        return self.data_dir / JOURNAL

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
