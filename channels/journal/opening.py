"""What a journal's file says when it is opened. It reads totals and indexes, never an event."""

import logging
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import apsw

from channels.journal.parked import as_bytes, number
from channels.journal.schema import POSITION_BITS
from channels.journal.state import ChannelState, QueueRow, queue_as_written, queue_row, unpack

COPIES: Final = f"{as_bytes('state')}, {as_bytes('copy')}"
QUEUE: Final = f"id, {number('member_group')}, {as_bytes('name')}, {number('is_ordered')}, {as_bytes('copy')}"
"""SQL: a channel's two copies, and a queue, whatever damage made of them."""
_log = logging.getLogger(__name__)

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
    mend_queues(connection)
    for identity, *copies in connection.execute(f"SELECT id, {COPIES} FROM channel"):
        state = unpack(copies)
        if state is None:
            _log.error("a channel is damaged in two places: what was in it is lost")
            continue
        channels[state.name] = (identity, state)
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


def mend_queues(connection: apsw.Connection) -> None:
    """Have the table say what the queues are where damage made something else of it."""
    damaged: list[tuple[int, QueueRow]] = []
    for row in connection.execute(f"SELECT {QUEUE} FROM queue"):
        identity, member_group, name, is_ordered, copy = row
        written = queue_row(queue_as_written(row))
        if written != (identity, member_group, name.decode(errors="replace"), is_ordered, copy):
            damaged.append((identity, written))
    for identity, written in damaged:
        _log.error("what the journal knows of the queue %s was damaged", written[2])
        connection.execute("DELETE FROM queue WHERE id = ?", (identity,))
        connection.execute("REPLACE INTO queue VALUES (?, ?, ?, ?, ?)", written)


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
