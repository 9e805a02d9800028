"""Who looks after a channel about once a second: what others left, what nobody wants, what there is."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from channels.errors import ChannelUnavailable
from channels.redis_streams.connection import Word
from channels.redis_streams.errors import FENCED, LOST, ServerError, translate
from channels.redis_streams.ordering import MAY_RECEIVE
from channels.redis_streams.parking import adopt
from channels.redis_streams.script import TICK

if TYPE_CHECKING:
    from channels.redis_streams.channel import RedisChannel
    from channels.redis_streams.group import Group

_REMEMBERED_LEASES: Final = 6
"""How many leases long a dead process is watched: a question that it left with the server may be answered late."""
_Counts = dict[bytes, tuple[int, int]]


class Caretaker:
    """`tick` takes what is nobody's and trims the stream; what the server answered counts only where it arrived."""

    def __init__(self, channel: "RedisChannel") -> None:
        self.is_unsure = False
        """An answer may have been lost that gave this process queues: count what it has."""
        self._channel: Final = channel

    async def tick(self) -> None:
        """Do all of it once. Raises ChannelUnavailable."""
        channel, server = self._channel, self._channel.server
        joined = [group for group in channel.groups.values() if group.members]
        is_trimming, channel.has_settled = channel.has_settled or bool(channel.retention), False
        counts = self._counts(joined)
        is_counting = self.is_unsure and not channel.debt.words and server.link.connection is not None
        # Just after a restart of the server leases may be over because nobody could renew them.
        has_waited = time.monotonic() - server.connected_s >= server.lease_s
        retention = channel.retention
        words: list[Word] = [
            *server.member_prefixes, int(server.lease_s * 1000 * _REMEMBERED_LEASES), int(retention.age_s * 1000),
            retention.size_max_bytes, int(is_trimming), int(is_counting), int(has_waited),
        ]  # fmt: skip
        for group in joined:
            words += (group.key, int(group.is_ordered))
        try:
            told = await server.link.run(TICK, channel.keys, server.me, *words)
        except ServerError as error:
            self.is_unsure, channel.has_settled = True, channel.has_settled or is_trimming
            await self._refused(error)
            return
        except ChannelUnavailable:
            self.is_unsure, channel.has_settled = True, channel.has_settled or is_trimming
            raise
        if channel.is_open:
            await self._learn(told, joined if is_counting else [], counts)

    async def _refused(self, error: ServerError) -> None:
        if error.code == FENCED:
            self._channel.server.start_over()
        elif error.code == LOST:
            await self._channel.begin_anew()
        else:
            raise translate(error) from error

    async def _learn(self, told: Sequence[Any], counted: Sequence["Group"], counts: _Counts) -> None:
        state, adopted, returned, orders, owned = told
        channel = self._channel
        channel.counters.learn(state)
        for key, moved in adopted:
            self._adopt(key, moved)
        if counted:
            keys = {group.key for group in counted}
            self._compare([row for row in owned if row[0] in keys], counts, adopted)
        chosen = {key for key, may_receive in orders if may_receive == MAY_RECEIVE}
        for key in returned:  # before anything younger is given out
            group = channel.groups.get(key.decode())
            reader = None if group is None else channel.reader_of(group)
            if reader is not None:
                with suppress(ServerError):
                    await reader.claim(is_chosen=key in chosen)
        for key, may_receive in orders:
            channel.ordering.decide(channel.groups.get(key.decode()), may_receive)
        with suppress(ServerError):
            await channel.remembering.refresh()

    def _adopt(self, key: bytes, moved: Sequence[Any]) -> None:
        heir = self._channel.groups.get(key.decode())
        if heir is not None and moved:
            adopt(heir, moved)
            heir.tell()

    def _counts(self, joined: Sequence["Group"]) -> _Counts:
        """What this process thinks that it has parked, by the server's names of the queues."""
        if not self.is_unsure:
            return {}
        queues = [queue for group in joined for queue in group.queues.values()]
        return {queue.key: (queue.events, queue.size_bytes) for queue in queues}

    def _compare(self, owned: Sequence[Any], counts: _Counts, adopted: Sequence[Any]) -> None:
        """What the server says that it has may be more: then an answer was lost."""
        self.is_unsure = False
        for _, moved in adopted:
            for queue, events, size in moved:
                known = counts.get(queue, (0, 0))
                counts[queue] = (known[0] + events, known[1] + int(size))
        for key, queue, events, size in owned:
            known = counts.get(queue, (0, 0))
            if events > known[0]:
                self._adopt(key, [(queue, events - known[0], int(size) - known[1])])
