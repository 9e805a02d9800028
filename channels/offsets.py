"""Which events of one partition a group has settled: out of order, kept as a floor and what lies beyond it. Pure.

Precedents: Jeffail/checkpoint for the contiguous commit; Confluent's parallel consumer for writing what was settled
beyond it into the commit's metadata, so that a restart brings back only what was really open.
"""

import base64
import binascii
import zlib
from typing import Final, Self

METADATA_MAX_CHARACTERS: Final = 4096
"""What Kafka keeps beside a committed offset (`offset.metadata.max.bytes`)."""
_BITS_MAX: Final = 8 * 2**17
"""How far beyond the floor a bitmap looks at most: what it would cost to read a hostile one is bounded."""


class Offsets:
    """Everything below `floor` is settled; so is what `beyond` holds."""

    __slots__ = ("beyond", "floor")

    def __init__(self, floor: int, beyond: set[int] | None = None) -> None:
        self.floor = floor
        self.beyond: set[int] = set() if beyond is None else beyond

    def settle(self, offset: int) -> None:
        """That one is settled. Twice is once. O(1) amortised."""
        if offset == self.floor:
            self.floor += 1
            if self.beyond:
                self._close_up()
        elif offset > self.floor:
            self.beyond.add(offset)

    def skip(self, first: int, end: int) -> None:
        """Nothing will ever come for those from first to before end: compacted, or marks of transactions."""
        if first <= self.floor:
            self.floor = max(self.floor, end)
            self.beyond = {offset for offset in self.beyond if offset >= self.floor} if self.beyond else self.beyond
            self._close_up()
        else:
            self.beyond.update(range(first, end))

    def has_settled(self, offset: int) -> bool:
        """Whether that one is settled."""
        return offset < self.floor or offset in self.beyond

    def unsettled(self, end: int) -> int:
        """How many before `end` are not settled."""
        return max(0, end - self.floor - len(self.beyond))

    def metadata(self) -> str:
        """What lies beyond the floor, as text for a commit: as much of it as fits, the lowest first."""
        if not self.beyond:
            return ""
        beyond = sorted(self.beyond)
        while beyond:
            text = _bitmap(self.floor, beyond)
            if len(text) <= METADATA_MAX_CHARACTERS:
                return text
            beyond = beyond[: len(beyond) // 2]
        return ""

    @classmethod
    def restore(cls, floor: int, metadata: str) -> Self:
        """What was committed. Metadata that nobody here has written says nothing."""
        return cls(floor, _settled(floor, metadata))

    def _close_up(self) -> None:
        beyond = self.beyond
        while self.floor in beyond:
            beyond.remove(self.floor)
            self.floor += 1


def _bitmap(floor: int, beyond: list[int]) -> str:
    bits = bytearray((min(beyond[-1] - floor, _BITS_MAX - 1) >> 3) + 1)
    for offset in beyond:
        bit = offset - floor
        if bit < _BITS_MAX:
            bits[bit >> 3] |= 1 << (bit & 7)
    return base64.b85encode(zlib.compress(bytes(bits), 6)).decode("ascii")


def _settled(floor: int, metadata: str) -> set[int]:
    try:
        unpacker = zlib.decompressobj()
        bits = unpacker.decompress(base64.b85decode(metadata), _BITS_MAX >> 3) if metadata else b""
    except (ValueError, zlib.error, binascii.Error):
        return set()
    return {floor + 8 * at + bit for at, byte in enumerate(bits) if byte for bit in range(8) if byte >> bit & 1}
