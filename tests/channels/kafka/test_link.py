"""Connections to a cluster, where there is none that answers."""

import asyncio
import struct
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
from aiokafka.errors import LeaderNotAvailableError

from channels.errors import ChannelUnavailable
from channels.kafka.link import LATEST, Link, first_offsets
from channels.witness import comes

OFFSET_NOT_AVAILABLE = 78
_VERSIONS = struct.pack(">hi hhh hhh", 0, 2, 3, 0, 5, 18, 0, 0)
"""No error, and two requests that it knows: Metadata and ApiVersions."""


class Silence:
    """A broker that says what it knows, and nothing else; how many connections are open."""

    def __init__(self) -> None:
        self.open = 0
        self.asked = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                api, _, correlation = struct.unpack_from(">hhi", await reader.readexactly(size))
                if api == 18:
                    writer.write(struct.pack(">ii", 4 + len(_VERSIONS), correlation) + _VERSIONS)
                else:
                    self.asked += 1
        except asyncio.IncompleteReadError:
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
    await comes(True, lambda: server.asked > 0)
    if is_cancelled:
        asking.cancel()
    with pytest.raises(asyncio.CancelledError if is_cancelled else ChannelUnavailable) as raised:
        await asking
    await link.close()
    await comes(0, lambda: server.open)
    assert raised.value.__traceback__ is not None  # it holds whatever was left behind: nothing else closes that


async def test_a_leader_that_has_yet_to_learn_its_end_is_asked_again() -> None:
    """It was elected this moment: an end that lies before what was read would be taken for a loss."""

    async def send(*_: object) -> SimpleNamespace:
        return SimpleNamespace(topics=[("t", [(0, OFFSET_NOT_AVAILABLE, -1, -1)])])

    client = SimpleNamespace(cluster=SimpleNamespace(leader_for_partition=lambda _: 1), send=send)
    with pytest.raises(LeaderNotAvailableError) as raised:
        await first_offsets(client, "t", {0: LATEST})
    assert raised.value.retriable
