"""What a channel's row in the file says of it, so that opening one reads no event. Pure."""

import msgspec


class GroupState(msgspec.Struct, array_like=True):
    """One group: everything up to `floor` is settled for it, and beyond it what the table `settled` says."""

    id: int
    name: str
    floor: int
    unsettled: int
    """Events of the log that it has not settled."""


class ChannelState(msgspec.Struct, array_like=True):
    """Totals as they were with the last commit."""

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


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ChannelState).decode


def pack(state: ChannelState) -> bytes:
    """As the row holds it."""
    return _encode(state)


def unpack(row: bytes) -> ChannelState:
    """The reverse. Raises msgspec.MsgspecError for what `pack` did not make."""
    return _decode(row)
