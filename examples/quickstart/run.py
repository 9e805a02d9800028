"""The quickstart in one terminal: a server, the manifests beside this file applied to it, and a sink that prints what
arrives.

Ports are those of EVENTING_PORT (8080), EVENTING_API_PORT (8081) and SINK_PORT (8082); 0 takes a free one. Ctrl-C stops
the server before the sink, so that what it still delivers is received; a second Ctrl-C stops it at once. Exit code: 0
where it was asked to stop, 1 where something was in the way.
"""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, Self

HERE: Final = Path(__file__).parent
EVENTING: Final = Path(sys.executable).with_name("eventing")
PORTS: Final = {"EVENTING_PORT": 8080, "EVENTING_API_PORT": 8081, "SINK_PORT": 8082}
LINE_MAX_BYTES: Final = 1024 * 1024
"""Longest line shown. An event's attributes may be 64 KiB, each on a line of its own."""
STOP_TIMEOUT_S: Final = 40.0
"""How long a process may take to end: longer than the server's own limit of 30 s."""

INVITATION: Final = """
Send an event to the Broker, from another terminal:

curl -i http://localhost:{port}/default/default \\
  -H 'ce-specversion: 1.0' \\
  -H 'ce-id: 1' \\
  -H 'ce-source: /shop' \\
  -H 'ce-type: com.example.order.created' \\
  -H 'ce-total: 120' \\
  -H 'Content-Type: application/json' \\
  -d '{{"item": "tea"}}'

The answer is 202 Accepted, and the sink shows the event three times: for the Triggers new-orders, all-orders and
large-orders. Look around with .venv/bin/eventing get triggers, or with kubectl. Ctrl-C ends it all.
"""


class Obstacle(Exception):  # noqa: N818 - what the user reads is its text
    """The user must act."""


class Child:
    """One process. Every line it writes is shown under its name."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.has_spoken = asyncio.Event()
        """Set with its first line: both processes say where they listen once they do."""
        self._relay = asyncio.create_task(self._show(f"{name:<6} | "))

    @classmethod
    async def start(cls, name: str, *arguments: str) -> Self:
        """Start `eventing` with these arguments, in a process group of its own: Ctrl-C is for the parent alone."""
        pipe, together = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
        process = await asyncio.create_subprocess_exec(
            EVENTING, *arguments, stdout=pipe, stderr=together, limit=LINE_MAX_BYTES, process_group=0
        )
        return cls(name, process)

    def interrupt(self) -> None:
        """Ask it to end."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)

    async def done(self) -> int:
        """Wait until it has ended by itself, and return its exit code."""
        await self._relay
        return await self.process.wait()

    async def end(self) -> int:
        """Ask it to end, wait until it has, and return its exit code."""
        self.interrupt()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
        await self._relay
        return await self.process.wait()

    async def _show(self, prefix: str) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            print(prefix + line.decode(errors="replace").rstrip("\n"), flush=True)
            self.has_spoken.set()


def main() -> int:
    """Run until asked to stop, and return the exit code."""
    try:
        ports = choose_ports()
        with manifests(ports["SINK_PORT"]) as folder:
            return asyncio.run(run(ports, folder))
    except Obstacle as obstacle:
        print(obstacle, file=sys.stderr)
        return 1


def choose_ports() -> dict[str, int]:
    """The port of each variable in PORTS. Raises Obstacle for one that is no port, or that somebody listens on."""
    found = {}
    with ExitStack() as probes:  # held until all are chosen, so that no free port is chosen twice
        for name, default in PORTS.items():
            text = os.environ.get(name) or str(default)
            try:
                probe = probes.enter_context(socket.create_server(("127.0.0.1", int(text))))
            except (ValueError, OverflowError) as error:
                raise Obstacle(f"{name}={text} is no port") from error
            except OSError as error:
                reason = os.strerror(error.errno or 0)
                raise Obstacle(f"port {text}: {reason}. Choose another: make run {name}=9090") from error
            found[name] = probe.getsockname()[1]
    return found


@contextmanager
def manifests(sink_port: int) -> Iterator[Path]:
    """The folder to serve: this one, or a copy where the sink has another port than the manifests say."""
    default = PORTS["SINK_PORT"]
    if sink_port == default:
        yield HERE
        return
    with tempfile.TemporaryDirectory(prefix="eventing-quickstart-") as copy:
        for file in HERE.glob("*.yaml"):
            Path(copy, file.name).write_text(file.read_text().replace(f"port: {default}", f"port: {sink_port}"))
        yield Path(copy)


async def run(ports: Mapping[str, int], folder: Path) -> int:
    """Run both processes until a signal asks to stop or one of them ends, and return the exit code."""
    asked = asyncio.Event()
    children: list[Child] = []

    def ask() -> None:
        if asked.is_set():
            for child in children:
                child.interrupt()
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ask)
    children.append(await Child.start("sink", "sink", "--port", str(ports["SINK_PORT"])))
    own_ports = ("--port", str(ports["EVENTING_PORT"]), "--api-port", str(ports["EVENTING_API_PORT"]))
    children.append(await Child.start("server", "serve", *own_ports))
    inviting = asyncio.create_task(_invite(children, ports, folder))
    waits = (asked.wait(), *(child.process.wait() for child in children))
    endings = [asyncio.create_task(wait) for wait in waits]
    await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
    was_asked = asked.is_set()
    inviting.cancel()
    codes = [await child.end() for child in reversed(children)]
    for ending in endings:
        ending.cancel()
    return 0 if was_asked and not any(codes) else 1


async def _invite(children: Sequence[Child], ports: Mapping[str, int], folder: Path) -> None:
    """Once both listen, apply the manifests, wait until everything is ready, and say what to do."""
    for child in children:
        await child.has_spoken.wait()
    to_server = ("--server", f"http://127.0.0.1:{ports['EVENTING_API_PORT']}")
    applying = await Child.start("apply", "apply", "-f", str(folder), *to_server)
    waiting = applying
    if await applying.done() == 0:
        waiting = await Child.start("wait", "wait", "brokers,triggers", "--timeout", "30s", *to_server)
    if await waiting.done() == 0:
        print(INVITATION.format(port=ports["EVENTING_PORT"]), flush=True)


if __name__ == "__main__":
    sys.exit(main())
