"""What a channel is made of again when it is opened: totals and marks, no event."""

from dataclasses import dataclass, field
from typing import Final

import apsw

from channels.journal.opening import COPIES
from channels.journal.parked import CLAIMED_EVENTS, CLAIMED_SIZE_BYTES, SETTLED, Claim, settled_or_none
from channels.journal.schema import POSITION_BITS
from channels.journal.state import ChannelState, unpack


@dataclass(slots=True)
class LoadedQueue:
    """A queue, and what of it is not settled, as far as the index can be believed."""

    id: int
    name: str
    is_ordered: bool
    runs: int
    events: int
    size_bytes: int


@dataclass(slots=True)
class Loaded:
    """A channel as the last commit left it; what belongs to a group is found under its id."""

    id: int
    state: ChannelState
    remembered: dict[str, bytes]
    settled: dict[int, dict[int, bytes | None]] = field(default_factory=dict)
    unsound: list[tuple[int, int]] = field(default_factory=list)
    """Rows of `settled` about the log that are not what was written: member_group and run."""
    set_aside: list[tuple[str, int]] = field(default_factory=list)
    """Runs of which something was found damaged before: of the log, and all parked ones."""
    queues: dict[int, list[LoadedQueue]] = field(default_factory=dict)


def load(connection: apsw.Connection, identity: int) -> Loaded | None:
    """The channel of that id, None where there is none that can be read."""
    row = connection.execute(f"SELECT {COPIES} FROM channel WHERE id = ?", (identity,)).get
    state = None if row is None else unpack(row)
    if state is None:
        return None
    remembered = dict(connection.execute("SELECT name, value FROM remembered WHERE channel = ?", (identity,)))
    loaded = Loaded(identity, state, remembered)
    bounds = (identity << POSITION_BITS, (identity + 1) << POSITION_BITS)
    loaded.set_aside = list(
        connection.execute(
            "SELECT DISTINCT place, run FROM damaged WHERE place = 'parked' OR (place = 'log' AND run BETWEEN ? AND ?)",
            bounds,
        )
    )
    for group in state.groups:
        loaded.settled[group.id] = _settled(connection, group.id, loaded.unsound)
        loaded.queues[group.id] = _queues(connection, group.id)
    return loaded


def _settled(connection: apsw.Connection, group: int, unsound: list[tuple[int, int]]) -> dict[int, bytes | None]:
    settled: dict[int, bytes | None] = {}
    for row in connection.execute(f"SELECT {SETTLED} FROM settled WHERE member_group = ?", (group,)):
        found = settled_or_none(row)
        if found is None:
            unsound.append((group, row[1]))
        else:
            settled[found[1]] = found[3]
    return settled


_QUEUES: Final = f"""
SELECT queue.id, name, is_ordered, count(*), sum({CLAIMED_EVENTS.format("parked")}),
  sum({CLAIMED_SIZE_BYTES.format("parked", "parked")})
FROM queue JOIN parked ON parked.queue = queue.id WHERE member_group = ? GROUP BY queue.id
"""
_PARTLY: Final = f"""
SELECT queue, {CLAIMED_EVENTS.format("parked")}, {CLAIMED_SIZE_BYTES.format("parked", "parked")}, {SETTLED}
FROM settled CROSS JOIN parked ON id = run WHERE member_group = 0
"""


def _queues(connection: apsw.Connection, group: int) -> list[LoadedQueue]:
    queues = {
        identity: LoadedQueue(identity, name, bool(is_ordered), runs, events, size_bytes)
        for identity, name, is_ordered, runs, events, size_bytes in connection.execute(_QUEUES, (group,))
    }
    for identity, events, size_bytes, *row in connection.execute(_PARTLY):
        if identity in queues:
            left, queue = Claim(events, size_bytes).left(settled_or_none(row)), queues[identity]
            queue.events += left.events - events
            queue.size_bytes += left.size_bytes - size_bytes
    return [*queues.values()]
