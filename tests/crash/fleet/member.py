"""One of several processes under test."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.crash.process import NotReady, Process
from tests.rig.child import free_port

READY_MAX_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.05
_HOST: Final = "http://127.0.0.1"


class Member(Process):
    """`eventing serve --role ...`: its ports stay, however often it is started."""

    def __init__(
        self, folder: Path, name: str, role: str, *options: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.role = role
        self.port, self.api_port, self.health_port = free_port(), free_port(), free_port()
        ports = ("--port", str(self.port), "--api-port", str(self.api_port), "--health-port", str(self.health_port))
        data = ("--data-dir", str(folder / name))
        super().__init__(folder, name, "--role", role, *ports, *data, *options, environment=environment)
        self.is_down_by_us = True
        """It is not to run: whoever finds it ended need not wonder."""

    async def start(self) -> float:
        """Start it, and return once it is ready: after how many seconds. Raises NotReady."""
        began_s = time.monotonic()
        self.is_down_by_us = False
        await self.spawn()
        while not await self._is_ready():
            if not self.is_running:
                raise NotReady(f"{self.name} ended with {self.process.returncode}: {self.last_words}")
            if time.monotonic() > began_s + READY_MAX_S:
                raise NotReady(f"{self.name}, within {READY_MAX_S:g} s: {self.last_words}")
            await asyncio.sleep(_LOOK_EVERY_S)
        return time.monotonic() - began_s

    async def ask(self, path: str) -> Any:
        """The ops API's answer, of a controller."""
        async with httpx2.AsyncClient(timeout=30) as client:
            answer = await client.get(f"{_HOST}:{self.api_port}/ops/v1/{path}")
        answer.raise_for_status()
        return answer.json()

    async def order(self, path: str, **body: Any) -> None:
        """Have the ops API do something, of a controller."""
        async with httpx2.AsyncClient(timeout=30) as client:
            (await client.post(f"{_HOST}:{self.api_port}/ops/v1/{path}", json=body)).raise_for_status()

    async def metrics(self) -> str:
        """As Prometheus reads them."""
        async with httpx2.AsyncClient(timeout=30) as client:
            return (await client.get(f"{_HOST}:{self.health_port}/metrics")).text

    async def _is_ready(self) -> bool:
        try:
            async with httpx2.AsyncClient(timeout=5) as client:
                return (await client.get(f"{_HOST}:{self.health_port}/readyz")).status_code == 200
        except httpx2.TransportError:
            return False
