"""Both doors of the ingress on real sockets, channels that are slow or full, and a producer that speaks bytes."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import uvicorn

from channels.contract import Channel, Features, Receipt
from channels.event import Event
from channels.memory import MemoryChannel
from dispatcher.sighting import Sightings
from dispatcher.valve import Valve
from eventing.ingress.asgi import IngressApp
from eventing.ingress.intake import Intake, Limits
from eventing.ingress.protocol import IngressProtocol

Kind = Literal["protocol", "asgi"]
KINDS: tuple[Kind, ...] = ("protocol", "asgi")
LIMITS = Limits(
    header_count_max=40,
    header_size_max_bytes=4096,
    request_timeout_s=10.0,
    keep_alive_timeout_s=60.0,
    connections_max=100,
    batch_events_max=10_000,
)
PATH = "/default/orders"
HEADERS = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/shop", "ce-type": "sold", "Content-Type": "text/plain"}
WAIT_MAX_S = 10.0
"""How long a test waits for what must come."""


class SlowChannel:
    """Keeps receipts until a test tells them. `submitted` has the events of each submit."""

    features = Features()

    def __init__(self) -> None:
        self.submitted: list[list[Event]] = []
        self.receipts: list[Receipt] = []

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        self.submitted.append(list(events))
        self.receipts.append(receipt)

    async def wait_submitted(self, count: int) -> None:
        async with asyncio.timeout(WAIT_MAX_S):
            while len(self.submitted) < count:
                await asyncio.sleep(0)


class KeepingChannel(SlowChannel):
    """Stores at once and keeps what it stored."""

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        self.submitted.append(list(events))
        receipt.stored()

    @property
    def ids(self) -> list[str]:
        return [event.id for events in self.submitted for event in events]


@dataclass
class Place:
    """A route to a Broker or Channel, as far as the ingress knows one."""

    channel: Any = field(default_factory=KeepingChannel)
    event_size_max_bytes: int = 1000
    ttl_max: int | None = 255
    sightings: Sightings | None = None
    unready: str = "the Broker has no channel"
    entrance: Valve = field(default_factory=Valve)
    regulated: int = 0

    def regulate(self) -> None:
        self.regulated += 1


@dataclass
class Said:
    """One answer as the producer reads it; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def fault(self) -> dict[str, str]:
        return dict(json.loads(self.body))


def request(
    body: bytes = b"hello", *, method: str = "POST", path: str = PATH, version: str = "1.1", drop: str = "", **more: str
) -> bytes:
    """An HTTP request with an event; `more` are headers, with underscores for hyphens, `drop` one that is left out."""
    headers = {"Host": "here", **HEADERS, "Content-Length": str(len(body))}
    headers.update({name.replace("_", "-"): value for name, value in more.items()})
    headers.pop(drop, None)
    lines = [f"{method} {path} HTTP/{version}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


CHUNKED = request(b"", drop="Content-Length", Transfer_Encoding="chunked")
"""The head of a request whose body comes in chunks."""


class Producer:
    """A client of bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, is_head: bool = False) -> Said:
        async with asyncio.timeout(WAIT_MAX_S):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.rstrip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            status = int(first.split()[1])
            length = 0 if is_head or status < 200 else int(headers["content-length"])
            return Said(status, headers, await self._reader.readexactly(length))

    async def ask(self, data: bytes, *, is_head: bool = False) -> Said:
        await self.send(data)
        return await self.answer(is_head=is_head)

    async def rest(self) -> bytes:
        """What still comes until the server ends the connection."""
        async with asyncio.timeout(WAIT_MAX_S):
            try:
                return await self._reader.read()
            except ConnectionResetError:
                return b""


@dataclass(eq=False)
class Door:
    """A running ingress."""

    intake: Intake
    place: Place
    server: uvicorn.Server
    port: int

    @property
    def connections(self) -> list[IngressProtocol]:
        return [one for one in self.server.server_state.connections if isinstance(one, IngressProtocol)]

    @asynccontextmanager
    async def producer(self) -> AsyncIterator[Producer]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Producer(reader, writer)
        finally:
            writer.transport.abort()

    async def ask(self, data: bytes, *, is_head: bool = False) -> Said:
        """One request over a connection of its own."""
        async with self.producer() as producer:
            return await producer.ask(data, is_head=is_head)

    async def wait_connections(self, count: int) -> None:
        async with asyncio.timeout(WAIT_MAX_S):
            while len(self.server.server_state.connections) != count:
                await asyncio.sleep(0)


@asynccontextmanager
async def opened(kind: Kind, channel: Channel | Any = None, **limits: Any) -> AsyncIterator[Door]:
    """The ingress behind one of its doors, with one Broker at PATH."""
    intake = Intake(replace(LIMITS, **limits))
    intake.is_ready = True
    place = Place() if channel is None else Place(channel)
    intake.routes = {PATH.encode(): place}
    http = IngressProtocol.bound_to(intake) if kind == "protocol" else "httptools"
    config = uvicorn.Config(
        IngressApp(intake), http=http, ws="none", lifespan="off", log_config=None, access_log=False, port=0
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield Door(intake, place, server, server.servers[0].sockets[0].getsockname()[1])
    finally:
        await _close(server)


@asynccontextmanager
async def memory_channel(*, events_max: int = 100_000) -> AsyncIterator[MemoryChannel]:
    async with MemoryChannel(events_max=events_max, size_max_bytes=2**28) as channel:
        yield channel


async def _close(server: uvicorn.Server) -> None:
    for listening in server.servers:
        listening.close()
    for task in [*server.server_state.tasks]:
        task.cancel()
    for connection in [*server.server_state.connections]:
        transport = getattr(connection, "_transport", None) or getattr(connection, "transport", None)
        if transport is not None:
            transport.abort()
    for _ in range(3):
        await asyncio.sleep(0)
