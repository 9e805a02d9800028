"""A server at the wall: it keeps nothing, may be away or hang, and remembers who came in and what was deleted."""

import asyncio
from typing import Self

from channels.contract import Channel
from channels.errors import ChannelUnavailable
from channels.memory import MemoryChannel
from channels.memory_dead_letter import MemoryDeadLetters
from eventing.backend.contract import Remote
from eventing.resources.login import Login
from eventing.resources.retention import Retention


class SmallChannel(MemoryChannel):
    """In memory; it opens only where its server answers."""

    def __init__(self, server: "SmallServer") -> None:
        super().__init__(events_max=100, size_max_bytes=2**20)
        self.fault = ""
        self._server = server

    async def __aenter__(self) -> Self:
        await self._server.answer()
        return await super().__aenter__()


class SmallServer:
    """What all connections to it have in common."""

    def __init__(self) -> None:
        self.is_away = False
        self.hangs = False
        self.connections: list[SmallBackend] = []
        self.dropped: list[str] = []
        self.asked = 0
        """How often somebody wanted something."""

    async def answer(self) -> None:
        """Raises ChannelUnavailable."""
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.is_away:
            raise ChannelUnavailable("connection refused")


class SmallBackend:
    """One connection."""

    persistence = "everysec"

    def __init__(self, server: SmallServer, login: Login | None, place: str = "") -> None:
        self.place = place
        self.identity = ""
        self.dead_letters = MemoryDeadLetters(size_max_bytes=2**20)
        self.logins = [login]
        self.is_open = False
        self.refusal = ""
        """Why the server lets this one not in."""
        self.kept: Retention | None = None
        self.channels: dict[str, SmallChannel] = {}
        self._server = server
        server.connections.append(self)

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.is_open = False

    @property
    def fault(self) -> str:
        return "connection refused" if self._server.is_away else self.refusal

    def fault_of(self, channel: Channel) -> str:
        assert isinstance(channel, SmallChannel)
        return self.fault or channel.fault

    def channel(self, name: str, engine: Remote, retention: Retention) -> Channel:
        self.channels[name] = SmallChannel(self._server)
        return self.channels[name]

    def keep(self, channel: Channel, retention: Retention) -> None:
        self.kept = retention

    async def drop(self, name: str, engine: Remote) -> None:
        await self._server.answer()
        self._server.dropped.append(name)

    async def log_in(self, login: Login | None) -> None:
        self.logins.append(login)


class SmallWorld:
    """Servers by address; `create` is what a pool makes connections with."""

    def __init__(self) -> None:
        self.servers: dict[str, SmallServer] = {}

    def server(self, address: str) -> SmallServer:
        return self.servers.setdefault(address, SmallServer())

    def create(self, engine: Remote) -> SmallBackend:
        address = engine.server.address
        return SmallBackend(self.server(address), engine.login, address)
