"""Sockets that are known to be ours before anything starts, and given back whatever happens."""

import asyncio
import errno
import inspect
import os
import socket
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from eventing.ingress.intake import Intake
from eventing.ingress.protocol import IngressProtocol
from eventing.listener import Listener, _listen_at, reserved
from eventing.settings import CannotListen, PortTaken
from tests.eventing.ingress.door import LIMITS
from tests.eventing.stage import eventually

LOCALHOST = "127.0.0.1"


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def ask(url: str) -> str:
    async with httpx2.AsyncClient() as client:
        return (await client.get(url)).text


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


@pytest.mark.parametrize("host", [LOCALHOST, "localhost", "0.0.0.0", *(["::1", "::"] if has_ipv6() else [])])
async def test_it_answers_where_it_says(host: str) -> None:
    async with Listener("--port", host, 0) as listener:
        await listener.start(hello)
        assert "hello" == await ask(listener.url)
        assert not listener.url.endswith(":0")


async def test_a_name_is_listened_for_at_all_its_addresses_on_one_port() -> None:
    async with Listener("--port", "localhost", 0) as listener:
        await listener.start(hello)
        names = {one.getsockname()[:2] for one in listener._sockets}
        known = {info[4][0] for info in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
        assert 1 == len({port for _, port in names})
        assert {host for host, _ in names} <= known
        for host, port in names:
            at = f"[{host}]" if ":" in host else host
            assert "hello" == await ask(f"http://{at}:{port}")


async def test_a_taken_port_is_told_before_anything_starts() -> None:
    """Also by one that does not answer yet: of two servers that start together, one is told."""
    with socket.create_server((LOCALHOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"--api-port: {LOCALHOST} port {port} is taken"):
            Listener("--api-port", LOCALHOST, port)
    async with Listener("--port", LOCALHOST, 0) as first:
        with pytest.raises(PortTaken):
            Listener("--port", LOCALHOST, first._sockets[0].getsockname()[1])


async def test_a_port_is_free_again_at_once() -> None:
    """Though connections of the last process linger."""
    port = 0
    for _ in range(3):
        async with Listener("--port", LOCALHOST, port) as listener:
            await listener.start(hello)
            assert "hello" == await ask(listener.url)
            port = listener._sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("192.0.2.1", os.strerror(errno.EADDRNOTAVAIL)),
        ("no-such-host.invalid", "'no-such-host.invalid' is no address and no known name"),
        ("", "'' is no address and no known name"),
        ("a" * 70, f"{'a' * 70!r} is no address and no known name"),
        ("999.999.999.999", "'999.999.999.999' is no address and no known name"),
    ],
)
async def test_an_address_that_is_not_ours_is_told_in_one_line(host: str, reason: str) -> None:
    before = open_files()
    with pytest.raises(CannotListen) as told:
        Listener("--api-port", host, 8081)
    assert f"--api-host, --api-port: cannot listen on {host} port 8081: {reason}" == str(told.value)
    assert before == open_files()


def test_of_several_addresses_those_that_the_machine_does_not_have_are_passed_over() -> None:
    """And where another one fails, what was taken already is given back."""
    absent, ours, theirs = ((socket.AF_INET, (host, 0)) for host in ("192.0.2.1", LOCALHOST, "127.0.0.2"))
    before = open_files()
    for addresses in ([absent, ours], [ours, absent]):
        (listening,) = _listen_at(addresses, 0)
        assert LOCALHOST == listening.getsockname()[0]
        listening.close()
    with pytest.raises(OSError, match=os.strerror(errno.EADDRNOTAVAIL)):
        _listen_at([absent, absent], 0)
    taken = os.strerror(errno.EADDRINUSE)
    with socket.create_server(("127.0.0.2", 0)) as other, pytest.raises(OSError, match=taken):
        _listen_at([ours, theirs], other.getsockname()[1])
    assert before == open_files()


async def test_starting_and_stopping_leaves_nothing_behind() -> None:
    before: tuple[int, int] | None = None
    for number in range(50):
        async with Listener("--port", LOCALHOST, 0) as listener:
            await listener.start(hello)
            if number % 10 == 0:
                assert "hello" == await ask(listener.url)
        if number == 0:
            await eventually(lambda: len(asyncio.all_tasks()) == 1)
            before = open_files(), len(asyncio.all_tasks())
    await eventually(lambda: before == (open_files(), len(asyncio.all_tasks())))


async def test_stopped_it_refuses_connections() -> None:
    listener = Listener("--port", LOCALHOST, 0)
    await listener.start(hello)
    url = listener.url
    await listener.stop(1.0)
    await listener.stop(1.0)
    with pytest.raises(httpx2.ConnectError):
        await ask(url)
    assert [] == listener.connections


async def test_never_started_it_gives_its_port_back() -> None:
    listener = Listener("--port", LOCALHOST, 0)
    port = listener._sockets[0].getsockname()[1]
    assert [] == listener.connections
    await listener.stop()
    await Listener("--port", LOCALHOST, port).stop()


