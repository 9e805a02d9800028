"""`eventing serve --workers`: processes that share a port, and live and end together."""

import os
import signal
import socket
import time
from pathlib import Path

import httpx2
import pytest

from tests.e2e.load import Load
from tests.e2e.manifests import broker, to_yaml, trigger
from tests.e2e.member import Member, prepare
from tests.e2e.process import Sink, running, wait_until
from tests.rig.postgres import Postgres

on_redis = pytest.mark.usefixtures("redis_server")


class Team(Member):
    """A supervisor and its processes. Its health ports: the API's, then the workers'."""

    def __init__(self, folder: Path, url: str, *options: str, workers: int = 2) -> None:
        super().__init__(folder, "team", url, "--workers", str(workers), *options)

    def wait_ready(self) -> None:
        wait_until(lambda: self.out.count("\n") == 2 or not self.is_running, f"ready: {self.err}")
        assert self.is_running, self.err

    @property
    def pids(self) -> set[int]:
        """Its children."""
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    parent = (entry / "stat").read_text().rpartition(") ")[2].split()[1]
                except OSError:
                    continue
                if parent == str(self.pid):
                    found.add(int(entry.name))
        return found


def name_of(pid: int) -> str:
    """What a child is called."""
    words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next(w.decode().partition("=")[2] for w in words if w.startswith(b"EVENTING_PROCESS_NAME="))


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@on_redis
def test_workers_share_a_port_and_live_and_end_together(tmp_path: Path, postgres: Postgres) -> None:
    """Both lines come once all are ready; connections reach all of them; what ends is started again; one word stops
    all.
    """
    url = prepare(tmp_path, postgres)
    manifest = tmp_path / "r.yaml"
    manifest.write_text(to_yaml(broker()))
    team = Team(tmp_path, url, "-f", str(manifest))
    with running(team):
        team.wait_ready()
        assert ["events", "api"] == [line.split()[0] for line in team.out.splitlines()]
        assert {"api", "worker-1", "worker-2"} == {name_of(pid) for pid in team.pids}
        wait_until(lambda: "api 2" in team.err, "its lines begin with its name")
        for port in range(team.health_port, team.health_port + 3):
            assert 200 == httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code
        assert "b" == httpx2.get(f"{team.api_url}/ops/v1/brokers").json()["items"][0]["name"]

        victim = next(pid for pid in team.pids if name_of(pid) == "worker-1")
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: team.err.count("worker-1 is ready") == 2, "the worker is there again")

        pids = team.pids
        assert 3 == len(pids)
        began = time.monotonic()
        assert 0 == team.stop(), team.err
        assert time.monotonic() - began < 10
        wait_until(lambda: not any(map(is_alive, pids)), "all have ended")


@on_redis
def test_connections_reach_all_workers(tmp_path: Path, postgres: Postgres) -> None:
    """Which one has a connection shows in its metrics."""
    team = Team(tmp_path, prepare(tmp_path, postgres))
    with running(team):
        team.wait_ready()
        host, port = team.events_url.removeprefix("http://").split(":")
        opened = [socket.create_connection((host, int(port))) for _ in range(64)]

        def counts() -> list[float]:
            texts = [
                httpx2.get(f"http://127.0.0.1:{team.health_port + number}/metrics").text.splitlines()
                for number in (1, 2)
            ]
            return [
                float(line.split()[1])
                for text in texts
                for line in text
                if line.startswith("eventing_ingress_connections")
            ]

        wait_until(lambda: sum(counts()) == 64, "all are accepted")
        assert all(counts()), counts()
        for one in opened:
            one.close()


@pytest.mark.usefixtures("shared")
def test_workers_take_and_deliver_whichever_dies(tmp_path: Path, postgres: Postgres) -> None:
    """What one held that is killed goes to the other; nothing that was accepted is lost."""
    sink = Sink(tmp_path, "sink")
    manifest = tmp_path / "r.yaml"
    manifest.write_text(to_yaml(broker(), trigger("t", sink.url)))
    team = Team(tmp_path, prepare(tmp_path, postgres), "-f", str(manifest))
    with running(team, sink):
        team.wait_ready()
        with Load(team, team) as load:
            wait_until(lambda: len(sink.ids) > 100, "events arrive")
            os.kill(next(pid for pid in team.pids if name_of(pid) == "worker-1"), signal.SIGKILL)
            held = len(sink.ids)
            wait_until(lambda: len(sink.ids) > held + 100, "the other worker takes and delivers")
            wait_until(lambda: team.err.count("worker-1 is ready") == 2, "the worker is there again")
        wait_until(lambda: set(load.accepted) <= set(sink.ids), "all have arrived", 60)
        assert 0 == team.stop(), team.err
        assert "crashed" not in team.err


@on_redis
def test_children_of_a_supervisor_that_is_killed_end(tmp_path: Path, postgres: Postgres) -> None:
    """Nobody is left behind that nobody can stop."""
    team = Team(tmp_path, prepare(tmp_path, postgres))
    with running():
        team.wait_ready()
        pids = team.pids
        team.kill()
        wait_until(lambda: not any(map(is_alive, pids)), "all have ended")


@on_redis
def test_a_taken_port_is_told_and_nothing_is_left(tmp_path: Path, postgres: Postgres) -> None:
    """The events' port by the supervisor, the API's by the process that has it."""
    url = prepare(tmp_path, postgres)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for options, words in ((("--port", port), "--port: "), (("--api-port", port), "--api-port: ")):
            team = Team(tmp_path, url, *options)
            assert 1 == team.wait(), team.err
            assert f"{words}127.0.0.1 port {port} is taken" in team.err
            assert "Traceback" not in team.err


@on_redis
def test_manifests_that_are_wrong_are_told_and_nothing_is_left(tmp_path: Path, postgres: Postgres) -> None:
    """As a single process would tell them."""
    manifest = tmp_path / "r.yaml"
    manifest.write_text("{")
    team = Team(tmp_path, prepare(tmp_path, postgres), "-f", str(manifest))
    assert 1 == team.wait(), team.err
    assert "r.yaml" in team.err


@on_redis
def test_asked_twice_it_stops_at_once(tmp_path: Path, postgres: Postgres) -> None:
    """Whatever is under way."""
    team = Team(tmp_path, prepare(tmp_path, postgres))
    with running(team):
        team.wait_ready()
        host, port = team.events_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(b"POST /default/b HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
            time.sleep(0.2)
            began = time.monotonic()
            team.signal(signal.SIGTERM)
            wait_until(lambda: "stopping" in team.err, "it stops")
            team.signal(signal.SIGTERM)
            assert 0 == team.wait(), team.err
            assert time.monotonic() - began < 5
