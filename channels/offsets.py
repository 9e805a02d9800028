"""Which events of one partition a group has settled: out of order, kept as a floor and what lies beyond it. Pure.

Precedents: Jeffail/checkpoint for the contiguous commit; Confluent's parallel consumer for writing what was settled
beyond it into the commit's metadata, so that a restart brings back only what was really open.
"""

import base64
import binascii
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Self

METADATA_MAX_CHARACTERS: Final = 4096 - 32
"""What Kafka keeps beside a committed offset (`offset.metadata.max.bytes`), less what says of which topic it is."""
_BITS_MAX: Final = 8 * 2**17
"""How far beyond the floor a bitmap looks at most: what it would cost to read a hostile one is bounded."""
_OPEN, _SETTLED = b"01"


class Offsets:
    """Everything below `floor` is settled; so is what `beyond` holds."""

    __slots__ = ("_count", "_far", "_flags", "floor")

    def __init__(self, floor: int, beyond: AbstractSet[int] = frozenset()) -> None:
        self.floor = floor
        self._flags = bytearray()
        """A digit for each offset from the floor on: what is settled beyond it may be much, and is written often. The
        last one says settled.
        """
        self._count = 0
        """Digits that say settled."""
        self._far = _Ranges()
        """What is settled where no digit may be."""
        for offset in beyond:
            self.settle(offset)

    @property
    def beyond(self) -> set[int]:
        """What is settled though something before it is not. O(n)."""
        return {offset for first, end in self.runs() for offset in range(first, end)}

    @property
    def end(self) -> int:
        """One after the highest that is settled."""
        return self._far.ends[-1] if self._far.ends else self.floor + len(self._flags)

    @property
    def mark(self) -> tuple[int, int]:
        """Another one after each that was settled."""
        return self.floor, self._count + self._far.count

    def runs(self) -> Iterator[tuple[int, int]]:
        """What is settled beyond the floor: the first of each run and one after its last, growing."""
        flags, floor, at = self._flags, self.floor, 0
        while (first := flags.find(_SETTLED, at)) >= 0:
            end = flags.find(_OPEN, first)
            at = len(flags) if end < 0 else end
            yield floor + first, floor + at
        yield from zip(self._far.firsts, self._far.ends, strict=True)

    def settle(self, offset: int) -> None:
        """That one is settled. Twice is once. O(1) amortised."""
        at = offset - self.floor
        flags = self._flags
        if at == 0:
            self._advance(1)
        elif 0 < at < len(flags):
            self._count += flags[at] == _OPEN
            flags[at] = _SETTLED
        elif 0 < at < _BITS_MAX:
            flags += b"0" * (at - len(flags))
            flags.append(_SETTLED)
            self._count += 1
        elif at > 0:
            self._far.add(offset, offset + 1)

    def skip(self, first: int, end: int) -> None:
        """Nothing will ever come for those from first to before end: compacted, or marks of transactions. However many
        these are, it takes as long as a bitmap does.
        """
        if first <= self.floor < end:
            self._advance(end - self.floor)
        elif self.floor < first < end:
            near = self.floor + _BITS_MAX
            self._mark(first, min(end, near))
            self._far.add(max(first, near), end)

    def has_settled(self, offset: int) -> bool:
        """Whether that one is settled."""
        at = offset - self.floor
        return at < 0 or (at < len(self._flags) and self._flags[at] == _SETTLED) or offset in self._far

    def unsettled(self, end: int) -> int:
        """How many before `end` are not settled."""
        return max(0, end - self.floor - self._count - self._far.count)

    def metadata(self) -> str:
        """What lies beyond the floor, as text for a commit: as much of it as fits, the lowest first."""
        flags, count = self._flags, len(self._flags)
        while count and self._count:
            text = _bitmap(flags[:count])
            if len(text) <= METADATA_MAX_CHARACTERS:
                return text
            count //= 2
        return ""

    @classmethod
    def restore(cls, floor: int, metadata: str) -> Self:
        """What was committed. Metadata that nobody here has written says nothing."""
        return cls(floor, _settled(floor, metadata))

    def _advance(self, count: int) -> None:
        """The floor moves that far, and on to the next one that is open."""
        self._move(count)
        if self._far.firsts:
            self._bring_near()

    def _move(self, count: int) -> None:
        flags = self._flags
        if flags:
            end = flags.find(_OPEN, count)
            count = max(count, len(flags)) if end < 0 else end
            self._count -= flags.count(_SETTLED, 0, count)
            del flags[:count]
        self.floor += count

    def _bring_near(self) -> None:
        """The floor has moved: what was far may have digits, or be the next."""
        far = self._far
        while far.firsts and far.firsts[0] < self.floor + _BITS_MAX:
            first, end = far.pop()
            if self.floor < first:
                near = self.floor + _BITS_MAX
                self._mark(first, min(end, near))
                far.add(near, end)
            elif self.floor < end:
                self._move(end - self.floor)

    def _mark(self, first: int, end: int) -> None:
        """These have digits, which say settled."""
        flags, begin, after = self._flags, first - self.floor, end - self.floor
        if begin < after:
            flags += b"0" * (after - len(flags))
            self._count += after - begin - flags.count(_SETTLED, begin, after)
            flags[begin:after] = b"1" * (after - begin)


