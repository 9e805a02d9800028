"""What a journal's file says when it is opened. It reads totals and indexes, never an event."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import apsw

from channels.journal.schema import POSITION_BITS
from channels.journal.state import ChannelState, unpack

_QUEUES = """
WITH RECURSIVE found (id) AS (
  SELECT min(queue) FROM parked
  UNION ALL SELECT (SELECT min(queue) FROM parked WHERE queue > found.id) FROM found WHERE found.id IS NOT NULL
)
SELECT id, (SELECT count(*) FROM parked WHERE queue = found.id) FROM found
WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM queue)
"""
"""Queues of which there are only runs. One step through the index for each queue, not for each run."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """How many runs there are of what is no more."""

    queues: dict[int, int]
    channels: dict[int, int]


@dataclass(frozen=True, slots=True)
class Opened:
    """What was found."""

    clock_us: int
    last_id: int
    last_channel_id: int
    channels: dict[str, tuple[int, ChannelState]]
    """Ids and totals by name."""
    refuse: Refuse


def look(connection: apsw.Connection) -> Opened:
    """The question that a journal asks first."""
    channels: dict[str, tuple[int, ChannelState]] = {}
    last_id = 0
    for identity, name, row in connection.execute("SELECT id, name, state FROM channel"):
        state = unpack(row)
        channels[name] = (identity, state)
        last_id = max([last_id, *[group.id for group in state.groups]])
    for sql in (
        "SELECT max(id) FROM parked",
        "SELECT max(id) FROM queue",
        "SELECT max(queue) FROM parked",
        "SELECT max(member_group) FROM settled",
        "SELECT max(run) FROM settled WHERE member_group = 0",
        "SELECT max(run) FROM damaged WHERE place = 'parked'",
    ):
        last_id = max(last_id, connection.execute(sql).get or 0)
    known = {identity for identity, _ in channels.values()}
    return Opened(
        clock_us=connection.execute("SELECT time FROM clock").get or 0,
        last_id=last_id,
        last_channel_id=max([0, *known, *_channels_in_log(connection)]),
        channels=channels,
        refuse=find_refuse(connection, known),
    )


def find_refuse(connection: apsw.Connection, channels: AbstractSet[int]) -> Refuse:
    """What belongs to none of these channels, nor to any queue."""
    log = {channel: _count_runs(connection, channel) for channel in _channels_in_log(connection) - channels}
    return Refuse(dict(connection.execute(_QUEUES)), log)


def _channels_in_log(connection: apsw.Connection) -> set[int]:
    """The channels that there are runs of."""
    found: set[int] = set()
    key = 0
    while (key := connection.execute("SELECT min(key) FROM log WHERE key >= ?", (key,)).get or 0) > 0:
        channel = key >> POSITION_BITS
        found.add(channel)
        key = (channel + 1) << POSITION_BITS
    return found


def _count_runs(connection: apsw.Connection, channel: int) -> int:
    bounds = (channel << POSITION_BITS, ((channel + 1) << POSITION_BITS) - 1)
    return int(connection.execute("SELECT count(*) FROM log WHERE key BETWEEN ? AND ?", bounds).get)
