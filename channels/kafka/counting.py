"""What a channel holds, counted from how far its partitions go and what each group has settled of them. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from channels.offsets import Offsets, settled_by_all

_AVERAGE_OF: Final = 65_536
"""Events that the average size is of: older ones count for less and less."""
_CHANGE_PART: Final = 20
"""An average that changed by a twentieth is worth keeping."""


class Book:
    """Sizes of what rests in the log are its number of events times their average: the log keeps no sum of them."""

    def __init__(self) -> None:
        self.ends: list[int] = []
        """By partition one after the last record, as far as is known."""
        self.begins: dict[int, int] = {}
        """By partition the first record that is kept, as far as it was asked for."""
        self.settled: Final[dict[str, dict[int, Offsets]]] = defaultdict(dict)
        """By group and partition, as far as is known: exact for what this process has."""
        self.known: Final[set[str]] = set()
        """Names of the groups that there are, in whichever process they have members."""
        self.since: Final[dict[str, Mapping[int, int]]] = {}
        """Of groups that began in the past: by partition where what was there already ended."""
        self._seen = (0, 0)
        """Events, and their bytes: what the average is made of."""
        self._kept = 0.0

    def found(self, partition: int, end: int) -> None:
        """That partition has records up to there."""
        if end > self.ends[partition]:
            self.ends[partition] = end

    def looked(self, partition: int, end: int, known: int) -> None:
        """It has records up to there, where `known` is how far they were known to go before it was asked: where that
        was further, they are gone.
        """
        if end < known:
            self.lost(partition, end)
        else:
            self.found(partition, end)

    def lost(self, partition: int, end: int) -> None:
        """What was known of it is not so any more: it has records up to there."""
        self.ends[partition] = end
        self.begins.pop(partition, None)

    def begins_anew(self, group: str, partition: int, end: int) -> None:
        """With all that this one has, up to there: none of it is the group's past."""
        self.lost(partition, end)
        self.since[group] = {one: at for one, at in self.since.get(group, {}).items() if one != partition}

    def forget(self, group: str) -> None:
        """It is no more."""
        self.known.discard(group)
        self.settled.pop(group, None)
        self.since.pop(group, None)

    def count(self, *, is_past_held: bool = True) -> int:
        """Events of the log that some group has not settled, and that are there. Unless the past is held, a group that
        began with what was there already holds nothing of a partition until it is through with that.
        """
        held = 0
        for partition, end in enumerate(self.ends):
            known = [one for name in self.known if (one := self._settled_of(name, partition, is_past_held)) is not None]
            if known:
                open_ = known[0].unsettled(end) if len(known) == 1 else end - settled_by_all(known, end)
                held += min(open_, max(0, end - self.begins.get(partition, 0)))
        return held

    def _settled_of(self, group: str, partition: int, is_past_held: bool) -> Offsets | None:
        found = self.settled[group].get(partition)
        if found is None or is_past_held:
            return found
        return None if found.floor < self.since.get(group, {}).get(partition, 0) else found

    @property
    def has_seen(self) -> bool:
        """Whether there is an average."""
        return self._seen[0] > 0

    def see(self, events: int, size_bytes: int) -> None:
        """So many events were of that size together."""
        seen, seen_bytes = self._seen[0] + events, self._seen[1] + size_bytes
        self._seen = (seen, seen_bytes) if seen <= _AVERAGE_OF else (seen // 2, seen_bytes // 2)

    def size_of(self, events: int) -> int:
        """About what so many take."""
        seen, seen_bytes = self._seen
        return round(events * seen_bytes / seen) if seen else 0

    def average(self) -> bytes | None:
        """To be kept for who comes after; None where what was kept last still holds."""
        seen, seen_bytes = self._seen
        average = seen_bytes / seen if seen else 0.0
        if abs(average - self._kept) <= self._kept / _CHANGE_PART:
            return None
        self._kept = average
        return b"%d %d" % (seen_bytes, seen)

    def lose_average(self) -> None:
        """What was kept is gone."""
        self._kept = 0.0

    def restore_average(self, kept: bytes) -> None:
        """What was kept, unless more is known by now."""
        size_bytes, _, seen = kept.partition(b" ")
        if not self.has_seen and size_bytes.isdigit() and seen.isdigit():
            self.see(int(seen), int(size_bytes))
            self._kept = int(size_bytes) / max(1, int(seen))
