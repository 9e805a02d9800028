"""One connection for each server and Secret: made when somebody needs it first, closed when nobody does any more."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from channels.dead_letter import DeadLetters
from dispatcher.tasks import supervise
from eventing.backend.contract import Backend, Remote
from eventing.resources.engine import ServerKey
from eventing.resources.identity import Key
from eventing.resources.login import Login

CLOSE_TIMEOUT_S: Final = 5.0
"""How long a connection may take to end that nobody needs: its server may be away."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry:
    backend: Backend
    login: Login | None
    wanted: Login | None
    """What `login` is to be: the Secret has changed since."""
    users: set[Key] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_open: bool = False


class BackendPool:
    """Owns the connections. Users are the Brokers and Channels whose events rest there."""

    def __init__(self, create: Callable[[Remote], Backend]) -> None:
        self._create = create
        self._entries: dict[ServerKey, _Entry] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._spoken_for: dict[str, ServerKey] = {}
        """Whose store of dead letters each server's is: a redrive that changes hands sends what is on its way again."""

    @property
    def dead_letters(self) -> Mapping[str, DeadLetters]:
        """One store for each server, by the first of its addresses: who logs in otherwise, or goes to another address
        of it, sees the same letters. Of several connections it is one that works: the one it was, as long as that has
        no fault.
        """
        backends = {server: entry.backend for server, entry in self._entries.items() if entry.is_open}
        self._spoken_for = {name: self._spokesman(name, servers) for name, servers in _by_server(backends).items()}
        return {name: backends[server].dead_letters for name, server in self._spoken_for.items()}

    def _spokesman(self, name: str, servers: list[ServerKey]) -> ServerKey:
        """Which of the connections to a server to ask for its letters."""
        before = self._spoken_for.get(name)
        # The sort is stable: where all have the same to say for themselves, the oldest.
        return min(servers, key=lambda one: (bool(self._entries[one].backend.fault), one != before))

    def find(self, server: ServerKey) -> Backend | None:
        """The connection there, None where nobody uses one."""
        entry = self._entries.get(server)
        return None if entry is None else entry.backend

    async def use(self, engine: Remote, user: Key) -> Backend:
        """The connection to that server, open. Whatever happens, it is the user's until `leave`."""
        entry = self._entries.get(engine.server)
        if entry is None:
            entry = self._entries[engine.server] = _Entry(self._create(engine), engine.login, engine.login)
        entry.users.add(user)
        entry.wanted = engine.login
        async with entry.lock:
            if not entry.is_open:
                await entry.backend.__aenter__()
                entry.is_open = True
            await _log_in(engine.server, entry)
        return entry.backend

    def renew(self, engine: Remote) -> None:
        """Its login may have changed: soon the connection goes on with what it is now."""
        entry = self._entries.get(engine.server)
        if entry is not None and entry.login != engine.login:
            entry.wanted = engine.login
            name = f"login at {engine.server.address}"
            task = asyncio.create_task(supervise(name, lambda: _renew(engine.server, entry)), name=name)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def leave(self, server: ServerKey, user: Key) -> None:
        """That user needs it no more; the last one closes it."""
        entry = self._entries.get(server)
        if entry is None:
            return
        entry.users.discard(user)
        if not entry.users:
            del self._entries[server]
            await _close(server, entry)

    async def close(self) -> None:
        """Close all of them."""
        for task in self._tasks:
            task.cancel()
        entries, self._entries = self._entries, {}
        await asyncio.gather(*(_close(server, entry) for server, entry in entries.items()))


def _by_server(backends: Mapping[ServerKey, Backend]) -> dict[str, list[ServerKey]]:
    """The connections to each server, by the name of it that comes first in the alphabet.

    Two places are one server's where one connection to each has heard the same identity.
    """
    places = {server: f"{server.engine} {backend.place}" for server, backend in backends.items()}
    identities = {places[server]: one.identity for server, one in backends.items() if one.identity}
    names: dict[str, str] = {}
    for place, identity in identities.items():
        names[identity] = min(place, names.get(identity, place))
    found: dict[str, list[ServerKey]] = {}
    for server, place in places.items():
        name = names[identities[place]] if place in identities else place
        found.setdefault(name, []).append(server)
    return found


async def _renew(server: ServerKey, entry: _Entry) -> None:
    async with entry.lock:
        await _log_in(server, entry)


async def _log_in(server: ServerKey, entry: _Entry) -> None:
    if entry.is_open and entry.login != entry.wanted:
        wanted = entry.wanted
        await entry.backend.log_in(wanted)
        entry.login = wanted
        _log.info("%s: the Secret has changed, its login is used from now on", server.address)


async def _close(server: ServerKey, entry: _Entry) -> None:
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S), entry.lock:
            if entry.is_open:
                entry.is_open = False
                await entry.backend.__aexit__(None, None, None)
    except TimeoutError:
        _log.warning("%s: the connection did not end within %g s", server.address, CLOSE_TIMEOUT_S)
