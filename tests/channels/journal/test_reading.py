"""What those who are behind are told."""

import apsw
import pytest

from channels.frame import encode_run
from channels.journal.reading import read_log
from channels.journal.schema import migrate
from channels.witness import events_of


@pytest.fixture
def connection() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    migrate(connection)
    for first in (1, 4, 7):
        events = events_of(first, first + 2)
        row = (first, 0, 3, sum(event.size for event in events), encode_run(first, events))
        connection.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?)", row)
    return connection


@pytest.mark.parametrize(
    ("first", "last", "events_max", "size_max_bytes", "keys", "is_last"),
    [
        (1, 9, 100, 100_000, [1, 4, 7], True),
        (2, 9, 100, 100_000, [1, 4, 7], True),
        (4, 6, 100, 100_000, [4], True),
        (1, 9, 3, 100_000, [1], False),
        (1, 9, 4, 100_000, [1, 4], False),
        (1, 9, 100, 300, [1], False),
        (1, 9, 0, 0, [1], False),
        (10, 20, 100, 100_000, [], False),
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
