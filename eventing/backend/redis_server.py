"""A Redis server as a backend: its streams are channels."""

from typing import Self

from channels.contract import Channel
from channels.dead_letter import DeadLetters
from channels.redis_streams import Credentials, RedisServer, Retention
from channels.redis_streams.channel import RedisChannel
from eventing.backend.contract import Remote
from eventing.resources import retention as spoken
from eventing.resources.engine import ServerKey
from eventing.resources.login import Login


class RedisBackend:
    """One connection; at a cluster it is one channel's. A channel holds no more than `events_max` events of
    `size_max_bytes` that somebody has still to get, and the server no more than `dead_letter_events_max` dead letters.
    After `lease_s` without a word this process is taken for dead.
    """

    def __init__(
        self,
        server: ServerKey,
        login: Login | None,
        *,
        events_max: int,
        size_max_bytes: int,
        dead_letter_events_max: int,
        lease_s: float,
    ) -> None:
        self._server = RedisServer(
            server.address,
            credentials=_credentials(login),
            lease_s=lease_s,
            alone=server.channel,
            dead_letter_events_max=dead_letter_events_max,
        )
        self._events_max = events_max
        self._size_max_bytes = size_max_bytes
        self.dead_letters: DeadLetters = self._server.dead_letters
        self.place = self._server.place

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._server.__aexit__(*exc)

    @property
    def identity(self) -> str:
        """It stands beside the letters."""
        return self._server.identity

    @property
    def fault(self) -> str:
        """As the server told last."""
        return self._server.fault or ""

    @property
    def persistence(self) -> str:
        """Redis' `appendfsync`, `none` without an AOF, `unknown` where one may not ask."""
        return self._server.persistence

    def fault_of(self, channel: Channel) -> str:
        """The server's, or that of its own keys: a stream that was deleted there is made anew."""
        assert isinstance(channel, RedisChannel)
        return self.fault or channel.fault or ""

    def channel(self, name: str, engine: Remote, retention: spoken.Retention) -> Channel:
        """The stream of that name."""
        kept = Retention(retention.age_s, retention.size_max_bytes)
        return self._server.channel(
            name, events_max=self._events_max, size_max_bytes=self._size_max_bytes, retention=kept
        )

    def keep(self, channel: Channel, retention: spoken.Retention) -> None:
        """From now on it keeps settled events as long as that."""
        assert isinstance(channel, RedisChannel)
        channel.retention = Retention(retention.age_s, retention.size_max_bytes)

    async def drop(self, name: str, engine: Remote) -> None:
        """The stream of that name, and all beside it."""
        await self._server.drop(name)

    async def log_in(self, login: Login | None) -> None:
        """Connections that are open are made anew."""
        self._server.replace_credentials(_credentials(login))


def _credentials(login: Login | None) -> Credentials | None:
    if login is None:
        return None
    return Credentials(
        login.user,
        login.password,
        login.ca_certificates,
        login.certificate,
        login.key,
        login.sentinel_user,
        login.sentinel_password,
    )
