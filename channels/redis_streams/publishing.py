"""What was published into one channel: gathered, put into a commit, and told to those who published it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from channels.answer import Answer
from channels.contract import Position, Receipt
from channels.errors import ChannelFull
from channels.event import Event
from channels.frame import encode_event
from channels.redis_streams.committer import Command
from channels.redis_streams.connection import Word
from channels.redis_streams.counting import EVENTS, PARKED, PARKED_SIZE, SIZE
from channels.redis_streams.entry import position_of
from channels.redis_streams.link import pack_script
from channels.redis_streams.script import PUBLISH

if TYPE_CHECKING:
    from channels.redis_streams.channel import RedisChannel

_COMMIT_EVENTS_MAX: Final = 4096
_COMMIT_SIZE_MAX_BYTES: Final = 16 * 2**20
"""How much one commit may publish, what was submitted together more or less: the server does nothing else meanwhile."""


class PositionedAnswer(Answer):
    """It is told the first position as well, before it is told that the events are stored."""

    __slots__ = ("first",)

    def __init__(self) -> None:
        super().__init__()
        self.first: Position = 0


class Publishing:
    """`events` and `size_bytes` are what is pending: gathered, or on its way. With all that is held there may be
    `events_max` of `size_max_bytes`.
    """

    def __init__(self, channel: "RedisChannel", *, events_max: int, size_max_bytes: int) -> None:
        self.events = 0
        self.size_bytes = 0
        self.events_max: Final = events_max
        self.size_max_bytes: Final = size_max_bytes
        self._channel: Final = channel
        self._gathered: list[tuple[Sequence[Event], int, Receipt]] = []

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        """For the next commit, where there is room."""
        size_bytes = 0
        for event in events:
            size_bytes += event.size
        counters = self._channel.counters
        held = counters[EVENTS] + counters[PARKED] + self.events
        held_bytes = counters[SIZE] + counters[PARKED_SIZE] + self.size_bytes
        if held + len(events) > self.events_max or held_bytes + size_bytes > self.size_max_bytes:
            receipt.refused(ChannelFull(f"{held} events of {held_bytes} bytes are held"))
            return
        self.events += len(events)
        self.size_bytes += size_bytes
        self._gathered.append((events, size_bytes, receipt))
        self._channel.change()

    def put(self) -> list[Command]:
        """What was gathered, or as much of it as a commit may publish."""
        gathered = self._gathered
        if not gathered:
            return []
        taken = self._take()
        channel = self._channel
        size_bytes = sum([size for _, size, _ in taken])
        words: list[Word] = [channel.server.me, int(bool(channel.retention)), size_bytes]
        for events, _, _ in taken:
            for event in events:
                words += (event.size, encode_event(event))
        packed = pack_script(PUBLISH, channel.keys, words)
        return [Command(packed, lambda answer: self._stored(taken, answer), lambda error: self._refused(taken, error))]

    def _take(self) -> list[tuple[Sequence[Event], int, Receipt]]:
        count = size_bytes = 0
        for at, (events, size, _) in enumerate(self._gathered):
            count += len(events)
            size_bytes += size
            if at and (count > _COMMIT_EVENTS_MAX or size_bytes > _COMMIT_SIZE_MAX_BYTES):
                taken, self._gathered = self._gathered[:at], self._gathered[at:]
                self._channel.change_again()
                return taken
        taken, self._gathered = self._gathered, []
        return taken

    def _stored(self, taken: list[tuple[Sequence[Event], int, Receipt]], answer: Any) -> None:
        ms, sequence, state = answer
        self._channel.stored(state)
        position = position_of(ms + b"-" + sequence)
        self._forget(taken)
        for events, _, receipt in taken:
            if isinstance(receipt, PositionedAnswer):
                receipt.first = position
            position += len(events)
            receipt.stored()

    def _refused(self, taken: list[tuple[Sequence[Event], int, Receipt]], error: Exception) -> None:
        self._forget(taken)
        self._channel.refused(error)
        for _, _, receipt in taken:
            receipt.refused(error)

    def _forget(self, taken: list[tuple[Sequence[Event], int, Receipt]]) -> None:
        for events, size_bytes, _ in taken:
            self.events -= len(events)
            self.size_bytes -= size_bytes

    def refuse(self, error: Exception) -> None:
        """What was gathered is not stored."""
        gathered, self._gathered = self._gathered, []
        self._refused(gathered, error)
