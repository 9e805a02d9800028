"""The bench: the sink and the unit N, up for the whole run; the subjects, which come and go; one measurement of any."""

import compileall
import contextlib
import http.client
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from tests.benchmarks import manifest, nginx
from tests.benchmarks.load import Load, offer
from tests.benchmarks.machine import CannotRun
from tests.benchmarks.process import Process, free_port, get
from tests.benchmarks.sample import Sample, together

ROOT: Final = Path(__file__).resolve().parents[2]
_PACKAGES: Final = ("channels", "dispatcher", "eventing", "migrations")
_READY_S: Final = 120.0
_CORES_TO_SPARE: Final = 4
_PARTS: Final = 2
_SETTLED_S: Final = 0.3
"""All that was accepted has arrived, and for so long nothing more did: what wrk had under way at its end is in."""
_STALLED_S: Final = 4.0
"""Something is missing, and for so long nothing arrived: longer than the first four retries of the default policy."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How long and how often. wrk counts in whole seconds."""

    repetitions: int = 5
    warm_up_s: int = 1
    jvm_warm_up_s: int = 8
    """A fresh JVM spends so long compiling what its first requests ran."""
    window_s: int = 4
    unit_s: int = 1
    latency_s: int = 5
    waiting_events: int = 1_000_000


class Server(Protocol):
    """A server that events rest in: `tests.benchmarks.engine` starts it."""

    def cpu_s(self) -> float:
        """User and system time so far, in seconds."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: a process, and where it takes events. `lanes_url` tells its own count of deliveries, `server`
    is asked for the CPU of the server that it keeps events in, where there is one.
    """

    process: Process
    address: str
    lanes_url: str | None = None
    server: Server | None = None

    @property
    def url(self) -> str:
        """Where events are POSTed."""
        return self.address + manifest.PATH

    def claims(self) -> int | None:
        """Deliveries to the sink by the subject's own count; None where it keeps none. Other sinks are left out."""
        if self.lanes_url is None:
            return None
        status, body = get(self.lanes_url)
        if status != http.client.OK:
            raise CannotRun(f"{self.lanes_url} answers {status}")
        items = json.loads(body)["items"]
        delivered: int = sum(item["lane"]["delivered"] for item in items if not item["name"].startswith("bad-"))
        return delivered


