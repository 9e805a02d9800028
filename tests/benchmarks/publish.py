"""Durable publishing alone: many events under way, each answered once it is on disk. Two other engines beside it.

Each is one process on the measured core, its files in a folder of its own on the same disk, loaded with the same event
in the form that is cheapest for it: wrk with as many connections here, one connection with as many publications under
way for NATS, redis-benchmark with as many clients for Redis.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from string import Template
from typing import Final, Protocol

from tests.benchmarks import manifest
from tests.benchmarks.bench import Bench
from tests.benchmarks.load import Load, offer, run
from tests.benchmarks.machine import CannotRun, program
from tests.benchmarks.process import Process, free_port, wait_listening

IN_FLIGHT: Final = 256
_EVENT_SIZE_BYTES: Final = 1024
_SATURATED: Final = 0.95
_READY_S: Final = 10.0
_REDIS_WARM_UP: Final = 20_000
"""Events before the window; they tell how many fill it, for redis-benchmark counts instead of looking at a clock."""
_NATS: Final = Template('listen: "127.0.0.1:$port"\njetstream { store_dir: "$folder", sync_interval: always }\n')
_REDIS: Final = {"save": "", "appendonly": "yes", "appendfsync": "always", "auto-aof-rewrite-percentage": "0"}
_REDIS_EVENT: Final = json.dumps(
    {
        "specversion": "1.0",
        "id": "__rand_int__",  # redis-benchmark puts twelve digits there
        "source": "/shop/orders",
        "type": manifest.MATCHING_TYPE,
        "time": "2026-01-01T00:00:00Z",
        "tenant": "acme",
        "datacontenttype": "application/json",
        "data": {"note": "x" * (_EVENT_SIZE_BYTES - 11)},
    },
    separators=(",", ":"),
)


class Engine(Protocol):
    """What is asked of a process that events are published to; `Process` has it."""

    name: str

    def written_bytes(self) -> int:
        """Bytes given to a disk so far."""

    def check(self) -> None:
        """Raises CannotRun if it ended."""


@dataclass(frozen=True, slots=True)
class Published:
    """One window: events that were acknowledged, the seconds it took, the generator's CPU, and what went wrong."""

    events: int
    duration_s: float
    generator_cpu_s: float
    remarks: tuple[str, ...] = ()

    @property
    def per_s(self) -> float:
        """Events per second."""
        return self.events / self.duration_s


def to_eventing(bench: Bench) -> Published:
    """Into a Broker of a journal, with a Trigger that matches none of it."""
    load = Load(connections=IN_FLIGHT)

    def publish(duration_s: float) -> Published:
        seen = offer(load, subject.url, duration_s=duration_s, core=bench.other_core)
        refused = (f"{seen.refused:,} refused",) if seen.refused else ()
        return Published(seen.requests - seen.refused, seen.duration_s, seen.cpu_s, refused)

    with bench.eventing(manifest.journalled(manifest.none())) as subject:
        publish(bench.settings.warm_up_s)
        return checked(subject.process, publish, bench.settings.window_s)


def to_nats(bench: Bench) -> Published:
    """Into a JetStream stream that syncs each event to disk before it is acknowledged."""
    port = free_port()

    def publish(duration_s: float) -> Published:
        arguments = [port, IN_FLIGHT, bench.settings.warm_up_s, duration_s, manifest.MATCHING_TYPE]
        with bench.module("nats_load", [str(argument) for argument in arguments], core=bench.other_core) as generator:
            seen = json.loads(generator.finished(timeout_s=bench.settings.warm_up_s + duration_s + 30))
        return Published(seen["events"], seen["duration_s"], seen["cpu_s"])

    with bench.data() as folder:
        configuration = folder / "nats.conf"
        configuration.write_text(_NATS.substitute(port=port, folder=folder / "store"))
        command = [program("nats-server"), "--config", str(configuration)]
        with Process("nats-server", command, core=bench.core, folder=bench.folder) as process:
            wait_listening(process, port, timeout_s=_READY_S)
            return checked(process, publish, bench.settings.window_s)


def to_redis(bench: Bench) -> Published:
    """Into a stream of a server that syncs its log to disk before it answers."""
    port = free_port()

    def publish(count: int) -> Published:
        command = [program("redis-benchmark"), "-p", str(port), "-c", str(IN_FLIGHT), "-n", str(count)]
        command += ["-r", "1000000000", "--csv", "XADD", "bench", "*", "event", _REDIS_EVENT]
        output, cpu_s = run(command, core=bench.other_core, timeout_s=60)
        try:
            per_s = float(output.strip().rsplit(",", 7)[-7].strip('"'))
        except (IndexError, ValueError) as error:
            raise CannotRun(f"redis-benchmark printed no figures: {output}") from error
        return Published(count, count / per_s, cpu_s)

    with bench.data() as folder:
        options = {"bind": "127.0.0.1", "port": str(port), "dir": str(folder), **_REDIS}
        command = [program("redis-server"), *(text for name, value in options.items() for text in (f"--{name}", value))]
        with Process("redis-server", command, core=bench.core, folder=bench.folder) as process:
            wait_listening(process, port, timeout_s=_READY_S)
            per_s = publish(_REDIS_WARM_UP).per_s
            return checked(process, lambda duration_s: publish(round(per_s * duration_s)), bench.settings.window_s)


def checked(process: Engine, publish: Callable[[float], Published], duration_s: float) -> Published:
    """A window that can be trusted: what was acknowledged was written, and the server is what took the time.

    Raises CannotRun where it was not written.
    """
    before = process.written_bytes()
    seen = publish(duration_s)
    process.check()
    written = process.written_bytes() - before
    if written < seen.events * _EVENT_SIZE_BYTES:
        raise CannotRun(f"{process.name} acknowledged {seen.events:,} events and wrote {written:,} bytes to disk")
    busy = seen.generator_cpu_s / seen.duration_s
    limit = (f"the load generator was {busy:.0%} busy",) if busy > _SATURATED else ()
    remarks = tuple(f"{process.name}: {text}" for text in (*seen.remarks, *limit))
    return Published(seen.events, seen.duration_s, seen.generator_cpu_s, remarks)
