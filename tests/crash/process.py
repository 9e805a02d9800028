"""A process under test, as an operator would start it, with signals at hand."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

COMMAND: Final = str(Path(sys.executable).with_name("eventing"))
EXIT_MAX_S: Final = 60.0


class NotReady(Exception):  # noqa: N818 - said as it is in the verdict
    """The process ended, or took too long, instead of doing its work."""


class Process:
    """`eventing serve` with options: started and ended any number of times. Its log goes on in `folder`/NAME.log."""

    def __init__(self, folder: Path, name: str, *options: str, environment: Mapping[str, str] | None = None) -> None:
        self.folder, self.name = folder, name
        self.environment: dict[str, str] = {"EVENTING_LOG_LEVEL": "warning", **(environment or {})}
        self.log = folder / f"{name}.log"
        self._options = options
        self._log_read = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def spawn(self) -> None:
        """Start the process, and return while it is still starting."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                COMMAND,
                *("serve", *self._options),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, **self.environment},
            )

    @property
    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])

    def new_lines(self) -> list[str]:
        """What its log has since this was asked last."""
        if not self.log.exists():
            return []
        with self.log.open("rb") as log:
            log.seek(self._log_read)
            text = log.read()
        self._log_read += len(text)
        return text.decode(errors="replace").splitlines()

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


def traces(lines: Sequence[str]) -> list[str]:
    """The tracebacks of a log: of each the line that it begins with, and its error."""
    starts = [at for at, line in enumerate(lines) if "Traceback (most recent call last)" in line]
    return [f"{lines[at - 1] if at else ''} ... {_error(lines[at + 1 :])}" for at in starts]


def _error(lines: Sequence[str]) -> str:
    """The last line of the traceback whose frames these lines begin with."""
    frame = next((line for line in lines if line.strip()), "")
    indent = len(frame) - len(frame.lstrip())
    return next((line.strip() for line in lines if line.strip() and len(line) - len(line.lstrip()) < indent), "")
