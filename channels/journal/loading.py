"""What a channel is made of again when it is opened: totals and marks, no event."""

from dataclasses import dataclass, field

import apsw

from channels.journal.schema import POSITION_BITS
from channels.journal.state import ChannelState, unpack


@dataclass(slots=True)
class LoadedQueue:
    """A queue, and what of it is not settled."""

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
    set_aside: list[tuple[str, int]] = field(default_factory=list)
    """Runs of which something was found damaged before: of the log, and all parked ones."""
    queues: dict[int, list[LoadedQueue]] = field(default_factory=dict)


def load(connection: apsw.Connection, name: str) -> Loaded | None:
    """The channel of that name, None where there is none."""
    row = connection.execute("SELECT id, state FROM channel WHERE name = ?", (name,)).get
    if row is None:
        return None
    identity, state = row[0], unpack(row[1])
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
        loaded.settled[group.id] = dict(
            connection.execute("SELECT run, marks FROM settled WHERE member_group = ?", (group.id,))
        )
        loaded.queues[group.id] = _queues(connection, group.id)
    return loaded


def _queues(connection: apsw.Connection, group: int) -> list[LoadedQueue]:
    queues = {
        identity: LoadedQueue(identity, name, bool(is_ordered), runs, events, size_bytes)
        for identity, name, is_ordered, runs, events, size_bytes in connection.execute(
            "SELECT queue.id, name, is_ordered, count(*), sum(events), sum(size_bytes) "
            "FROM queue JOIN parked ON parked.queue = queue.id WHERE member_group = ? GROUP BY queue.id",
            (group,),
        )
    }
    partly = connection.execute(
        "SELECT queue, marks, settled.size_bytes FROM settled CROSS JOIN parked ON id = run WHERE member_group = 0"
    )
    for queue, marks, size_bytes in partly:
        if queue in queues:
            queues[queue].events -= marks.count(1)
            queues[queue].size_bytes -= size_bytes
    return [*queues.values()]
