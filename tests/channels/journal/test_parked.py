"""What those who take from a queue are told."""

import apsw
import pytest

from channels.frame import encode
from channels.journal.parked import read_queue
from channels.journal.row import parked_row, settled_row
from channels.journal.schema import migrate
from channels.witness import an_event

INSERT = f"INSERT INTO parked VALUES ({', '.join('?' * 10)})"


@pytest.fixture
def connection() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    migrate(connection)
    for identity, rank, due in ((10, 5, 50), (11, 3, 30), (12, 8, 80), (13, 5, 50)):
        body = encode(0, identity, 100, an_event(str(identity)))
        connection.execute(INSERT, parked_row(identity, 1, rank, due, 2, 1, 100, b"note", body))
    connection.execute("INSERT INTO settled VALUES (?, ?, ?, ?, ?)", settled_row(0, 11, 40, b"\0"))
    return connection


@pytest.mark.parametrize(
    ("after", "now_us", "events_max", "known", "ids", "stopped"),
    [
        ((-1, 0), 100, 100, set(), [11, 10, 13, 12], None),
        ((-1, 0), 60, 100, set(), [11, 10, 13], (8, 80)),
        ((-1, 0), 100, 2, set(), [11, 10], (5, 50)),
        ((5, 10), 100, 100, set(), [13, 12], None),
        ((-1, 0), 100, 100, {11, 13}, [10, 12], None),
        ((-1, 0), 0, 100, {11}, [], (5, 50)),
    ],
)
def test_parked_runs_in_the_order_of_their_queue(
    connection: apsw.Connection,
    after: tuple[int, int],
    now_us: int,
    events_max: int,
    known: set[int],
    ids: list[int],
    stopped: tuple[int, int] | None,
) -> None:
    """Those that are due, without those that are known; and where it stopped."""
    found = read_queue(connection, 1, after, now_us, events_max, known)
    assert (ids, stopped) == ([run.key for run in found.runs], found.stopped)
    assert [str(identity) for identity in ids] == [record.event.id for run in found.runs for record in run.records]
    for run in found.runs:
        assert (2, 1, 100, b"note", []) == (run.attempts, run.count, run.size_bytes, run.note, run.damaged)
        assert ((b"\x00", 40) if run.key == 11 else (None, 0)) == (run.marks, run.settled_size_bytes)
