"""Commands as users run them: real processes, real sockets."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

TIMEOUT_S = 30.0
COMMAND = (sys.executable, "-c", "from eventing.cli import main; main()")
_URL = re.compile(r"http://\S+")


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class RunningSink:
    url: str
    process: subprocess.Popen[str]

    def read_line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def stop(self) -> int:
        """Interrupt it as a user would, and return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(TIMEOUT_S)


def run(*arguments: str, stdin: bytes = b"", **environment: str) -> Ended:
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        timeout=TIMEOUT_S,
        env=environment_with(environment),
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def running_sink(*arguments: str) -> Iterator[RunningSink]:
    command = [*COMMAND, "sink", "--port", "0", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment_with({})) as process:
        assert process.stderr is not None
        try:
            found = _URL.search(process.stderr.readline())
            assert found is not None, process.stderr.read()
            yield RunningSink(found[0], process)
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)


def environment_with(changes: dict[str, str]) -> dict[str, str]:
    return {"PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error", "PYTHONIOENCODING": "utf-8", **changes}
