"""What those who are behind are told."""

import apsw
import pytest

from channels.frame import encode, encode_run
from channels.journal.reading import read_log, read_queue
from channels.journal.schema import migrate
from channels.witness import an_event, events_of


@pytest.fixture
def connection() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    migrate(connection)
    for first in (1, 4, 7):
        row = (first, 0, 3, 300, encode_run(first, events_of(first, first + 2)))
        connection.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?)", row)
    for identity, rank, due in ((10, 5, 50), (11, 3, 30), (12, 8, 80), (13, 5, 50)):
        body = encode(0, identity, 100, an_event(str(identity)))
        row = (identity, 1, rank, due, 2, 1, 100, b"note", body)
        connection.execute("INSERT INTO parked VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.execute("INSERT INTO settled VALUES (0, 11, 40, x'00')")
    return connection


@pytest.mark.parametrize(
    ("first", "last", "events_max", "size_max_bytes", "keys", "is_last"),
    [
        (1, 9, 100, 1000, [1, 4, 7], True),
        (2, 9, 100, 1000, [1, 4, 7], True),
        (4, 6, 100, 1000, [4], True),
        (1, 9, 3, 1000, [1], False),
        (1, 9, 4, 1000, [1, 4], False),
        (1, 9, 100, 300, [1], False),
        (1, 9, 0, 0, [1], False),
        (10, 20, 100, 1000, [], False),
    ],
)
def test_runs_of_the_log_within_bounds(
    connection: apsw.Connection,
    first: int,
    last: int,
    events_max: int,
    size_max_bytes: int,
    keys: list[int],
    is_last: bool,
) -> None:
    """At least one; the one that holds the first position too. The last one says that it is."""
    found = read_log(connection, first, last, events_max, size_max_bytes)
    assert keys == [run.key for run in found]
    assert is_last == bool(found and found[-1].is_last)
    assert [str(key + more) for key in keys for more in range(3)] == [r.event.id for run in found for r in run.records]


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
