"""A process that is started, watched, started again when it ends, and stopped together with its neighbours."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Final

BACKOFF_MIN_S: Final = 0.1
BACKOFF_MAX_S: Final = 30.0
"""Between starts, doubling, as between those of a crashed component."""
MISCONFIGURED: Final = (1, 2)
"""Exit codes of `eventing` that another start would bring again, where it never worked."""

_log = logging.getLogger(__name__)


class WorkerRefused(Exception):  # noqa: N818 - named for what it is
    """The operator must act: the process ended before it was ready, and has said why. `code` is its exit code."""

    def __init__(self, name: str, code: int) -> None:
        super().__init__(f"{name} ended before it was ready, with exit code {code}")
        self.code = code


class Worker:
    """One `eventing serve`, in a session of its own: a terminal's Ctrl-C is its supervisor's to pass on.

    It is ready once it has said on its standard output where all its doors are. Its standard input stays open as long
    as this process lives; its standard error is this one's.
    """

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], *, lines: int) -> None:
        self.name = name
        self._command = (sys.executable, "-P", "-m", "eventing", *arguments)
        self._environment = {**os.environ, **environment}
        self._lines_wanted = lines
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._ready = asyncio.Event()
        self.lines: list[str] = []
        """What it said when it was ready the last time."""

    async def wait_ready(self) -> None:
        """Until it was ready once."""
        await self._ready.wait()

    async def run(self) -> None:
        """Keep it running until `stop`; returns when it has ended then. Raises WorkerRefused. A process that this one
        is cancelled over is killed. One that the machine cannot start is tried again like one that ended.
        """
        wait_s = BACKOFF_MIN_S
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started_s = loop.time()
            what = await self._attempt()
            if self._stopping.is_set():
                return
            if loop.time() - started_s > BACKOFF_MAX_S:
                wait_s = BACKOFF_MIN_S
            _log.error("%s %s, starts again in %.1f s", self.name, what, wait_s)
            await self._pause(wait_s)
            wait_s = min(wait_s * 2, BACKOFF_MAX_S)

    def stop(self) -> None:
        """Ask it to stop; called again, to stop at once."""
        self._stopping.set()
        self.signal(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        """Send it, where there is a process."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def _attempt(self) -> str:
        """Run it once; what came of it, in words. Raises WorkerRefused.

        A machine that is short of processes, memory or files may have some a moment later: the others are left alone.
        """
        try:
            process = await self._start()
        except OSError as error:
            return f"cannot be started: {error}"
        code = await self._wait(process)
        if not (self._ready.is_set() or self._stopping.is_set()) and code in MISCONFIGURED:
            raise WorkerRefused(self.name, code)
        return f"ended with exit code {code}"

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )

    async def _wait(self, process: asyncio.subprocess.Process) -> int:
        """Until it has ended; its exit code."""
        self._process = process
        if self._stopping.is_set():
            self.signal(signal.SIGTERM)
        try:
            await self._listen(process)
            return await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _pause(self, time_s: float) -> None:
        """That long, or until it is asked to stop."""
        try:
            async with asyncio.timeout(time_s):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Until its standard output ends, as it does with the process."""
        assert process.stdout is not None
        lines: list[str] = []
        while line := await process.stdout.readline():
            lines.append(line.decode(errors="replace").rstrip("\n"))
            if len(lines) == self._lines_wanted:
                self.lines = lines
                self._ready.set()
                _log.info("%s is ready: %s", self.name, ", ".join(" ".join(one.split()) for one in lines))


def worker_environment(values: Mapping[str, object]) -> dict[str, str]:
    """Settings as the environment of a process: there nobody sees a password, as in its command line."""
    return {f"EVENTING_{name.upper()}": _text(value) for name, value in values.items() if value is not None}


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
