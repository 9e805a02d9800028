"""A sink that takes every event and answers 202 after ten seconds. `python -m tests.benchmarks.hang PORT`."""

import asyncio
import sys
from typing import Final

import httptools

HANG_S: Final = 10.0
_ANSWER: Final = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
_READY: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class HangingProtocol(asyncio.Protocol):
    """One connection. A GET is answered at once: it asks whether this sink is up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream transport is needed")
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._parser.get_method() == b"GET":
            self._transport.write(_READY)
        else:
            asyncio.get_running_loop().call_later(HANG_S, self._transport.write, _ANSWER)


async def serve(port: int) -> None:
    """Serve until cancelled."""
    server = await asyncio.get_running_loop().create_server(HangingProtocol, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
