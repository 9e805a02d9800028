"""A whole server in this process: how it starts, what it says while it stops, and that it leaves nothing behind."""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from eventing.app import serve
from eventing.cli.output import Failure
from eventing.cli.serve import run_server
from eventing.manifest import ManifestError
from eventing.resources.identity import Object
from eventing.settings import CannotListen, PortTaken, Settings
from tests.dispatcher.peer import OK, Peer
from tests.e2e.manifests import broker, to_yaml, trigger
from tests.eventing.stage import eventually

EVENT = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/test", "ce-type": "order"}
ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


class Server:
    """A call of `serve`, and a client of both its doors."""

    def __init__(self, task: "asyncio.Task[int]", capture: pytest.CaptureFixture[str]) -> None:
        self.task = task
        self.client = httpx2.AsyncClient()
        self.events = self.api = ""
        self._capture = capture
        self._out = ""

    @property
    def out(self) -> str:
        """What it has written so far."""
        self._out += self._capture.readouterr().out
        return self._out

    async def wait_ready(self) -> None:
        await eventually(lambda: self.out.count("\n") == 2 or self.task.done())
        events, api = (line.split() for line in self.out.splitlines())
        assert ["events", "api"] == [events[0], api[0]]
        self.events, self.api = events[1].removesuffix("/NAMESPACE/BROKER"), api[1]

    async def post(self, to: str = "b", **headers: str) -> httpx2.Response:
        return await self.client.post(f"{self.events}/default/{to}", headers=EVENT | headers, content=b"{}")

    async def get(self, path: str) -> int:
        return (await self.client.get(f"{self.events}{path}")).status_code

    async def ask(self, path: str) -> Any:
        return (await self.client.get(f"{self.api}/ops/v1/{path}")).json()

    def ask_to_stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        os.kill(os.getpid(), number)

    async def wait(self) -> int:
        async with asyncio.timeout(20):
            return await asyncio.shield(self.task)


def free(**options: Any) -> Settings:
    """Settings with ports that nobody has."""
    return Settings(**({"port": 0, "api_port": 0} | options))


def is_free(host: str, port: int) -> bool:
    """Nobody listens there."""
    try:
        socket.create_server((host, port)).close()
    except OSError:
        return False
    return True


@asynccontextmanager
async def starting(
    capture: pytest.CaptureFixture[str], paths: Sequence[Path] = (), *, watch: bool = False, **options: Any
) -> AsyncIterator[Server]:
    """A server on its way up; stopped at the end if it still runs."""
    server = Server(asyncio.create_task(serve(free(**options), paths=paths, watch=watch)), capture)
    try:
        yield server
    finally:
        await server.client.aclose()
        if not server.task.done():
            server.task.cancel()
            await asyncio.wait([server.task])


@asynccontextmanager
async def running(
    capture: pytest.CaptureFixture[str], tmp_path: Path, *items: Object, **options: Any
) -> AsyncIterator[Server]:
    """A server with these resources, which answers."""
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(to_yaml(*items))
    async with starting(capture, [manifest], **options) as server:
        await server.wait_ready()
        yield server


async def test_without_files_it_serves_no_broker(capsys: pytest.CaptureFixture[str]) -> None:
    async with starting(capsys) as server:
        await server.wait_ready()
        assert 404 == (await server.post()).status_code
        assert (200, 200) == (await server.get("/healthz"), await server.get("/readyz"))
        assert [] == (await server.ask("brokers"))["items"]
        server.ask_to_stop()
        assert 0 == await server.wait()


@pytest.mark.parametrize("engine", ["protocol", "asgi"])
async def test_events_go_from_the_door_to_the_sink(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, engine: str
) -> None:
    async with Peer([]) as peer:
        t = trigger("t", f"http://127.0.0.1:{peer.port}")
        async with running(capsys, tmp_path, broker(), t, ingress=engine) as server:
            assert 202 == (await server.post()).status_code
            await eventually(lambda: peer.requests)
            assert f"{server.events}/default/b" == (await server.ask("brokers"))["items"][0]["address"]


async def test_both_doors_answer_when_it_says_where_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """At the very first look, without another try."""
    async with starting(capsys) as server:
        await server.wait_ready()
        for url in (server.events, server.api):
            host, port = url.removeprefix("http://").split(":")
            socket.create_connection((host, int(port)), 1).close()
        assert 200 == await server.get("/readyz")


