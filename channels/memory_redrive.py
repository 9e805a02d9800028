"""The redrives of a store in memory: which letters each has still to bring to an end, and how it went."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from channels.dead_letter import Redrive, Selector

REDRIVES_KEPT: Final = 100
"""Redrives that ended and are still told of."""


class MemoryRedrives:
    """A redrive ends with the last of its letters; one without letters when it begins."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun = 0
        self._open: dict[str, Redrive] = {}
        self._pending: dict[str, OrderedDict[int, None]] = {}
        """Numbers of letters, oldest first. Ordered, because a dict is slow to tell its first after many have left."""
        self._ended: deque[Redrive] = deque(maxlen=REDRIVES_KEPT)

    @property
    def told(self) -> Sequence[Redrive]:
        """Those under way and the last hundred that ended, oldest first."""
        return sorted((*self._ended, *self._open.values()), key=lambda redrive: int(redrive.id[1:]))

    def begin(self, selector: Selector, rate: float | None, numbers: Sequence[int]) -> Redrive:
        """Of the letters with those numbers, oldest first."""
        self._begun += 1
        redrive_id, now_s = f"m{self._begun}", self._clock()
        redrive = Redrive(redrive_id, selector, rate, now_s, len(numbers), ended_s=None if numbers else now_s)
        if numbers:
            self._open[redrive_id] = redrive
            self._pending[redrive_id] = OrderedDict.fromkeys(numbers)
        else:
            self._ended.append(redrive)
        return redrive

    def pending(self, redrive_id: str) -> Iterator[int]:
        """The numbers of its letters that are not at their end, oldest first."""
        return iter(self._pending.get(redrive_id, ()))

    def end(self, redrive_id: str, number: int, *, is_delivered: bool) -> None:
        """One of its letters is at its end."""
        numbers = self._pending[redrive_id]
        del numbers[number]
        old = self._open[redrive_id]
        new = replace(old, delivered=old.delivered + is_delivered, failed=old.failed + (not is_delivered))
        if numbers:
            self._open[redrive_id] = new
            return
        del self._open[redrive_id], self._pending[redrive_id]
        self._ended.append(replace(new, ended_s=self._clock()))
