"""Sockets, and an HTTP server on them: uvicorn without its signal handlers, which belong to the application."""

import asyncio
import errno
import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, Self

import uvicorn

from eventing.settings import CannotListen, PortTaken

BACKLOG: Final = 2048
"""Connections that may wait to be accepted: uvicorn's own default."""
_ABSENT: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""A machine without IPv6 still resolves `localhost` to an address of that kind."""
_Address = tuple[socket.AddressFamily, tuple[Any, ...]]


class Listener:
    """One HTTP server, stopped on leaving it as a context.

    It listens when made, so that a taken port is known before anything starts; a name such as `localhost` is listened
    for at all its addresses. `option` is what the port is called on the command line; with `tls` all connections are
    encrypted, and where it `is_shared` other processes listen there, too. Raises PortTaken, CannotListen.
    """

    def __init__(
        self, option: str, host: str, port: int, *, tls: ssl.SSLContext | None = None, is_shared: bool = False
    ) -> None:
        self._sockets = _listen(option, host, port, is_shared=is_shared)
        self._tls = tls
        self._server: uvicorn.Server | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it can be reached, with the port it really has; IPv4 where there are several addresses."""
        first = min(self._sockets, key=lambda listening: listening.family != socket.AF_INET)
        host, port = first.getsockname()[:2]
        return url_of(host, port, scheme="http" if self._tls is None else "https")

    @property
    def is_loopback(self) -> bool:
        """True where no other machine can reach it."""
        return all(ipaddress.ip_address(one.getsockname()[0].partition("%")[0]).is_loopback for one in self._sockets)

    @property
    def connections(self) -> list[Any]:
        """The protocol objects of its open connections."""
        return [] if self._server is None else [*self._server.server_state.connections]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self, app: Any, *, protocol: Any = "httptools") -> None:
        """Answer from now on, also those that connected before. `protocol` is what uvicorn knows as `http=`."""
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            log_config=None,
            log_level="warning",
            backlog=BACKLOG,
        )
        config.load()
        config.ssl = self._tls
        server = uvicorn.Server(config)
        # What `Server.serve` does, without its signal handlers and its goodbye, which would take the sockets from us.
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=self._sockets)
        self._server = server
        self._ticking = asyncio.create_task(server.main_loop(), name="date of the answers")

    async def stop(self, timeout_s: float = 0.0) -> None:
        """Accept nothing more; answers that are due have so long to go out. May be called again, or without a start."""
        server, self._server = self._server, None
        if server is not None and self._ticking is not None:
            self._ticking.cancel()
            server.config.timeout_graceful_shutdown = max(1, round(timeout_s))
            self._stopping = asyncio.create_task(server.shutdown(sockets=self._sockets))
            await asyncio.wait({self._stopping, self._ticking})
            if not self._stopping.cancelled():
                self._stopping.result()
        self.close()

    def close(self) -> None:
        """Close the sockets of one that was never started."""
        for listening in self._sockets:
            listening.close()

    def hurry(self) -> None:
        """A stop that is under way waits for nobody any more."""
        if self._stopping is not None:
            self._stopping.cancel()


def url_of(host: str, port: int, *, scheme: str = "http") -> str:
    """The address of a port."""
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


@contextmanager
def reserved(option: str, host: str, port: int) -> Iterator[int]:
    """For the length of the context, keep a port for processes that will share it; yields its number, 0 having been any
    free one. Raises PortTaken, CannotListen.
    """
    for one in _listen(option, host, port):  # shared with nobody: another server's port is not to be shared by mistake
        port = port or one.getsockname()[1]
        one.close()
    kept = _listen(option, host, port, is_shared=True, backlog=None)
    try:
        yield port
    finally:
        for one in kept:
            one.close()


def _listen(
    option: str, host: str, port: int, *, is_shared: bool = False, backlog: int | None = BACKLOG
) -> list[socket.socket]:
    """Sockets that are bound and, with a backlog, take connections."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
        return _listen_at(addresses, port, is_shared=is_shared, backlog=backlog)
    except (socket.gaierror, UnicodeError) as error:
        raise CannotListen(option, host, port, f"{host!r} is no address and no known name") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(option, host, port) from error
        raise CannotListen(option, host, port, error.strerror or str(error)) from error


def _listen_at(
    addresses: Sequence[_Address], port: int, *, is_shared: bool = False, backlog: int | None = BACKLOG
) -> list[socket.socket]:
    """A socket for each address, all on one port; passed over are those of a kind the machine does not have."""
    listening: list[socket.socket] = []
    with ExitStack() as stack:
        for number, (family, address) in enumerate(addresses, 1):
            try:
                one = _listen_on(family, (address[0], port, *address[2:]), is_shared=is_shared, backlog=backlog)
            except OSError as error:
                if error.errno in _ABSENT and (listening or number < len(addresses)):
                    continue
                raise
            listening.append(stack.enter_context(one))
            port = one.getsockname()[1]
        stack.pop_all()
    return listening


def _listen_on(
    family: socket.AddressFamily, address: tuple[Any, ...], *, is_shared: bool, backlog: int | None
) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.setblocking(False)
        listening.bind(address)
        if backlog is not None:
            listening.listen(backlog)
    except OSError:
        listening.close()
        raise
    return listening
