"""What the file says of a channel and of a queue, so that opening one reads no event. Pure.

Nothing else tells what these rows do: so each is kept in two places, with a checksum that tells which of them is whole.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from zlib import crc32

import msgspec

_CHECKSUM_BYTES: Final = 4


class GroupState(msgspec.Struct, array_like=True):
    """One group: everything up to `floor` is settled for it, and beyond it what the table `settled` says."""

    id: int
    name: str
    floor: int
    unsettled: int
    """Events of the log that it has not settled."""


class ChannelState(msgspec.Struct, array_like=True):
    """Totals as they were with the last commit."""

    name: str
    position: int = 0
    """The last one given to an event."""
    stored: int = 0
    events: int = 0
    """Events of the log that some group has not settled."""
    size_bytes: int = 0
    parked_events: int = 0
    parked_size_bytes: int = 0
    log_size_bytes: int = 0
    """Everything in the log, settled or not."""
    damaged: int = 0
    groups: list[GroupState] = msgspec.field(default_factory=list)
    is_counting: bool = False
    """True while a group begins in the past or is forgotten: then the totals are to be counted anew."""


class QueueState(msgspec.Struct, array_like=True, frozen=True):
    """What a queue is for as long as it is there."""

    id: int
    member_group: int
    name: str
    is_ordered: bool


QueueRow = tuple[int, int, str, bool, bytes]
"""A queue: id, member_group, name, is_ordered, and the same once more."""
_encode: Final = msgspec.msgpack.Encoder().encode
_decode_channel: Final = msgspec.msgpack.Decoder(ChannelState).decode
_decode_queue: Final = msgspec.msgpack.Decoder(QueueState).decode


def pack(state: ChannelState) -> bytes:
    """As the row holds it, twice."""
    return _seal(_encode(state))


def unpack(copies: Iterable[bytes]) -> ChannelState | None:
    """The reverse, of the first that is whole; None where none is."""
    return next((_decode_channel(content) for copy in copies if (content := _unseal(copy)) is not None), None)


def queue_row(state: QueueState) -> QueueRow:
    """As the table has it."""
    return state.id, state.member_group, state.name, state.is_ordered, _seal(_encode(state))


def queue_as_written(row: Sequence[Any]) -> QueueState:
    """What a row, its name as bytes, was that is damaged in one place at most: its copy where that is whole, else its
    columns.
    """
    identity, member_group, name, is_ordered, copy = row
    content = _unseal(copy)
    if content is not None:
        return _decode_queue(content)
    return QueueState(identity, member_group, name.decode(errors="replace"), bool(is_ordered))


def _seal(content: bytes) -> bytes:
    return crc32(content).to_bytes(_CHECKSUM_BYTES, "little") + content


def _unseal(copy: bytes) -> bytes | None:
    content = copy[_CHECKSUM_BYTES:]
    return content if content and copy == _seal(content) else None
