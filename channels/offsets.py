"""Which events of one partition a group has settled: out of order, kept as a floor and what lies beyond it. Pure.

Precedents: Jeffail/checkpoint for the contiguous commit; Confluent's parallel consumer for writing what was settled
beyond it into the commit's metadata, so that a restart brings back only what was really open.
"""

import base64
import binascii
import zlib
from collections.abc import Set as AbstractSet
from typing import Final, Self

METADATA_MAX_CHARACTERS: Final = 4096
"""What Kafka keeps beside a committed offset (`offset.metadata.max.bytes`)."""
_BITS_MAX: Final = 8 * 2**17
"""How far beyond the floor a bitmap looks at most: what it would cost to read a hostile one is bounded."""
_OPEN, _SETTLED = b"01"


class Offsets:
    """Everything below `floor` is settled; so is what `beyond` holds."""

    __slots__ = ("_count", "_far", "_flags", "floor")

    def __init__(self, floor: int, beyond: AbstractSet[int] = frozenset()) -> None:
        self.floor = floor
        self._flags = bytearray()
        """A digit for each offset from the floor on: what is settled beyond it may be much, and is written often."""
        self._count = 0
        """Digits that say settled."""
        self._far: set[int] = set()
        """What is settled where no digit is."""
        for offset in beyond:
            self.settle(offset)

    @property
    def beyond(self) -> set[int]:
        """What is settled though something before it is not. O(n)."""
        return {self.floor + at for at, digit in enumerate(self._flags) if digit == _SETTLED} | self._far

    @property
    def mark(self) -> tuple[int, int]:
        """Another one after each that was settled."""
        return self.floor, self._count + len(self._far)

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
            self._far.add(offset)

    def skip(self, first: int, end: int) -> None:
        """Nothing will ever come for those from first to before end: compacted, or marks of transactions."""
        if first <= self.floor < end:
            self._advance(end - self.floor)
        elif first > self.floor:
            for offset in range(first, end):
                self.settle(offset)

    def has_settled(self, offset: int) -> bool:
        """Whether that one is settled."""
        at = offset - self.floor
        return at < 0 or (at < len(self._flags) and self._flags[at] == _SETTLED) or offset in self._far

    def unsettled(self, end: int) -> int:
        """How many before `end` are not settled."""
        return max(0, end - self.floor - self._count - len(self._far))

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
        flags = self._flags
        if flags:
            end = flags.find(_OPEN, count)
            count = max(count, len(flags)) if end < 0 else end
            self._count -= flags.count(_SETTLED, 0, count)
            del flags[:count]
        self.floor += count
        if self._far:
            self._bring_near()

    def _bring_near(self) -> None:
        """The floor has moved: what was far may have a digit, or be the next one."""
        while self._far and (near := [one for one in self._far if one < self.floor + _BITS_MAX]):
            self._far.difference_update(near)
            for offset in sorted(near):
                self.settle(offset)


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
