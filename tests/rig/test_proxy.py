"""A proxy fails as networks do."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.rig.proxy import HOST, Proxy

_HOLE_S = 0.05


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """In front of a server that says everything twice."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(100):
            writer.write(chunk * 2)
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server, Proxy(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, words: bytes) -> bytes:
        self.writer.write(words)
        return await self.reader.readexactly(2 * len(words))

    async def is_cut(self) -> bool:
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True


async def connected(proxy: Proxy) -> Client:
    return Client(*await asyncio.open_connection(HOST, proxy.port))


@pytest.fixture
async def client(proxy: Proxy) -> AsyncIterator[Client]:
    client = await connected(proxy)
    yield client
    client.writer.close()


async def test_it_passes_on(proxy: Proxy, client: Client) -> None:
    """In both directions, and counts who connected."""
    assert b"aa" == await client.ask(b"a")
    assert 1 == proxy.accepted


async def test_it_cuts(proxy: Proxy, client: Client) -> None:
    """What is connected; what connects afterwards is served."""
    await client.ask(b"a")
    proxy.cut()
    assert await client.is_cut()
    again = await connected(proxy)
    assert b"bb" == await again.ask(b"b")
    again.writer.close()


async def test_it_refuses(proxy: Proxy, client: Client) -> None:
    """What is connected as well, until it passes on again."""
    await client.ask(b"a")
    proxy.manner = "refuse"
    assert await client.is_cut()
    refused = await connected(proxy)
    assert await refused.is_cut()
    refused.writer.close()
    proxy.manner = "pass"
    again = await connected(proxy)
    assert b"bb" == await again.ask(b"b")
    again.writer.close()


async def test_a_hole_takes_everything_and_says_nothing(proxy: Proxy, client: Client) -> None:
    """A connection that lost something is cut when the hole closes; one that lost nothing goes on."""
    idle = await connected(proxy)
    await idle.ask(b"a")
    await client.ask(b"a")
    proxy.manner = "hole"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(_HOLE_S):
            await client.ask(b"b")
    proxy.manner = "pass"
    assert await client.is_cut()
    assert b"cc" == await idle.ask(b"c")
    idle.writer.close()


async def test_it_delays(proxy: Proxy, client: Client) -> None:
    """Each piece, in each direction."""
    loop: Any = asyncio.get_running_loop()
    proxy.delay_s = _HOLE_S
    began_s = loop.time()
    assert b"aa" == await client.ask(b"a")
    assert loop.time() - began_s >= 2 * _HOLE_S
