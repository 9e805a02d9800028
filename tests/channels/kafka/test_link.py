"""Connections to a cluster, where there is none that answers."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from channels.errors import ChannelUnavailable
from channels.kafka.link import Link
from channels.witness import comes


class Silence:
    """A server that takes connections and says nothing; how many are open."""

    def __init__(self) -> None:
        self.open = 0
        self.taken = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.taken += 1
        try:
            await reader.read()
            while not reader.at_eof():
                await reader.read()
        finally:
            self.open -= 1
            writer.close()


@pytest.fixture
async def silence() -> AsyncIterator[tuple[Silence, str]]:
    """And where it is."""
    found = Silence()
    async with await asyncio.start_server(found, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield found, f"{host}:{port}"


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_who_asks_in_vain_leaves_no_connection(silence: tuple[Silence, str], *, is_cancelled: bool) -> None:
    """Whether the time is over, or the one who asked has gone."""
    server, address = silence
    link = Link(address, {}, timeout_s=0.3)
    asking = asyncio.ensure_future(link.partitions("t"))
    await comes(True, lambda: server.taken > 0)
    if is_cancelled:
        asking.cancel()
    with pytest.raises(asyncio.CancelledError if is_cancelled else ChannelUnavailable):
        await asking
    await link.close()
    gc.disable()  # which closes what was left behind
    try:
        await comes(0, lambda: server.open)
    finally:
        gc.enable()
