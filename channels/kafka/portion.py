"""What one answer has of a partition: record batches as they lie in the log. Pure."""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from struct import Struct
from typing import Final, NamedTuple

_FRAME: Final = Struct(">qi")
"""The offset of the first record, or in older formats of the last, and how many bytes follow."""
_LENGTH_MIN: Final = 14
"""Of the oldest format."""
_MAGIC_AT: Final = 16
_MAGIC: Final = 2
_HEAD: Final = slice(16, 61)
_TELLING: Final = Struct(">hi16xq6xi")
"""Attributes, the last record's number, the producer, how many records."""
_TELLING_AT: Final = 21
_IS_TRANSACTIONAL: Final = 0x10
_IS_CONTROL: Final = 0x20
_NOBODY: Final = -1


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
        """Those that are whole. The last one may have been cut off. Where the frame of one is damaged, it is the last:
        of one record, so that behind it is gone on.
        """
        body, at, size = self.body, 0, len(self.body)
        expected = self.offset
        while at + _FRAME.size <= size:
            first, length = _FRAME.unpack_from(body, at)
            end = at + _FRAME.size + length
            if length < _LENGTH_MIN:
                yield Batch(expected, expected + 1, at, size)
                return
            if end > size:
                return
            expected = self._after(first, at, end)
            yield Batch(first, expected, at, end)
            at = end

    def _after(self, first: int, begin: int, end: int) -> int:
        """One after its last record. A number that is damaged leads no further than there can be records."""
        body = self.body
        if body[begin + _MAGIC_AT] < _MAGIC or end - begin < _HEAD.stop:
            return first + 1
        _, last, _, count = _TELLING.unpack_from(body, begin + _TELLING_AT)
        follows = body[end : end + 8]
        most = int.from_bytes(follows, "big") if len(follows) == 8 else max(self.end, first + count)
        return int(max(first, min(first + last, most - 1))) + 1

    def committed(self) -> Iterator[Batch]:
        """The same without marks of transactions, and without what was written in those that were aborted."""
        aborted = sorted(self.aborted, key=itemgetter(1), reverse=True)
        producers: set[int] = set()
        for batch in self.batches():
            attributes, producer = self._writer(batch)
            while aborted and aborted[-1][1] <= batch.first:
                producers.add(aborted.pop()[0])
            if attributes & _IS_CONTROL:
                producers.discard(producer)  # its transaction ends, whichever way
            elif not (attributes & _IS_TRANSACTIONAL and producer in producers):
                yield batch

    def _writer(self, batch: Batch) -> tuple[int, int]:
        """A batch's attributes, and its producer."""
        begin = batch.begin
        if batch.end - begin < _HEAD.stop or self.body[begin + _MAGIC_AT] < _MAGIC:
            return 0, _NOBODY
        attributes, _, producer, _ = _TELLING.unpack_from(self.body, begin + _TELLING_AT)
        return attributes, producer

    @property
    def after(self) -> int:
        """Where to go on."""
        return max([self.offset, *(batch.after for batch in self.batches())])


def head_of(body: bytes, begin: int = 0) -> bytes:
    """What tells a batch from all others: its checksum, its times, its producer's numbers. A broker writes none of it,
    unless it writes the batch anew.
    """
    return body[begin + _HEAD.start : begin + _HEAD.stop]