async def test_bad_files_open_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("{")
    with pytest.raises(ManifestError):
        await serve(free(), paths=[bad])
    assert "" == capsys.readouterr().out


@pytest.mark.parametrize(("name", "option"), [("port", "--port"), ("api_port", "--api-port")])
async def test_a_taken_port_gives_the_other_one_back(name: str, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as reserved:
        other = reserved.getsockname()[1]
        reserved.close()
        ports = {"port": other, "api_port": other} | {name: taken.getsockname()[1]}
        with pytest.raises(PortTaken, match=f"^{option}: "):
            await serve(Settings(**ports), paths=())
        socket.create_server(("127.0.0.1", other)).close()


async def test_an_address_that_is_not_ours_starts_nothing() -> None:
    with pytest.raises(CannotListen, match=r"^--api-host, --api-port: cannot listen on 192\.0\.2\.1 port"):
        await serve(free(api_host="192.0.2.1"), paths=())


def test_the_command_says_in_one_line_what_the_operator_must_change() -> None:
    with pytest.raises(Failure) as told:
        run_server(free(host="192.0.2.1"), [], watch=False)
    assert 1 == told.value.code
    assert str(told.value).startswith("--host, --port: cannot listen on 192.0.2.1 port 0: ")
    assert 1 == len(str(told.value).splitlines())


async def test_asked_to_stop_while_it_starts_it_opens_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    manifest = tmp_path / "many.yaml"
    manifest.write_text(to_yaml(broker(), *(trigger(f"t{n}", "http://127.0.0.1:9") for n in range(300))))
    before = signal.getsignal(signal.SIGTERM)
    async with starting(capsys, [manifest]) as server:
        while signal.getsignal(signal.SIGTERM) is before:
            await asyncio.sleep(0)
        server.ask_to_stop()
        assert 0 == await server.wait()
        assert "" == server.out


async def test_it_leaves_the_process_as_it_found_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Signal handlers, the collector's thresholds, tasks."""
    signals = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in signals], gc.get_threshold(), asyncio.all_tasks()
    async with running(capsys, tmp_path, broker()) as server:
        assert gc.get_freeze_count()
        server.ask_to_stop(signal.SIGINT)
        assert 0 == await server.wait()
    assert 0 == gc.get_freeze_count()
    await eventually(lambda: asyncio.all_tasks() == before[2])
    assert before == ([signal.getsignal(number) for number in signals], gc.get_threshold(), asyncio.all_tasks())


async def test_a_producer_that_takes_too_long_is_told_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    async with running(capsys, tmp_path, broker(), request_timeout_s=0.01) as server:
        host, port = server.events.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /default/b HTTP/1.1\r\n")
        async with asyncio.timeout(10):
            assert b"HTTP/1.1 408 Request Timeout\r\n" == await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_a_sink_that_takes_too_long_has_failed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    async with Peer([(asyncio.Event(),)]) as peer:
        t = trigger("t", f"http://127.0.0.1:{peer.port}", timeout="PT0.01S", retry=0)
        async with running(capsys, tmp_path, broker(), t) as server:
            await server.post()
            async with asyncio.timeout(10):
                while not (letters := (await server.ask("deadletters"))["items"]):
                    await asyncio.sleep(0.001)
            (attempt,) = (await server.ask(f"deadletters/{letters[0]['id']}"))["attempts"]
            assert (None, "no answer within 0.01 s") == (attempt["status"], attempt["error"])


