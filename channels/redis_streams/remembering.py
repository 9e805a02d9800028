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
        """Something was said here that the server does not know."""

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
        if not self._is_owed:
            self._values.clear()
            self._values.update({key.decode(): value for key, value in pairs(flat).items()})
            self._version = self._channel.counters[_VERSION]

    def committed(self) -> None:
        """The server knows what was said here."""
        self._is_owed = False

    async def refresh(self) -> None:
        """See what others said. Raises ChannelUnavailable, ServerError."""
        if self._channel.counters[_VERSION] != self._version and not self._is_owed:
            self.learn(await self._channel.server.link.call("HGETALL", self._key))
