"""One process at a time, for groups whose events must not overtake each other: who does not receive stands by."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from channels.errors import ChannelUnavailable

if TYPE_CHECKING:
    from channels.redis_streams.channel import RedisChannel
    from channels.redis_streams.group import Group

_PATIENCE_S: Final = 2.0
"""How long members may take to let go of what they hold, before it goes to another process all the same."""
_LOOKS: Final = 100
MAY_RECEIVE: Final = 1
_MAY_NOT: Final = 0


class Ordering:
    """The server decides who receives; this does what it said."""

    def __init__(self, channel: "RedisChannel") -> None:
        self._channel: Final = channel
        self._leaving: Final[dict[str, asyncio.Task[None]]] = {}
        """Those who are about to stand by, by the group's name."""

    def need(self, group: "Group", *, is_needed: bool) -> None:
        """Order is needed, or not any more."""
        if is_needed != group.is_ordered:
            group.is_ordered = is_needed
            self.ask(group)

    def ask(self, group: "Group") -> None:
        """While order is needed nothing is read, or given out, before the server has said who reads."""
        reader = self._channel.reader_of(group)
        if group.is_ordered and reader is not None:
            reader.is_paused = True
            group.stand_by()
        self._channel.server.hurry()

    def decide(self, group: "Group | None", may_receive: int) -> None:
        """What the server said of a group."""
        reader = None if group is None else self._channel.reader_of(group)
        if group is None or reader is None or group.name in self._leaving:
            return
        if may_receive == MAY_RECEIVE:
            if reader.is_paused:
                group.go_on()
                reader.resume()
        else:
            reader.is_paused = True
            group.stand_by()
            if may_receive == _MAY_NOT and not group.has_given_way:
                group.give_way()
                self._leaving[group.name] = asyncio.get_running_loop().create_task(self._stand_by(group))

    async def close(self) -> None:
        """Do nothing more: the channel is being left."""
        for task in self._leaving.values():
            task.cancel()
        await asyncio.gather(*self._leaving.values(), return_exceptions=True)

    async def _stand_by(self, group: "Group") -> None:
        reader = self._channel.reader_of(group)
        try:
            if reader is not None:
                await reader.pause()
            for _ in range(_LOOKS):
                if group.is_idle:
                    break
                await asyncio.sleep(_PATIENCE_S / _LOOKS)
            with suppress(ChannelUnavailable):
                await self._channel.debt.flush()
            self._channel.owe(["release", group.key])
            group.reset()
            group.tell()
        finally:
            del self._leaving[group.name]
