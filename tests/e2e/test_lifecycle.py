"""Start, reload and stop of a real server, under load where it matters."""

import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2

from tests.e2e.manifests import broker, to_yaml, trigger
from tests.e2e.process import EVENTING, Process, Server, Sink, running, wait_until

EVENTS = 3000
GOODBYE_MAX_S = 10.0


def test_reloads_under_load_lose_nothing_and_judge_nothing_twice(tmp_path: Path) -> None:
    """Two Triggers swap their filters at every reload: whichever version judged an event, exactly one sink got it."""
    left, right = Sink(tmp_path, "left"), Sink(tmp_path, "right")
    manifest = tmp_path / "resources.yaml"

    def write(swapped: bool, extra: int) -> None:
        types = ("never", "order") if swapped else ("order", "never")
        triggers = [
            trigger(name, sink.url, filters=[{"exact": {"type": event_type}}])
            for name, sink, event_type in (("left", left, types[0]), ("right", right, types[1]))
        ]
        idle = [trigger(f"idle-{n}", left.url, filters=[{"exact": {"type": f"other-{n}"}}]) for n in range(extra)]
        manifest.write_text(to_yaml(broker(), *triggers, *idle))

    write(swapped=False, extra=0)
    server = Server(tmp_path, manifest)
    load = Process(
        tmp_path,
        "load",
        *("send", f"{server.events_url}/default/b", "--type", "order", "--source", "/test"),
        *("--data", "{}", "--count", str(EVENTS), "--concurrency", "8"),
    )
    with running(server, left, right, load):
        reloads = 0
        while load.is_running:
            reloads += 1
            write(swapped=reloads % 2 == 1, extra=reloads % 5)
            server.signal(signal.SIGHUP)
            wait_until(lambda expected=reloads: server.err.count("reloaded:") >= expected, "the reload")
        assert 0 == load.wait(), load.err
        wait_until(server.is_settled, "everything is settled")
        ids = [*left.ids, *right.ids]
        assert reloads >= 3
        assert left.ids
        assert right.ids
        assert EVENTS == len(ids) == len(set(ids)) == server.ask("brokers/default/b")["accepted"]


def test_a_file_that_changes_is_read_again_where_that_is_asked(tmp_path: Path) -> None:
    sink = Sink(tmp_path, "sink")
    folder = tmp_path / "resources"
    folder.mkdir()
    (folder / "broker.yaml").write_text(to_yaml(broker()))
    server = Server(tmp_path, folder, "--watch", "--prune")
    with running(server, sink):
        (folder / "trigger.json").write_text('{"kind": "List", "apiVersion": "v1", "items": []}')
        (folder / "trigger.yaml").write_text(to_yaml(trigger("t", sink.url)))
        wait_until(lambda: server.ask("triggers")["items"], "the Trigger")
        server.post("b", "order", "1")
        wait_until(lambda: sink.ids == ["1"], "the delivery")
        (folder / "trigger.yaml").unlink()
        wait_until(lambda: not server.ask("triggers")["items"], "the Trigger is gone")


def test_a_bad_file_on_reload_changes_nothing(tmp_path: Path) -> None:
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(to_yaml(broker(), trigger("t", "http://127.0.0.1:9")))
    server = Server(tmp_path, manifest)
    with running(server):
        manifest.write_text(to_yaml(broker(), trigger("t", "http://127.0.0.1:9", filters=[{"exact": {"type": ""}}])))
        server.signal(signal.SIGHUP)
        wait_until(lambda: "spec.filters[0].exact.type" in server.err, "the complaint")
        assert ["t"] == [one["name"] for one in server.ask("triggers")["items"]]


def test_bad_files_start_nothing_and_tell_everything(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(to_yaml(broker(), trigger("t", "relative", filters=[{"prefix": {"type": ""}}])))
    second.write_text("kind: Broker\n---\n{")
    ended = subprocess.run(
        [EVENTING, "serve", "-f", first, "-f", second, "--port", "0", "--api-port", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (1, "") == (ended.returncode, ended.stdout)
    for told in (
        f"{first}: document 2 (Trigger default/t): spec.filters[0].prefix.type: ",
        f"{first}: document 2 (Trigger default/t): spec.subscriber.uri: ",
        f"{second}: ",
    ):
        assert told in ended.stderr


def test_a_taken_port_is_an_error_that_names_the_option(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for option in ("--port", "--api-port"):
            others: dict[str, Any] = {"--port": "0", "--api-port": "0"} | {option: str(port)}
            arguments = [text for pair in others.items() for text in pair]
            ended = subprocess.run(
                [EVENTING, "serve", *arguments], capture_output=True, text=True, check=False, timeout=20
            )
            assert 1 == ended.returncode
            assert f"{option}: 127.0.0.1 port {port} is taken" in ended.stderr


def test_asked_to_stop_it_finishes_what_is_in_flight_and_refuses_the_rest(tmp_path: Path) -> None:
    sink = Sink(tmp_path, "sink", "--delay", "0.5")
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(to_yaml(broker(), trigger("t", sink.url)))
    server = Server(tmp_path, manifest)
    with running(server, sink):
        for number in range(20):
            assert 202 == server.post("b", "order", str(number))
        with httpx2.Client() as kept:
            kept.get(f"{server.events_url}/readyz").raise_for_status()
            server.signal(signal.SIGTERM)
            wait_until(lambda: "stopping" in server.err, "the goodbye begins")
            assert 503 == kept.get(f"{server.events_url}/readyz").status_code
        assert 0 == server.wait()
        assert 20 == len(set(sink.ids))
        assert "lost" not in server.err


def test_what_the_memory_channel_still_holds_at_the_end_is_named_by_count(tmp_path: Path) -> None:
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(to_yaml(broker(), trigger("t", "http://127.0.0.1:9", retry=10, backoffDelay="PT1H")))
    server = Server(tmp_path, manifest, environment={"EVENTING_DEFAULT_CHANNEL": "memory"})
    with running(server):
        for number in range(3):
            server.post("b", "order", str(number))
        wait_until(lambda: server.lane("t")["retrying"] == 3, "three retries are due later")
        server.signal(signal.SIGTERM)
        assert 0 == server.wait()
        assert "3 undelivered events of Broker default/b are lost" in server.err


def test_clients_that_watch_do_not_hold_up_its_end(tmp_path: Path) -> None:
    """Neither one that waits for changes, nor one that has ceased to read them."""
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(to_yaml(broker()))
    server = Server(tmp_path, manifest)
    with running(server), server.client() as client, ExitStack() as stack:
        host, port = server.api_url.removeprefix("http://").split(":")
        for kind in ("secrets", "configmaps"):
            watching = stack.enter_context(socket.create_connection((host, int(port))))
            request = f"GET /api/v1/{kind}?watch=true HTTP/1.1\r\nHost: localhost\r\n\r\n"
            watching.sendall(request.encode())
            assert watching.recv(12) == b"HTTP/1.1 200"
        for number in range(20):
            item = {"metadata": {"name": f"c{number}"}, "data": {"text": "x" * 900_000}}
            client.post("/api/v1/namespaces/default/configmaps", json=item).raise_for_status()
        began_s = time.monotonic()
        server.signal(signal.SIGTERM)
        assert 0 == server.wait()
        assert time.monotonic() - began_s < GOODBYE_MAX_S
