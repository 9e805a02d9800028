"""What a channel remembers, for all processes: the last value wins, whoever said it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from channels.redis_streams.entry import pairs

if TYPE_CHECKING:
    from channels.redis_streams.channel import RedisChannel

_VERSION: Final = b"rv"


class Remembering:
    """What the server has is read again when its version says that another process changed it."""

    def __init__(self, channel: "RedisChannel", key: str) -> None:
        self._channel: Final = channel
        self._key: Final = key
        self._values: Final[dict[str, bytes]] = {}
        self._version = 0
        self._is_owed = False
        """Something was said here that is in no commit yet."""
        self._is_flying = False
        """Something is in one that was not done."""

    @property
    def values(self) -> Mapping[str, bytes]:
        """As far as is known."""
        return MappingProxyType(self._values)

    def set(self, name: str, value: bytes | None) -> None:
        """Keep it, or nothing any more."""
        if value is None:
            if self._values.pop(name, None) is None:
                return
            self._channel.owe(["unremember", name.encode()])
        else:
            self._values[name] = value
            self._channel.owe(["remember", name.encode(), value])
        self._is_owed = True

    def learn(self, flat: Sequence[bytes]) -> None:
        """The server tells all of it, together with what the channel has just counted."""
        if not self.is_ahead:
            self._values.clear()
            self._values.update({key.decode(): value for key, value in pairs(flat).items()})
            self._version = self._channel.counters[_VERSION]

    @property
    def is_ahead(self) -> bool:
        """Something was said here that the server does not know."""
        return self._is_owed or self._is_flying

    def put(self) -> None:
        """What was said here is in a commit."""
        self._is_flying, self._is_owed = self.is_ahead, False

    def committed(self) -> None:
        """The server knows what was in it."""
        self._is_flying = False

    def forget(self) -> None:
        """Nothing that was said here will be in one."""
        self._is_flying = self._is_owed = False

    async def refresh(self) -> None:
        """See what others said. Raises ChannelUnavailable, ServerError."""
        if self._channel.counters[_VERSION] != self._version and not self.is_ahead:
            self.learn(await self._channel.server.link.call("HGETALL", self._key))
