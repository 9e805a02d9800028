"""End to end latency at a fixed rate: one process that sends events and is their sink, so that one clock tells both.

It never sleeps: a timer's granularity of a millisecond would be most of what is measured. An event carries the moment
when it was due, not when it left, so a stall of the server is charged to every event that it kept waiting. Prints one
line of JSON. `python -m tests.benchmarks.latency SINK_PORT TARGET_PORT RATE_PER_S DURATION_S WARM_UP_S EVENT_TYPE`; a
target that is the sink's own port measures the floor: what the harness and the kernel take alone.
"""

import json
import re
import selectors
import socket
import statistics
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

_CONNECTIONS: Final = 32
_GRACE_S: Final = 2.0
"""How long after the last event is sent its arrival counts."""
_ARRIVALS_MIN: Final = 100
"""Below this a hundredth percentile means nothing."""
_DATA: Final = b'{"note":"' + b"x" * (1024 - 11) + b'"}'
_ANSWER: Final = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_DUE: Final = re.compile(rb"\r\nce-due: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Connection:
    """A socket, whether it is one of the sink's, and what came on it and is no whole message yet."""

    socket: socket.socket
    is_sink: bool
    held: bytes = b""

    def receive(self) -> list[bytes]:
        """The heads of the messages that are whole by now. Raises ConnectionError if the peer is gone."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError("the server closed a connection")
        self.held += data
        heads = []
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self.held, 0, end + 2)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self.held) < size:
                break
            heads.append(self.held[: end + 2])
            self.held = self.held[size:]
        return heads


@dataclass(slots=True)
class Run:
    """One run: the connections to the target that are `idle`, the events that are `waiting` for one, the latencies.

    Moments are nanoseconds of the monotonic clock. Events due before `counted_from_ns` warm up and are counted nowhere.
    """

    target_port: int
    event_type: str
    counted_from_ns: int
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    idle: deque[Connection] = field(default_factory=deque)
    waiting: deque[int] = field(default_factory=deque)
    latencies_ms: list[float] = field(default_factory=list)
    sent: int = 0
    refused: int = 0

    def listen(self, port: int) -> None:
        """Open the sink."""
        self.selector.register(socket.create_server(("127.0.0.1", port), backlog=1024), selectors.EVENT_READ)

    def connect(self) -> None:
        """Open the connections to the target."""
        for _ in range(_CONNECTIONS):
            connection = Connection(socket.create_connection(("127.0.0.1", self.target_port)), is_sink=False)
            self._register(connection)
            self.idle.append(connection)

    def _register(self, connection: Connection) -> None:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(connection.socket, selectors.EVENT_READ, connection)

    def send(self) -> None:
        """Send what is due, as far as connections are idle."""
        while self.waiting and self.idle:
            due_ns = self.waiting.popleft()
            self.sent += due_ns >= self.counted_from_ns
            self.idle.popleft().socket.sendall(self._request(due_ns))

    def _request(self, due_ns: int) -> bytes:
        head = (
            f"POST /default/bench HTTP/1.1\r\nHost: 127.0.0.1:{self.target_port}\r\nce-specversion: 1.0\r\n"
            f"ce-id: {due_ns}\r\nce-due: {due_ns}\r\nce-source: /shop/orders\r\nce-type: {self.event_type}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(_DATA)}\r\n\r\n"
        )
        return head.encode() + _DATA

    def poll(self) -> None:
        """Take what came, without waiting for more."""
        for key, _ in self.selector.select(0):
            connection = key.data
            if connection is None:
                self._accept(key.fileobj)
            elif connection.is_sink:
                self._deliver(connection)
            else:
                self._answer(connection)

    def _accept(self, listener: object) -> None:
        if isinstance(listener, socket.socket):
            self._register(Connection(listener.accept()[0], is_sink=True))

    def _deliver(self, connection: Connection) -> None:
        try:
            heads = connection.receive()
        except ConnectionError:
            self.selector.unregister(connection.socket)  # a client may close what it keeps
            connection.socket.close()
            return
        now_ns = time.monotonic_ns()
        for head in heads:
            if (due := _DUE.search(head)) and int(due[1]) >= self.counted_from_ns:
                self.latencies_ms.append((now_ns - int(due[1])) / 1e6)
            connection.socket.sendall(_ANSWER)

    def _answer(self, connection: Connection) -> None:
        for head in connection.receive():
            self.refused += not head.startswith(b"HTTP/1.1 2")
            self.idle.append(connection)


def paced(run: Run, *, rate_per_s: int, duration_s: int) -> None:
    """Send so many events a second, so long after the warm-up, and wait for those that are still under way."""
    start_ns = time.monotonic_ns()
    interval_ns = 1_000_000_000 // rate_per_s
    last_ns = run.counted_from_ns + duration_s * 1_000_000_000
    due_ns = start_ns
    while (now_ns := time.monotonic_ns()) < last_ns + int(_GRACE_S * 1e9):
        while due_ns <= min(now_ns, last_ns):
            run.waiting.append(due_ns)
            due_ns += interval_ns
        run.send()
        run.poll()
        if now_ns > last_ns and not run.waiting and len(run.latencies_ms) >= run.sent:
            break


def main(arguments: list[str]) -> None:
    """Run once and print percentiles in milliseconds, and how many events were refused and never arrived."""
    sink_port, target_port, rate_per_s, duration_s, warm_up_s = map(int, arguments[:5])
    run = Run(target_port, arguments[5], counted_from_ns=time.monotonic_ns() + warm_up_s * 1_000_000_000)
    run.listen(sink_port)
    run.connect()
    paced(run, rate_per_s=rate_per_s, duration_s=duration_s)
    if len(run.latencies_ms) < _ARRIVALS_MIN:
        sys.exit(f"only {len(run.latencies_ms)} of {run.sent} events arrived, {run.refused} were refused")
    percentiles = statistics.quantiles(run.latencies_ms, n=100)
    missing = run.sent + len(run.waiting) - len(run.latencies_ms)
    figures = {"p50_ms": percentiles[49], "p99_ms": percentiles[98], "refused": run.refused, "missing": missing}
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1:])