async def test_an_answer_that_is_due_goes_out_before_it_stops() -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        asked.set()
        await may_answer.wait()
        await hello(scope, receive, send)

    listener = Listener("--port", LOCALHOST, 0)
    await listener.start(slow)
    request = asyncio.create_task(ask(listener.url))
    await asked.wait()
    assert 1 == len(listener.connections)
    stopping = asyncio.create_task(listener.stop(30.0))
    await asyncio.sleep(0)
    assert not stopping.done()
    may_answer.set()
    assert "hello" == await request
    await stopping


async def test_asked_to_hurry_it_waits_for_nobody() -> None:
    asked = asyncio.Event()

    async def never(scope: Any, receive: Any, send: Any) -> None:
        asked.set()
        await asyncio.Event().wait()

    listener = Listener("--port", LOCALHOST, 0)
    await listener.start(never)
    listener.hurry()
    request = asyncio.create_task(ask(listener.url))
    await asked.wait()
    stopping = asyncio.create_task(listener.stop(1000.0))
    await asyncio.sleep(0)
    listener.hurry()
    async with asyncio.timeout(5.0):
        await stopping
    request.cancel()
    await asyncio.wait([request])


async def test_a_server_that_cannot_start_raises_and_gives_its_port_back() -> None:
    listener = Listener("--port", LOCALHOST, 0)
    url = listener.url
    with pytest.raises(Exception, match="no_such_protocol"):
        await listener.start(hello, protocol="eventing.listener:no_such_protocol")
    await listener.stop()
    with pytest.raises(httpx2.ConnectError):
        await ask(url)


# What is taken from uvicorn that is not its public API. Where one of these fails, its version was changed.


class _Recorder(asyncio.Protocol):
    """What uvicorn is given as `http=`; `arguments` is what it made it with."""

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments
        self._peers = arguments["server_state"].connections
        self.told_to_shut_down = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._peers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._peers.discard(self)

    def shutdown(self) -> None:
        self.told_to_shut_down = True
        self.transport.close()


async def test_uvicorn_makes_protocols_with_the_arguments_that_ours_takes() -> None:
    async with Listener("--port", LOCALHOST, 0) as listener:
        await listener.start(hello, protocol=_Recorder)
        _, writer = await asyncio.open_connection(*listener._sockets[0].getsockname())
        await eventually(lambda: listener.connections)
        (connection,) = listener.connections
        taken = inspect.signature(IngressProtocol).parameters
        assert {*connection.arguments} == {*taken} == {"config", "server_state", "app_state", "_loop"}
        assert isinstance(connection.arguments["config"], uvicorn.Config)
        await listener.stop(1.0)
        assert connection.told_to_shut_down
        writer.close()
        await writer.wait_closed()


async def test_our_protocol_is_one_that_uvicorn_can_hold() -> None:
    protocol = IngressProtocol.bound_to(Intake(LIMITS))
    async with Listener("--port", LOCALHOST, 0) as listener:
        await listener.start(hello, protocol=protocol)
        assert "ok" == await ask(f"{listener.url}/healthz")


def test_uvicorn_has_the_parts_that_a_listener_drives() -> None:
    """`Server.serve` does the same in the same order, between signal handlers that we have of our own."""
    source = inspect.getsource(uvicorn.Server._serve)
    parts = [
        "config.load()",
        "self.lifespan = config.lifespan_class(config)",
        "await self.startup(sockets=sockets)",
        "await self.main_loop()",
        "await self.shutdown(sockets=sockets)",
    ]
    places = [source.find(part) for part in parts]
    assert -1 not in places
    assert sorted(places) == places


def test_the_minor_version_of_uvicorn_is_pinned() -> None:
    dependencies = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    major, minor = uvicorn.__version__.split(".")[:2]
    assert f'"uvicorn>={major}.{minor},<{major}.{int(minor) + 1}"' in dependencies


async def test_a_reserved_port_is_shared_by_those_who_ask_for_it() -> None:
    """They get connections, and the one who reserved it none."""
    with reserved("--port", "127.0.0.1", 0) as port:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 1)
        first, second = (Listener("--port", "127.0.0.1", port, is_shared=True) for _ in range(2))
        socket.create_connection(("127.0.0.1", port), 1).close()
        first.close()
        socket.create_connection(("127.0.0.1", port), 1).close()
        second.close()


async def test_a_port_that_a_server_has_cannot_be_reserved() -> None:
    """Also where that server would share it: two teams by mistake on one port would share their events."""
    with reserved("--port", "127.0.0.1", 0) as port:
        sharing = Listener("--port", "127.0.0.1", port, is_shared=True)
        with pytest.raises(PortTaken), reserved("--port", "127.0.0.1", port):
            pass
        sharing.close()