class Bench:
    """Everything a scenario needs. Made by `prepared`."""

    def __init__(
        self, settings: Settings, cores: Sequence[int], folder: Path, sink: nginx.Sink, proxy: Subject
    ) -> None:
        self.settings = settings
        self.core, self.other_core = cores[:2]
        self.spare_core = cores[2] if len(cores) >= _CORES_TO_SPARE else None
        """One for a second measured process; None where the machine has not enough of them to leave it alone."""
        self.folder = folder
        self.sink = sink
        self.proxy = proxy

    @contextlib.contextmanager
    def eventing(
        self,
        documents: list[manifest.Document],
        *options: str,
        server: Server | None = None,
        core: int | None = None,
    ) -> Iterator[Subject]:
        """A ready server with these resources. What is durable is in a folder of its own, or on the other server."""
        port, api_port = free_port(), free_port()
        with self.data() as data, self.server(documents, port, api_port, *options, data=data, core=core) as process:
            process.wait_ready(f"http://127.0.0.1:{api_port}/readyz", timeout_s=_READY_S)
            lanes_url = f"http://127.0.0.1:{api_port}/ops/v1/triggers"
            yield Subject(process, f"http://127.0.0.1:{port}", lanes_url, server)

    @contextlib.contextmanager
    def data(self) -> Iterator[Path]:
        """An empty folder on a disk, for the length of the context."""
        with tempfile.TemporaryDirectory(prefix="data-", dir=self.folder) as folder:
            yield Path(folder)

    def server(
        self,
        documents: list[manifest.Document],
        port: int,
        api_port: int,
        *options: str,
        data: Path,
        core: int | None = None,
    ) -> Process:
        """The server's process, not entered."""
        data.mkdir(exist_ok=True)
        path = data / "manifest.yaml"
        manifest.write(path, documents)
        command = [str(Path(sys.executable).with_name("eventing")), "serve", "-f", str(path), "--host", "127.0.0.1"]
        command += ["--port", str(port), "--api-port", str(api_port), "--data-dir", str(data), *options]
        return Process("eventing", command, core=self.core if core is None else core, folder=data)

    def install(self) -> None:
        """Compile the server's modules, as whoever installs it does: a start is not to be charged with that."""
        for package in _PACKAGES:
            compileall.compile_dir(ROOT / package, quiet=1)

    @contextlib.contextmanager
    def classic(self) -> Iterator[Subject]:
        """The second yardstick, ready."""
        port = free_port()
        arguments = [str(port), f"http://127.0.0.1:{self.sink.port}/", manifest.MATCHING_TYPE]
        with self.module("classic", arguments, core=self.core) as process:
            process.wait_ready(f"http://127.0.0.1:{port}/readyz", timeout_s=_READY_S)
            yield Subject(process, f"http://127.0.0.1:{port}")

    def module(self, name: str, arguments: Sequence[str], *, core: int) -> Process:
        """A module of this package as a process, not entered."""
        command = [sys.executable, "-m", f"tests.benchmarks.{name}", *arguments]
        environment: Mapping[str, str] = {"PYTHONPATH": str(ROOT)}
        return Process(name, command, core=core, folder=self.folder, environment=environment)

    def unit(self) -> Sample:
        """One measurement of N: what the same event costs a proxy that only passes it on."""
        return self._window(self.proxy, Load(), self.settings.unit_s, matching=1)

    def measure(
        self,
        subject: Subject,
        load: Load = Load(),  # noqa: B008 - frozen
        *,
        matching: int = 1,
        warm_up_s: int | None = None,
    ) -> Sample:
        """Warm the subject up, then load it for the window, a part of it at a time: before, between and after the parts
        N is measured. Each event is expected at the sink `matching` times.
        """
        self._window(subject, load, warm_up_s or self.settings.warm_up_s, matching=matching)
        part_s = max(1, self.settings.window_s // _PARTS)
        units, own = [self.unit()], []
        for _ in range(_PARTS):
            own.append(self._window(subject, load, part_s, matching=matching))
            units.append(self.unit())
        return replace(together(own), unit_us=together(units).us_per_delivered)

    def compare(
        self,
        subjects: Sequence[Subject],
        load: Load = Load(),  # noqa: B008 - frozen
        *,
        warm_up_s: int | None = None,
    ) -> list[Sample]:
        """Load each of them for a part of the window, in turns, until each has had two windows: what slows the machine
        down for some seconds slows down all of them.
        """
        for subject in subjects:
            self._window(subject, load, warm_up_s or self.settings.warm_up_s, matching=1)
        part_s = max(1, self.settings.window_s // _PARTS)
        samples: list[list[Sample]] = [[] for _ in subjects]
        for _ in range(2 * _PARTS):
            for subject, own in zip(subjects, samples, strict=True):
                own.append(self._window(subject, load, part_s, matching=1))
        return [together(own) for own in samples]

    def _window(self, subject: Subject, load: Load, duration_s: int, *, matching: int) -> Sample:
        claimed_before = subject.claims()
        delivered_before, cpu_before, started = self.sink.delivered(), subject.process.cpu_s(), time.monotonic()
        server_cpu_before = _server_cpu_s(subject)
        result = offer(load, subject.url, duration_s=duration_s, core=self.other_core)
        in_window, passed_s = self.sink.delivered() - delivered_before, time.monotonic() - started
        cpu_in_window_s = subject.process.cpu_s() - cpu_before
        subject.process.check()
        accepted = (result.requests - result.refused) * load.events_per_request
        delivered = self.drained(delivered_before + accepted * matching) - delivered_before
        cpu_s = subject.process.cpu_s() - cpu_before
        if not delivered:
            name, requests, refused = subject.process.name, result.requests, result.refused
            raise CannotRun(f"{name} delivered nothing of {requests} requests, {refused} of them refused")
        claims = subject.claims()
        return Sample(
            cpu_s=cpu_s,
            server_cpu_s=_server_cpu_s(subject) - server_cpu_before,
            accepted=accepted,
            delivered=delivered,
            missing=max(0, accepted * matching - delivered),
            refused=result.refused * load.events_per_request,
            broken=result.broken,
            miscounted=0 if claims is None or claimed_before is None else claims - claimed_before - delivered,
            throughput_per_s=in_window / result.duration_s,
            busy=cpu_in_window_s / passed_s,
            rss_peak_bytes=subject.process.rss_peak_bytes(),
            answer_p50_ms=result.answer_p50_ms,
            answer_p99_ms=result.answer_p99_ms,
        )

    def drained(self, expected: int) -> int:
        """Wait until the sink's count rests, and return it."""
        count, changed = self.sink.delivered(), time.monotonic()
        while time.monotonic() - changed < (_SETTLED_S if count >= expected else _STALLED_S):
            time.sleep(0.05)
            if (latest := self.sink.delivered()) != count:
                count, changed = latest, time.monotonic()
        return count


def _server_cpu_s(subject: Subject) -> float:
    return 0.0 if subject.server is None else subject.server.cpu_s()


@contextlib.contextmanager
def prepared(settings: Settings, cores: Sequence[int], folder: Path) -> Iterator[Bench]:
    """A bench with its sink and its proxy running; everything is ended on leaving."""
    with nginx.counting_sink(core=cores[1], folder=folder) as sink:
        process, address = nginx.proxy(core=cores[0], folder=folder, sink_port=sink.port)
        with process:
            process.wait_ready(f"{address}/readyz", timeout_s=_READY_S)
            yield Bench(settings, cores, folder, sink, Subject(process, address))
