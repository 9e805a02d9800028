"""A TCP proxy between a program and its server, for networks that fail."""

import asyncio
from contextlib import suppress
from typing import Final, Literal, Self

HOST: Final = "127.0.0.1"
Manner = Literal["pass", "refuse", "hole"]
"""`refuse` closes what connects; a `hole` takes what is sent, in either direction, and hands on nothing."""
_CHUNK_BYTES: Final = 65536


class Proxy:
    """Entered, it listens on `port`, a free one unless it is given, and passes everything on to the other one.

    `manner` and `delay_s` may be changed at any time. Bytes that came while there was a hole are lost for good: a
    connection that had any is cut when the hole closes, as a real one's ends would find out.
    """

    def __init__(self, target_port: int, port: int = 0) -> None:
        self.delay_s = 0.0
        """How long each piece waits before it is handed on."""
        self.accepted = 0
        """Connections, ever."""
        self.port = port
        self._target_port: Final = target_port
        self._manner: Manner = "pass"
        self._links: Final[set[_Link]] = set()
        self._server: asyncio.Server | None = None

    @property
    def manner(self) -> Manner:
        """What is done to connections."""
        return self._manner

    @manner.setter
    def manner(self, manner: Manner) -> None:
        self._manner = manner
        if manner == "refuse":
            self.cut()
        elif manner == "pass":
            for link in [*self._links]:
                if link.has_lost:
                    link.cut()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        while self._links:
            self.cut()
            await asyncio.sleep(0)
        await self._server.wait_closed()

    def cut(self) -> None:
        """End all connections, at once and without a goodbye."""
        for link in [*self._links]:
            link.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._manner == "refuse":
            writer.transport.abort()
            return
        link = _Link(self, writer)
        self._links.add(link)
        try:
            await link.run(reader, self._target_port)
        finally:
            self._links.discard(link)


class _Link:
    """One connection and its other half."""

    def __init__(self, proxy: Proxy, writer: asyncio.StreamWriter) -> None:
        self.has_lost = False
        self._proxy: Final = proxy
        self._writers: Final = [writer]
        self._ended: Final = asyncio.Event()

    def cut(self) -> None:
        self._ended.set()
        for writer in self._writers:
            writer.transport.abort()

    async def run(self, reader: asyncio.StreamReader, target_port: int) -> None:
        try:
            answers, requests = await asyncio.open_connection(HOST, target_port)
        except OSError:
            self.cut()
            return
        self._writers.append(requests)
        if self._ended.is_set():
            self.cut()
        halves = [
            asyncio.ensure_future(self._pump(reader, requests)),
            asyncio.ensure_future(self._pump(answers, self._writers[0])),
        ]
        try:
            await asyncio.wait([*halves, asyncio.ensure_future(self._ended.wait())], return_when="FIRST_COMPLETED")
        finally:
            self.cut()
            await asyncio.wait(halves)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if self._proxy.delay_s:
                    await asyncio.sleep(self._proxy.delay_s)
                if self._proxy.manner == "hole":
                    self.has_lost = True
                    continue
                if writer.is_closing():
                    return
                writer.write(chunk)
                await writer.drain()
