"""What one answer has of a partition: record batches as they lie in the log. Pure."""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Final, NamedTuple

_FRAME: Final = Struct(">qi")
"""The offset of the first record, or in older formats of the last, and how many bytes follow."""
_MAGIC_AT: Final = 16
_MAGIC: Final = 2
_LAST_DELTA: Final = Struct(">i")
_LAST_DELTA_AT: Final = 23
_HEAD: Final = slice(16, 61)


class Batch(NamedTuple):
    """One batch of a portion: the offsets of its first record and after its last one, and where its bytes are."""

    first: int
    after: int
    begin: int
    end: int


class Portion(NamedTuple):
    """Read at an offset; `end` is one after the last record that the partition has. Producers of transactions that were
    `aborted` stand with the first offset of each.
    """

    partition: int
    offset: int
    end: int
    body: bytes
    aborted: Sequence[tuple[int, int]] = ()

    def batches(self) -> Iterator[Batch]:
        """Those that are whole. The last one may have been cut off."""
        body, at, size = self.body, 0, len(self.body)
        while at + _FRAME.size <= size:
            first, length = _FRAME.unpack_from(body, at)
            end = at + _FRAME.size + length
            if end > size:
                return
            is_known = body[at + _MAGIC_AT] >= _MAGIC
            last = first + _LAST_DELTA.unpack_from(body, at + _LAST_DELTA_AT)[0] if is_known else first
            yield Batch(first, last + 1, at, end)
            at = end

    @property
    def after(self) -> int:
        """Where to go on."""
        return max((batch.after for batch in self.batches()), default=self.offset)


def head_of(body: bytes, begin: int = 0) -> bytes:
    """What tells a batch from all others: its checksum, its times, its producer's numbers. A broker writes none of it,
    unless it writes the batch anew.
    """
    return body[begin + _HEAD.start : begin + _HEAD.stop]