class _Ranges:
    """Sets of offsets as ranges that do not touch, growing."""

    __slots__ = ("count", "ends", "firsts")

    def __init__(self) -> None:
        self.firsts: list[int] = []
        self.ends: list[int] = []
        self.count = 0
        """Of the offsets."""

    def __contains__(self, offset: int) -> bool:
        at = bisect_right(self.firsts, offset) - 1
        return at >= 0 and offset < self.ends[at]

    def add(self, first: int, end: int) -> None:
        """These belong to it, perhaps already, or none of them where `end` comes before `first`. O(log n) and a copy of
        what lies behind.
        """
        if first >= end:
            return
        firsts, ends = self.firsts, self.ends
        begin, after = bisect_left(ends, first), bisect_right(firsts, end)  # those that it touches
        if begin < after:
            first, end = min(first, firsts[begin]), max(end, ends[after - 1])
            self.count -= sum(ends[begin:after]) - sum(firsts[begin:after])
        firsts[begin:after], ends[begin:after] = [first], [end]
        self.count += end - first

    def pop(self) -> tuple[int, int]:
        """The first range, which belongs to it no more."""
        first, end = self.firsts.pop(0), self.ends.pop(0)
        self.count -= end - first
        return first, end


def settled_by_all(several: Sequence[Offsets], end: int) -> int:
    """How many offsets before `end` each of them has settled. It takes as long as there are runs, not offsets."""
    common: Iterable[tuple[int, int]] = [(0, end)]
    for one in several:
        common = _common(common, [(0, one.floor), *one.runs()])
    return sum(after - first for first, after in common)


def _common(ones: Iterable[tuple[int, int]], others: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    left, right = iter(ones), iter(others)
    one, other = next(left, None), next(right, None)
    while one is not None and other is not None:
        first, end = max(one[0], other[0]), min(one[1], other[1])
        if first < end:
            yield first, end
        if one[1] < other[1]:
            one = next(left, None)
        else:
            other = next(right, None)


def _bitmap(flags: bytearray) -> str:
    bits = int(flags[::-1], 2).to_bytes((len(flags) + 7) // 8, "little")
    return base64.b85encode(zlib.compress(bits, 1)).decode("ascii")


def _settled(floor: int, metadata: str) -> set[int]:
    try:
        unpacker = zlib.decompressobj()
        bits = unpacker.decompress(base64.b85decode(metadata), _BITS_MAX >> 3) if metadata else b""
    except (ValueError, zlib.error, binascii.Error):
        return set()
    return {floor + 8 * at + bit for at, byte in enumerate(bits) if byte for bit in range(8) if byte >> bit & 1}
