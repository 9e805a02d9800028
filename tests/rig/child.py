"""A server that a test run has started, and alone may end."""

import contextlib
import random
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.e2e.process import wait_until

START_MAX_S: Final = 60.0
"""Seconds for a start: a few where the machine is idle, more where others build or test beside it."""
STOP_MAX_S: Final = 20.0
_PORT_MIN: Final = 10_000
_GIVEN_PORTS: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""What the kernel takes for connections that choose none."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on, and that the kernel gives to no connection: so whoever ends and
    comes back finds it free.
    """
    dice = random.SystemRandom()
    first_given = int(_GIVEN_PORTS.read_text().split()[0])
    while True:
        port = dice.randrange(_PORT_MIN, first_given)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Child:
    """One process, its output in a file. One that `outlives_limits` is told by an error where a file may not grow,
    instead of being ended by a signal.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        outlives_limits: bool = False,
    ) -> None:
        self._log, self.name = log, Path(command[0]).name
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
                env=environment,
                cwd=log.parent,
                restore_signals=not outlives_limits,  # Python ignores SIGXFSZ
            )

    @property
    def is_running(self) -> bool:
        return self._popen.poll() is None

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def log(self) -> str:
        """What it has said."""
        return self._log.read_text(errors="replace")

    def wait_ready(self, is_ready: Callable[[], bool]) -> bool:
        """True once it is ready; false where it ended instead."""
        wait_until(lambda: not self.is_running or is_ready(), f"{self.name} is ready", START_MAX_S)
        return self.is_running

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, and kill it where it does not."""
        if self.is_running:
            self._popen.send_signal(number)
        try:
            self._popen.wait(STOP_MAX_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def signal(self, number: signal.Signals) -> None:
        """Send it that."""
        self._popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and its end."""
        self._popen.kill()
        self._popen.wait()
