"""Real servers that events rest in, private ones: on the core of everything else, their CPU told apart.

They begin on the core that the bench itself runs on, which is that one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks import manifest, process
from tests.benchmarks.bench import Bench
from tests.benchmarks.machine import CannotRun, program
from tests.rig.kafka import Kafka
from tests.rig.kafka_jars import has_kafka
from tests.rig.redis import Redis

TOPIC: Final = f"knative-broker-{manifest.NAMESPACE}-{manifest.BROKER}"
"""Of the Broker, by Knative's names."""
_REWRITE_NEVER: Final = ("--auto-aof-rewrite-percentage", "0")


@dataclass(frozen=True, slots=True)
class Engine:
    """A running server, where clients find it; `place` makes the resources of a Broker that rests there."""

    address: str
    pid: int
    place: Callable[[list[manifest.Document]], list[manifest.Document]]

    def cpu_s(self) -> float:
        """User and system time so far, in seconds."""
        return process.cpu_s(self.pid)


@contextmanager
def redis(bench: Bench) -> Iterator[Engine]:
    """A Redis that syncs to disk before it answers."""
    path = Path(program("redis-server"))
    with bench.data() as folder:
        server = Redis(path, folder, fsync="always", options=_REWRITE_NEVER)
        try:
            _start(server)
            yield Engine(server.url, server.pid, lambda triggers: manifest.on_redis(server.url, triggers))
        finally:
            server.stop()


@contextmanager
def kafka(bench: Bench) -> Iterator[Engine]:
    """A Kafka of one node."""
    if not has_kafka():
        raise CannotRun("Kafka, or the Java that runs it, is missing: make rigs")
    with bench.data() as folder:
        server = Kafka(folder)
        try:
            server.initialise()
            _start(server)
            address = server.bootstrap_servers
            yield Engine(address, server.pid, lambda triggers: manifest.on_kafka(address, triggers))
        finally:
            server.end()


def _start(server: Redis | Kafka) -> None:
    try:
        server.start()
    except AssertionError as error:
        raise CannotRun(f"{type(server).__name__} does not start: {error}") from error
