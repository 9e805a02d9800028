"""The redrives of a server's dead letters, as far as this process knows: what it did itself it knows at once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from channels.dead_letter import Redrive
from channels.redis_streams.entry import pairs
from channels.redis_streams.letter import number_of, unpack_redrive

REDRIVES_KEPT: Final = 100
"""Redrives that ended and are still told of: as many as `letter.lua` keeps."""


class Redriving:
    """`clock` tells seconds since the epoch."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.is_owed = False
        """Something was said here that the server does not know."""
        self.version = -1
        """Of what the server said last."""
        self._clock: Final = clock
        self._known: Final[dict[str, Redrive]] = {}
        self._ended: Final[dict[str, set[int]]] = {}
        """Letters that this process has seen come to an end, by the redrive, until the server says that it ended."""

    @property
    def told(self) -> Sequence[Redrive]:
        """Oldest first."""
        return sorted(self._known.values(), key=lambda redrive: number_of(redrive.id))

    def learn(self, version: bytes, rows: Sequence[Any]) -> None:
        """The server tells of all there are."""
        if self.is_owed:
            return
        self.version = int(version)
        self._known.clear()
        for number, fields in rows:
            redrive = unpack_redrive(number, pairs(fields))
            self._known[redrive.id] = redrive
            if redrive.ended_s is not None:
                self._ended.pop(redrive.id, None)

    def begin(self, redrive: Redrive) -> None:
        """It has begun, or has ended where it claimed nothing. The oldest that ended is forgotten, as on the server."""
        self._known[redrive.id] = redrive
        ended = sorted((one.ended_s, number_of(one.id), one.id) for one in self.told if one.ended_s is not None)
        for _, _, redrive_id in ended[:-REDRIVES_KEPT]:
            del self._known[redrive_id]

    def end(self, redrive_id: str, number: int, *, is_delivered: bool) -> bool:
        """A letter of it is at its end. False where it is no such letter, or that is known."""
        redrive = self._known.get(redrive_id)
        if redrive is None or (redrive.ended_s is not None and redrive_id not in self._ended):
            return False
        ended = self._ended.setdefault(redrive_id, set())
        if number in ended:
            return False
        ended.add(number)
        if redrive.ended_s is not None:
            # One was counted here that another process brought to its end, too: the server counts this one.
            return True
        counted = replace(
            redrive, delivered=redrive.delivered + is_delivered, failed=redrive.failed + (not is_delivered)
        )
        if counted.delivered + counted.failed >= counted.total:
            counted = replace(counted, ended_s=self._clock())
        self._known[redrive_id] = counted
        return True
