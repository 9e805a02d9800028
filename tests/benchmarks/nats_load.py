"""The load for NATS JetStream: one connection that keeps so many publications under way, each to be acknowledged.

It writes NATS' wire protocol itself and only counts acknowledgements, so that it takes a small part of its core.
Prints one line of JSON. `python -m tests.benchmarks.nats_load PORT IN_FLIGHT WARM_UP_S DURATION_S EVENT_TYPE`.
"""

import json
import socket
import sys
import time
from typing import Any, Final

_STREAM: Final = {"name": "bench", "subjects": ["events"], "storage": "file", "retention": "limits", "num_replicas": 1}
_DATA: Final = '{"note":"' + "x" * (1024 - 11) + '"}'
_BUFFER_BYTES: Final = 1 << 18
_TIMEOUT_S: Final = 30.0


class Publisher:
    """A connection, and how many events were published and acknowledged on it."""

    def __init__(self, port: int, event_type: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")
        self._reader.readline()  # INFO
        self._socket.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB inbox 1\r\nPING\r\n')
        self._reader.readline()  # PONG
        self._template = _publication(event_type)
        self._cut = b""
        self.published = 0
        self.acknowledged = 0

    def ask(self, subject: str, value: object) -> Any:
        """One request to JetStream's API, with nothing under way. Exits with its error."""
        body = json.dumps(value).encode()
        self._socket.sendall(b"PUB $JS.API.%s inbox %d\r\n%s\r\n" % (subject.encode(), len(body), body))
        line = self._reader.readline()
        while line and not line.startswith(b"MSG "):  # a PING, which may wait for two minutes
            line = self._reader.readline()
        size = int(line.split()[-1])
        answer = json.loads(self._reader.read(size + 2))
        if "error" in answer:
            sys.exit(f"{subject}: {answer['error']}")
        return answer

    def publish(self, count: int) -> None:
        """Send so many events, each with an id of its own."""
        first, self.published = self.published, self.published + count
        self._socket.sendall(b"".join([self._template % number for number in range(first, self.published)]))

    def receive(self) -> int:
        """Wait for acknowledgements, and say how many came."""
        data = self._socket.recv(_BUFFER_BYTES)
        if not data:
            sys.exit("the server closed the connection")
        count, self._cut = acknowledgements(self._cut + data)
        self.acknowledged += count
        return count

    def keep_going(self, duration_s: float) -> float:
        """Publish one event for each acknowledged, so long; the seconds that it took."""
        began = time.monotonic()
        while (passed_s := time.monotonic() - began) < duration_s:
            if count := self.receive():
                self.publish(count)
        return passed_s

    def finish(self) -> None:
        """Wait for what is under way. Exits if the stream does not hold all that was acknowledged."""
        while self.acknowledged < self.published:
            self.receive()
        held = self.ask("STREAM.INFO.bench", {})["state"]["messages"]
        if held != self.acknowledged:
            sys.exit(f"{self.acknowledged} events acknowledged, and {held} in the stream")


def acknowledgements(data: bytes) -> tuple[int, bytes]:
    """How many there are in these lines, and the last line as far as it has come."""
    lines, _, rest = data.rpartition(b"\n")
    return lines.count(b'"seq":'), rest


def _publication(event_type: str) -> bytes:
    """A PUB of a structured event, with a place for the number in its id."""
    head = f'{{"specversion":"1.0","id":"{time.time_ns():016x}-'
    tail = (
        f'","source":"/shop/orders","type":"{event_type}","time":"2026-01-01T00:00:00Z","tenant":"acme",'
        f'"datacontenttype":"application/json","data":{_DATA}}}'
    )
    return f"PUB events inbox {len(head) + 10 + len(tail)}\r\n{head}%010d{tail}\r\n".encode()


def main(arguments: list[str]) -> None:
    """Make the stream, publish, and print what was acknowledged in the window, and this process's own CPU in it."""
    port, in_flight = map(int, arguments[:2])
    warm_up_s, duration_s = map(float, arguments[2:4])
    publisher = Publisher(port, arguments[4])
    publisher.ask("STREAM.CREATE.bench", _STREAM)
    publisher.publish(in_flight)
    publisher.keep_going(warm_up_s)
    before, cpu_before_s = publisher.acknowledged, time.process_time()
    passed_s = publisher.keep_going(duration_s)
    events, cpu_s = publisher.acknowledged - before, time.process_time() - cpu_before_s
    publisher.finish()
    print(json.dumps({"events": events, "duration_s": passed_s, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main(sys.argv[1:])