async def test_sighup_reads_the_files_again(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    async with running(capsys, tmp_path, broker()) as server:
        (tmp_path / "resources.yaml").write_text(to_yaml(broker(), broker("late")))
        assert 404 == (await server.post("late")).status_code
        server.ask_to_stop(signal.SIGHUP)
        async with asyncio.timeout(10):
            while (await server.post("late")).status_code != 202:
                await asyncio.sleep(0.001)
        assert not server.task.done()


async def test_files_are_watched_where_that_is_asked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    async with running(capsys, tmp_path, broker(), watch=True) as server:
        (tmp_path / "resources.yaml").write_text(to_yaml(broker(), broker("late")))
        async with asyncio.timeout(10):
            while (await server.post("late")).status_code != 202:
                await asyncio.sleep(0.001)


async def test_while_it_drains_it_refuses_events_finishes_the_others_and_answers_questions(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    answer = asyncio.Event()
    async with Peer([(answer, OK)] * 5) as peer:
        t = trigger("t", f"http://127.0.0.1:{peer.port}")
        async with running(capsys, tmp_path, broker(), t) as server:
            for _ in range(5):
                assert 202 == (await server.post()).status_code
            await eventually(lambda: len(peer.requests) == 5)
            server.ask_to_stop()
            async with asyncio.timeout(10):
                while await server.get("/readyz") != 503:
                    await asyncio.sleep(0.001)
            refused = await server.post()
            assert (503, "1") == (refused.status_code, refused.headers["retry-after"])
            assert 200 == await server.get("/healthz")
            (told,) = (await server.ask("triggers"))["items"]
            assert 5 == told["lane"]["inFlight"]
            answer.set()
            assert 0 == await server.wait()
            assert 5 == len(peer.requests)


async def test_it_stops_under_load_and_loses_nothing_that_it_accepted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    accepted: list[str] = []
    async with Peer([]) as peer:
        t = trigger("t", f"http://127.0.0.1:{peer.port}")
        async with running(capsys, tmp_path, broker(), t, default_channel="memory") as server:

            async def produce(producer: int) -> int:
                """Until an event is refused: the status it gets."""
                while True:
                    one = f"{producer}-{len(accepted)}"
                    response = await server.post(**{"ce-id": one})
                    if response.status_code != 202:
                        return response.status_code
                    accepted.append(one)

            producers = [asyncio.create_task(produce(number)) for number in range(4)]
            await eventually(lambda: len(accepted) > 50)
            server.ask_to_stop()
            assert [503] * 4 == await asyncio.gather(*producers)
            assert 0 == await server.wait()
        delivered = {line for head, _ in peer.requests for line in head.split(b"\r\n") if line.startswith(b"ce-id")}
        assert len(set(accepted)) == len(delivered) == len(peer.requests)
        assert "lost" not in caplog.text


async def test_what_waits_for_a_later_retry_is_not_waited_for_and_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Peer([(ERROR,)]) as peer:
        t = trigger("t", f"http://127.0.0.1:{peer.port}", retry=1, backoffDelay="PT1H")
        async with running(capsys, tmp_path, broker(), t, default_channel="memory") as server:
            await server.post()
            async with asyncio.timeout(10):
                while not (await server.ask("triggers"))["items"][0]["lane"]["retrying"]:
                    await asyncio.sleep(0.001)
            server.ask_to_stop()
            assert 0 == await server.wait()
            assert "1 undelivered events of Broker default/b are lost" in caplog.text


async def test_asked_twice_it_stops_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Though a sink hangs, and a producer is in the middle of a request."""
    caplog.set_level(logging.INFO)
    async with Peer([(asyncio.Event(),)]) as peer:
        t = trigger("t", f"http://127.0.0.1:{peer.port}")
        async with running(capsys, tmp_path, broker(), t, shutdown_timeout_s=1000, default_channel="memory") as server:
            await server.post()
            await eventually(lambda: peer.requests)
            host, port = server.events.removeprefix("http://").split(":")
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"POST /default/b HTTP/1.1\r\nContent-Length: 10\r\n\r\n")
            await writer.drain()
            server.ask_to_stop(signal.SIGINT)
            await eventually(lambda: "ask again to stop at once" in caplog.text)
            server.ask_to_stop(signal.SIGINT)
            assert 0 == await server.wait()
            assert "1 undelivered events" in caplog.text
            writer.close()


async def test_asked_again_while_the_doors_close_it_waits_for_no_producer(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    times = {"shutdown_timeout_s": 1000, "request_timeout_s": 1000}
    async with running(capsys, tmp_path, broker(), **times) as server:
        host, port = server.events.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /default/b HTTP/1.1\r\nContent-Length: 10\r\n\r\n")
        await writer.drain()
        server.ask_to_stop()
        await eventually(lambda: is_free(host, int(port)))
        server.ask_to_stop()
        assert 0 == await server.wait()
        writer.close()


async def test_the_goodbye_ends_when_its_time_is_over(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Peer([(asyncio.Event(),)]) as peer:
        t = trigger("t", f"http://127.0.0.1:{peer.port}")
        async with running(capsys, tmp_path, broker(), t, shutdown_timeout_s=0.1, default_channel="memory") as server:
            await server.post()
            await eventually(lambda: peer.requests)
            server.ask_to_stop()
            assert 0 == await server.wait()
            assert "1 undelivered events" in caplog.text
